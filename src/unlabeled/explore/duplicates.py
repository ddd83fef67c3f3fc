"""Near-duplicates: pairs of instances whose vectors point almost the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.explore.nearest_others import nearest_others
from unlabeled.search.metric import checked_vectors


def near_duplicates(
    vectors: ArrayLike, threshold: float = 0.98, k: int = 10
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the pairs of rows whose cosine similarity is at least `threshold`.

    Parameters
    ----------
    vectors : array-like, shape (n, d)
    threshold : float, default 0.98
        The least cosine, from −1 to 1.
    k : int, default 10
        Each row is compared with its `k` nearest others, so that a thousand copies of one image give ten thousand pairs
        at most, not half a million. A pair is found if either is among the k nearest of the other.

    Returns
    -------
    pairs : ndarray of int64, shape (m, 2)
        Rows i < j, most similar pair first.
    similarities : ndarray of float32, shape (m,)
        Their cosines.

    Raises
    ------
    UnlabeledError
        For vectors with NaN, or fewer than one neighbour asked for.

    Examples
    --------
    >>> pairs, similarities = near_duplicates([[1, 0], [0, 1], [2, 0.01]])
    >>> pairs.tolist()
    [[0, 2]]
    """
    found = nearest_others(checked_vectors(vectors), k)
    similarities = 1 - found.distances
    row, rank = np.nonzero(similarities >= threshold)
    ends = np.sort(np.stack([row, found.indices[row, rank]], axis=1), axis=1)
    pairs, first = np.unique(ends, axis=0, return_index=True)
    of_pairs = similarities[row, rank][first]
    order = np.argsort(-of_pairs, kind="stable")
    return pairs[order], of_pairs[order]
