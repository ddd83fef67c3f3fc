"""Rows in blocks: an array, a mapped file, a sparse matrix or a stream, walked over in bounded memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.data.arrays import load_array
from unlabeled.data.finite import first_not_finite
from unlabeled.errors import UnlabeledError

BLOCK_BYTES = 1 << 21  # a block and what is made of it stay in a core's cache, or nearly
FEWEST_ROWS = 256  # however long the rows are, so that merging the statistics of a block costs less than making them

Rows = Any  # an ndarray of float32 or float64, shape (rows, d), C-contiguous, or a CSR matrix of them


@dataclass(frozen=True)
class Block:
    """Some consecutive rows, read when they are asked for, in the thread that asks."""

    start: int
    stop: int
    read: Callable[[], Rows]

    @property
    def rows(self) -> Rows:
        """The rows from `start` to `stop`: float32 or float64, a C-contiguous array or a CSR matrix."""
        return self.read()


class Blocks:
    """The rows of `source` in blocks, the same blocks whoever asks and however often.

    Where one block ends and the next begins depends on the shape and the type of the data only, so statistics that are
    merged in the order of the blocks do not depend on how many threads or machines made them. A stream is cut anew at
    those places, so it gives bit for bit what the same rows give in one array.

    Parameters
    ----------
    source : array of shape (n, d), CSR matrix, memmap, path of a ``.npy`` file, or stream
        A stream is anything that can be iterated over again and again and yields arrays of shape (any, d), or a
        function without arguments that returns a fresh iterator over them. Of a mapped file only the blocks in work
        are held in memory. Numbers other than float32 and float64 become float64, block by block.
    squared : bool, default False
        Refuse numbers whose squares overflow too, when everything is read.
    check : bool, default True
        Read everything once and refuse NaN and infinity. For a stream it is always done, because its rows must be
        counted too.
    block_bytes : int
        About the size of a block.

    Attributes
    ----------
    shape : tuple of int
        (n, d).
    dtype : numpy.dtype
        Of the rows that come out: float32 or float64.
    sparse : bool
        Whether they are CSR matrices.
    stream : bool
        Whether rows can only be read in order, so that `take` reads all of them.
    name : str
        What the source is called in messages.

    Raises
    ------
    UnlabeledError
        If the source is not two-dimensional, not numeric, empty, can be iterated over only once, or holds NaN or
        infinity; the message names the row.

    Examples
    --------
    >>> blocks = Blocks(np.arange(12.0).reshape(6, 2))
    >>> blocks.shape, len(blocks)
    ((6, 2), 1)
    >>> sum(block.rows.sum() for block in blocks)
    np.float64(66.0)
    """

    def __init__(
        self, source: Any, *, squared: bool = False, check: bool = True, block_bytes: int = BLOCK_BYTES
    ) -> None:
        self.name, self._squared = "the data", squared
        if isinstance(source, str | os.PathLike):
            self.name = os.fspath(source)
            source = load_array(Path(source))[0]
        self._array: Any = None
        self._stream: Callable[[], Iterator[Any]] | None = None
        if sp.issparse(source):
            self._array = sp.csr_matrix(source)  # type: ignore[call-overload]  # its types know no sparse base class
            if not self._array.has_canonical_format:  # entries of one place would be squared one by one
                self._array = self._array.copy()
                self._array.sum_duplicates()
        elif is_stream(source):
            self._stream = source if callable(source) else partial(iter, source)
        else:
            self._array = source if isinstance(source, np.ndarray) else np.asarray(source)
        self.sparse, self.stream = sp.issparse(self._array), self._stream is not None
        self._survey(block_bytes)
        if check and self._stream is None:
            for block in self:
                check_finite(block.rows, block.start, self.name, squared)

    def __len__(self) -> int:
        """Count the blocks."""
        return -(-self.shape[0] // self.rows_per_block)

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks in order."""
        if self._stream is not None:
            yield from self._streamed()
            return
        for start in range(0, self.shape[0], self.rows_per_block):
            stop = min(start + self.rows_per_block, self.shape[0])
            yield Block(start, stop, partial(self._slice, start, stop))

    def take(self, indices: Any, *, dense: bool = True) -> Rows:
        """Gather rows into one array of shape (len(indices), d); with `dense` false, sparse rows stay sparse."""
        indices = np.asarray(indices, dtype=np.int64)
        if self.sparse:
            rows = self._array[indices].astype(self.dtype, copy=False)
            return rows.toarray() if dense else rows
        if self._stream is None:
            return np.ascontiguousarray(_mapped_alone(self._array, 0, self.shape[0])[indices], dtype=self.dtype)
        found = np.empty((len(indices), self.shape[1]), self.dtype)
        for block in self:
            here = (block.start <= indices) & (indices < block.stop)
            found[here] = block.rows[indices[here] - block.start]
        return found

    def _survey(self, block_bytes: int) -> None:
        """Find out shape, type and the rows of a block."""
        if self._stream is not None:
            pieces = (_as_rows(piece, self.name) for piece in self._stream())
            rows, features, dtype = 0, None, np.dtype(np.float32)
            for piece in pieces:
                if features not in (None, piece.shape[1]):
                    raise UnlabeledError(
                        f"{self.name} has {features} columns up to row {rows}, and {piece.shape[1]} from there on"
                    )
                check_finite(piece, rows, self.name, self._squared)
                rows, features, dtype = rows + len(piece), piece.shape[1], np.promote_types(dtype, _real(piece.dtype))
            self.shape, self.dtype = (rows, features or 0), dtype
        else:
            array = self._array if self.sparse else _as_rows(self._array, self.name)
            if array.dtype.kind not in "fiub":
                raise UnlabeledError(f"{self.name} is of type {array.dtype}; rows are real numbers")
            self.shape, self.dtype = (int(array.shape[0]), int(array.shape[1])), _real(array.dtype)
        if 0 in self.shape:
            raise UnlabeledError(f"{self.name} holds no numbers: its shape is {self.shape}")
        row_bytes = self.shape[1] * self.dtype.itemsize
        if self.sparse:
            row_bytes = max(1, self._array.nnz * (self.dtype.itemsize + 4) // self.shape[0])
        self.rows_per_block = max(FEWEST_ROWS, block_bytes // row_bytes)

    def _slice(self, start: int, stop: int) -> Rows:
        if self.sparse:
            first, last = self._array.indptr[start], self._array.indptr[stop]
            parts = (self._array.data[first:last], self._array.indices[first:last])
            pointers = self._array.indptr[start : stop + 1] - first
            rows = sp.csr_matrix((*parts, pointers), shape=(stop - start, self.shape[1]), copy=False)
            return rows.astype(self.dtype, copy=False)
        return np.ascontiguousarray(_mapped_alone(self._array, start, stop), dtype=self.dtype)

    def _streamed(self) -> Iterator[Block]:
        """Cut the stream's pieces into blocks of the same size as those of an array."""
        assert self._stream is not None
        start, size = 0, 0
        held: list[NDArray[Any]] = []
        for piece in self._stream():
            rows = np.ascontiguousarray(piece, dtype=self.dtype)
            while size + len(rows) >= self.rows_per_block:
                cut = self.rows_per_block - size
                yield _block(start, [*held, rows[:cut]])
                start, held, size, rows = start + self.rows_per_block, [], 0, rows[cut:]
            held, size = [*held, rows.copy()], size + len(rows)  # a stream may fill the same memory again
        if size:
            yield _block(start, held)
        if start + size != self.shape[0]:
            raise UnlabeledError(
                f"{self.name} had {self.shape[0]} rows when it was first read and {start + size} now; "
                "a stream must yield the same rows every time"
            )


def is_stream(source: Any) -> bool:
    """Say whether `source` yields blocks of rows, rather than being rows."""
    if callable(source):
        return True
    whole = hasattr(source, "__len__") or hasattr(source, "__array__") or hasattr(source, "shape")
    if isinstance(source, Iterator):
        raise UnlabeledError(
            "the rows come from an iterator, which can be read only once; give a function that returns a fresh one, "
            "or an object whose __iter__ does"
        )
    return hasattr(source, "__iter__") and not whole


def check_finite(rows: Rows, first: int, name: str = "the data", squared: bool = False) -> None:
    """Refuse NaN and infinity, naming the row and the column of the first; `first` is the number of the first row.

    With `squared`, numbers are refused as well whose distances from others cannot be squared.
    """
    sparse: Any = rows if sp.issparse(rows) else None
    values = rows if sparse is None else sparse.data
    with np.errstate(over="ignore", invalid="ignore"):
        if squared and values.dtype.kind == "f":
            # One quick pass: the sum is finite only if every square is. BLAS is avoided, because its threads stay busy
            # for a while after a product and slow down ours.
            flat = values.ravel(order="K")
            if np.isfinite(np.einsum("i,i->", flat, flat)):
                return
    if (found := first_not_finite(rows)) is not None:
        where = f"row {first + found.row}, column {found.column}"
        raise UnlabeledError(f"{name} holds {found.value} in {where}; fill in or drop such rows")
    if squared and values.dtype.kind == "f":
        most = np.sqrt(np.finfo(values.dtype).max / (4 * rows.shape[1]))
        if (large := np.abs(values) > most).any():
            place = int(np.flatnonzero(large)[0])
            column = place % rows.shape[1] if sparse is None else sparse.indices[place]
            raise UnlabeledError(
                f"the numbers in column {column} are too large to be squared, such as {values[large][0]:.3g}; "
                "divide the column by something"
            )


def mean_and_variance(blocks: Blocks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure each column, in float64, merging the blocks by the formula of Chan, Golub and LeVeque (1983).

    Returns
    -------
    mean, variance : ndarray of float64, shape (d,)
        The variance is that of the rows there are (divided by n).
    """
    count, mean, squares = 0, np.zeros(blocks.shape[1]), np.zeros(blocks.shape[1])
    for block in blocks:
        rows, size = block.rows, block.stop - block.start
        if blocks.sparse:
            block_mean = np.asarray(rows.mean(axis=0, dtype=np.float64)).ravel()
            centred = rows.data - block_mean[rows.indices]
            stored = np.bincount(rows.indices, minlength=blocks.shape[1])
            block_squares = np.bincount(rows.indices, centred**2, minlength=blocks.shape[1])
            block_squares += (size - stored) * block_mean**2
        else:
            block_mean = rows.mean(axis=0, dtype=np.float64)
            centred = rows - block_mean
            block_squares = np.einsum("nd,nd->d", centred, centred)
        step = block_mean - mean
        squares += block_squares + step**2 * (count * size / (count + size))
        mean += step * (size / (count + size))
        count += size
    return mean, np.maximum(squares / count, 0)


def _as_rows(piece: Any, name: str) -> NDArray[Any]:
    array = np.asarray(piece)
    if array.ndim != 2:
        hint = "; for one feature a row use x.reshape(-1, 1)" if array.ndim == 1 else ""
        raise UnlabeledError(f"{name} has shape {array.shape}, but data are (rows, features){hint}")
    if array.dtype.kind not in "fiub":
        raise UnlabeledError(f"{name} is of type {array.dtype}; rows are real numbers")
    return array


def _real(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)


def _block(start: int, pieces: list[NDArray[Any]]) -> Block:
    rows = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    return Block(start, start + len(rows), lambda: rows)


def _mapped_alone(array: Any, start: int, stop: int) -> Any:
    """Slice rows; those of a mapped file get a mapping of their own.

    It is undone with the block. Pages of one large mapping would stay, and count as this process's memory.
    """
    whole = isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and array.flags.c_contiguous
    if not whole or array.filename is None or array.mode == "c":
        return array[start:stop]
    offset = array.offset + start * array.strides[0]
    return np.memmap(array.filename, array.dtype, "r", offset, (stop - start, array.shape[1]))
