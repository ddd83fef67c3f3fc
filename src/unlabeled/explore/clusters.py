"""Clusters: groups to colour a map by when there are no labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.search.metric import checked_vectors, unit_rows

CANDIDATES = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
SAMPLE = 2000  # rows by which the number of clusters is chosen: silhouettes need all their distances
LARGE = 20_000  # rows from which k-means works in mini-batches


def cluster_labels(vectors: ArrayLike, k: int | Literal["auto"] = "auto", random_state: int = 0) -> NDArray[np.int64]:
    """Group vectors by direction with k-means on the unit sphere.

    Parameters
    ----------
    vectors : array-like, shape (n, d)
        They are scaled to unit length first, so that groups are made by angle.
    k : int or "auto"
        The number of clusters. ``"auto"`` takes, of the numbers from 2 to 30, the one with the highest mean silhouette
        (Rousseeuw 1987) on a sample of 2000 rows. Never more than there are distinct rows.
    random_state : int, default 0
        Of the sample and of k-means.

    Returns
    -------
    ndarray of int64, shape (n,)
        Cluster of each row; 0 is the largest cluster, and so on down.

    Raises
    ------
    UnlabeledError
        For vectors with NaN, or k below 1.

    Examples
    --------
    >>> cluster_labels([[1, 0], [0, 1], [2, 0.1], [3, 0], [0.1, 2]]).tolist()
    [0, 1, 0, 0, 1]
    """
    array = unit_rows(checked_vectors(vectors))
    if k != "auto" and k < 1:
        raise UnlabeledError(f"k must be at least 1, the number of clusters; it is {k}")
    distinct = len(np.unique(array, axis=0))
    count = _best_count(array, distinct, random_state) if k == "auto" else min(k, distinct)
    if count <= 1:
        return np.zeros(len(array), np.int64)
    labels: NDArray[np.int64] = _k_means(array, count, random_state).predict(array)
    place = np.argsort(np.argsort(-np.bincount(labels, minlength=count), kind="stable"))
    return place[labels]


def _k_means(array: NDArray[np.float32], count: int, random_state: int) -> Any:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    kind = MiniBatchKMeans if len(array) >= LARGE else KMeans
    return kind(count, n_init=3, random_state=random_state).fit(array)


def _best_count(array: NDArray[np.float32], distinct: int, random_state: int) -> int:
    """Choose the number of clusters with the highest mean silhouette."""
    from sklearn.metrics import pairwise_distances, silhouette_score

    if len(array) > SAMPLE:
        array = array[np.random.default_rng(random_state).choice(len(array), SAMPLE, replace=False)]
        distinct = len(np.unique(array, axis=0))
    candidates = [count for count in CANDIDATES if count <= distinct and count < len(array)]
    if not candidates:
        return 1
    distances = pairwise_distances(array)
    np.fill_diagonal(distances, 0)  # which rounding leaves a little off
    scores = [
        silhouette_score(distances, _k_means(array, count, random_state).labels_, metric="precomputed")
        for count in candidates
    ]
    return candidates[int(np.argmax(scores))]
