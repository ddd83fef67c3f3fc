"""`unlabeled words analogy`: a is to b as c is to what?"""

from __future__ import annotations

from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, count, print_json, print_table
from unlabeled.cli.words.vectors import AnalogyMethod, Errors, Limit, VectorsFile, open_vectors


def analogy(
    vectors: VectorsFile,
    a: Annotated[str, typer.Argument(help="[bold]A[/bold] is to B as C is to what?")],
    b: Annotated[str, typer.Argument(help="A is to [bold]B[/bold] as C is to what?")],
    c: Annotated[str, typer.Argument(help="A is to B as [bold]C[/bold] is to what?")],
    k: Annotated[int, count("-k", help="How many answers.")] = 5,
    method: AnalogyMethod = "3CosAdd",
    limit: Limit = None,
    errors: Errors = "strict",
    as_json: AsJson = False,
) -> None:
    """Answer "A is to B as C is to what?".

    [dim]unlabeled words analogy vectors.bin man king woman[/dim]
    """
    found = open_vectors(vectors, limit, errors).analogy(b, minus=a, plus=c, k=k, method=method)
    if as_json:
        print_json({"a": a, "b": b, "c": c, "answers": [answer._asdict() for answer in found]})
    else:
        print_table(["word", "score"], [[n.word, f"{n.similarity:.4f}"] for n in found])
