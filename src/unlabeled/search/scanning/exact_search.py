"""The k nearest rows of a table, exactly: screened in float32, tile by tile, and verified in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.blas_threads import blas_threads, thread_pool
from unlabeled.search.metric import row_lengths, row_squares

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

TILE = 512  # a 512 × 512 tile of float32 is 1 MiB: it stays in one core's cache between its making and its scan
FEW = 1_000_000  # query–vector pairs below which sorting them all is quicker than loading the compiled kernel
MANY = 16  # a k above this part of the rows is had sooner by sorting them all
GATHERED = 1 << 15  # numbers gathered at a time when candidates are measured again: 256 KiB, for the cache again
SPARE = 4  # candidates kept beyond k, so that rounding rarely leaves it open which are the k nearest,
SPARE_SHARE = 25  # and one more for so many of k, because the k-th and the next lie closer together where k is larger
ROUNDING, DOUBLE_ROUNDING = 2.0**-24, 2.0**-53  # half a unit in the last place of float32 and of float64


def exact_search(
    queries: Floats,
    corpus: Floats,
    k: int,
    metric: str,
    banned: Integers | None = None,
    *,
    squares: Doubles | None = None,
) -> tuple[Integers, Floats]:
    """Find the k rows nearest to each query.

    A float32 scan keeps a few candidates more than k. They are measured again in float64. If the k-th is nearer than
    anything that the scan can have dropped, by a bound of the scan's rounding errors, the result is certain. The
    queries for which it is not, as where clusters lie far apart, are compared with all rows again in float64.
    Where k is a large part of the rows, all are sorted in float64 at once, and what lies very near is measured again.

    Parameters
    ----------
    queries : ndarray of float32, shape (q, d)
        For ``"cosine"`` of unit length (or zero), as the corpus.
    corpus : ndarray of float32, shape (n, d)
        Where to look.
    k : int
        How many neighbours, from 0 to n.
    metric : {"cosine", "euclidean", "inner_product"}
        What near means.
    banned : ndarray of int64, shape (q,), optional
        For each query a row that must not be its neighbour, or −1.
    squares : ndarray of float64, shape (n,), optional
        `row_squares` of the corpus, where they are known.

    Returns
    -------
    indices : ndarray of int64, shape (q, k)
        Nearest first; equal distances in order of row. −1 where there is no k-th row left.
    distances : ndarray of float32, shape (q, k)
        ‖q − c‖, 1 − q·c or −q·c; infinite where there is no row.
    """
    if banned is None:
        banned = np.full(len(queries), -1)
    squares = row_squares(corpus) if squares is None else squares
    offsets = _offsets(squares, metric)
    few = len(queries) * len(corpus) <= FEW
    if few or k == 0 or k > len(corpus) // MANY:
        indices, distances = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        wide, zeros = corpus.astype(np.float64), squares == 0
        for part in _parts(len(queries), len(corpus), FEW):
            found, measured = _by_sorting(queries[part], wide, offsets, banned[part], k, metric)
            near = k if few else _unsure(queries[part], measured, metric)
            indices[part], distances[part] = np.where(found == len(corpus), -1, found), measured
            indices[part, :near], distances[part, :near] = _ordered(
                queries[part], corpus, zeros, found[:, :near], near, metric
            )
        return indices, distances

    rows = _Rows(corpus, offsets, offsets.astype(np.float32), squares == 0, float(np.sqrt(squares.max())))
    threads = blas_threads()
    step = min(TILE, -(-len(queries) // threads))
    blocks = [slice(start, start + step) for start in range(0, len(queries), step)]

    def one_block(block: slice) -> tuple[Integers, Floats]:
        return _search_block(queries[block], rows, banned[block], k, metric)

    if len(blocks) == 1:
        return one_block(blocks[0])
    with thread_pool(threads) as pool:
        parts = zip(*pool.map(one_block, blocks), strict=True)
        indices, distances = map(np.concatenate, parts)
    return indices, distances


class _Rows(NamedTuple):
    """The corpus, and what all blocks of queries need to know of it."""

    vectors: Floats
    offsets: Doubles
    rounded: Floats  # the offsets in float32
    zeros: NDArray[np.bool_]  # which rows are zero
    longest: float  # length of the longest row


def _search_block(queries: Floats, rows: _Rows, banned: Integers, k: int, metric: str) -> tuple[Integers, Floats]:
    """Search for some queries: screen, verify, and compare again in float64 where that leaves a doubt."""
    corpus, zeros = rows.vectors, rows.zeros
    kept = min(k + SPARE + k // SPARE_SHARE, len(corpus))
    found, worst = _by_scanning(queries, corpus, rows.rounded, banned, kept)
    indices, distances = _ordered(queries, corpus, zeros, found, k, metric)
    if metric == "cosine":
        _first_rows_of_zeros(queries, len(corpus), banned, indices)
    if kept < len(corpus):
        doubtful = np.flatnonzero(~_certain(queries, distances[:, -1], worst, rows.longest, metric))
        if len(doubtful) > 0:
            again, _ = _by_scanning(queries[doubtful].astype(np.float64), corpus, rows.offsets, banned[doubtful], k)
            indices[doubtful], distances[doubtful] = _ordered(queries[doubtful], corpus, zeros, again, k, metric)
    return indices, distances


def _certain(queries: Floats, kth: Floats, worst: Floats, longest: float, metric: str) -> NDArray[np.bool_]:
    """Tell where no row that the scan dropped can be nearer than the k-th that was found.

    Whatever the order of its additions, a float32 dot product is wrong by at most about d · 2⁻²⁴ ‖q‖ ‖c‖. A row that is
    nearer than the k-th is no longer than ‖q‖ + D, D being the distance of the k-th, so rows further out do not count.
    """
    lengths, nearest = row_lengths(queries), kth.astype(np.float64)
    reach, score = np.full(len(queries), longest), nearest
    if metric != "inner_product":
        half = nearest**2 / 2 if metric == "euclidean" else nearest
        score = half - lengths**2 / 2
        reach = np.minimum(longest, lengths + np.sqrt(2 * half))
    # Two steps more than the d of the product: of the offset and of the difference. One more for the measured distance.
    relative = (queries.shape[1] + 3) * ROUNDING
    error = relative * (lengths * reach + (0 if metric == "inner_product" else reach**2 / 2 + 2 * half))
    # Infinite where there are fewer rows than asked for: nothing was dropped. All cosines of a zero query are the same.
    certain: NDArray[np.bool_] = (score + error < worst) | np.isinf(worst)
    return certain | (lengths == 0) if metric == "cosine" else certain


def _offsets(squares: Doubles, metric: str) -> Doubles:
    """Give what, minus q·c, stands in the order of the distances of q, from the squared lengths of the rows c.

    Half the squared distance is ‖q‖²/2 + ‖c‖²/2 − q·c. For unit vectors it is 1 − q·c, and as rounded vectors are not
    quite of unit length, it tells near ones apart more finely. A row of zeros is at cosine distance 1.
    """
    if metric == "inner_product":
        return np.zeros(len(squares))
    halves = squares / 2
    return np.where(halves == 0, 0.5, halves) if metric == "cosine" else halves


def _first_rows_of_zeros(queries: Floats, rows: int, banned: Integers, indices: Integers) -> None:
    """Give a query of zeros, which is as far from everything, the first rows; in place."""
    for query in np.flatnonzero(row_lengths(queries) == 0):
        first = np.arange(min(indices.shape[1] + 1, rows))
        indices[query] = first[first != banned[query]][: indices.shape[1]]


def _by_sorting(
    queries: Floats, corpus: Doubles, offsets: Doubles, banned: Integers, k: int, metric: str
) -> tuple[Integers, Doubles]:
    """Find the k best candidates, and their distances, by sorting them all in float64.

    The number of rows stands for a banned one.
    """
    measured = offsets - queries.astype(np.float64) @ corpus.T
    halves = row_squares(queries)[:, None] / 2
    if metric == "cosine":
        measured[halves[:, 0] == 0] = 1
    rows = np.flatnonzero(banned >= 0)
    measured[rows, banned[rows]] = np.inf
    found = np.argsort(measured, axis=1, kind="stable")[:, :k]
    measured = np.take_along_axis(measured, found, 1)
    if metric != "inner_product":
        measured = np.maximum(measured + halves, 0)
    if metric == "euclidean":
        measured = np.sqrt(2 * measured)
    return np.where(found == banned[:, None], len(corpus), found), measured


def _unsure(queries: Floats, measured: Doubles, metric: str) -> int:
    """Count the first columns in which sorting may have measured less finely than float32 tells distances apart.

    Half a squared distance, if it is small, is the difference of numbers of about ‖q‖², sums of d products. So it is
    wrong by at most about 2 (d + 3) 2⁻⁵³ ‖q‖².
    """
    if metric == "inner_product":
        return 0
    halves = measured if metric == "cosine" else measured**2 / 2
    error = 2 * (queries.shape[1] + 3) * DOUBLE_ROUNDING * row_squares(queries)[:, None]
    return int((halves * ROUNDING < error).sum(axis=1).max(initial=0))


def _by_scanning(
    queries: NDArray[Any], corpus: Floats, offsets: NDArray[Any], banned: Integers, k: int
) -> tuple[Integers, NDArray[Any]]:
    """Find the k best of many candidates, keeping one tile of scores at a time, in the type of the queries.

    Returns
    -------
    indices : ndarray of int64, shape (q, k)
        In the order of the heap; the number of rows where there is none.
    worst : ndarray, shape (q,)
        The largest score among them. Every row that is not among them has at least this score.
    """
    from unlabeled.kernels.search.k_smallest import k_smallest

    kind = queries.dtype
    scores = np.full((len(queries), k), np.inf, kind)
    indices = np.full((len(queries), k), len(corpus))
    memory = np.empty(len(queries) * TILE, kind)
    for start in range(0, len(corpus), TILE):
        vectors = corpus[start : start + TILE].astype(kind, copy=False)
        tile = memory[: len(queries) * len(vectors)].reshape(len(queries), len(vectors))
        products = np.matmul(queries, vectors.T, out=tile)
        k_smallest(products, offsets[start : start + TILE], start, banned, scores, indices)
    return indices, scores[:, 0]


def _ordered(
    queries: Floats, corpus: Floats, zeros: NDArray[np.bool_], found: Integers, k: int, metric: str
) -> tuple[Integers, Floats]:
    """Measure the candidates in float64, and give the k nearest of them by distance and then by row.

    `zeros` tells the rows of zeros, which have cosine 0 with everything.
    """
    measured = np.empty(found.shape)
    for part in _parts(len(queries), found.shape[1] * queries.shape[1], GATHERED):
        rows = np.minimum(found[part], len(corpus) - 1)
        vectors = corpus[rows].astype(np.float64)
        q = queries[part].astype(np.float64)
        if metric == "inner_product":
            measured[part] = -np.einsum("qkd,qd->qk", vectors, q)
            continue
        vectors -= q[:, None]
        squares = np.einsum("qkd,qkd->qk", vectors, vectors)
        if metric == "euclidean":
            measured[part] = np.sqrt(squares)
        else:  # 1 − q·c of unit vectors, without the cancellation
            some = ~zeros[rows] & (q != 0).any(axis=1)[:, None]
            measured[part] = np.where(some, squares / 2, 1)
    measured[found == len(corpus)] = np.inf
    order = np.lexsort((found, measured), axis=1)[:, :k]
    indices, distances = (np.take_along_axis(table, order, 1) for table in (found, measured))
    return np.where(indices == len(corpus), -1, indices), distances.astype(np.float32)


def _parts(count: int, size: int, most: int) -> Iterator[slice]:
    step = max(1, most // max(1, size))
    return (slice(start, start + step) for start in range(0, count, step))
