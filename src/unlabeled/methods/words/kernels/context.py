"""The words around a word, as a list of rows (see `rows`).

CBOW's input is their mean h = (1/n) Σ v, so ∂h/∂v is 1/n for each of them. Word2vec.c leaves the 1/n out, and its
context words move n times too far.
"""

from __future__ import annotations

from typing import Any

from unlabeled.methods.words.kernels.rows import address
from unlabeled.methods.words.kernels.tiles import inlined


@inlined
def context_rows(
    inputs: Any, tokens: Any, first: int, last: int, centre: int, rows: Any
) -> int:  # pragma: no cover - compiled
    """List the vectors of the words from `first` to before `last`, but for the centre; give their number."""
    for j in range(first, centre):
        rows[j - first] = address(inputs, tokens[j])
    for j in range(centre + 1, last):
        rows[j - first - 1] = address(inputs, tokens[j])
    return last - first - 1
