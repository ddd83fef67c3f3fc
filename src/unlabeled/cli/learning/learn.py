"""`unlabeled learn`: from a folder nobody labelled to a run."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import INTERRUPTED, AsJson, OnError, print_json, say, tell, what_on_error


def learn(
    context: typer.Context,
    source: Annotated[
        Path | None,
        typer.Argument(
            help="Images (a folder, parquet, NumPy, or a .txt list of paths), texts (.txt, .md, .jsonl, a table), "
            "videos, images with captions, or a table of numbers."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")] = Path("run"),
    method: Annotated[
        str | None,
        typer.Option("--method", "-m", help="See [bold]unlabeled methods[/bold].  [dim]default: simclr[/dim]"),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV or parquet with path (or id) and label, for judging; methods such as sup_con also learn from "
            "four fifths of them."
        ),
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="TOML file with method and settings.")] = None,
    on_error: OnError = "skip",
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out; with more --epochs, also a finished one."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run that is in --out.")] = False,
    no_judge: Annotated[
        bool,
        typer.Option("--no-judge", help="Do not judge by labels; [bold]unlabeled evaluate[/bold] does it later."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no sentences.")] = False,
    as_json: AsJson = False,
    show_help: Annotated[
        bool,
        typer.Option("--help", "-h", help="Show this; with [bold]--method[/bold], the settings of that method too."),
    ] = False,
) -> None:
    """Learn a representation from instances without labels; judge it, index it, draw it.

    Class sub-folders and label files are used to judge what was learnt. They teach only methods that learn from labels,
    and a fifth is kept from those.

    Every setting of the method is an option too, such as [bold]--epochs 50 --batch-size 128 --temperature 0.2[/bold];
    [bold]unlabeled learn --method simclr --help[/bold] lists them. [bold]--seed[/bold] is another name of
    [bold]--random-state[/bold].

    [dim]unlabeled learn photos/ --method simclr --epochs 50 --out run/[/dim]
    """
    if show_help:
        print_help(context, method)
        return
    from unlabeled.cli.settings import configured, split_arguments
    from unlabeled.errors import UnlabeledError
    from unlabeled.runs import learn as run_learning
    from unlabeled.runs.staging import run_at_work
    from unlabeled.training.bases.self_supervised import SelfSupervised

    # Typer does not know the settings, and takes the first of them for the source when they are written before it.
    sources, words = split_arguments([*([str(source)] if source is not None else []), *context.args])
    if len(sources) > 1:
        raise UnlabeledError(f"{sources[1]!r} was not expected here; settings are written --name value")
    source = Path(sources[0]) if sources else None
    settings: dict[str, Any] = {"random_state": 0}
    if resume and (before := run_at_work(out)) is not None:
        source, labels = source or before["source"], labels or before["labels"]
        settings |= before["recipe"]
        method = method or settings["method"]
        del settings["method"]
    settings["progress"] = not quiet
    if source is None:
        raise UnlabeledError(
            "name what to learn from: images (a folder, parquet, NumPy, or a .txt list of paths), texts (.txt, .md, "
            ".jsonl, a table), videos, images with captions, or a table of numbers"
        )
    estimator = configured(method, recipe, words, settings, kind=SelfSupervised)
    try:
        run = run_learning(
            source,
            out,
            estimator,
            labels=labels,
            on_error=what_on_error(on_error),
            resume=resume,
            overwrite=overwrite,
            judging=not no_judge,
            say=(lambda message: None) if quiet else say,
        )
    except KeyboardInterrupt as stop:
        from unlabeled.processes import rank

        if rank() == 0:
            how = (
                f"\nResume with: unlabeled learn --out {quote(str(out))} --resume"
                if (out / "run.json").exists()
                else ""
            )
            say((str(stop).partition(",")[0] or "Interrupted") + how)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({"run": str(run.folder), **run.metrics})
        return
    from unlabeled.cli.learning.evaluate import show

    show(run.metrics)
    tell(f"\nThe run is in {run.folder}; look at {run.folder / 'report.html'}")


def print_help(context: typer.Context, method: str | None) -> None:
    """Print the verb's help and, beneath it, the settings of a method."""
    typer.echo(context.get_help().rstrip())  # which holds Typer's own colours
    if method is None:
        return
    from unlabeled import registry
    from unlabeled.cli.methods import print_settings

    card = registry.card(registry.method(method))
    print_settings(card, common=False)
    tell(f"Settings that it shares with other methods, such as --epochs: unlabeled methods {card.name}")
