"""A thread's own copies of the rows that all threads want all the time.

A row that several threads write travels between the caches of their processors each time. So each works on copies of
the first rows of a matrix, which hold what is written most, and now and then brings one of them up to date: with
`known`, the row as it last saw it,

    shared ← shared + own − known,        own ← shared,        known ← shared.

What the others do to a row is thus seen late, but nobody's changes are lost. Threads that do not see each other move a
row the same way, and together too far if they do so for long. So the rows are brought up to date about as often as they
are used: every second turn is one of the first `FIRST` rows', every fourth one of the next ones', up to four times as
many, and so on. More than `MOST` threads make no copies.

A copy lies a whole number of rows away from the matrix (`rows_beside`), so a number names it as it names other rows,
and what asks for rows ahead of their use asks for the copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.layout import aligned_rows
from unlabeled.kernels.words.lanes import WIDTH, add, load, mul, splat, store
from unlabeled.kernels.words.row_operations import copy_row, prefetch_row

MOST, FIRST = 8, 8


@inlined
def copied_rows(matrix: Any, threads: int, wanted: int) -> int:  # pragma: no cover - compiled
    """Tell how many rows a thread copies."""
    return min(wanted, len(matrix)) if 1 < threads <= MOST else 0


@inlined
def rows_beside(matrix: Any, rows: int) -> Any:  # pragma: no cover - compiled
    """Make a matrix that begins a whole number of rows away from another one; its numbers are to be written yet."""
    width = matrix.shape[1]
    memory = np.empty((rows + 1) * width, matrix.dtype)
    start = (matrix.ctypes.data - memory.ctypes.data) % (width * matrix.itemsize) // matrix.itemsize
    return memory[start : start + rows * width].reshape((rows, width))


@inlined
def rows_between(matrix: Any, own: Any) -> int:  # pragma: no cover - compiled
    """Tell how many rows after the first one of a matrix the first one of `rows_beside` lies."""
    return (own.ctypes.data - matrix.ctypes.data) // matrix.strides[0]  # type: ignore[no-any-return]  # Numba has no types


@inlined
def row_of(row: int, copied: int, away: int) -> Any:  # pragma: no cover - compiled
    """Give the number of the row to work on, counted from the first of the matrix: `away` from it, if it is copied."""
    return np.int64(row) + away if row < copied else np.int64(row)


@inlined
def own_copies(matrix: Any, threads: int, wanted: int, dim: int) -> Any:  # pragma: no cover - compiled
    """Copy the first rows: give them, the same as `known`, how many there are, and how far they lie `away`."""
    copied = copied_rows(matrix, threads, wanted)
    own, known = rows_beside(matrix, copied), aligned_rows(copied, dim, matrix)
    for k in range(copied):
        copy_row(own, k, matrix, k, dim)
        copy_row(known, k, matrix, k, dim)
    return own, known, copied, rows_between(matrix, own)


@inlined
def merge(matrix: Any, own: Any, known: Any, k: int, dim: int) -> None:  # pragma: no cover - compiled
    """Bring row k up to date, in the matrix and in the copies."""
    minus = splat(matrix.dtype.type(-1))
    for d in range(0, dim, WIDTH):
        changed = add(load(own, (k, d)), mul(minus, load(known, (k, d))))
        both = add(load(matrix, (k, d)), changed)
        store(matrix, (k, d), both)
        store(own, (k, d), both)
        store(known, (k, d), both)


@inlined
def merge_all(matrix: Any, own: Any, known: Any, count: int, dim: int) -> None:  # pragma: no cover - compiled
    """Bring all rows up to date."""
    for k in range(count):
        merge(matrix, own, known, k, dim)


@inlined
def whose_turn(turn: int, count: int) -> int:  # pragma: no cover - compiled
    """Give the row that is next: rows of the first group every second turn, of the next one every fourth, and so on."""
    turn, start, end = turn + 1, 0, FIRST
    while turn % 2 == 0 and end < count:
        turn, start, end = turn // 2, end, 4 * end
    return start + (turn // 2 if end < count else turn) % (min(end, count) - start)


@inlined
def merge_in_turn(
    matrix: Any, own: Any, known: Any, count: int, turn: int, ahead: int, dim: int
) -> None:  # pragma: no cover - compiled
    """Bring one of `count` rows up to date, and ask for the row that will be `ahead` turns later."""
    if count > 0:
        merge(matrix, own, known, whose_turn(turn, count), dim)
        prefetch_row(matrix, whose_turn(turn + ahead, count), dim)
