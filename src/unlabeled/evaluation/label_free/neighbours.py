"""Exact nearest neighbours in bounded memory, for the probes that need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from unlabeled.errors import unknown_name
from unlabeled.evaluation.inputs import Labels, Vectors
from unlabeled.search.metric import unit_rows
from unlabeled.search.scanning.exact_search import exact_search

Metric = Literal["cosine", "euclidean"]
RESULT_BYTES = 2**26


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
    if metric not in ("cosine", "euclidean"):
        raise unknown_name("metric", metric, ["cosine", "euclidean"])
    if metric == "cosine":
        queries, bank = unit_rows(queries), unit_rows(bank)
    else:
        # Distances do not depend on the origin, but rounding does: the bank's mean is the best.
        centre = bank.mean(axis=0, dtype=np.float64)
        queries, bank = (queries - centre).astype(np.float32), (bank - centre).astype(np.float32)
    step = max(1, RESULT_BYTES // (12 * k))
    for start in range(0, len(queries), step):
        part = slice(start, min(start + step, len(queries)))
        indices, distances = exact_search(queries[part], bank, k, metric, None if own is None else own[part])
        yield Neighbours(part, indices, 1 - distances if metric == "cosine" else -np.square(distances) / 2)
