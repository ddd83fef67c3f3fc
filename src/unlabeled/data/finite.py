"""Numbers that are not finite: where the first one is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from unlabeled.data.fingerprint import chunks


class NotFinite(NamedTuple):
    """The first number of a matrix that is not finite.

    Attributes
    ----------
    row, column : int
    value : str
        ``"NaN"`` or ``"infinity"``.
    total : int
        How many numbers are not finite.
    """

    row: int
    column: int
    value: str
    total: int


def first_not_finite(rows: Any) -> NotFinite | None:
    """Find the first number that is not finite, reading a mapped file piece by piece.

    Parameters
    ----------
    rows : ndarray, memmap or CSR matrix, shape (n, d)

    Returns
    -------
    NotFinite, or None if all numbers are finite

    Examples
    --------
    >>> first_not_finite(np.array([[0.0, 1.0], [np.nan, np.inf]]))
    NotFinite(row=1, column=0, value='NaN', total=2)
    """
    if rows.dtype.kind != "f":
        return None
    sparse, start, count = hasattr(rows, "indptr"), 0, 0
    first: tuple[int, int, str] | None = None
    for part in [rows.data] if sparse else chunks(rows):
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(part.sum())  # a sum is quick, and finite only if every addend is
        wrong = None if finite else ~np.isfinite(part)
        if wrong is not None and wrong.any():
            count += int(wrong.sum())
            value = "NaN" if np.isnan(part[wrong][0]) else "infinity"
            place = np.argwhere(wrong)[0].tolist()
            first = first or (start + place[0], place[-1], value)
        start += len(part)
    if first is None:
        return None
    row, column, value = first
    if sparse:
        row, column = int(np.searchsorted(rows.indptr, row, side="right")) - 1, int(rows.indices[row])
    return NotFinite(row, column, value, count)
