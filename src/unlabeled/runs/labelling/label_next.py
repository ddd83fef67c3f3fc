"""What to label next: instances that are uncertain, unlike each other, and no oddities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.search import ExactStore
from unlabeled.search.metric import row_lengths

POOL = 40
"""So many times as many instances as wanted are looked at, the most uncertain ones."""


def label_next(
    vectors: NDArray[Any],
    uncertainty: NDArray[np.float64],
    labelled: NDArray[np.bool_],
    loneliness: NDArray[np.float64],
    count: int,
) -> NDArray[np.int64]:
    """Choose instances, the most useful first.

    One after the other, the instance with the greatest product of uncertainty and distance to all that are labelled or
    chosen already is taken. So a copy of a chosen one is never taken. The loneliest twentieth is left out: outliers are
    uncertain and far from everything, and a label of one teaches nothing about others.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
    uncertainty : ndarray, shape (n,)
        From 0 to 1.
    labelled : ndarray of bool, shape (n,)
    loneliness : ndarray, shape (n,)
        Mean distance to the nearest neighbours.
    count : int
        How many.

    Returns
    -------
    ndarray of int64
        Rows; fewer than `count` where there are not so many that differ.
    """
    usual = loneliness <= np.quantile(loneliness, 0.95)
    rows = np.flatnonzero(~labelled & usual)
    rows = rows[np.argsort(-uncertainty[rows], kind="stable")[: POOL * count]]
    if len(rows) == 0 or count < 1:
        return np.empty(0, dtype=np.int64)
    candidates, known = vectors[rows], np.flatnonzero(labelled)
    nearest = np.full(len(rows), np.inf)
    if len(known):
        store = ExactStore.build([str(row) for row in known], vectors[known], metric="euclidean")
        nearest = store.query(candidates, 1).distances[:, 0].astype(np.float64)
    apart = nearest[nearest > 0]
    far = float(np.median(apart)) if len(known) and len(apart) else 1.0  # beyond the usual, distance is no virtue
    chosen = []
    for _ in range(min(count, len(rows))):
        score = uncertainty[rows] * np.minimum(nearest, far)
        best = int(score.argmax())
        if score[best] <= 0:
            break
        chosen.append(int(rows[best]))
        np.minimum(nearest, row_lengths(candidates - candidates[best]), out=nearest)
    return np.array(chosen, dtype=np.int64)
