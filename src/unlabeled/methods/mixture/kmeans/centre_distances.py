"""Distances of rows to centres that keep their digits wherever the data lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import euclidean_distances

UNRELIABLE = 1e-6
"""Share of ‖x‖² + ‖c‖² below which a squared distance is computed anew: above it, rounding leaves nine digits."""
PAIRS = 1 << 14  # computed anew at a time


def distances_to_centres(rows: Any, centres: NDArray[Any]) -> NDArray[np.float64]:
    """Give the Euclidean distance of each row to each centre, shape (n, k).

    The product ‖x‖² − 2 x·c + ‖c‖² is quick and loses the digits of x − c where both are far from zero. So the mean of
    the centres is taken off first, and pairs that are still near to each other and far from zero are subtracted.

    Parameters
    ----------
    rows : array or CSR matrix, shape (n, d)
        Sparse rows are not moved, so that they stay sparse.
    centres : ndarray, shape (k, d)
    """
    sparse = hasattr(rows, "tocsr")
    middle = 0.0 if sparse else centres.mean(axis=0, dtype=np.float64)
    x = rows.astype(np.float64) if sparse else np.subtract(rows, middle, dtype=np.float64)
    c = np.subtract(centres, middle, dtype=np.float64)
    squares: NDArray[np.float64] = euclidean_distances(x, c, squared=True)
    sizes = np.asarray(x.multiply(x).sum(axis=1)).ravel() if sparse else np.einsum("nd,nd->n", x, x)
    near, which = np.nonzero(squares < UNRELIABLE * (sizes[:, None] + np.einsum("kd,kd->k", c, c)))
    for start in range(0, len(near), PAIRS):
        i, j = near[start : start + PAIRS], which[start : start + PAIRS]
        difference = np.subtract(rows[i].toarray() if sparse else rows[i], centres[j], dtype=np.float64)
        squares[i, j] = np.einsum("pd,pd->p", difference, difference)
    return np.sqrt(squares)
