"""`unlabeled outliers`: the instances unlike all others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import (
    AsJson,
    Column,
    Comparable,
    Model,
    Overwrite,
    Scale,
    Seed,
    ShownImages,
    TextTokenizer,
    WordLimit,
    count,
    print_json,
    print_table,
    say,
    say_how_to_assign,
    tell,
)
from unlabeled.counted import counted


def outliers(
    source: Comparable,
    top: Annotated[int, count(help="How many to show.")] = 50,
    contamination: Annotated[
        float, typer.Option(help="The share of outliers, which sets the threshold and not the order.")
    ] = 0.01,
    method: Annotated[
        str,
        typer.Option(
            help="[bold]mixture[/bold]: least likely under a mixture of Gaussians; [bold]neighbours[/bold]: farthest "
            "from their nearest others."
        ),
    ] = "mixture",
    k: Annotated[int | None, count("-k", help="Components (default 5), or neighbours (10).")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Table to write, .parquet or .csv.")] = Path(
        "outliers.parquet"
    ),
    picture: Annotated[
        Path | None, typer.Option(help="PNG to write.  [dim]default: as the table, with .png[/dim]")
    ] = None,
    model: Model = None,
    scale: Scale = "auto",
    column: Column = None,
    tokenizer: TextTokenizer = None,
    limit: WordLimit = None,
    images: ShownImages = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find the instances unlike all others, each with the nearest one that is normal.

    [dim]unlabeled outliers run/ --top 24[/dim]

    [dim]unlabeled outliers readings.csv --contamination 0.02 --out suspicious.csv[/dim]
    """
    from unlabeled.runs import find_outliers

    found = find_outliers(
        source,
        out,
        top=top,
        contamination=contamination,
        method=method,  # type: ignore[arg-type]  # checked there, with the nearest name
        k=k,
        picture=picture,
        model=model,
        random_state=seed,
        scale=scale,
        column=column,
        tokenizer=tokenizer,
        limit=limit,
        images=images,
        overwrite=overwrite,
    )
    if as_json:
        print_json(found)
        return
    for sentence in found["said"]:
        say(sentence)
    columns = ["id", "score", "outlier", "nearest normal", "distance"]
    rows = [
        [
            entry["id"],
            f"{entry['score']:.4g}",
            "yes" if entry["outlier"] else "no",
            entry["normal"] or "–",
            "–" if entry["distance"] is None else f"{entry['distance']:.4g}",
            *([entry["unusual"]] if "unusual" in entry else []),
        ]
        for entry in found["outliers"]
    ]
    print_table([*columns, *(["unusual (all rows)"] if "unusual" in found["outliers"][0] else [])], rows)
    say(f"a score below {found['threshold']:.4g} makes an outlier, so that {contamination:.2%} of the instances are")
    outlying, instances = counted(found["n_outliers"], "outlier"), counted(found["rows"], "instance")
    tell(f"{outlying} among {instances}: {found['out']}, {found['picture']}")
    say_how_to_assign(found["model"])
