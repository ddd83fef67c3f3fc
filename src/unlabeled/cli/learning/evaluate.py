"""`unlabeled evaluate`: an honest judgement of a run, against baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import MOST_SEEDS, AsJson, RunFolder, count, print_json, print_table, say, tell


def evaluate(
    run: RunFolder,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV or parquet with path (or id) and label, for all instances or some.  [dim]default: the run's[/dim]"
        ),
    ] = None,
    seeds: Annotated[int, count(most=MOST_SEEDS, help="Number of random splits into training and test instances.")] = 3,
    train_rows: Annotated[
        int | None,
        count(
            least=2,
            help="Labels to learn the probes from; all others test.  [dim]default: 80 %[/dim]",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data the run was learnt from, if they were moved since.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a run by nearest neighbours and a linear probe, beside raw input and an untrained encoder.

    The encoder stays frozen, and every figure is accuracy on test instances that chose nothing. The figures and the
    report of the run are renewed.

    [dim]unlabeled evaluate run/ --labels labels.csv[/dim]
    """
    from unlabeled.runs import Run, evaluate_run

    splits = tuple(range(seeds))
    figures = evaluate_run(
        Run(run), labels, seeds=splits, train_rows=train_rows, data=data, renew=True, progress=True, say=say
    )
    if as_json:
        print_json(figures)
    else:
        show(figures)


def show(figures: dict[str, Any]) -> None:
    """Print a run's figures as a person reads them."""
    from unlabeled.runs.showing.run_figures import (
        duplicates_note,
        evaluation_note,
        evaluation_table,
        evaluation_verdict,
        generalisation_note,
        label_free_table,
    )

    tell(f"{figures['rows']:,} instances, {figures['dim']} numbers each")
    print_table(*label_free_table(figures))
    tell(figures["collapse"]["message"], style="bold red" if figures["collapse"]["collapsed"] else None)
    if note := generalisation_note(figures):
        tell(note)
    if "near_duplicates" in figures:
        tell(duplicates_note(figures))
    if "retrieval" in figures:
        print_table(*_retrieval_table(figures["retrieval"]))
        tell("recall on the pairs that were learnt from, beside chance", style="dim")
    columns, rows = evaluation_table(figures)
    if rows:
        print_table(columns, rows)
        tell(evaluation_note(figures), style="dim")
        if verdict := evaluation_verdict(figures):
            tell(verdict)
    elif "note" in figures:
        tell(figures["note"], style="dim")


def _retrieval_table(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Lay recall in both directions out as a table."""
    rows = []
    for way, title in (("images_of_text", "images of a caption"), ("texts_of_image", "captions of an image")):
        shares = [f"{found[way][k]:.1%} ({found[f'{way}_chance'][k]:.1%})" for k in found[way]]
        rows.append([title, *shares])
    return ["looked up", *(f"recall{k} (chance)" for k in found["images_of_text"])], rows
