"""Rows to be compared: float32 where that keeps their differences, float64 where it would not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.data.tabular.tables import narrowed
from unlabeled.search.metric import checked_vectors


def comparable(X: ArrayLike) -> NDArray[Any]:
    """Check rows, and keep those far from zero as float64.

    Parameters
    ----------
    X : array-like, shape (n, d)

    Returns
    -------
    ndarray of float32 or float64, shape (n, d)

    Raises
    ------
    UnlabeledError
        As `unlabeled.search.metric.checked_vectors` does.

    Examples
    --------
    >>> comparable([[1e8], [1e8 + 1]]).tolist()
    [[100000000.0], [100000001.0]]
    """
    from unlabeled.data.arrays import as_array  # here, for it brings Pillow, which other callers do not need

    checked = checked_vectors(X)
    array = as_array(X)
    return narrowed(array) if array.dtype.kind in "iu" or array.dtype == np.float64 else checked
