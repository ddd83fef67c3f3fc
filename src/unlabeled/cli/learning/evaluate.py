"""`unlabeled evaluate`: an honest judgement of a run, against baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import MOST_SEEDS, AsJson, RunFolder, count, print_json, print_table, refuse_unused, say, tell
from unlabeled.counted import counted


def evaluate(
    context: typer.Context,
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
    probes: Annotated[
        str, typer.Option(help="Any of knn, linear, retrieval, gallery and clustering, with commas between them.")
    ] = "knn,linear",
    k: Annotated[
        int | None,
        count(
            "-k",
            "--k",
            help="Neighbours that vote in knn (20 by default); and the k at which retrieval and gallery measure recall "
            "and precision, beside 1 (5 by default).",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What near means in knn, retrieval and gallery: cosine or euclidean.  [dim]default: cosine[/dim]"
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data the run was learnt from, if they were moved since.")
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(help="Of a run over images with captions: pairs that taught nothing, for recall alone."),
    ] = None,
    scored_pairs: Annotated[
        Path | None,
        typer.Option(
            help="Of a run over texts: a table of pairs with scores of likeness, as STS and SICK, for Spearman's "
            "correlation alone."
        ),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="With --scored-pairs, the two columns of texts with a comma between them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a run by nearest neighbours, a linear probe and others, beside raw input and an untrained encoder.

    The encoder stays frozen, and every figure is measured on test instances that were used neither for training nor for
    choosing settings. The figures and the report of the run are renewed.

    With [bold]--test[/bold], captions are looked up among the images of other pairs, and images among their captions;
    the run stays as it is.

    [dim]unlabeled evaluate run/ --labels labels.csv[/dim]

    [dim]unlabeled evaluate run/ --labels labels.csv --probes knn,retrieval --k 5 --metric euclidean[/dim]

    [dim]unlabeled evaluate run/ --test pairs.parquet[/dim]

    [dim]unlabeled evaluate run/ --scored-pairs sts.csv[/dim]
    """
    from unlabeled.runs import Run, evaluate_run
    from unlabeled.runs.judging.judged_pairs import judge_pairs
    from unlabeled.runs.judging.pair_figures import recall_on_others
    from unlabeled.runs.judging.probe_settings import probe_settings

    if scored_pairs is not None:
        others = ("labels", "seeds", "train_rows", "probes", "k", "metric", "data", "test")
        refuse_unused(context, others, "has no meaning with --scored-pairs, of which nothing is learnt")
        judged = judge_pairs(Run(run), scored_pairs, column, renew=True, say=say)
        if as_json:
            print_json({"scored_pairs": judged})
        else:
            _show_pairs(judged)
        return
    refuse_unused(context, ["column"], "is for --scored-pairs")
    if test is not None:
        unused = ("labels", "seeds", "train_rows", "probes", "k", "metric", "data")
        refuse_unused(context, unused, "has no meaning with --test, which measures recall without labels")
        found = recall_on_others(Run(run), test, say)
        if as_json:
            print_json(found)
            return
        print_table(*_retrieval_table(found["retrieval"]))
        tell(f"recall on {counted(found['pairs'], 'pair')} that taught nothing, beside chance", style="dim")
        return
    names = list(dict.fromkeys(name.strip() for name in probes.split(",") if name.strip()))
    settings = probe_settings(names, k, metric)
    figures = evaluate_run(
        Run(run),
        labels,
        seeds=tuple(range(seeds)),
        train_rows=train_rows,
        probes=names,
        settings=settings,
        data=data,
        renew=True,
        progress=True,
        say=say,
    )
    if as_json:
        print_json(figures)
    else:
        show(figures)


def show(figures: dict[str, Any]) -> None:
    """Print a run's figures as a person reads them."""
    from unlabeled.runs.showing.run_figures import (
        duplicates_note,
        evaluation_tables,
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
    tables = evaluation_tables(figures)
    for table in tables:
        print_table(table.columns, table.rows, table.title)
        tell(table.note, style="dim")
    if tables:
        if verdict := evaluation_verdict(figures):
            tell(verdict)
    elif "note" in figures:
        tell(figures["note"], style="dim")


def _show_pairs(judged: dict[str, Any]) -> None:
    """Print the correlations of scored pairs."""
    measures = {"spearman": "spearman, all pairs", "mean of groups": "mean of groups"}
    found = judged["scores"]
    shown = [name for name in measures if name in found["learnt"]]
    rows = [[name, *(f"{each[measure]:.3f}" for measure in shown)] for name, each in found.items()]
    print_table(["representation", *(measures[name] for name in shown)], rows)
    parts = f" in {counted(judged['groups'], 'group')}" if judged["groups"] else ""
    tell(f"Spearman's correlation of cosines with the scores of {counted(judged['pairs'], 'pair')}{parts}", style="dim")


def _retrieval_table(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Lay recall in both directions out as a table."""
    rows = []
    for way, title in (("images_of_text", "images of a caption"), ("texts_of_image", "captions of an image")):
        shares = [f"{found[way][k]:.1%} ({found[f'{way}_chance'][k]:.1%})" for k in found[way]]
        rows.append([title, *shares])
    return ["looked up", *(f"recall{k} (chance)" for k in found["images_of_text"])], rows
