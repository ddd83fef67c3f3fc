"""What k-means++ knows while it draws: how far each row is from the nearest row drawn so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.blocks import Block, Blocks
from unlabeled.kernels.kmeans.assign_dense import CHUNK
from unlabeled.kernels.kmeans.assign_sparse import measure_candidates_sparse
from unlabeled.kernels.kmeans.int8_products import LANES
from unlabeled.kernels.kmeans.k_means_plus_plus import TILE, measure_candidates
from unlabeled.kernels.kmeans.k_means_plus_plus_quantised import measure_candidates_quantised, round_rows, settle
from unlabeled.kernels.layout import aligned, panels, round_up, width_of
from unlabeled.methods.mixture.kmeans.nearest_centres import read_only
from unlabeled.methods.mixture.kmeans.quantised_centres import (
    quantise_centres,
    quantised_rows,
    quantised_start_is_faster,
    unit_of,
    workspace,
)
from unlabeled.methods.mixture.threads import Threads

Floats = NDArray[np.float64]

SAMPLE = 1024  # rows from which the middle of the data and the size of their numbers are judged


def distances(blocks: Blocks, k: int, trials: int, weights: Floats | None, pool: Threads) -> Distances:
    """Give those with which it is quicker to draw k rows."""
    n, d = blocks.shape
    if not blocks.sparse and quantised_start_is_faster(n, d, k):
        some = blocks.take(np.arange(0, n, -(-n // SAMPLE)))
        middle = some.mean(axis=0).astype(blocks.dtype)
        unit = unit_of(some - middle)
        if unit is not None:
            return QuantisedDistances(blocks, trials, weights, pool, middle, unit)
    return Distances(blocks, trials, weights, pool)


class Distances:
    """Squared distances of all rows to the nearest row drawn so far, and what candidates would make of them.

    Parameters
    ----------
    blocks : Blocks
        The rows.
    trials : int
        The most candidates of a step.
    weights : ndarray, shape (n,), optional
        Weights of the rows.
    pool : Threads
        Who works.
    """

    def __init__(self, blocks: Blocks, trials: int, weights: Floats | None, pool: Threads) -> None:
        self._blocks, self._pool, self._weights = blocks, pool, weights
        n = blocks.shape[0]
        self._padded = np.full(n + LANES, np.inf, blocks.dtype)  # whole registers of them are read, beyond the last too
        self._closest = self._padded[:n]
        self._candidate_distances = np.empty((trials, n), blocks.dtype)

    def potentials(self, candidates: list[int]) -> Floats:
        """Give what each candidate would leave of the squared distances: their weighted sums, (blocks, candidates)."""
        vectors = self._blocks.take(candidates)
        packed = panels(vectors, self._blocks.dtype, width_of(self._blocks.dtype))
        return np.array(list(self._pool.map(lambda block: self._measure(block, vectors, packed), self._blocks)))

    def take(self, best: int) -> None:
        """Make one of the candidates a row drawn."""
        self._closest[:] = self._candidate_distances[best]

    def of_rows(self, here: slice) -> NDArray[Any]:
        """Give the squared distances of some rows of one block."""
        return self._closest[here]

    def _measure(self, block: Block, vectors: NDArray[Any], packed: NDArray[Any]) -> Floats:
        here, own, count = slice(block.start, block.stop), self._weights_of(block), len(vectors)
        if self._blocks.sparse:
            return _sparse_potentials(
                block.rows, vectors, own, self._closest[here], self._candidate_distances[:count, here]
            )
        sums, memory = np.empty(count), aligned((TILE, packed.shape[2]), self._blocks.dtype)
        measure_candidates(
            read_only(block.rows),
            packed,
            count,
            own,
            self._closest[here],
            self._candidate_distances[:, here],
            sums,
            memory,
        )
        return sums

    def _weights_of(self, block: Block) -> NDArray[Any]:
        dtype = self._blocks.dtype
        return read_only(np.zeros(0) if self._weights is None else self._weights[block.start : block.stop], dtype)


class QuantisedDistances(Distances):
    """The same numbers, bit for bit, with rows kept as bytes too, by which most are ruled out before they are measured.

    Parameters
    ----------
    middle : ndarray, shape (d,)
        Taken off rows before they are rounded.
    unit : float
        The factor of all lengths that are rounded, see `unlabeled.kernels.kmeans.quantised_bounds`.
    """

    def __init__(
        self,
        blocks: Blocks,
        trials: int,
        weights: Floats | None,
        pool: Threads,
        middle: NDArray[Any],
        unit: float,
    ) -> None:
        super().__init__(blocks, trials, weights, pool)
        n, d = blocks.shape
        self._middle, self._unit, self._dim = read_only(middle), unit, round_up(d, LANES)
        self._improved = np.zeros(n, np.uint32)
        """Bit c: candidate c is nearer than all before, and `_candidate_distances` holds its distance."""
        self._best = 0
        self._quantised_rows = list(pool.map(self._round, blocks))

    def potentials(self, candidates: list[int]) -> Floats:
        """Give what each candidate would leave of the squared distances: their weighted sums, (blocks, candidates)."""
        vectors = self._blocks.take(candidates)
        packed = panels(vectors, self._blocks.dtype, width_of(self._blocks.dtype))
        moved = np.zeros((len(vectors), self._dim), self._blocks.dtype)
        moved[:, : vectors.shape[1]] = vectors - self._middle
        quantised = quantise_centres(moved, self._unit)

        def of_block(block: Block) -> Floats:
            here, end = slice(block.start, block.stop), round_up(block.stop - block.start, LANES) + block.start
            sums, memory = np.empty(len(vectors)), aligned((TILE, packed.shape[2]), self._blocks.dtype)
            known = (
                self._padded[block.start : end],
                self._candidate_distances[:, here],
                self._improved[here],
                self._best,
            )
            rows, own = read_only(block.rows), self._weights_of(block)
            found = np.empty(end - block.start + TILE, np.int64)
            bounds = (self._quantised_rows[block.start // self._blocks.rows_per_block], quantised, found)
            measure_candidates_quantised(rows, packed, len(vectors), own, *known, sums, memory, *bounds)
            return sums

        return np.array(list(self._pool.map(of_block, self._blocks)))

    def take(self, best: int) -> None:
        """Make one of the candidates a row drawn: blocks take it in when they are next looked at."""
        self._best = best

    def of_rows(self, here: slice) -> NDArray[Any]:
        """Give the squared distances of some rows of one block."""
        settle(self._closest[here], self._candidate_distances[:, here], self._improved[here], self._best)
        return self._closest[here]

    def _round(self, block: Block) -> Any:
        dtype, n = self._blocks.dtype, block.stop - block.start
        kept, memory = quantised_rows(n, self._dim), aligned((CHUNK, self._dim), dtype)
        room = (memory, kept, workspace(1, self._dim, dtype))
        round_rows(read_only(block.rows), self._middle, dtype.type(self._unit), *room)
        return kept


def _sparse_potentials(
    rows: Any, vectors: NDArray[Any], weights: NDArray[Any], closest: NDArray[Any], candidate_distances: NDArray[Any]
) -> Floats:
    count, d = vectors.shape
    across = aligned((d, round_up(count, width_of(np.float64))), np.float64)
    across[:, :count] = vectors.T
    norms, exact = np.einsum("dc,dc->c", across, across), np.full((2, across.shape[1]), -1.0)
    csr = (read_only(rows.data), read_only(rows.indices), read_only(rows.indptr))
    room = np.zeros(across.shape[1])
    measure_candidates_sparse(*csr, across, count, norms, exact, closest, candidate_distances, room)
    sums: Floats = (candidate_distances * weights if len(weights) else candidate_distances).sum(
        axis=1, dtype=np.float64
    )
    return sums
