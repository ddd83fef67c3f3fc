"""Inner product search as Euclidean search: two mappings after which the nearest have the largest product."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.search.metric import checked_vectors, row_squares

Floats = NDArray[np.float32]
ROUNDING = 2.0**-24
"""Half a unit in the last place of float32."""


def map_items(items: ArrayLike, longest: float | None = None) -> Floats:
    r"""Map the vectors that are searched.

    .. math:: P(u) = \left( u, \sqrt{M^2 - \lVert u \rVert^2} \right), \quad M = \max_u \lVert u \rVert

    All of them then have the length M, so that

    .. math:: \lVert P(u) - Q(v) \rVert^2 = M^2 + \lVert v \rVert^2 - 2 \, u \cdot v

    falls as the inner product grows. Any store with the metric ``"euclidean"`` then searches by inner product, and so
    does one with ``"cosine"``, for the cosine of the two is u · v / (M ‖v‖).

    Parameters
    ----------
    items : array-like, shape (n, d)
    longest : float, optional
        M, at least the length of each item; by default that of the longest. Items that are mapped at different times
        can be compared if M is the same.

    Returns
    -------
    ndarray of float32, shape (n, d + 1)

    Raises
    ------
    UnlabeledError
        For NaN or infinite items, or one that is longer than `longest`.

    References
    ----------
    .. [1] Bachrach et al., Speeding Up the Xbox Recommender System Using a Euclidean Transformation, RecSys 2014.

    Examples
    --------
    >>> map_items([[3.0, 4.0], [0.0, 3.0]]).tolist()
    [[3.0, 4.0, 0.0], [0.0, 3.0, 4.0]]
    """
    array = checked_vectors(items)
    squares = row_squares(array)
    longest_square = squares.max() if longest is None else float(longest) ** 2
    # Beyond rounding: of the squares, M's may be too small by d + 2 such shares if it was computed in float32, and an
    # item's too large by 2, since its numbers are rounded to float32.
    beyond = squares > longest_square * (1 + (array.shape[1] + 4) * ROUNDING)
    if beyond.any():
        row = int(beyond.argmax())
        raise UnlabeledError(
            f"row {row} of the items has length {np.sqrt(squares[row]):.7g}, which is more than longest={longest}; "
            "give the length of the longest of all items"
        )
    rest = np.sqrt(np.maximum(longest_square - squares, 0))
    return np.column_stack([array, rest]).astype(np.float32)


def map_queries(queries: ArrayLike) -> Floats:
    """Map the vectors that are searched with, Q(v) = (v, 0), shape (q, d + 1); see `map_items`.

    Examples
    --------
    >>> map_queries([[1.0, 2.0]]).tolist()
    [[1.0, 2.0, 0.0]]
    """
    array = checked_vectors(queries)
    return np.column_stack([array, np.zeros(len(array))]).astype(np.float32)
