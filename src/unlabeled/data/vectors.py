"""A collection of vectors: rows of numbers from arrays, tables and files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.arrays import as_array, load_array
from unlabeled.data.batch import Batch, labels_at
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.finite import first_not_finite
from unlabeled.data.instances import prefetched
from unlabeled.data.labels import labels_of
from unlabeled.data.paths import existing
from unlabeled.data.tabular.tables import TABLES, Numbers, from_frame, is_frame, read_numbers
from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    from torch import Tensor


class Vectors:
    """Vectors of one length, float32 or float64; satisfies `Instances`.

    Parameters
    ----------
    source : array of shape (n, d), list of lists, tensor, data frame or path
        A path leads to a ``.npy`` (memory-mapped), ``.npz``, ``.csv``, ``.tsv`` or ``.parquet`` file. In tables a
        column named ``path``, ``id``, ``file``, ``filename`` or ``image`` gives the ids, one named ``label``,
        ``class``, ``category`` or ``target`` gives the labels and is never a feature; all others must be numeric. A
        parquet file may instead hold its vectors in one column of lists; its other columns are then left out.
        An array of float32 or float64 is used as it is, without a copy; integers beyond 2²⁴ become float64.
    ids : sequence of str, optional
        Names of the vectors, in place of the source's own or of ``"0"``, ``"1"``, ...
    labels : path, LabelTable or sequence of length n, optional
        Labels in place of the source's own, as in `Images`.

    Attributes
    ----------
    array : ndarray of float32 or float64, shape (n, d)
    ids : list of str
    labels : ndarray of int64, shape (n,), or None
    classes : list of str or None
    columns : list of str or None
        Names of the features, if the source was a table of them.

    Raises
    ------
    UnlabeledError
        If the source is not two-dimensional or not numeric, is empty, or holds NaN or infinity.

    Examples
    --------
    >>> import torch
    >>> vectors = Vectors([[0, 1], [2, 3], [4, 5]])
    >>> vectors.gather(torch.tensor([2, 0])).values
    tensor([[4., 5.],
            [0., 1.]])
    """

    kind: ClassVar[str] = "vector"
    labels: NDArray[np.int64] | None
    classes: list[str] | None

    def __init__(self, source: Any, ids: Sequence[str] | None = None, labels: Any = None) -> None:
        name, numbers = _numbers(source)
        self.source, self.columns = name, numbers.columns
        self.array = _checked(numbers.array, numbers.columns, name)
        self.given = numbers.array  # not rounded to float32, for what compares rows far from zero
        self.ids = list(ids) if ids is not None else numbers.ids or [str(i) for i in range(len(self.array))]
        if len(self.ids) != len(self):
            raise UnlabeledError(f"{len(self.ids)} ids for {len(self)} vectors; there must be one each")
        labels = numbers.labels if labels is None else labels
        self.labels, self.classes = (None, None) if labels is None else labels_of(labels, self.ids)

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        return f"Vectors({len(self):,} of {self.array.shape[1]} numbers from {self.source})"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the ids and the numbers; worked out when first asked for."""
        return fingerprint([*self.ids, self.array])

    def gather(self, indices: Tensor) -> Batch:
        """Give the vectors at `indices`, values of shape (n, d), in memory of their own."""
        import torch  # tables are read and clustered without it

        values = torch.from_numpy(self.array[indices.cpu().numpy()])
        return Batch(values, labels_at(self.labels, indices), indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead; see `prefetched`."""
        return prefetched(self.gather, index_batches, prefetch)


def _numbers(source: Any) -> tuple[str, Numbers]:
    """Find out what `source` is and get its numbers out."""
    if isinstance(source, (str, os.PathLike)):
        path = existing(os.fspath(source))
        return str(path), _from_file(path)
    if is_frame(source):
        return "the data frame", from_frame(source)
    if hasattr(source, "toarray"):
        raise UnlabeledError("the vectors are a sparse matrix; make them dense with .toarray()")
    try:
        return "the array", Numbers(as_array(source))
    except ValueError as error:
        raise UnlabeledError(f"the rows are not lists of numbers of one length: {error}") from error


def _from_file(path: Path) -> Numbers:
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        array, labels = load_array(path)
        return Numbers(array, labels=labels)
    if suffix in TABLES:
        return read_numbers(path)
    raise UnlabeledError(f"{path}: vectors are read from .npy, .npz, .csv, .tsv or .parquet, not {suffix or 'this'}")


def _checked(array: NDArray[Any], columns: list[str] | None, name: str) -> NDArray[Any]:
    if array.ndim != 2:
        hint = "; for one feature a row use x.reshape(-1, 1)" if array.ndim == 1 else ""
        raise UnlabeledError(f"{name} has shape {array.shape}, but vectors are (rows, features){hint}")
    if array.size == 0:
        raise UnlabeledError(f"{name} holds no numbers: its shape is {array.shape}")
    if array.dtype.kind not in "fiub":
        raise UnlabeledError(f"{name} is of type {array.dtype}; vectors are real numbers")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(_exact_type(array))
    _check_finite(array, columns, name)
    return array


def _exact_type(array: NDArray[Any]) -> type[np.floating[Any]]:
    """Give float32 where it holds every number of the array exactly, or the array is no more exact, else float64."""
    if array.dtype.kind == "f":
        return np.float32 if array.dtype.itemsize < 4 else np.float64
    largest = max(-int(array.min()), int(array.max()))  # Python's integers: int64 does not hold −(−2⁶³)
    return np.float32 if largest <= 2**24 else np.float64


def _check_finite(array: NDArray[Any], columns: list[str] | None, name: str) -> None:
    if (found := first_not_finite(array)) is not None:
        row, column = found.row, found.column
        where = f"column {column}" if columns is None else f"column {columns[column]!r}"
        values = "1 value that is" if found.total == 1 else f"{found.total:,} values that are"
        raise UnlabeledError(
            f"{name} holds {values} not finite, the first {array[row, column]} in row {row}, {where}; "
            "fill in or drop such rows before learning"
        )
