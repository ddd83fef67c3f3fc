"""`unlabeled assign`: new rows into the clusters, topics or outliers that were found before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Column, Overwrite, print_json, print_table, say, tell
from unlabeled.counted import counted


def assign(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="What [bold]cluster[/bold] or [bold]outliers[/bold] saved (such as clusters.model), or the folder of "
            "[bold]topics[/bold], or the model of [bold]label[/bold].",
        ),
    ],
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="New rows, of the kind that the model was made from.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Table to write, .parquet or .csv.")] = Path(
        "assigned.parquet"
    ),
    column: Column = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Place new rows as an earlier command did: the same columns, the same scale, the same numbers of clusters.

    [dim]unlabeled assign clusters.model new-customers.csv --out assigned.csv[/dim]

    [dim]unlabeled assign topics/ new-messages/[/dim]
    """
    from unlabeled.runs import assign as run

    found = run(model, source, out, column=column, overwrite=overwrite)
    if as_json:
        print_json(found)
        return
    for sentence in found["said"]:
        say(sentence)
    name = {"cluster": "cluster", "outliers": "outlier", "topics": "topic", "labels": "label"}[found["task"]]
    print_table([name, "rows"], [[value, f"{count:,}"] for value, count in found["found"].items()])
    tell(f"{counted(found['rows'], 'row')}: {found['out']}")
