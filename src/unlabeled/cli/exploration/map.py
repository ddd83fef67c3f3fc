"""`unlabeled map`: a picture of what lies near what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Overwrite, Seed, WordLimit, count, print_json, refuse_unused, say, tell


def map_(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            help="A run's folder; or word vectors: a file (.vec, .bin, .safetensors), or the folder of a word model. "
            "With --onto: what to place, anything [bold]unlabeled learn[/bold] takes."
        ),
    ],
    onto: Annotated[
        Path | None, typer.Option(help="A run, or its [bold]map[/bold] folder, on whose map the source is placed.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("map.png"),
    points: Annotated[Path | None, typer.Option(help="CSV or parquet to write with id, x and y.")] = None,
    labels: Annotated[Path | None, typer.Option(help="CSV or parquet with labels for the colours.")] = None,
    kind: Annotated[
        str, typer.Option("--method", help="[bold]tsne[/bold], or [bold]umap[/bold] with the extra of that name.")
    ] = "tsne",
    rows: Annotated[int, count(least=2, help="At most so many points, drawn at random.")] = 5000,
    perplexity: Annotated[
        float, typer.Option(min=1, help="t-SNE's perplexity: about how many neighbours each point is placed by.")
    ] = 30,
    seed: Seed = 0,
    limit: WordLimit = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw a map of a run or of words, coloured by label or, when there are none, by cluster; or place others on it.

    The map is kept in the folder of the run, so that what is placed on it later moves nothing.

    [dim]unlabeled map run/ --out map.png[/dim]

    [dim]unlabeled map vectors.vec --limit 3000 --out words.png[/dim]

    [dim]unlabeled map new-photos/ --onto run/map --out placed.png --points placed.csv[/dim]
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.figure import check_picture
    from unlabeled.runs import draw_map, labelled
    from unlabeled.runs.embedded_words import holds_words, open_embeddings
    from unlabeled.runs.grouping.write_table import check_table, inputs_of, write_table
    from unlabeled.runs.showing.map_onto import embeddings_onto, find_map, map_onto

    if onto is not None:
        unused = ["kind", "rows", "perplexity", "seed", "limit"]
        refuse_unused(context, unused, "is for drawing a map, and --onto takes one")
    words = onto is None and holds_words(source)
    inputs = [*inputs_of(source, labels), *inputs_of(onto)]
    check_picture(out, inputs, overwrite=overwrite)
    if points is not None:
        check_table(points, [*inputs, out], overwrite=overwrite)
    if onto is not None:
        run, fitted = find_map(onto)
        embeddings = embeddings_onto(run, source)
    else:
        embeddings, remarks = open_embeddings(source, limit)
        for remark in remarks:
            say(remark)
    if labels is not None:
        embeddings = labelled(embeddings, labels, say)
    if onto is not None:
        ids, places = embeddings.ids, map_onto(fitted, embeddings, out)
    else:
        fitted = draw_map(embeddings, out, rows=rows, perplexity=perplexity, seed=seed, kind=kind, named=words)
        ids, places = fitted.ids, fitted.points
        try:
            if not words:  # which have no encoder that could place others
                fitted.save(source / "map")
        except UnlabeledError as error:  # the picture is there all the same
            say(f"The map is not kept for --onto: {error}")
    if points is not None:
        write_table({"id": ids, "x": places[:, 0], "y": places[:, 1]}, points)
    if as_json:
        print_json({"out": str(out), "points": len(places), "on_the_map": len(fitted)})
    else:
        tell(str(out))
