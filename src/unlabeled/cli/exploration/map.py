"""`unlabeled map`: a picture of what lies near what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Overwrite, RunFolder, print_json, say, tell


def map_(
    run: RunFolder,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("map.png"),
    labels: Annotated[Path | None, typer.Option(help="CSV or parquet with labels for the colours.")] = None,
    rows: Annotated[int, typer.Option(min=2, help="At most so many points, drawn at random.")] = 5000,
    perplexity: Annotated[float, typer.Option(min=1, help="Neighbours that t-SNE holds together.")] = 30,
    seed: Annotated[int, typer.Option(help="Of the choice of points and of t-SNE.")] = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw a t-SNE map of a run, coloured by label or, when there are none, by cluster.

    [dim]unlabeled map run/ --out map.png[/dim]
    """
    from unlabeled.explore.figures.figure import check_picture
    from unlabeled.runs import Run, draw_map, labelled
    from unlabeled.runs.grouping.write_table import inputs_of

    check_picture(out, inputs_of(run, labels), overwrite=overwrite)
    embeddings = Run(run).embeddings
    if labels is not None:
        embeddings = labelled(embeddings, labels, say)
    path = draw_map(embeddings, out, rows=rows, perplexity=perplexity, seed=seed)
    if as_json:
        print_json({"out": str(path), "points": min(rows, len(embeddings))})
    else:
        tell(str(path))
