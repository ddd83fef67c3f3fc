"""The words around a word: their mean, which is CBOW's input, and the way of its gradient back to them."""

from __future__ import annotations

from typing import Any

from unlabeled.methods.words.kernels.lanes import WIDTH, add, load, mul, splat, store
from unlabeled.methods.words.kernels.tiles import add_row, inlined, scale_row


@inlined
def mean_of_context(
    inputs: Any, tokens: Any, first: int, last: int, centre: int, out: Any, row: int, dim: int
) -> None:  # pragma: no cover - compiled
    """Set out[row] to the mean vector of the words from `first` to before `last`, but for the centre."""
    share = splat(inputs.dtype.type(1) / inputs.dtype.type(last - first - 1))
    for d in range(0, dim, WIDTH):
        sums = splat(inputs.dtype.type(0))
        for j in range(first, centre):
            sums = add(sums, load(inputs, (tokens[j], d)))
        for j in range(centre + 1, last):
            sums = add(sums, load(inputs, (tokens[j], d)))
        store(out, (row, d), mul(share, sums))


@inlined
def add_to_context(
    inputs: Any, tokens: Any, first: int, last: int, centre: int, change: Any, row: int, dim: int
) -> None:  # pragma: no cover - compiled
    """Bring the change of the mean back to the vectors of the words it is the mean of; change[row] is used up.

    With h = (1/n) Σ v over n context words, ∂h/∂v is 1/n for each of them. Word2vec.c leaves the 1/n out, and its
    context words move n times too far.
    """
    scale_row(change, row, inputs.dtype.type(1) / inputs.dtype.type(last - first - 1), dim)
    for j in range(first, centre):
        add_row(inputs, tokens[j], change, row, dim)
    for j in range(centre + 1, last):
        add_row(inputs, tokens[j], change, row, dim)
