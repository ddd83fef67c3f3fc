"""Retrieval: does a search by one row bring up the others of its class?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.inputs import check_labels, check_some_labelled, check_vectors
from unlabeled.evaluation.neighbours import Metric, nearest


@dataclass(frozen=True)
class RetrievalResult:
    """What the searches brought up."""

    recall: dict[int, float]
    """For each k, the share of queries with a row of their class among their k nearest."""
    map_at_r: float
    """Mean average precision among the R nearest, where R is the number of other rows of the query's class."""
    n_queries: int
    """Rows that were searched by."""
    n_rows: int
    """Labelled rows that were searched in; a query never finds itself."""
    n_alone: int
    """Rows that are the only one of their class, and so have nothing to find; they are not searched by."""


def retrieval(
    vectors: ArrayLike,
    labels: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    metric: Metric = "cosine",
    max_queries: int = 5000,
    seed: int = 0,
) -> RetrievalResult:
    r"""Search by each labelled row among all others, and see whether its class comes up.

    .. math:: \text{MAP@R} = \mathrm{E}_q \frac{1}{R_q} \sum_{i=1}^{R_q} [\text{i-th is of q's class}]
        \cdot \text{precision among the first i}

    Parameters
    ----------
    vectors : array, shape (n, d)
        The representation.
    labels : array of int or str, shape (n,)
        Classes; rows with −1, or without a name, are ignored.
    ks : sequence of int, default=(1, 5, 10)
        Where recall is read off; a k beyond the last row counts all of them.
    metric : {"cosine", "euclidean"}, default="cosine"
        What near means.
    max_queries : int, default=5000
        At most this many rows, drawn at random, are searched by.
    seed : int, default=0
        Seed of that draw.

    Returns
    -------
    RetrievalResult

    Raises
    ------
    UnlabeledError
        If shapes do not fit, a vector is not finite, no class has two labelled rows, or a setting is out of range.

    References
    ----------
    .. [1] Musgrave, Belongie, Lim. A Metric Learning Reality Check. ECCV 2020. https://arxiv.org/abs/2003.08505

    Examples
    --------
    >>> found = retrieval([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]], [0, 0, 1, 1], ks=[1])
    >>> found.recall, found.map_at_r
    ({1: 1.0}, 1.0)
    """
    if not ks or min(ks) < 1:
        raise UnlabeledError(f"ks must be one or more numbers from 1 up, not {list(ks)}")
    if max_queries < 1:
        raise UnlabeledError(f"max_queries must be at least 1, not {max_queries}")
    table = check_vectors(vectors)
    classes = check_labels(labels, len(table))
    check_some_labelled(classes)
    table, classes = table[classes >= 0], classes[classes >= 0]
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    others = counts[codes] - 1
    queries = np.flatnonzero(others)
    n_alone = len(classes) - len(queries)
    if len(queries) == 0:
        raise UnlabeledError("every class has one labelled row only, so no search can find another; label more rows")
    if len(queries) > max_queries:
        queries = np.sort(np.random.default_rng(seed).choice(queries, max_queries, replace=False))

    depth = min(max(*ks, int(others[queries].max())), len(classes) - 1)
    ranks = np.arange(1, depth + 1)
    hits, precision = dict.fromkeys(ks, 0), 0.0
    for found in nearest(table[queries], table, depth, metric, own=queries):
        asked = queries[found.queries]
        relevant = codes[found.indices] == codes[asked][:, None]
        for k in ks:
            hits[k] += int(relevant[:, :k].any(axis=1).sum())
        wanted = others[asked][:, None]
        at_hits = relevant * (ranks <= wanted) * (relevant.cumsum(axis=1) / ranks)
        precision += float((at_hits / wanted).sum())
    return RetrievalResult(
        recall={k: n / len(queries) for k, n in hits.items()},
        map_at_r=precision / len(queries),
        n_queries=len(queries),
        n_rows=len(classes),
        n_alone=n_alone,
    )
