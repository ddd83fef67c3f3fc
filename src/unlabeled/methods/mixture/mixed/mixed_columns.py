"""Columns of numbers and of categories, as the sufficient statistics of Gaussians and of level probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError

Floats = NDArray[np.float64]
Levels = list[float] | list[str]

CHUNK = 1 << 14  # rows worked on at a time by a thread


@dataclass(frozen=True)
class MixedRows:
    """Rows of mixed columns, ready for the steps of EM.

    Attributes
    ----------
    numbers : ndarray of float64, shape (n, numeric columns)
        Standardised; NaN where missing.
    levels : CSR matrix of float64, shape (n, levels of all categorical columns)
        1 for the level of each column; a row has no entry for a column whose value is missing or unknown.
    """

    numbers: Floats
    levels: sp.csr_matrix

    def __len__(self) -> int:
        return len(self.numbers)

    def statistics(self, rows: slice) -> tuple[Floats, sp.csr_matrix]:
        """Give [o, o·x, o·x²] side by side, with o = 1 where x is known, and the levels of some rows."""
        numbers = self.numbers[rows]
        known = ~np.isnan(numbers)
        x = np.where(known, numbers, 0.0)
        return np.hstack([known, x, x * x]), self.levels[rows]

    def chunks(self) -> list[slice]:
        """Part the rows; the parts depend on their number alone."""
        return [slice(start, min(start + CHUNK, len(self))) for start in range(0, len(self), CHUNK)]


@dataclass(frozen=True)
class MixedColumns:
    """What the columns of a table are, and the scale of its numbers.

    Attributes
    ----------
    numeric, categorical : list of int
        Positions of the columns.
    centre, scale : ndarray, shape (numeric columns,)
        Mean and standard deviation of the known values.
    rounding : ndarray, shape (numeric columns,)
        The smallest difference between two values of a column.
    levels : list of (list of float or list of str)
        The values of each categorical column, in order.
    """

    numeric: list[int]
    categorical: list[int]
    centre: Floats
    scale: Floats
    rounding: Floats
    levels: list[Levels]

    @classmethod
    def of(cls, columns: Sequence[NDArray[Any]], names: Sequence[str], categorical: set[int]) -> Self:
        """Look at columns; those that hold text, and those named in `categorical`, are categories.

        Raises
        ------
        UnlabeledError
            If a column has no value at all, or holds infinity or times.
        """
        numeric, levels = [], {}
        moments: list[tuple[float, float, float]] = []
        for place, column in enumerate(columns):
            if column.dtype.kind in "mM":
                raise UnlabeledError(f"{names[place]} holds times; make numbers of them, or leave the column out")
            numbers = None if place in categorical else _as_numbers(column)
            if numbers is None:
                known = _plain(column)[~_missing(column)]
                levels[place] = np.unique(known).tolist()
            else:
                known = _finite(numbers, names[place])
                numeric.append(place)
            if not len(known):
                raise UnlabeledError(f"{names[place]} holds no value; leave it out")
            if numbers is not None:
                gaps = np.diff(np.unique(known))
                moments.append((known.mean(), known.std() or 1.0, gaps.min() if len(gaps) else 0.0))
        centre, scale, rounding = np.array(moments, dtype=np.float64).reshape(-1, 3).T.copy()
        return cls(numeric, list(levels), centre, scale, rounding, list(levels.values()))

    @property
    def sizes(self) -> list[int]:
        """How many levels each categorical column has."""
        return [len(levels) for levels in self.levels]

    def rows(self, columns: Sequence[NDArray[Any]], names: Sequence[str]) -> MixedRows:
        """Turn columns of the same kinds into rows; a level that was not there before counts as missing.

        Raises
        ------
        UnlabeledError
            If a column of numbers holds text or infinity.
        """
        n = len(columns[0])
        numbers = np.empty((n, len(self.numeric)))
        for into, place in enumerate(self.numeric):
            found = _as_numbers(columns[place])
            if found is None:
                raise UnlabeledError(f"{names[place]} held numbers when the mixture was fitted, and holds text now")
            _finite(found, names[place])
            numbers[:, into] = (found - self.centre[into]) / self.scale[into]
        entries: list[NDArray[np.int64]] = []
        start = 0
        for place, levels in zip(self.categorical, self.levels, strict=True):
            codes = level_codes(columns[place], levels)
            entries.append(np.where(codes < 0, -1, codes + start))
            start += len(levels)
        found_levels = np.stack(entries, axis=1) if entries else np.empty((n, 0), np.int64)
        known = found_levels >= 0
        pointers = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        ones = np.ones(int(pointers[-1]))
        return MixedRows(numbers, sp.csr_matrix((ones, found_levels[known], pointers), shape=(n, start)))


def level_codes(column: NDArray[Any], levels: Levels) -> NDArray[np.int64]:
    """Give the position of each value among the levels, shape (n,); −1 where it is missing or not among them."""
    values, known = _plain(column), ~_missing(column)
    text = isinstance(levels[0], str)
    if text and not np.issubdtype(values.dtype, np.str_):
        values = np.array([_text(value) for value in values.tolist()])
    elif not text and np.issubdtype(values.dtype, np.str_):
        values = np.array([_number(value) for value in values.tolist()])
    order = np.array(levels)
    codes = np.minimum(np.searchsorted(order, values), len(order) - 1)
    return np.where(known & (order[codes] == values), codes, -1)


def _as_numbers(column: NDArray[Any]) -> Floats | None:
    """Give a column as float64, NaN where missing; None if it holds text."""
    if column.dtype.kind in "fiub":
        return column.astype(np.float64)
    if column.dtype.kind != "O" or any(isinstance(value, str) for value in column.tolist()):
        return None
    try:
        return np.where(_missing(column), np.nan, column).astype(np.float64)
    except (TypeError, ValueError):
        return None


def _plain(column: NDArray[Any]) -> NDArray[Any]:
    """Give the values of a categorical column as numbers or as text."""
    if column.dtype.kind in "fiub":
        return column.astype(np.float64)
    return np.array([_text(value) for value in column.tolist()])


def _text(value: Any) -> str:
    """Give a value as text; a fraction that is a whole number as that number, because gaps make fractions of these."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _number(text: str) -> float:
    """Give the number that a text stands for; NaN, which is no level, if it stands for none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell what is missing: None, NaN, pandas' NA, and empty text."""
    if column.dtype.kind in "iub":
        return np.zeros(len(column), bool)
    if np.issubdtype(column.dtype, np.floating):
        return np.asarray(np.isnan(column))
    return np.array([_is_missing(value) for value in column.tolist()], dtype=bool)


def _is_missing(value: Any) -> bool:
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas', of which no comparison is true or false
        return True
    return value is None or (isinstance(value, str) and not value) or (isinstance(value, float) and value != value)


def _finite(numbers: Floats, name: str) -> Floats:
    """Give the known values of a column; refuse infinity."""
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax())
        raise UnlabeledError(f"{name} holds infinity in row {row}; repair or drop that row")
    return numbers[~np.isnan(numbers)]
