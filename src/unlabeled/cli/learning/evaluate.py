"""`unlabeled evaluate`: an honest judgement of a run, against baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, RunFolder, count, out, print_json, print_table, say, visible


def evaluate(
    run: RunFolder,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV or parquet with path (or id) and label, for all instances or some.  [dim]default: the run's[/dim]"
        ),
    ] = None,
    seeds: Annotated[int, count(help="Number of random splits into training and test instances.")] = 3,
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

    out.print(f"{figures['rows']:,} instances, {figures['dim']} numbers each", highlight=False)
    print_table(*label_free_table(figures))
    alarm = "bold red" if figures["collapse"]["collapsed"] else None
    out.print(visible(figures["collapse"]["message"]), markup=False, highlight=False, style=alarm, soft_wrap=True)
    if note := generalisation_note(figures):
        out.print(note, markup=False, highlight=False, soft_wrap=True)
    if "near_duplicates" in figures:
        out.print(visible(duplicates_note(figures)), markup=False, highlight=False, soft_wrap=True)
    if "retrieval" in figures:
        print_table(*_retrieval_table(figures["retrieval"]))
        out.print("recall on the pairs that were learnt from, beside chance", style="dim", highlight=False)
    columns, rows = evaluation_table(figures)
    if rows:
        print_table(columns, rows)
        out.print(evaluation_note(figures), style="dim", highlight=False, soft_wrap=True)
        if verdict := evaluation_verdict(figures):
            out.print(visible(verdict), markup=False, highlight=False, soft_wrap=True)
    elif "note" in figures:
        out.print(figures["note"], style="dim", highlight=False)


def _retrieval_table(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Lay recall in both directions out as a table."""
    rows = []
    for way, title in (("images_of_text", "images of a caption"), ("texts_of_image", "captions of an image")):
        shares = [f"{found[way][k]:.1%} ({found[f'{way}_chance'][k]:.1%})" for k in found[way]]
        rows.append([title, *shares])
    return ["looked up", *(f"recall{k} (chance)" for k in found["images_of_text"])], rows
