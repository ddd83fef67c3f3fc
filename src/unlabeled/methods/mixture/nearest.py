"""The nearest centre of every row, and what the rows of each centre add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.methods.mixture.kernels.assign import CHUNK, assign
from unlabeled.methods.mixture.kernels.assign_sparse import assign_sparse
from unlabeled.methods.mixture.kernels.registers import aligned, width_of

Floats = NDArray[np.float64]


@dataclass
class Assigned:
    """Statistics of some rows and their nearest centres; those of blocks are merged in the order of the blocks."""

    sums: Floats
    """Weighted sums of the rows of each centre, less the mean; shape (k, d)."""
    counts: Floats
    """Sums of their weights, shape (k,)."""
    inertia: float
    """Σ weight · ‖x − c‖²."""
    changed: int
    """Rows whose nearest centre is another than before."""

    @classmethod
    def none(cls, k: int, d: int) -> Assigned:
        """Give the statistics of no rows."""
        return cls(np.zeros((k, d)), np.zeros(k), 0.0, 0)

    def merge(self, other: Assigned) -> None:
        """Add another's statistics to these."""
        self.sums += other.sums
        self.counts += other.counts
        self.inertia += other.inertia
        self.changed += other.changed


class Centres:
    """Centres laid out for the kernels.

    Parameters
    ----------
    centres : ndarray, shape (k, d)
        Less the mean.
    mean : ndarray, shape (d,)
        To be taken off dense rows before they are compared; zeros for sparse ones.
    dtype : dtype
        Of the rows, float32 or float64.
    sparse : bool
        Whether the rows are CSR matrices.
    """

    def __init__(self, centres: NDArray[Any], mean: NDArray[Any], dtype: Any, sparse: bool) -> None:
        self.k, self.d = centres.shape
        self.dtype, self.sparse = np.dtype(dtype), sparse
        self._mean = np.ascontiguousarray(mean, dtype=dtype)
        width = width_of(dtype)
        self._width, self._whole = width, np.int32 if self.dtype.itemsize == 4 else np.int64
        halves = -0.5 * np.einsum("kd,kd->k", centres, centres, dtype=np.float64)
        if sparse:
            self._across = aligned((self.d, _up(self.k, width)), dtype)
            self._across[:, : self.k] = centres.T
            self._offsets = aligned((self._across.shape[1],), dtype)
        else:
            self._panels = panels(centres, dtype, 2 * width)
            self._offsets = aligned((len(self._panels), 2 * width), dtype)
            self._rows = aligned((self.k, _up(self.d, width)), dtype)
            self._rows[:, : self.d] = centres
        self._offsets.fill(-np.inf)
        self._offsets.reshape(-1)[: self.k] = halves

    def assign(
        self, rows: Any, labels: NDArray[np.int32], weights: NDArray[Any] | None = None, *, add: bool = True
    ) -> Assigned:
        """Find the nearest centre of each row; among centres at equal distance, the first.

        Parameters
        ----------
        rows : ndarray or CSR matrix, shape (n, d)
            Of the type the centres were laid out for.
        labels : ndarray of int32, shape (n,)
            The last assignment, or −1; changed in place.
        weights : ndarray, shape (n,), optional
            Weights of the rows.
        add : bool, default True
            Whether to add up the rows of each centre; if not, `sums` and `counts` are empty.
        """
        weights = read_only(np.zeros(0) if weights is None else weights, self.dtype)
        k, width = self.k if add else 0, self._width
        counts = np.zeros(k)
        if self.sparse:
            sums = np.zeros((k, self.d))
            csr = (read_only(rows.data, self.dtype), read_only(rows.indices), read_only(rows.indptr))
            scores, zeros = aligned((len(self._offsets),), self.dtype), aligned((width,), self._whole)
            laid = (self._across, self._offsets, self.k)
            inertia, changed = assign_sparse(*csr, *laid, weights, labels, sums, counts, scores, zeros)
            return Assigned(sums, counts, inertia, changed)
        dim = self._rows.shape[1]
        sums = aligned((k, dim), self.dtype)
        memory, best = aligned((CHUNK, dim), self.dtype), aligned((CHUNK, width), self.dtype)
        room = (memory, best, aligned((CHUNK, width), self._whole))
        dense = (self._mean, self._panels, self._offsets, self._rows)
        inertia, changed = assign(read_only(rows, self.dtype), *dense, weights, labels, sums, counts, *room)
        return Assigned(sums[:, : self.d].astype(np.float64), counts, inertia, changed)


def read_only(array: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """Give a contiguous array that cannot be written: Numba compiles anew for those that can, and one is enough."""
    view: NDArray[Any] = np.ascontiguousarray(array, dtype=dtype)[...]
    view.flags.writeable = False
    return view


def panels(vectors: NDArray[Any], dtype: Any, width: int) -> NDArray[Any]:
    """Lay out vectors for lanes: shape (panels, d, width), zeros beyond the last."""
    count, d = vectors.shape
    padded = np.zeros((_up(count, width), d), dtype)
    padded[:count] = vectors
    laid = aligned((len(padded) // width, d, width), dtype)
    laid[:] = padded.reshape(-1, width, d).transpose(0, 2, 1)
    return laid


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
