"""Exact nearest neighbours in bounded memory, for the probes that need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import unknown_name
from unlabeled.evaluation.inputs import Labels, Vectors

Metric = Literal["cosine", "euclidean"]
TILE_BYTES = 2**26


class Neighbours(NamedTuple):
    """The neighbours of some consecutive queries, nearest first."""

    queries: slice
    indices: Labels
    similarities: Vectors


def nearest(
    queries: Vectors, bank: Vectors, k: int, metric: Metric = "cosine", own: Labels | None = None
) -> Iterator[Neighbours]:
    """Find each query's k nearest rows of the bank, some queries at a time.

    Parameters
    ----------
    queries : array, shape (n, d)
        What to find neighbours of.
    bank : array, shape (m, d)
        Where to look.
    k : int
        How many neighbours, at most m, or m − 1 if `own` is given.
    metric : {"cosine", "euclidean"}, default="cosine"
        The similarity is the cosine (0 with a zero row), or −‖a − b‖²/2, which at unit length is the cosine less 1.
    own : array of int, shape (n,), optional
        The row of the bank that is the query itself and is passed over.

    Yields
    ------
    Neighbours
        The slice of queries, their neighbours' rows in the bank (queries, k), and the similarities.

    Raises
    ------
    UnlabeledError
        If the metric is unknown.
    """
    import torch

    queries, bank = _for_inner_product(queries, bank, metric)
    step = max(1, TILE_BYTES // (4 * len(bank)))
    for start in range(0, len(queries), step):
        part = slice(start, min(start + step, len(queries)))
        similarities = queries[part] @ bank.T
        if own is not None:
            similarities[np.arange(len(similarities)), own[part]] = -np.inf
        best, indices = torch.from_numpy(similarities).topk(k)
        yield Neighbours(part, indices.numpy(), best.numpy())


def _for_inner_product(queries: Vectors, bank: Vectors, metric: Metric) -> tuple[Vectors, Vectors]:
    """Change both sides so that their inner product is the similarity."""
    if metric == "cosine":
        return _unit(queries), _unit(bank)
    if metric != "euclidean":
        raise unknown_name("metric", metric, ["cosine", "euclidean"])
    # −‖q − b‖²/2 = q·b − ‖b‖²/2 − ‖q‖²/2 = (q, 1, −‖q‖²/2) · (b, −‖b‖²/2, 1).
    # Distances do not depend on the origin, but rounding does: the bank's mean is the best.
    centre = bank.mean(axis=0)
    queries, bank = queries - centre, bank - centre
    q = np.column_stack([queries, np.ones(len(queries), np.float32), _minus_half_square(queries)])
    b = np.column_stack([bank, _minus_half_square(bank), np.ones(len(bank), np.float32)])
    return q, b


def _squares(vectors: Vectors) -> NDArray[np.float64]:
    """Squared lengths, in float64 because the square of a float32 can overflow it."""
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return squares


def _minus_half_square(vectors: Vectors) -> Vectors:
    return (-_squares(vectors) / 2).astype(np.float32)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.sqrt(_squares(vectors))[:, None]
    return np.divide(vectors, np.where(lengths == 0, 1, lengths), dtype=np.float32)
