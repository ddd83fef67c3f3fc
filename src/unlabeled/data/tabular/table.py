"""A table of mixed columns: numbers and categories, made into rows of numbers that can be compared."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.classes import classes_in, encode_values
from unlabeled.data.paths import existing
from unlabeled.data.tabular.number_text import NumberText, read_number_text
from unlabeled.data.tabular.table_encoding import MISSING, NumberColumn, TableEncoding, category_names
from unlabeled.data.tabular.tables import (
    categorical_columns,
    frame_columns,
    id_and_label,
    narrowed,
    read_columns,
    row_names,
)
from unlabeled.errors import UnlabeledError

KEY = re.compile(r"(?:^|[ _-])[iI][dD]$|[a-z]I[dD]$")
MOST_CATEGORIES = 50
"""Different values beyond which a column of text names or describes rows, and groups none of them."""
DATE = re.compile(
    r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}|\d\d([-/.])\d\d\3\d\d)"
    r"(?:[ T]\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?)?"
)
"""Dates as spreadsheets write them; Arrow knows only those that begin with the year."""
LONGEST_NAME = 80
"""Characters of a text that may be a row's name; a longer one describes it."""


@dataclass(frozen=True)
class Table:
    """Columns of numbers and of categories, one entry a row.

    Attributes
    ----------
    numbers : dict of str to ndarray of float64, shape (n,)
        Columns of numbers; what was missing has the median of its column.
    categories : dict of str to ndarray of str, shape (n,)
        Columns of names; what was missing is the category ``"missing"``.
    ids : list of str
        From the column ``id``, ``path`` or the like, or one such as ``customer_id`` in which no value is twice; else
        ``"0"``, ``"1"``, ...
    labels : ndarray of int64, shape (n,), or None
        From the column ``label``, ``class``, ``category`` or ``target``, which is never a feature.
    classes : list of str or None
        Names of the labels.
    remarks : list of str
        What was left out, filled in or read in another way than it is written, a sentence each.
    columns : dict of str to str
        What was decided for each column: ``"number"``, ``"number (%)"``, ``"category of 3 values"``, ``"label"``,
        ``"id"`` or ``"left out"``.
    styles : dict of str to dict
        Of columns of numbers that are written as text, how: see `unlabeled.data.tabular.number_text`.
    missing : dict of str to ndarray of bool, shape (n,)
        Of columns of numbers, which values were missing.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "patients.csv"
    >>> _ = path.write_text("id,age,sex\\nann,71,f\\nbob,35,m\\neve,38,f\\n")
    >>> table = Table.read(path)
    >>> table.features().round(1)
    array([[ 1.4,  0.7,  0. ],
           [-0.8,  0. ,  0.7],
           [-0.6,  0.7,  0. ]], dtype=float32)
    """

    numbers: dict[str, NDArray[np.float64]]
    categories: dict[str, NDArray[np.str_]]
    ids: list[str]
    labels: NDArray[np.int64] | None = None
    classes: list[str] | None = None
    remarks: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    styles: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def has_missing(self) -> bool:
        """Whether a number was missing."""
        return any(gone.any() for gone in self.missing.values())

    @classmethod
    def read(cls, source: Any) -> Table:
        """Read a ``.csv``, ``.tsv`` or ``.parquet`` file, or a data frame.

        Columns of dates, those that have one value only, and those of more than 50 different texts are left out. Text
        such as ``"12%"``, ``"$1,200"`` or ``"5 kg"`` is read as numbers, and marks such as ``"?"`` among numbers count
        as missing. Columns of a categorical type, also of numbers, are categories. `remarks` says so.

        Raises
        ------
        UnlabeledError
            If it cannot be read, has no rows, holds infinity, or no column is left.
        """
        if isinstance(source, str | os.PathLike):
            path = existing(os.fspath(source))
            return _assembled(read_columns(Path(path)), str(path), categorical_columns(path))
        return _assembled(frame_columns(source), "the frame", categorical_columns(source))

    def encoding(self, standardise: bool = True) -> TableEncoding:
        """Give what turns these columns, and those of later tables, into rows of numbers; see `features`."""
        numbers = {}
        for name, values in self.numbers.items():
            mean, scale = (float(values.mean()), float(values.std()) or 1.0) if standardise else (0.0, 1.0)
            numbers[name] = NumberColumn(float(np.median(values)), mean, scale, self.styles.get(name))
        categories = {name: np.unique(values).tolist() for name, values in self.categories.items()}
        identity = next((column for column, role in self.columns.items() if role == "id"), None)
        return TableEncoding(numbers, categories, identity)

    def features(self, standardise: bool = True) -> NDArray[Any]:
        """Give rows of numbers: the columns of numbers, then a column for each value of each category, 0 or 0.71.

        Parameters
        ----------
        standardise : bool, default True
            Bring columns of numbers to mean 0 and variance 1. Two rows of different category are then as far apart, in
            that column, as two rows that are one standard deviation apart in a number: with √½ in place of 1.

        Returns
        -------
        ndarray of float32, shape (n, d)
            float64 if the numbers are so far from zero that float32 would lose their differences.
        """
        return narrowed(self.encoding(standardise).matrix(self.numbers, self.categories))


def _assembled(columns: list[tuple[str, NDArray[Any]]], name: str, categorical: set[str]) -> Table:
    """Tell ids and labels from features, and numbers from categories."""
    identity, label = id_and_label([column for column, _ in columns])
    keys = [i for i, (column, values) in enumerate(columns) if _is_key(column, values)]
    identity = next(iter(keys), None) if identity is None else identity
    features = [(column, values) for i, (column, values) in enumerate(columns) if i not in (identity, label)]
    rows = len(columns[0][1]) if columns else 0
    if not rows:
        raise UnlabeledError(f"{name} has no rows")
    numbers: dict[str, NDArray[np.float64]] = {}
    categories: dict[str, NDArray[np.str_]] = {}
    remarks: list[str] = []
    decided = {column: "left out" for column, _ in columns}
    styles: dict[str, dict[str, str]] = {}
    missing: dict[str, NDArray[np.bool_]] = {}
    if label is not None:
        decided[columns[label][0]] = "label"
    for column, values in features:
        if _is_key(column, values):
            remarks.append(f"column {column!r} is left out: it names the rows")
            continue
        if column in categorical and values.dtype.kind in "fiub":
            values = np.array(row_names(values.tolist()), dtype=object)
            remarks.append(f"column {column!r} is categorical by its type, so its numbers are taken for categories")
        written = None if column in categorical else _as_numbers(column, values, remarks.append)
        if written is not None:
            styles[column], values = written.style, written.values
        kept = _column(column, values, name, remarks.append)
        if kept is None:
            continue
        if kept.dtype.kind == "f":
            numbers[column], missing[column] = kept, np.isnan(values.astype(np.float64))
            unit = styles.get(column, {}).get("unit")
            decided[column] = f"number ({unit})" if unit else "number"
        else:
            categories[column] = kept
            decided[column] = f"category of {len(set(kept.tolist()))} values"
    if not numbers and not categories:
        why = "; ".join(remarks) or "it has only " + ", ".join(column for column, _ in columns)
        raise UnlabeledError(f"{name} has no column by which rows could be compared: {why}")
    if label is not None:
        remarks.append(f"column {columns[label][0]!r} is taken for labels, which are not compared")
    if identity is None:
        identity = next((i for i, (_, values) in enumerate(columns) if i != label and _are_names(values)), None)
    ids = [str(row) for row in range(rows)] if identity is None else row_names(columns[identity][1].tolist())
    if identity is not None:
        decided[columns[identity][0]] = "id"
    found = None if label is None else classes_in(columns[label][1])
    labels, classes = (None, None) if found is None else encode_values(found)
    return Table(numbers, categories, ids, labels, classes, remarks, decided, styles, missing)


def _is_key(name: str, values: NDArray[Any]) -> bool:
    """Tell a column such as ``customer_id``: called an id, and never twice the same."""
    return bool(KEY.search(name.strip())) and values.ndim == 1 and len(set(values.tolist())) == len(values)


def _are_names(values: NDArray[Any]) -> bool:
    """Tell many short texts that never repeat."""
    short = values.ndim == 1 and all(isinstance(value, str) and len(value) <= LONGEST_NAME for value in values)
    return short and len(values) > MOST_CATEGORIES and len(set(values.tolist())) == len(values)


def _column(name: str, values: NDArray[Any], source: str, say: Callable[[str], None]) -> NDArray[Any] | None:
    """Make a column one of numbers or of categories, or say why it is neither."""
    if values.ndim != 1 or values.dtype.kind in "Mm" or _are_no_values(values):
        say(f"column {name!r} is left out: it holds neither numbers nor categories")
        return None
    if values.dtype.kind in "fiub":
        return _numbers(name, values.astype(np.float64), source, say)
    names = category_names(values)
    different = len(set(names.tolist()))
    if different > MOST_CATEGORIES:
        say(f"column {name!r} is left out: it is text with {different:,} different values")
        return None
    if different < 2:
        nothing = names[0] == MISSING
        say(f"column {name!r} is left out: it has {'no values' if nothing else 'the same value in every row'}")
        return None
    return names


def _as_numbers(name: str, values: NDArray[Any], say: Callable[[str], None]) -> NumberText | None:
    """Read a column of text as numbers, if it is one, and say how."""
    if values.ndim != 1 or values.dtype.kind not in "OU" or _are_no_values(values):
        return None
    found = read_number_text(values.tolist())
    if found is None:
        return None
    unit, decimal = found.style["unit"], found.style["decimal"]
    how = [f"with the unit {unit}"] if unit else []
    how += ["with a decimal comma"] if decimal == "," else ["with commas between thousands"] * ("," in found.example)
    said = (
        f"column {name!r} holds text such as {found.example!r}, which is read as numbers {' and '.join(how)}".rstrip()
    )
    if found.strays:
        said += "; " + ", ".join(f"{text!r} ({count:,})" for text, count in found.strays.items()) + " counts as missing"
    say(said)
    return found


def _numbers(
    name: str, values: NDArray[np.float64], source: str, say: Callable[[str], None]
) -> NDArray[np.float64] | None:
    """Fill in what is missing by the median; refuse infinity, and numbers that float32 cannot hold."""
    too_large = np.abs(values) > np.finfo(np.float32).max
    if too_large.any():
        row = int(too_large.argmax())
        raise UnlabeledError(f"{source}: column {name!r} holds {values[row]} in row {row}; repair or drop that row")
    missing = np.isnan(values)
    if missing.all() or np.ptp(values[~missing]) == 0:
        say(f"column {name!r} is left out: it has {'no values' if missing.all() else 'the same value in every row'}")
        return None
    if missing.any():
        middle = float(np.median(values[~missing]))
        say(f"column {name!r}: {int(missing.sum()):,} missing values take the median, {middle:g}")
        values = np.where(missing, middle, values)
    return values


def _are_no_values(values: NDArray[Any]) -> bool:
    """Tell cells that are neither numbers nor names: dates and times, as objects or as text, and lists of things."""
    import datetime

    if values.dtype.kind not in "OU":
        return False
    known = [value for value in values.tolist() if value is not None and not (isinstance(value, str) and not value)]
    others = (datetime.date, datetime.time, datetime.timedelta, list, tuple, dict, set, np.ndarray)
    if any(isinstance(value, others) for value in known):
        return True
    return bool(known) and all(isinstance(value, str) and DATE.fullmatch(value.strip()) for value in known)
