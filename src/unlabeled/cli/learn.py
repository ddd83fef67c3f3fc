"""`unlabeled learn`: from a folder nobody labelled to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import INTERRUPTED, AsJson, OnError, print_json, say, what_on_error


def learn(
    context: typer.Context,
    source: Annotated[
        Path | None,
        typer.Argument(help="A folder of images, a parquet or NumPy file, a CSV of numbers, or a text file of paths."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")] = Path("run"),
    method: Annotated[
        str | None,
        typer.Option("--method", "-m", help="See [bold]unlabeled methods[/bold].  [dim]default: simclr[/dim]"),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV or parquet with path (or id) and label; for judging only.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="TOML file with method and settings.")] = None,
    on_error: OnError = "skip",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run in --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is in --out.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no sentences.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn a representation from instances without labels; judge it, index it, draw it.

    Class sub-folders and label files are used to judge what was learnt, never to learn.

    Every setting of the method is an option too, such as [bold]--epochs 50 --batch-size 128 --temperature 0.2[/bold];
    [bold]unlabeled methods simclr[/bold] lists them.

    [dim]unlabeled learn photos/ --method simclr --epochs 50 --out run/[/dim]
    """
    from unlabeled.cli.settings import configured
    from unlabeled.errors import UnlabeledError
    from unlabeled.files import read_json
    from unlabeled.runs import learn as run_learning

    defaults = {"progress": not quiet, "random_state": 0}
    if resume:
        before = read_json(out / "run.json") if (out / "run.json").exists() else {}
        source = source or (Path(before["source"]) if before.get("source") else None)
        labels = labels or (Path(before["labels"]) if before.get("labels") else None)
        saved = {
            key: value
            for key, value in before.get("recipe", {}).items()
            if key not in ("method", "checkpoint", "progress")
        }
        method, defaults = (
            method or before.get("recipe", {}).get("method"),
            {**saved, **defaults, **{"random_state": saved.get("random_state", 0)}},
        )
    if source is None:
        raise UnlabeledError(
            "name what to learn from: a folder of images, a parquet, NumPy or CSV file, or a list of paths"
        )
    estimator = configured(method, recipe, context.args, defaults)
    try:
        run = run_learning(
            source,
            out,
            estimator,
            labels=labels,
            on_error=what_on_error(on_error),
            resume=resume,
            overwrite=overwrite,
            say=(lambda message: None) if quiet else say,
        )
    except KeyboardInterrupt as stop:
        say(f"{str(stop).partition(',')[0] or 'Interrupted'}\nResume with: unlabeled learn --out {out} --resume")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({"run": str(run.folder), **run.metrics})
        return
    from unlabeled.cli.evaluate import show

    show(run.metrics)
    print(f"\nThe run is in {run.folder}; look at {run.folder / 'report.html'}")
