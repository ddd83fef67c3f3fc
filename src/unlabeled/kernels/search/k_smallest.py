"""The scan of exact search: keep the k smallest scores of each query while tiles of scores pass by.

The loops are written so that the compiler vectorises the common case, in which none of 64 scores enters the k smallest:
one comparison per score and no branch. Indices are unsigned because Numba would otherwise test each for being negative,
which alone keeps the comparison from being vectorised.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled

BLOCK = 64

u = np.uint64


@compiled
def replace_worst(
    scores: NDArray[np.float32], indices: NDArray[np.int64], score: np.float32, index: int
) -> None:  # pragma: no cover - compiled
    """Put a candidate in place of the heap's root, its worst entry, and restore the heap.

    The worst is the largest score, and among equals the largest index; so among equal candidates the first stay.
    """
    k = u(len(scores))
    parent = u(0)
    while True:
        child = u(2) * parent + u(1)
        if child >= k:
            break
        other = child + u(1)
        if other < k and (
            scores[other] > scores[child] or (scores[other] == scores[child] and indices[other] > indices[child])
        ):
            child = other
        if scores[child] < score or (scores[child] == score and indices[child] < index):
            break
        scores[parent] = scores[child]
        indices[parent] = indices[child]
        parent = child
    scores[parent] = score
    indices[parent] = index


@compiled
def k_smallest(
    products: NDArray[np.float32],
    offsets: NDArray[np.float32],
    first: int,
    exclude: NDArray[np.int64],
    scores: NDArray[np.float32],
    indices: NDArray[np.int64],
) -> None:  # pragma: no cover - compiled
    """Merge one tile of candidates into each query's k best.

    Parameters
    ----------
    products : ndarray of float32, shape (q, m)
        Inner products of the queries with the tile's m vectors.
    offsets : ndarray of float32, shape (m,)
        The score of a candidate is its offset minus the product; smaller is nearer.
    first : int
        Row number of the tile's first vector. Tiles must come in ascending order.
    exclude : ndarray of int64, shape (q,)
        A row number that each query must not be given, or -1.
    scores, indices : ndarray of float32 and int64, shape (q, k)
        One binary heap a query, worst entry first; infinite scores at the start. Changed in place.
    """
    queries, width = products.shape
    for q in range(u(queries)):
        worst = scores[q, 0]
        for start in range(0, width, BLOCK):
            end = min(start + BLOCK, width)
            better = np.int32(0)
            for j in range(u(start), u(end)):
                better |= np.int32(offsets[j] - products[q, j] < worst)
            if better:
                for j in range(u(start), u(end)):
                    score = offsets[j] - products[q, j]
                    if score < worst and first + np.int64(j) != exclude[q]:
                        replace_worst(scores[q], indices[q], score, first + np.int64(j))
                        worst = scores[q, 0]
