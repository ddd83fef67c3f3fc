"""The door of the room: vectors and labels are checked here, with messages that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    from torch import Tensor

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]


def check_vectors(vectors: ArrayLike, name: str = "vectors") -> Vectors:
    """Give the vectors as a float32 table of finite numbers.

    Raises
    ------
    UnlabeledError
        If they are not a table with at least one row and column, or a value is NaN or infinite; the row is named.
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is named below
        table = np.asarray(vectors, dtype=np.float32)
    if table.ndim != 2 or table.size == 0:
        raise UnlabeledError(f"{name} must have shape (n, d), at least one row and one column, not {table.shape}")
    bad = ~np.isfinite(table).all(axis=1)
    if bad.any():
        raise UnlabeledError(
            f"{name}: {bad.sum()} of {len(table)} rows hold NaN, infinity or numbers beyond float32, "
            f"the first of them row {bad.argmax()}; drop those rows or find out what made them"
        )
    return table


def check_labels(labels: ArrayLike, rows: int, name: str = "labels") -> Labels:
    """Give the labels as int64, one a row, where −1 means unlabelled.

    Raises
    ------
    UnlabeledError
        If they are not integers from −1 up, or their number is not that of the rows.
    """
    given = np.asarray(labels)
    if given.shape != (rows,):
        raise UnlabeledError(f"{name} must be one integer for each of the {rows} rows, not of shape {given.shape}")
    if given.dtype.kind not in "iu":
        raise UnlabeledError(
            f"{name} must be integers, with -1 for unlabelled, not {given.dtype}; "
            "class names become integers by np.unique(names, return_inverse=True)"
        )
    if given.min() < -1:
        raise UnlabeledError(f"{name} must be -1 (unlabelled) or a class from 0 up; there is a {given.min()}")
    return given.astype(np.int64)


def check_some_labelled(labels: Labels, name: str = "labels") -> None:
    """Refuse labels that are all −1."""
    if not (labels >= 0).any():
        raise UnlabeledError(f"{name}: no row is labelled (all are -1), so there is nothing to judge by")


def sample(vectors: ArrayLike, rows: int, name: str = "vectors") -> Tensor:
    """Give at most `rows` rows, evenly spaced, as a tensor with its own memory."""
    import torch

    table = check_vectors(vectors, name)
    if len(table) > rows:
        table = table[np.linspace(0, len(table) - 1, rows).astype(int)]
    return torch.tensor(table)
