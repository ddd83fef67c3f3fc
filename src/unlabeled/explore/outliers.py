"""Outliers: the instances farthest from their neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.explore.nearest_others import nearest_others
from unlabeled.search.metric import checked_vectors


def outliers(
    vectors: ArrayLike, top: int = 50, k: int = 10, metric: str = "cosine"
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Rank the rows that lie farthest from their neighbours.

    The score of row i is the mean of its distances to its k nearest other rows (Angiulli and Pizzuti, "Fast outlier
    detection in high dimensional spaces", PKDD 2002). Unlike the distance to the k-th alone, it is not fooled by a
    small group of outliers that lie together.

    Parameters
    ----------
    vectors : array-like, shape (n, d)
    top : int, default 50
        How many to return; all of them if there are fewer.
    k : int, default 10
        Neighbours counted; all others if there are fewer.
    metric : {"cosine", "euclidean"}
        The distance.

    Returns
    -------
    rows : ndarray of int64, shape (min(top, n),)
        Most outlying first.
    scores : ndarray of float32, same shape
        Their mean distances.

    Raises
    ------
    UnlabeledError
        For vectors with NaN, fewer than one neighbour asked for, or an unknown metric.

    Examples
    --------
    >>> rows, scores = outliers([[0, 0], [0, 1], [1, 0], [9, 9]], top=1, k=2, metric="euclidean")
    >>> rows.tolist()
    [3]
    """
    distances = nearest_others(checked_vectors(vectors, keep_double=True), k, metric).distances
    scores = distances.mean(axis=1) if distances.shape[1] else np.zeros(len(distances), np.float32)
    rows = np.argsort(-scores, kind="stable")[:top]
    return rows, scores[rows]
