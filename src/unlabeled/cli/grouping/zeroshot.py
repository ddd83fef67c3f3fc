"""`unlabeled zeroshot`: images into classes that are told by their names alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import (
    AsJson,
    OnError,
    Overwrite,
    RunFolder,
    print_json,
    print_table,
    say,
    tell,
    what_on_error,
)


def zeroshot(
    run: RunFolder,
    images: Annotated[Path, typer.Argument(help="What to classify: a folder of images, a file, a parquet table.")],
    classes: Annotated[str, typer.Option(help='Names of the classes with commas between them: "cat,dog,raccoon".')],
    template: Annotated[
        list[str] | None,
        typer.Option(
            help="A sentence with {} for the name; may be given several times.  [dim]default: a picture of a {}, a "
            "drawing of a {}, {}[/dim]"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="CSV or parquet to write.")] = None,
    on_error: OnError = "skip",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Sort images into classes without a single label, with a run of [bold]--method clip[/bold].

    [dim]unlabeled zeroshot run/ photos/ --classes "cat,dog,raccoon" --template "a picture of a {}"[/dim]
    """
    from unlabeled.runs import zeroshot as run_zeroshot

    names = [name.strip() for name in classes.split(",") if name.strip()]
    done = run_zeroshot(
        run, images, names, templates=template, out=out, on_error=what_on_error(on_error), overwrite=overwrite
    )
    if as_json:
        print_json(done)
        return
    for skipped in done["skipped"][:5]:
        say(f"Skipped {skipped['id']}: {skipped['reason']}")
    if out is None:
        print_table(
            ["id", "label", "probability"],
            [[each["id"], each["label"], f"{each['probability']:.2f}"] for each in done["images"]],
        )
    counts = ", ".join(f"{count:,} {name}" for name, count in done["counts"].items())
    tell(f"{len(done['images']):,} images: {counts}" + ("" if out is None else f"; in {out}"))
    if done["accuracy"] is not None:
        low, high = done["interval"]
        tell(
            f"{done['accuracy']:.1%} of {done['labelled']:,} labelled images are right ({low:.1%} to {high:.1%}); "
            f"mean over classes {done['balanced_accuracy']:.1%}, by chance {done['chance']:.1%}"
        )
