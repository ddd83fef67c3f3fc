"""K-means as hard EM: q puts each row wholly into its nearest cluster, and θ is the clusters' means (Lloyd 1982).

With components N(c, σ²I) of equal weight and q restricted to certainty, F(q, θ) = −Σ ‖x − c‖² / 2σ² + constant. The E
step takes the nearest centre, the M step the mean of the rows that took it, and neither can raise Σ ‖x − c‖², the
inertia.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.blocks import Block, Blocks
from unlabeled.kernels.kmeans.int8_products import LANES
from unlabeled.kernels.kmeans.quantised_bounds import QuantisedRows
from unlabeled.kernels.layout import round_up
from unlabeled.methods.mixture.kmeans.nearest_centres import Assigned, Centres
from unlabeled.methods.mixture.kmeans.quantised_centres import (
    quantised_rows,
    quantising_is_faster,
    rows_may_be_kept,
    unit_for,
)
from unlabeled.methods.mixture.threads import Threads

Theta = NDArray[Any]
"""Centres less the mean of the data, shape (k, d), of the type of the rows."""


@dataclass(frozen=True)
class HardAssignment:
    """What the E step leaves: labels, and the statistics of the rows of each cluster."""

    labels: NDArray[np.int32]
    assigned: Assigned


class Lloyd:
    """The model that `expectation_maximisation` fits.

    Parameters
    ----------
    first : callable
        From a RandomState to the first centres, not moved by the mean.
    mean : ndarray, shape (d,)
        Taken off all rows; zeros for sparse ones that do not lie far from zero.
    weights : ndarray, shape (n,), optional
        Of the rows.
    pool : Threads
        Who works.
    tol : float
        The steps have settled when the squared moves of the centres add up to no more.
    spread : float
        The largest standard deviation of a column.
    """

    def __init__(
        self,
        first: Callable[[np.random.RandomState], NDArray[Any]],
        mean: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        pool: Threads,
        tol: float,
        spread: float,
    ) -> None:
        self._first, self._mean, self._weights, self._pool, self._tol = first, mean, weights, pool, tol
        self._spread = spread
        self._unit: float | None = None
        self._kept: dict[int, QuantisedRows] = {}

    def start(self, data: Blocks, random: np.random.RandomState) -> Theta:
        """Give the first centres, and forget the labels of an earlier ascent."""
        self._labels = np.full(data.shape[0], -1, np.int32)
        return (self._first(random) - self._mean).astype(data.dtype)

    def e_step(self, data: Blocks, theta: Theta) -> HardAssignment:
        """Assign every row to its nearest centre, and add up the rows of each."""
        quantise = not data.sparse and quantising_is_faster(data.shape[0], theta.shape, data.dtype)
        if quantise and not self._kept:
            self._keep(data)
        centres = Centres(theta, self._mean, data.dtype, data.sparse, quantise=quantise, unit=self._unit)
        assigned = Assigned.empty(*theta.shape)
        for statistics in self._pool.map(lambda block: self._partial(block, centres), data):
            assigned.merge(statistics)
        self._fill_empty(data, theta, assigned)
        return HardAssignment(self._labels, assigned)

    def m_step(self, q: HardAssignment, theta: Theta) -> Theta:
        """Take the mean of each cluster; a centre without rows stays where it is."""
        counts = q.assigned.counts[:, None]
        means = q.assigned.sums / np.where(counts > 0, counts, 1)
        return np.where(counts > 0, means, theta).astype(theta.dtype)

    def log_likelihood(self, q: HardAssignment) -> float:
        """Give F but for factor and constant: −inertia."""
        return -q.assigned.inertia

    def has_converged(self, before: Theta, after: Theta, q: HardAssignment) -> bool:
        """Say whether no row changed its cluster, or the centres hardly moved."""
        return q.assigned.changed == 0 or float(((after - before).astype(np.float64) ** 2).sum()) <= self._tol

    def _keep(self, data: Blocks) -> None:
        """Make room for the rows as bytes, which serve all steps and all starts, because the mean stays the same."""
        n, d = data.shape
        self._unit = unit_for(4 * self._spread, data.dtype)
        if self._unit is not None and rows_may_be_kept(n, d):
            size = data.rows_per_block
            self._kept = {
                first: quantised_rows(min(size, n - first), round_up(d, LANES)) for first in range(0, n, size)
            }

    def _partial(self, block: Block, centres: Centres) -> Assigned:
        here = slice(block.start, block.stop)
        weights = None if self._weights is None else self._weights[here]
        return centres.assign(block.rows, self._labels[here], weights, kept=self._kept.get(block.start))

    def _fill_empty(self, data: Blocks, theta: Theta, assigned: Assigned) -> None:
        """Move the rows farthest from their centres into the clusters that have none, one each.

        It is q that is changed: the centre of such a cluster becomes its one row, the old cluster's mean is taken
        without it, and inertia falls by its distance at least.
        """
        empty = np.flatnonzero(assigned.counts == 0)
        if not len(empty):
            return
        farthest: list[tuple[float, int]] = []
        for found in self._pool.map(lambda block: self._farthest(block, theta, len(empty)), data):
            farthest = sorted([*farthest, *found], key=lambda one: (-one[0], one[1]))[: len(empty)]
        rows = data.take([row for _, row in farthest]) - self._mean
        for cluster, (distance, row), vector in zip(empty, farthest, rows, strict=False):
            if distance == 0:  # fewer different rows than clusters
                break
            weight = 1.0 if self._weights is None else self._weights[row]
            old = self._labels[row]
            assigned.sums[old] -= weight * vector
            assigned.counts[old] -= weight
            assigned.sums[cluster], assigned.counts[cluster] = weight * vector, weight

    def _farthest(self, block: Block, theta: Theta, count: int) -> list[tuple[float, int]]:
        """Give (squared distance, row) of the rows of a block that are farthest from their centres."""
        here = slice(block.start, block.stop)
        rows = block.rows
        if hasattr(rows, "toarray"):
            distances = Centres(theta, self._mean, rows.dtype, sparse=True).squared_distances(rows, self._labels[here])
        else:
            steps = rows - self._mean.astype(rows.dtype) - theta[self._labels[here]]
            distances = np.einsum("nd,nd->n", steps, steps)
        if self._weights is not None:
            distances = np.where(self._weights[here] > 0, distances, 0)
        order = np.argsort(-distances, kind="stable")[:count]
        return [(max(0.0, float(distances[i])), block.start + int(i)) for i in order]
