"""The order in which GloVe visits the nonzeros: in tiles that stay in cache, by rounds that keep threads apart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.random import seeded
from unlabeled.kernels.words.glove_kernel import arrange

Integers = NDArray[np.int64]

STRIP = 1 << 18  # bytes of a strip of rows: one of words and one of contexts fill half of a cache of a MiB
GROUPS = 64  # at most so many groups of rows
ENOUGH = 1 << 14  # nonzeros of a rectangle, on average, that are worth a call: about a millisecond of work


@dataclass(frozen=True)
class Tiling:
    """Nonzeros in rectangles: those whose row is in one group of words and whose column is in another.

    Words are divided into groups of about equally many nonzeros. Two rectangles that share neither their rows nor
    their columns touch different memory, so threads can take them at the same time, and the result is that of taking
    them one after the other (Gemulla, Nijkamp, Haas & Sismanis, Large-scale matrix factorization with distributed
    stochastic gradient descent, KDD 2011). A round is one rectangle of each group of rows, with all different groups
    of columns. Nothing here depends on the number of threads.

    Within a rectangle the nonzeros are in tiles of few enough rows and columns that they stay in the cache.

    Attributes
    ----------
    places : ndarray of int32, shape (nonzeros, 2)
        Row and column.
    targets : ndarray of float32, shape (nonzeros, 2)
        log X_ij and f(X_ij).
    bounds : ndarray of int64, shape (strips of rows, groups + 1)
        Where each strip's nonzeros in each group of columns begin.
    firsts : ndarray of int64, shape (groups + 1,)
        The first strip of each group of rows.
    """

    places: NDArray[np.int32]
    targets: NDArray[np.float32]
    bounds: Integers
    firsts: Integers

    @classmethod
    def of(cls, X: Any, row_bytes: int, x_max: float, alpha: float, seed: int, workers: int) -> Tiling:
        """Arrange the nonzeros of X, a csr_array, for rows of `row_bytes`."""
        ends, columns = X.indptr.astype(np.int64), X.indices.astype(np.int32, copy=False)
        groups = min(GROUPS, max(1, isqrt(X.nnz // ENOUGH)))
        starts = np.unique(np.searchsorted(ends, np.linspace(0, X.nnz, groups + 1)[1:-1]))
        starts = np.array([0, *starts[(starts > 0) & (starts < X.shape[0])], X.shape[0]])
        rows = max(16, STRIP // row_bytes)
        strips = np.concatenate([*(np.arange(*group, rows) for group in pairwise(starts)), starts[-1:]])
        firsts = np.searchsorted(strips, starts)
        strip_of = np.repeat(np.arange(len(strips) - 1), np.diff(strips))
        places, targets = np.empty((X.nnz, 2), np.int32), np.empty((X.nnz, 2), np.float32)

        def strip(s: int) -> Integers:
            first, last, state = strips[s], strips[s + 1], seeded(seed, s)
            filled = arrange(ends, columns, X.data, first, last, strip_of, x_max, alpha, state, places, targets)
            chosen: Integers = filled[firsts]
            return chosen

        with ThreadPoolExecutor(workers) as pool:
            bounds = np.stack(list(pool.map(strip, range(len(strips) - 1))))
        return cls(places, targets, bounds, firsts)

    @property
    def groups(self) -> int:
        """How many groups of words there are, and how many rounds in an epoch."""
        return len(self.firsts) - 1

    def rounds(self, seed: int, epoch: int) -> list[list[tuple[Integers, Integers]]]:
        """Give the rounds of an epoch: for each rectangle where its tiles begin and end, the largest one first."""
        rng = np.random.default_rng([seed, epoch])
        rows, columns, shifts = (rng.permutation(self.groups) for _ in range(3))
        return [
            sorted(
                (self.rectangle(row, column) for row, column in zip(rows, np.roll(columns, shift), strict=True)),
                key=lambda tiles: int((tiles[0] - tiles[1]).sum()),
            )
            for shift in shifts
        ]

    def rectangle(self, row: int, column: int) -> tuple[Integers, Integers]:
        """Give where the tiles of one group of rows and one of columns begin and end."""
        strips = self.bounds[self.firsts[row] : self.firsts[row + 1]]
        return strips[:, column].copy(), strips[:, column + 1].copy()
