"""The nearest centre of every row, and what the rows of each centre add up to."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.kmeans.assign_dense import CHUNK, assign
from unlabeled.kernels.kmeans.assign_quantised import assign_quantised
from unlabeled.kernels.kmeans.assign_sparse import assign_sparse, measure_sparse
from unlabeled.kernels.kmeans.int8_products import LANES
from unlabeled.kernels.kmeans.quantised_bounds import QuantisedRows
from unlabeled.kernels.layout import aligned, panels, round_up, width_of
from unlabeled.methods.mixture.kmeans.quantised_centres import (
    most_rivals,
    quantise_centres,
    quantised_rows,
    unit_of,
    workspace,
)

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
    by_bounds: int = 0
    """Rows for which not all centres were searched, because most were ruled out."""

    @classmethod
    def empty(cls, k: int, d: int) -> Assigned:
        """Give the statistics of no rows."""
        return cls(np.zeros((k, d)), np.zeros(k), 0.0, 0)

    def merge(self, other: Assigned) -> None:
        """Add another's statistics to these."""
        self.sums += other.sums
        self.counts += other.counts
        self.inertia += other.inertia
        self.changed += other.changed
        self.by_bounds += other.by_bounds


class Centres:
    """Centres laid out for the kernels.

    Parameters
    ----------
    centres : ndarray, shape (k, d)
        Less the mean.
    mean : ndarray, shape (d,)
        To be taken off dense rows before they are compared. Sparse rows are not moved, but it counts in their scores.
    dtype : dtype
        Of the rows, float32 or float64.
    sparse : bool
        Whether the rows are CSR matrices.
    quantise : bool, default False
        Whether to rule out most centres of dense rows by products of bytes, where the processor has them: see
        `unlabeled.kernels.kmeans.quantised_bounds` for how, and `quantised_centres.quantising_is_faster` for when.
    unit : float, optional
        The factor of all lengths that are rounded, a power of two; by default that of the centres.
    """

    def __init__(
        self,
        centres: NDArray[Any],
        mean: NDArray[Any],
        dtype: Any,
        sparse: bool,
        *,
        quantise: bool = False,
        unit: float | None = None,
    ) -> None:
        self.k, self.d = centres.shape
        self.dtype, self.sparse = np.dtype(dtype), sparse
        self._mean = np.ascontiguousarray(mean, dtype=dtype)
        width = width_of(dtype)
        self._width, self._whole = width, np.int32 if self.dtype.itemsize == 4 else np.int64
        halves = -0.5 * np.einsum("kd,kd->k", centres, centres, dtype=np.float64)
        if sparse:
            self._across = aligned((self.d, round_up(self.k, width)), dtype)
            self._across[:, : self.k] = centres.T
            self._offsets = aligned((self._across.shape[1],), dtype)
            self._sizes = aligned((2, self._across.shape[1]), dtype)
            given = self._across[:, : self.k]  # rounded to the rows' type
            norms = np.einsum("dk,dk->k", given, given, dtype=np.float64)
            halves, self._far = -0.5 * norms, read_only(np.zeros(0))
            self._sizes[0, : self.k] = np.sqrt(norms)
            if np.any(mean):
                self._far = read_only(mean, np.float64)
                norms = np.array([np.square(given[:, c] + self._far).sum() for c in range(self.k)])
                halves -= self._far @ given
            self._norms = read_only(norms)
            self._sizes[1, : self.k] = np.abs(halves)
        else:
            self._panels = panels(centres, dtype, 2 * width)
            self._offsets = aligned((len(self._panels), 2 * width), dtype)
            self._workspaces = threading.local()
            self._rows = aligned((self.k, round_up(self.d, LANES if quantise else width)), dtype)
            self._rows[:, : self.d] = centres
            fitting = unit_of(self._rows) if quantise else None
            self._quantised = None if fitting is None else quantise_centres(self._rows, unit or fitting)
        self._offsets.fill(-np.inf)
        self._offsets.reshape(-1)[: self.k] = halves

    def assign(
        self,
        rows: Any,
        labels: NDArray[np.int32],
        weights: NDArray[Any] | None = None,
        *,
        add: bool = True,
        kept: QuantisedRows | None = None,
    ) -> Assigned:
        """Find the nearest centre of each row; among centres at equal distance, the first.

        A search of all centres compares scores x·c − ‖c‖²/2 in the type of the rows, and quantised bounds compare
        distances ‖x − c‖² of those it leaves. Both find the nearest centre wherever the nearest two differ by more
        than the rounding of these numbers; among centres nearer to each other than that, either may find another one.

        Parameters
        ----------
        rows : ndarray or CSR matrix, shape (n, d)
            Of the type the centres were laid out for.
        labels : ndarray of int32, shape (n,)
            The last assignment, or −1; changed in place. It helps the bounds, and may be wrong.
        weights : ndarray, shape (n,), optional
            Weights of the rows.
        add : bool, default True
            Whether to add up the rows of each centre; if not, `sums` and `counts` are empty.
        kept : QuantisedRows, optional
            Where these rows are kept as bytes from one call to the next, less the same mean and in the same unit, if
            they are quantised; they are put there when they are not there yet.
        """
        weights = read_only(np.zeros(0) if weights is None else weights, self.dtype)
        k, width = self.k if add else 0, self._width
        counts = np.zeros(k)
        if self.sparse:
            sums = np.zeros((k, self.d))
            scores, zeros = aligned((len(self._offsets),), self.dtype), aligned((width,), self._whole)
            packed = (self._across, self._offsets, self.k, self._far, self._norms, self._exact(), self._sizes)
            inertia, changed = assign_sparse(*self._csr(rows), *packed, weights, labels, sums, counts, scores, zeros)
            if add and len(self._far):
                sums -= counts[:, None] * self._far
            return Assigned(sums, counts, inertia, changed)
        work = self._workspace()
        sums, dim = work.sums[:k], self._rows.shape[1]
        sums.fill(0)
        dense = (read_only(rows, self.dtype), self._mean, self._panels, self._offsets, self._rows)
        common = (*dense, weights, labels, sums, counts, *work.search)
        if self._quantised is None:
            (inertia, changed), by_bounds = assign(*common), 0
        else:
            bounds = (
                self._quantised,
                most_rivals(self.k, dim, self.dtype),
                kept or work.quantised_rows,
                kept is not None,
            )
            inertia, changed, by_bounds = assign_quantised(*common, *bounds, work.workspace)
        return Assigned(sums[:, : self.d].astype(np.float64), counts, inertia, changed, by_bounds)

    def squared_distances(self, rows: Any, labels: NDArray[np.int32]) -> Floats:
        """Give the squared distance of each sparse row to the centre that its label says."""
        distances = np.empty(len(labels))
        packed = (self._across, self._far, self._norms, self._exact())
        measure_sparse(*self._csr(rows), *packed, labels, distances)
        return distances

    def _csr(self, rows: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return read_only(rows.data, self.dtype), read_only(rows.indices), read_only(rows.indptr)

    def _exact(self) -> Floats:
        """Give this call room for the norms with twice the digits, which are made when they are needed."""
        return np.full((2, self.k), -1.0)

    def _workspace(self) -> _Workspace:
        """Give this thread's workspace, which serves all its blocks."""
        if not hasattr(self._workspaces, "own"):
            self._workspaces.own = _Workspace(
                self.k, self._rows.shape[1], self.dtype, quantise=self._quantised is not None
            )
        own: _Workspace = self._workspaces.own
        return own


def mean_of_sparse(mean: Floats, spread: float, dtype: Any) -> Floats:
    """Give what to take off the centres of sparse rows, whose squared distances from their mean are about `spread`.

    It is the mean if the rows lie far from zero for their spread, and zeros if not: scores then cost less.
    """
    far = float(np.square(mean).sum()) > spread
    return mean.astype(dtype).astype(np.float64) if far else np.zeros_like(mean)


def middle_of(centres: NDArray[Any], dtype: Any, sparse: bool) -> Floats:
    """Give what to take off rows and centres where only the centres are known: the middle of these."""
    middle: Floats = centres.mean(axis=0, dtype=np.float64)
    if sparse:
        return mean_of_sparse(middle, float(centres.var(axis=0, dtype=np.float64).sum()), dtype)
    return middle.astype(dtype).astype(np.float64)


class _Workspace:
    """What the kernels of dense rows of D columns work in."""

    def __init__(self, k: int, dim: int, dtype: Any, *, quantise: bool) -> None:
        width = width_of(dtype)
        place = aligned((CHUNK, width), np.int32 if width == LANES else np.int64)
        self.sums = aligned((k, dim), dtype)
        self.search = (aligned((CHUNK, dim), dtype), aligned((CHUNK, width), dtype), place)
        if quantise:
            self.quantised_rows, self.workspace = quantised_rows(LANES, dim), workspace(k, dim, dtype)


def read_only(array: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    """Give a contiguous array that cannot be written: Numba compiles anew for those that can, and one is enough."""
    view: NDArray[Any] = np.ascontiguousarray(array, dtype=dtype)[...]
    view.flags.writeable = False
    return view
