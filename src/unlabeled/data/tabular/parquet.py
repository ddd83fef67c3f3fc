"""Pictures and columns in parquet files, read a row group at a time."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unlabeled.data.classes import UNLABELLED, class_name, classes_in, encode, encode_values
from unlabeled.data.fingerprint import file_digest, fingerprint
from unlabeled.data.image.decode import UnreadableError
from unlabeled.data.tabular.columns import LABEL_COLUMNS, find_column
from unlabeled.errors import UnlabeledError
from unlabeled.memory import check_memory, free_memory

# Row groups kept decompressed, so that random access to a file of this size reads each group once.
GROUP_CACHE_BYTES = 128 << 20
CELL = 8
"""Bytes that a value takes at least, once it is read."""


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read columns of a parquet file, by default all, if they fit into memory.

    Raises
    ------
    UnlabeledError
        If it cannot be read, or is too large.
    """
    try:
        # Not read_table, which loads pyarrow's data sets and query engine: 150 MB for nothing.
        with pq.ParquetFile(path) as parquet:
            check_parquet_memory(parquet, path, columns)
            return parquet.read(columns=columns)
    except (OSError, UnicodeError, pa.ArrowException) as error:
        what = (
            f"the column {columns[0]!r} of {path}"
            if columns is not None and len(columns) == 1
            else f"{path} as parquet"
        )
        raise UnlabeledError(f"cannot read {what}: {error}") from error


def stacked_lists(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """Give a column of lists of numbers as an array of as many rows.

    Raises
    ------
    ValueError
        If a list is missing, or they differ in length.

    Examples
    --------
    >>> stacked_lists(pa.array([[1, 2], [3, 4]])).tolist()
    [[1, 2], [3, 4]]
    """
    lengths = np.asarray(pc.list_value_length(column))
    if column.null_count or (lengths != lengths[:1]).any():
        raise ValueError("the lists must all be there and of one length")
    numbers = np.asarray(pc.list_flatten(column))
    return numbers.reshape(len(lengths), len(numbers) // max(1, len(lengths)))


def check_parquet_memory(
    parquet: pq.ParquetFile, path: Path, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
) -> None:
    """Refuse columns that would not fit into memory: a few hundred bytes may stand for billions of equal values.

    Parameters
    ----------
    parquet : ParquetFile
    path : Path
        What to call it in messages.
    columns : sequence of str, optional
        The columns to be read; by default all.
    groups : sequence of int, optional
        The row groups to be read; by default all.
    """
    remedy = "read it in parts, or keep the columns that are needed"
    metadata = parquet.metadata
    groups = range(metadata.num_row_groups) if groups is None else groups
    cells, most, repeated = 0, 0, set()
    for chunk in (metadata.row_group(group).column(place) for group in groups for place in range(metadata.num_columns)):
        leaf = chunk.path_in_schema
        if columns is not None and not any(leaf == name or leaf.startswith(f"{name}.") for name in columns):
            continue
        cells += chunk.num_values
        if chunk.physical_type == "BYTE_ARRAY" and any("DICTIONARY" in name for name in chunk.encodings):
            most += chunk.num_values * chunk.total_uncompressed_size
            repeated.add(leaf)
    what = f"{path} with {metadata.num_rows:,} rows"
    check_memory(CELL * cells, what, remedy)
    free = free_memory()
    if free is not None and CELL * cells + most > free:  # only then are the lengths of what repeats looked at
        check_memory(CELL * cells + _bytes_of(path, sorted(repeated), list(groups)), what, remedy)


def _bytes_of(path: Path, leaves: list[str], groups: list[int]) -> int:
    """Give the bytes of texts and pictures once each stands where it is repeated."""
    total = 0
    with pq.ParquetFile(path, read_dictionary=leaves) as parquet:
        for leaf in leaves:
            for chunk in parquet.read_row_groups(groups, columns=[leaf]).column(0).chunks:
                while pa.types.is_struct(chunk.type):
                    chunk = chunk.field(0)
                if pa.types.is_dictionary(chunk.type):
                    lengths = np.asarray(pc.fill_null(pc.binary_length(chunk.dictionary), 0), np.int64)
                    used = np.bincount(np.asarray(chunk.indices.drop_null()), minlength=len(lengths))
                    total += int(lengths @ used[: len(lengths)])
                else:
                    total += chunk.nbytes
    return total


def schema_of(path: Path) -> pa.Schema:
    """Read a parquet file's schema; a file that is none is an error that names it."""
    try:
        return pq.read_schema(path)
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise UnlabeledError(f"cannot read {path} as parquet: {error}") from error


def read_column(path: Path, name: str) -> list[Any]:
    """Read one column of a parquet file, or one field of a struct (``image.path``), as Python values."""
    try:
        column = read_parquet(path, [name]).column(0)
    except IndexError:
        raise UnlabeledError(f"{path} has no column {name!r}") from None
    values: list[Any] = (column.flatten()[0] if pa.types.is_struct(column.type) else column).to_pylist()
    return values


def class_names(schema: pa.Schema, column: str) -> list[str] | None:
    """Give the names of a ClassLabel column from the Hugging Face metadata, or None if there are none."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
    except (KeyError, TypeError, ValueError):
        return None
    return names if isinstance(names, list) else None


def image_column(schema: pa.Schema) -> str | None:
    """Give the column that holds encoded pictures: ``image`` if it does, else the only one that does, else None."""
    names = [field.name for field in schema if _is_bytes(field.type) or _holds_bytes(field.type)]
    if len(names) > 1 and "image" not in names:
        raise UnlabeledError(f"several columns hold bytes ({', '.join(names)}); call the one with the images 'image'")
    return "image" if "image" in names else next(iter(names), None)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _holds_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind)) and any(field.name == "bytes" and _is_bytes(field.type) for field in kind)


def _is_class(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    kinds = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string)
    return any(is_one(value) for is_one in kinds)


class ParquetImages:
    """Pictures in parquet files of the Hugging Face image layout.

    Attributes
    ----------
    ids : list of str
        The pictures' own paths if every one has one and no two are the same, else their numbers.
    """

    def __init__(self, files: Sequence[Path], root: Path) -> None:
        self._files, self._root = list(files), root
        schema = schema_of(self._files[0])
        column = image_column(schema)
        if column is None:
            raise UnlabeledError(
                f"{self._files[0]} has no column of images (bytes, or a struct with bytes and path); "
                f"its columns are {', '.join(schema.names)}"
            )
        nested = _holds_bytes(schema.field(column).type)
        self._leaf = f"{column}.bytes" if nested else column
        self._groups: list[tuple[Path, int]] = []
        ends = [0]
        for file in self._files:
            if schema_of(file).names != schema.names:
                raise UnlabeledError(f"{file} has other columns than {self._files[0]}; they cannot be read as one")
            metadata = pq.read_metadata(file)
            for group in range(metadata.num_row_groups):
                self._groups.append((file, group))
                ends.append(ends[-1] + metadata.row_group(group).num_rows)
        self._starts = ends
        if not len(self):
            raise UnlabeledError(f"{root} holds no images: its tables have no rows")
        self._cached: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        self._lock = Lock()
        has_paths = nested and any(field.name == "path" for field in schema.field(column).type)
        self.ids = self._names(f"{column}.path" if has_paths else None)
        self.labels: NDArray[np.int64] | None = None
        self.classes: list[str] | None = None
        label = find_column(schema.names, LABEL_COLUMNS)
        if label is not None and _is_class(schema.field(label).type):
            self.labels, self.classes = self._labels(schema, schema.names[label])
        elif label is not None and pa.types.is_floating(schema.field(label).type):
            # What pandas makes of whole numbers some of which are missing.
            values = classes_in(np.array(self._column(schema.names[label]), dtype=np.float64))
            self.labels, self.classes = (None, None) if values is None else encode_values(values)

    def __len__(self) -> int:
        return self._starts[-1]

    def read(self, index: int) -> bytes:
        """Give one picture's bytes."""
        group = bisect_right(self._starts, index) - 1
        data = self._group(group)[index - self._starts[group]].as_py()
        if data is None:
            raise UnreadableError("the row holds no bytes")
        return bytes(data)

    def release(self) -> None:
        """Let go of the row groups."""
        with self._lock:
            self._cached.clear()
        pa.default_memory_pool().release_unused()

    def fingerprint(self) -> str:
        """Hash the files' names and contents."""
        names = [file.relative_to(self._root).as_posix() if file != self._root else file.name for file in self._files]
        return fingerprint(f"{name} {file_digest(file)}" for name, file in zip(names, self._files, strict=True))

    def _group(self, number: int) -> pa.ChunkedArray:
        with self._lock:  # threads that want the same group wait for one read of it
            if number not in self._cached:
                self._cached[number] = self._read_group(number)
                while len(self._cached) > 1 and sum(c.nbytes for c in self._cached.values()) > GROUP_CACHE_BYTES:
                    self._cached.popitem(last=False)
            self._cached.move_to_end(number)
            return self._cached[number]

    def _read_group(self, number: int) -> pa.ChunkedArray:
        file, group = self._groups[number]
        try:
            with pq.ParquetFile(file) as parquet:
                check_parquet_memory(parquet, file, [self._leaf], [group])
                column = parquet.read_row_group(group, columns=[self._leaf]).column(0)
        except (OSError, UnicodeError, pa.ArrowException) as error:
            raise UnlabeledError(f"cannot read row group {group} of {file}: {error}") from error
        return column.flatten()[0] if pa.types.is_struct(column.type) else column

    def _column(self, name: str) -> list[Any]:
        return [value for file in self._files for value in read_column(file, name)]

    def _names(self, leaf: str | None) -> list[str]:
        paths = [] if leaf is None else self._column(leaf)
        if paths and all(paths) and len(set(paths)) == len(paths):
            return paths
        return [str(i) for i in range(len(self))]

    def _labels(self, schema: pa.Schema, column: str) -> tuple[NDArray[np.int64], list[str]]:
        values, names = self._column(column), class_names(schema, column)
        if names is None:
            return encode([class_name(value) for value in values])
        labels = np.array([UNLABELLED if value is None or value < 0 else value for value in values], dtype=np.int64)
        if labels.max() >= len(names):
            row = int(labels.argmax())
            raise UnlabeledError(f"{self._root}, row {row}: label {labels[row]} of only {len(names)} named classes")
        return labels, names
