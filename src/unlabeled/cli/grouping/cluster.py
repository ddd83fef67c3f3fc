"""`unlabeled cluster`: groups among instances nobody labelled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import (
    AsJson,
    ClusterMethod,
    Column,
    Comparable,
    Model,
    Overwrite,
    Scale,
    Seed,
    ShownImages,
    TextTokenizer,
    WordLimit,
    how_many,
    print_json,
    print_table,
    say,
    say_how_to_assign,
    tell,
)
from unlabeled.counted import counted


def cluster(
    source: Comparable,
    k: Annotated[str, typer.Option("-k", help="How many clusters; [bold]auto[/bold] chooses, and says why.")] = "auto",
    out: Annotated[Path, typer.Option("--out", "-o", help="Table to write, .parquet or .csv.")] = Path(
        "clusters.parquet"
    ),
    picture: Annotated[
        Path | None, typer.Option(help="PNG to write.  [dim]default: as the table, with .png[/dim]")
    ] = None,
    model: Model = None,
    method: ClusterMethod = "kmeans",
    scale: Scale = "auto",
    column: Column = None,
    tokenizer: TextTokenizer = None,
    limit: WordLimit = None,
    images: ShownImages = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Group instances: who is in which group, how large the groups are, and what is typical of them.

    [dim]unlabeled cluster run/ -k 10[/dim]

    [dim]unlabeled cluster customers.csv -k auto --out segments.csv[/dim]

    [dim]unlabeled cluster messages/ -k 20 --method kmeans[/dim]
    """
    from unlabeled.runs import cluster as run

    found = run(
        source,
        out,
        k=how_many(k),
        method=method,  # type: ignore[arg-type]  # checked there, with the nearest name
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
    print_table(
        ["cluster", "size", "share", "typical"],
        [[str(c["cluster"]), f"{c['size']:,}", f"{c['share']:.1%}", c["typical"]] for c in found["clusters"]],
    )
    say(found["chosen"])
    if "agreement" in found:
        say(_beside_labels(found["agreement"]))
    instances, groups = counted(found["rows"], "instance"), counted(found["k"], "cluster")
    tell(f"{instances} in {groups}: {found['out']}, {found['picture']}")
    say_how_to_assign(found["model"])


def _beside_labels(agreement: dict[str, Any]) -> str:
    return (
        f"beside the {agreement['n_classes']} classes of {agreement['n']:,} labelled instances, which were not used: "
        f"normalised mutual information {agreement['nmi']:.3f}, adjusted Rand index {agreement['ari']:.3f}"
    )
