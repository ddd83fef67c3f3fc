"""What "near" means: the three metrics, and the check every vector passes before it is compared."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError, unknown_name

Metric = Literal["euclidean", "cosine", "inner_product"]
METRICS: tuple[str, ...] = ("euclidean", "cosine", "inner_product")

# The square of a longer vector would come too near the largest float32 (3.4e38) to be added to another.
LONGEST = 1e18
SAMPLE = 1000
"""Rows that tell where vectors lie."""


def checked_metric(metric: str) -> str:
    """Return `metric` if it is one of `METRICS`, and suggest the nearest of them if it is not."""
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    return metric


def checked_vectors(vectors: Any, dim: int | None = None, *, keep_double: bool = False) -> NDArray[Any]:
    """Turn input into finite float32 vectors of the right dimension, or say which row is not.

    Parameters
    ----------
    vectors : array-like, shape (n, d)
        Numbers of any real type, also tensors, data frames and sparse matrices.
    dim : int, optional
        The dimension the vectors must have.
    keep_double : bool, default False
        Leave float64 as it is and make it of wide integers, for who still moves the vectors before rounding them.

    Returns
    -------
    ndarray of float32 (or float64 with `keep_double`), shape (n, d)
        C-contiguous; the input itself where it already was all that.

    Raises
    ------
    UnlabeledError
        If the array is not two-dimensional and numeric, has another dimension than `dim`, or holds NaN, infinity,
        or a vector longer than 1e18, whose square float32 cannot hold.

    Examples
    --------
    >>> checked_vectors([[1, 2], [3, 4]], dim=3)
    Traceback (most recent call last):
        ...
    unlabeled.errors.UnlabeledError: the vectors have dimension 2, but the store holds vectors of dimension 3
    """
    from unlabeled.data.arrays import as_array  # which brings Pillow

    array = as_array(vectors)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise UnlabeledError(
            f"vectors must be a two-dimensional array of numbers, one row each; "
            f"this one has shape {array.shape} and type {array.dtype}"
        )
    if array.shape[1] == 0:
        raise UnlabeledError("the vectors have dimension 0; there is nothing to compare")
    if dim is not None and array.shape[1] != dim:
        raise UnlabeledError(
            f"the vectors have dimension {array.shape[1]}, but the store holds vectors of dimension {dim}"
        )
    wide = keep_double and array.dtype.kind in "fiu" and array.dtype.itemsize > 4
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is named below
        array = np.ascontiguousarray(array, dtype=np.float64 if wide else np.float32)
    lengths = row_lengths(array)
    if not np.all(lengths <= LONGEST):  # written so that NaN fails it too
        row = int(np.flatnonzero(~(lengths <= LONGEST))[0])
        found = "NaN" if np.isnan(array[row]).any() else "a number too large for float32"
        raise UnlabeledError(f"row {row} of the vectors holds {found}; remove or repair that row")
    return array


def middle_of(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Give the point to subtract from Euclidean vectors before they are rounded to float32: the median of a sample.

    Distances do not change when all is moved, but rounding errors grow with the distance from zero. The median moves
    far-away data near, ignores outliers, and keeps integers integers, so that ties stay ties.
    """
    sample = vectors
    if len(vectors) > SAMPLE:
        sample = vectors[np.random.default_rng(0).choice(len(vectors), SAMPLE, replace=False)]
    middle: NDArray[np.float64] = np.partition(sample, len(sample) // 2, axis=0)[len(sample) // 2].astype(np.float64)
    return middle


def row_lengths(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Give the Euclidean length of each row, free of overflow and underflow of float32."""
    lengths: NDArray[np.float64] = np.sqrt(row_squares(vectors))
    return lengths


def row_squares(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Give the squared length of each row, summed in float64 so that no finite float32 overflows or underflows."""
    squares: NDArray[np.float64] = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return squares


def unit_rows(vectors: NDArray[Any], dtype: Any = np.float32) -> NDArray[Any]:
    """Scale each row to length 1; a row of zeros stays as it is, and so has cosine 0 with every other.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
    dtype : float32 or float64, default float32
        Of the result; it is computed in float64.

    Examples
    --------
    >>> unit_rows(np.array([[3, 4], [0, 0]], np.float32))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    lengths = row_lengths(vectors)
    lengths[lengths == 0] = 1
    scaled = np.empty(vectors.shape, dtype)
    np.divide(vectors, lengths[:, None], out=scaled, casting="same_kind")
    return scaled
