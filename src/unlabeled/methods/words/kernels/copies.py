"""A thread's own copies of the rows that all threads want all the time.

A row that several threads write at every word travels between the caches of their processors each time. So each works
on copies of the first rows of a matrix, and after every word it brings one of them up to date: with `known`, the row as
it last saw it,

    shared ← shared + own − known,        own ← shared,        known ← shared.

What the others do to a row is thus seen late, but nobody's changes are lost. Threads that do not see each other move a
row the same way, and together too far if they do so for long. So the first few rows, which nearly every word changes,
take turns among themselves at every other word, and more than `MOST` threads make no copies.
"""

from __future__ import annotations

from typing import Any

from unlabeled.methods.words.kernels.lanes import WIDTH, add, load, mul, splat, store
from unlabeled.methods.words.kernels.tiles import copy_row, inlined, prefetch_row

COPIED, FIRST, MOST = 255, 7, 8


@inlined
def copied_rows(matrix: Any, threads: int) -> int:  # pragma: no cover - compiled
    """Tell how many rows a thread copies."""
    return min(COPIED, len(matrix)) if 1 < threads <= MOST else 0


@inlined
def copy_first(matrix: Any, own: Any, known: Any, count: int, dim: int) -> None:  # pragma: no cover - compiled
    """Copy the first `count` rows."""
    for k in range(count):
        copy_row(own, k, matrix, k, dim)
        copy_row(known, k, matrix, k, dim)


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
def whose_turn(turn: int, count: int) -> int:  # pragma: no cover - compiled
    """Give the row that is next: by turns one of the `FIRST` and one of the others."""
    if turn % 2 and count > FIRST:
        return FIRST + turn // 2 % (count - FIRST)
    return turn // 2 % min(FIRST, count)


@inlined
def merge_in_turn(
    matrix: Any, own: Any, known: Any, count: int, turn: int, dim: int
) -> None:  # pragma: no cover - compiled
    """Bring one of `count` rows up to date, and ask for the row after the next."""
    if count > 0:
        merge(matrix, own, known, whose_turn(turn, count), dim)
        prefetch_row(matrix, whose_turn(turn + 2, count), dim)
