"""What every measure checks first: vectors and labels, with messages that say what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.arrays import as_array
from unlabeled.data.classes import encode_values, is_missing, label_array
from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    from torch import Tensor

Vectors = NDArray[Any]  # float32 or float64
Labels = NDArray[np.int64]


def check_vectors(vectors: Any, name: str = "vectors") -> Vectors:
    """Give the vectors as a table of finite numbers: float32, or float64 if they are of 64 bits.

    Raises
    ------
    UnlabeledError
        If they are not a table with at least one row and column, or a value is NaN, infinite or beyond float32; the row
        is named.
    """
    table = as_array(vectors)
    if table.dtype.kind not in "fiubO":
        raise UnlabeledError(f"{name} must be numbers, not {table.dtype}")
    wide = table.dtype.kind in "fiu" and table.dtype.itemsize == 8
    try:
        table = table.astype(np.float64 if wide else np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise UnlabeledError(f"{name} must be numbers: {error}") from error
    if table.ndim != 2 or table.size == 0:
        raise UnlabeledError(f"{name} must have shape (n, d), at least one row and one column, not {table.shape}")
    bad = ~(np.abs(table) <= np.finfo(np.float32).max).all(axis=1)  # written so that NaN fails it too
    if bad.any():
        raise UnlabeledError(
            f"{name}: {bad.sum()} of {len(table)} rows hold NaN, infinity or numbers beyond float32, "
            f"the first of them row {bad.argmax()}; drop those rows or find out what made them"
        )
    return table


@dataclass(frozen=True)
class ClassLabels:
    """Labels of one or several parts of the data as integers, and what each integer means."""

    parts: tuple[Labels, ...]
    """For each part one integer a row, −1 for unlabelled."""
    names: tuple[str, ...] | None
    """The name of each integer; None where the labels were integers already."""

    def named(self, label: int) -> int | str:
        """Give a class as the user calls it."""
        return int(label) if self.names is None else self.names[label]

    def restored(self, labels: Labels) -> NDArray[Any]:
        """Give labels as the user writes them; of names, None for unlabelled."""
        return labels if self.names is None else np.array([*self.names, None], dtype=object)[labels]


def class_labels(*given: tuple[Any, int, str]) -> ClassLabels:
    """Read the labels of parts of the data that share their classes.

    Labels are integers (bool counts as 0 and 1), where −1 means unlabelled, or names, where None, NaN and "" mean it.
    They may stand in a list, an array, a tensor, or a column of a data frame, categorical or not.

    Parameters
    ----------
    *given : tuple of labels, number of rows, and name for messages

    Raises
    ------
    UnlabeledError
        If there is not one label a row, or numbers are fractions or below −1.

    Examples
    --------
    >>> class_labels((["cat", None, "ant"], 3, "labels"), (["cat"], 1, "test labels"))
    ClassLabels(parts=(array([ 1, -1,  0]), array([1])), names=('ant', 'cat'))
    """
    columns = [_column(*one) for one in given]
    if all(column.dtype == np.int64 for column in columns):
        return ClassLabels(tuple(columns), None)
    codes, names = encode_values(np.concatenate([column.astype(object) for column in columns]))
    ends = np.cumsum([len(column) for column in columns])
    return ClassLabels(tuple(np.split(codes, ends[:-1])), tuple(names))


def _column(labels: Any, rows: int, name: str) -> NDArray[Any]:
    """Give labels as int64 if they are numbers, otherwise as objects."""
    given = as_array(labels) if hasattr(labels, "detach") else label_array(labels)
    if given.shape != (rows,):
        raise UnlabeledError(f"{name} must be one label for each of the {rows} rows, not of shape {given.shape}")
    if given.dtype.kind not in "iubf":
        given = given.astype(object)
        missing = np.array([is_missing(value) for value in given])
        known = given[~missing]
        if len(known) == 0 or not all(isinstance(value, (bool, int, float, np.number, np.bool_)) for value in known):
            given[missing] = None
            return given
        given = np.where(missing, -1, given).astype(np.float64)
    if np.issubdtype(given.dtype, np.floating):
        given = np.where(np.isnan(given), -1, given)
        if (given != np.floor(given)).any() or np.isinf(given).any():
            raise UnlabeledError(f"{name} must be integers or names of classes, not fractions such as {given.max()}")
    given = given.astype(np.int64)
    if len(given) and given.min() < -1:
        raise UnlabeledError(f"{name} must be -1 (unlabelled) or a class from 0 up; there is a {given.min()}")
    return given


def check_labels(labels: Any, rows: int, name: str = "labels") -> Labels:
    """Give the labels of the whole data as int64, one a row, where −1 means unlabelled.

    Raises
    ------
    UnlabeledError
        As `class_labels`, which reads them.
    """
    return class_labels((labels, rows, name)).parts[0]


def check_some_labelled(labels: Labels, name: str = "labels") -> None:
    """Refuse labels that are all −1."""
    if not (labels >= 0).any():
        raise UnlabeledError(f"{name}: no row is labelled (all are -1), so there is nothing to judge by")


def sample(vectors: Any, rows: int, name: str = "vectors") -> Tensor:
    """Give at most `rows` rows, drawn at random with a fixed seed, as a tensor of float32 with its own memory.

    Evenly spaced rows could all be of one kind, where the data are interleaved.
    """
    import torch

    table = check_vectors(vectors, name)
    if len(table) > rows:
        table = table[np.sort(np.random.default_rng(0).choice(len(table), rows, replace=False))]
    return torch.tensor(table, dtype=torch.float32)
