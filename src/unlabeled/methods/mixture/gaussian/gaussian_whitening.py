"""Coordinates in which a mixture is computed: the data as a whole lie around 0 with variance about 1.

Expanding a square, (x − μ)² = x² − 2xμ + μ², cancels digits where x and μ are far from 0 compared with the spread. So
rows are moved and scaled first, block by block, and what is learnt of them is taken back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.linalg import solve_triangular

Floats = NDArray[np.float64]

RIDGE = 1e-6  # of the variances: columns that depend on one another would otherwise be stretched without bound


class Whitening:
    """The change of coordinates y = (x − origin) · scale.

    Parameters
    ----------
    origin : ndarray, shape (d,)
        What becomes 0.
    scale : ndarray, shape (d,) or (d, d)
        One factor a column, or an upper triangular matrix.
    dtype : dtype
        Of the arithmetic. Origin and scale are rounded to it once, so that going there and back agree.
    """

    def __init__(self, origin: Floats, scale: Floats, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._origin, self._scale = origin.astype(dtype), scale.astype(dtype)
        self.origin, self.scale = self._origin.astype(np.float64), self._scale.astype(np.float64)
        self.back = 1 / self.scale if scale.ndim == 1 else solve_triangular(self.scale, np.eye(len(scale)))

    def whiten_rows(self, rows: NDArray[Any], out: NDArray[Any]) -> None:
        """Write the coordinates of `rows`, shape (b, d), into `out`, shape (d, b): one row of it a coordinate."""
        moved = (rows - self._origin).T
        if self.scale.ndim == 1:
            np.multiply(moved, self._scale[:, None], out=out)
        else:
            np.matmul(self._scale.T, moved, out=out)

    def whiten_points(self, x: Floats) -> Floats:
        """Give the coordinates of points, shape (k, d), in float64."""
        return (x - self.origin) @ self.scale if self.scale.ndim == 2 else (x - self.origin) * self.scale

    def unwhiten_points(self, y: Floats) -> Floats:
        """Give the points that have these coordinates."""
        return self.origin + (y @ self.back if self.scale.ndim == 2 else y * self.back)


def standard_scale(variances: Floats) -> Floats:
    """Give the factors that make variances 1; a column that does not vary is left as it is."""
    deviations = np.sqrt(variances)
    return 1 / np.where(deviations > 0, deviations, 1)


def whitening_matrix(covariance: Floats) -> Floats:
    """Give the upper triangular W for which W' S W is the identity, or nearly where columns depend on one another."""
    factors = standard_scale(np.diag(covariance))
    correlation = covariance * factors[:, None] * factors
    root = np.linalg.cholesky(correlation + RIDGE * np.eye(len(factors)))
    return np.ascontiguousarray(solve_triangular(root, np.diag(factors), lower=True).T)
