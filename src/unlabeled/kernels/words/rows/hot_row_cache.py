"""A thread's own copies of the rows that all threads change most often.

If several threads write to a row, it travels between the caches of their processors each time. So each thread works on
copies of the first rows of a matrix, which belong to the most frequent words, and merges them now and then. Let `known`
be the row as the thread last saw it. A merge is

    shared ← shared + own − known,        own ← shared,        known ← shared.

So a thread sees the changes of the others late, but none is lost. Threads that do not see each other for long move a
row in the same direction and together too far. So rows are merged about as often as they are used: every second turn is
for one of the first `FIRST` rows, every fourth turn for one of the rows after them, up to four times as many, and so
on. More than `MOST` threads make no copies.

The copies begin a whole number of rows away from the matrix (`rows_beside`). So one row number, added to the address of
the matrix, finds a copied row as well as any other row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.layout import aligned_rows
from unlabeled.kernels.simd import L1, add, load, register_width, store, sub
from unlabeled.kernels.words.rows.row_operations import copy_row, prefetch_row

MOST, FIRST = 8, 8


@inlined
def copied_rows(matrix: Any, threads: int, wanted: int) -> int:  # pragma: no cover - compiled
    """Tell how many rows a thread copies."""
    return min(wanted, len(matrix)) if 1 < threads <= MOST else 0


@inlined
def rows_beside(matrix: Any, rows: int) -> Any:  # pragma: no cover - compiled
    """Make a matrix that begins a whole number of rows away from another one; its numbers are not set."""
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
    """Merge row k: bring the matrix and the copies up to date."""
    for d in range(0, dim, register_width(matrix)):
        changed = sub(load(own, (k, d)), load(known, (k, d)))
        both = add(load(matrix, (k, d)), changed)
        store(matrix, (k, d), both)
        store(own, (k, d), both)
        store(known, (k, d), both)


@inlined
def merge_all(matrix: Any, own: Any, known: Any, count: int, dim: int) -> None:  # pragma: no cover - compiled
    """Merge all rows."""
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
    """Merge one of `count` rows, and prefetch the row whose turn comes `ahead` turns later."""
    if count > 0:
        merge(matrix, own, known, whose_turn(turn, count), dim)
        prefetch_row(matrix, whose_turn(turn + ahead, count), dim, L1)
