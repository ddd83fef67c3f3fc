"""Retrieval: does a search bring up rows of the query's class?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.inputs import check_some_labelled, check_vectors, class_labels
from unlabeled.evaluation.label_free.neighbours import Metric, nearest
from unlabeled.setting_checks import check_whole_number, counts_asked


@dataclass(frozen=True)
class RetrievalResult:
    """What the searches brought up; every figure is a mean over the queries."""

    recall: dict[int, float]
    """For each k, the share of queries with a row of their class among their k nearest: Recall@K of metric learning,
    the hit rate of information retrieval."""
    precision: dict[int, float]
    """For each k, the share of rows of the query's class among the k nearest."""
    found: dict[int, float]
    """For each k, the share of all rows of the query's class that are among the k nearest: recall@k of information
    retrieval."""
    map_at_r: float
    """Mean average precision among the R nearest, where R is the number of rows to find."""
    map: float | None
    """Mean average precision over the whole ranking; None if it was not asked for."""
    mrr: float | None
    """Mean reciprocal rank of the first row of the query's class; None if it was not asked for."""
    n_queries: int
    """Rows that were searched by."""
    n_rows: int
    """Labelled rows that were searched in; a query never finds itself."""
    n_alone: int
    """Queries of whose class there is nothing to find; they are not searched by."""


def retrieval(
    vectors: ArrayLike,
    labels: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    metric: Metric = "cosine",
    max_queries: int = 5000,
    seed: int = 0,
    *,
    gallery: ArrayLike | None = None,
    gallery_labels: ArrayLike | None = None,
    whole_ranking: bool = True,
) -> RetrievalResult:
    r"""Search by each labelled row, among all others or in a gallery, and see whether its class comes up.

    With :math:`P_q(i)` the precision among the first i and :math:`R_q` the rows of q's class to find,

    .. math:: \text{AP}_q = \frac{1}{R_q} \sum_{i} [\text{i-th is of q's class}] \, P_q(i), \qquad
        \text{MAP} = \mathrm{E}_q \text{AP}_q, \qquad \text{MRR} = \mathrm{E}_q \frac{1}{\text{rank of the first}}

    and MAP@R stops the sum at :math:`i = R_q`. Rows at equal distance rank in their order.

    Parameters
    ----------
    vectors : array, shape (n, d)
        The representation of the queries; without a gallery also of what is searched in.
    labels : array of int or str, shape (n,)
        Classes; rows with −1, or without a name, are ignored.
    ks : sequence of int, default=(1, 5, 10)
        Where recall and precision are read off; a k beyond the last row counts all of them.
    metric : {"cosine", "euclidean"}, default="cosine"
        What near means.
    max_queries : int, default=5000
        At most this many rows, drawn at random, are searched by.
    seed : int, default=0
        Seed of that draw.
    gallery, gallery_labels : array, shape (m, d) and (m,), optional
        Rows to search in that are no queries.
    whole_ranking : bool, default=True
        Also rank all rows for each query, which MAP and MRR need. Without it, a search stops at the largest k or R.

    Returns
    -------
    RetrievalResult

    Raises
    ------
    UnlabeledError
        If shapes do not fit, a vector is not finite, no query has a row to find, or a setting is out of range.

    References
    ----------
    .. [1] Musgrave, Belongie, Lim. A Metric Learning Reality Check. ECCV 2020. https://arxiv.org/abs/2003.08505
    .. [2] Manning, Raghavan, Schütze. Introduction to Information Retrieval, chapter 8. 2008.

    Examples
    --------
    >>> rows, classes = [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]], [0, 0, 1, 1]
    >>> found = retrieval(rows, classes, ks=[1])
    >>> found.recall, found.map_at_r
    ({1: 1.0}, 1.0)
    >>> found = retrieval([[0.0, 2.0]], [0], ks=[3], gallery=rows, gallery_labels=classes)
    >>> found.precision, found.found, round(found.mrr, 2)
    ({3: 0.3333333333333333}, {3: 0.5}, 0.33)
    """
    ks = counts_asked("ks", ks)
    check_whole_number("max_queries", max_queries)
    if (gallery is None) != (gallery_labels is None):
        raise UnlabeledError("give both gallery and gallery_labels, or neither")
    table = check_vectors(vectors)
    given: list[tuple[Any, int, str]] = [(labels, len(table), "labels")]
    if gallery is not None:
        searched = check_vectors(gallery, "gallery")
        if searched.shape[1] != table.shape[1]:
            raise UnlabeledError(f"the gallery has {searched.shape[1]} columns, the queries have {table.shape[1]}")
        given.append((gallery_labels, len(searched), "gallery labels"))
    parts = class_labels(*given).parts
    for (_, _, name), part in zip(given, parts, strict=True):
        check_some_labelled(part, name)
    table, asked = table[parts[0] >= 0], parts[0][parts[0] >= 0]
    searched, codes = (table, asked) if gallery is None else (searched[parts[1] >= 0], parts[1][parts[1] >= 0])

    places = np.unique(np.concatenate([asked, codes]), return_inverse=True)[1]  # numbers of classes may be large
    asked, codes = places[: len(asked)], places[len(asked) :]
    counts = np.bincount(codes, minlength=int(asked.max()) + 1)
    wanted = counts[asked] - (gallery is None)
    queries = np.flatnonzero(wanted)
    n_alone = len(asked) - len(queries)
    if len(queries) == 0 and gallery is None:
        raise UnlabeledError("every class has one labelled row only, so no search can find another; label more rows")
    if len(queries) == 0:
        raise UnlabeledError("the gallery has no row of any query's class, so there is nothing to find")
    if len(queries) > max_queries:
        queries = np.sort(np.random.default_rng(seed).choice(queries, max_queries, replace=False))

    rows = len(codes) - (gallery is None)
    depth = rows if whole_ranking else min(max(*ks, int(wanted[queries].max())), rows)
    ranks = np.arange(1, depth + 1)
    sums = {name: dict.fromkeys(ks, 0.0) for name in ("recall", "precision", "found")}
    at_r = whole = reciprocal = 0.0
    for near in nearest(table[queries], searched, depth, metric, own=queries if gallery is None else None):
        among = queries[near.queries]
        relevant = codes[near.indices] == asked[among][:, None]
        total = wanted[among][:, None]
        hits = relevant.cumsum(axis=1)
        for k in ks:
            last = hits[:, min(k, depth) - 1]
            sums["recall"][k] += float((last > 0).sum())
            sums["precision"][k] += float(last.sum() / min(k, depth))
            sums["found"][k] += float((last / total[:, 0]).sum())
        precision = relevant * hits / ranks / total
        at_r += float((precision * (ranks <= total)).sum())
        whole += float(precision.sum())
        reciprocal += float((1 / (relevant.argmax(axis=1) + 1)).sum())
    n = len(queries)
    return RetrievalResult(
        **{name: {k: value / n for k, value in of_k.items()} for name, of_k in sums.items()},
        map_at_r=at_r / n,
        map=whole / n if whole_ranking else None,
        mrr=reciprocal / n if whole_ranking else None,
        n_queries=n,
        n_rows=len(codes),
        n_alone=n_alone,
    )
