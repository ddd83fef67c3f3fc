"""`unlabeled words nearest`: the words most like a word."""

from __future__ import annotations

from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, count, print_json, print_table
from unlabeled.cli.words.vectors import Errors, Limit, VectorsFile, open_vectors


def nearest(
    vectors: VectorsFile,
    word: Annotated[str, typer.Argument(help="A word; a misspelt one gets suggestions.")],
    k: Annotated[int, count("-k", help="How many neighbours.")] = 10,
    restrict: Annotated[
        int | None, count(help="Search among the first so many words only.  [dim]default: all[/dim]")
    ] = None,
    limit: Limit = None,
    errors: Errors = "strict",
    as_json: AsJson = False,
) -> None:
    """Find the words nearest to a word by cosine.

    [dim]unlabeled words nearest vectors.bin frog -k 7[/dim]
    """
    found = open_vectors(vectors, limit, errors).most_similar(word, k=k, restrict=restrict)
    if as_json:
        print_json({"query": word, "neighbours": [neighbour._asdict() for neighbour in found]})
    else:
        print_table(["word", "similarity"], [[n.word, f"{n.similarity:.4f}"] for n in found])
