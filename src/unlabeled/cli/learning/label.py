"""`unlabeled label`: from a folder and forty labels to a labelled data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import (
    INTERRUPTED,
    AsJson,
    Column,
    OnError,
    Overwrite,
    Seed,
    count,
    print_json,
    print_table,
    say,
    tell,
    what_on_error,
)


def label(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder of images or texts, vectors (.parquet, .npy), a table, or a run's folder.", metavar="SOURCE"
        ),
    ],
    labels: Annotated[
        list[Path],
        typer.Option(
            "--labels", help="CSV or parquet with path (or id) and label. Given several times, the later wins."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the labelled data set.")] = Path("labelled"),
    precision: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Label only where this share is expected to be right.  [dim]default: label all[/dim]"
        ),
    ] = None,
    column: Column = None,
    method: Annotated[
        str | None, typer.Option("--method", "-m", help="What learns from images.  [dim]default: simclr[/dim]")
    ] = None,
    epochs: Annotated[
        int | None,
        count(help="Epochs of --method.  [dim]default: by their number[/dim]"),
    ] = None,
    next_count: Annotated[int, count("--next", least=0, help="How many instances to propose for labelling.")] = 50,
    budget: Annotated[
        str, typer.Option(help="For fine-tuning: 10m, 90s, 1h in all, or 500 steps each; 0 leaves it out.")
    ] = "2m",
    also: Annotated[
        str,
        typer.Option(
            "--with",
            help="Methods to compare too, with commas between them: self_training; semi_supervised_em, for texts.",
        ),
    ] = "",
    on_error: OnError = "skip",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with unfinished work in --out.")] = False,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no sentences.")] = False,
    as_json: AsJson = False,
) -> None:
    """Label everything from a few labels, and say how far these labels can be trusted.

    Writes labels (parquet and CSV), a model, a list of what to label next, and a report that says whether the
    unlabelled instances helped at all.

    [dim]unlabeled label photos/ --labels forty.csv --out labelled/[/dim]

    [dim]unlabeled label texts.csv --column body --labels some.csv --precision 0.95[/dim]

    [dim]unlabeled label texts.csv --column body --labels some.csv --with self_training,semi_supervised_em[/dim]

    [dim]unlabeled label photos/ --labels forty.csv --labels labelled/next-1.csv --out labelled/ --overwrite[/dim]
    """
    from unlabeled.runs.labelling.label_dataset import label_dataset

    chosen = None
    if method is not None or epochs is not None:
        from unlabeled.cli.settings import configured
        from unlabeled.training.bases.self_supervised import SelfSupervised

        settings = {"random_state": seed, "progress": not quiet} | ({"epochs": epochs} if epochs is not None else {})
        chosen = configured(method, None, [], settings, kind=SelfSupervised)
    try:
        found = label_dataset(
            source,
            labels,
            out,
            precision=precision,
            column=column,
            method=chosen,
            next_count=next_count,
            budget=budget,
            also=[name.strip() for name in also.split(",") if name.strip()],
            random_state=seed,
            on_error=what_on_error(on_error),
            resume=resume,
            overwrite=overwrite,
            say=(lambda message: None) if quiet else say,
        )
    except KeyboardInterrupt:
        say(f"Interrupted. Go on with the same command and --resume; what was done is in {out}")
        raise typer.Exit(INTERRUPTED) from None
    about = found.about
    if as_json:
        print_json({"out": str(out), **about})
        return
    for warning in about["warnings"]:
        say(f"Warning: {warning}")
    if about["tuning"].get("said"):
        say(about["tuning"]["said"])
    for item in about["helped"]:
        say(f"{item['question']}: {100 * item['difference']:+.1f} points of accuracy; {item['verdict']}")
    print_table(
        ["class", "given", "labelled", "recall", "precision"],
        [
            [
                item["class"],
                f"{item['given']:,}",
                f"{item['labelled']:,}",
                *map(_share, (item["recall"], item["precision"])),
            ]
            for item in about["per_class"][:40]
        ],
    )
    tell(f"\n{about['labelled']:,} labelled by {about['method']}, {about['abstained']:,} left empty{_expected(about)}")
    tell(
        f"The labels are in {out / 'labels.csv'}; look at {out / 'report.html'}; label {out / about['next_file']} next"
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _expected(about: dict[str, object]) -> str:
    """Say what share of the labels is expected to be right."""
    found = about["expected"]
    if about["wanted_precision"] is not None and about["threshold"] is None:
        return "; no confidence reaches the wanted precision on hidden labels: label more, or ask for less"
    if not about["labelled"] or not isinstance(found, dict) or found["precision"] is None:
        return ""
    low, high = found["interval"]
    return (
        f"; {100 * found['precision']:.0f} % expected to be right (95 % interval {100 * low:.0f} to {100 * high:.0f})"
    )
