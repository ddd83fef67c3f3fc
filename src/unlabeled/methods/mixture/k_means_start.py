"""Where k-means starts: centres drawn by k-means++, or rows at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.blocks import Block, Blocks
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.kernels.reach import TILE, reach
from unlabeled.methods.mixture.kernels.registers import aligned, panels, width_of
from unlabeled.methods.mixture.nearest import read_only
from unlabeled.methods.mixture.threads import Threads

Floats = NDArray[np.float64]


def random_rows(n: int, k: int, weights: Floats | None, random: np.random.RandomState) -> NDArray[np.int64]:
    """Draw k different rows with probability in proportion to their weights."""
    if weights is not None and np.count_nonzero(weights) < k:
        raise UnlabeledError(f"{k} rows cannot be drawn: only {np.count_nonzero(weights)} have a weight above 0")
    return random.choice(n, size=k, replace=False, p=_shares(n, weights)).astype(np.int64)


def k_means_plus_plus(
    blocks: Blocks, k: int, weights: Floats | None, random: np.random.RandomState, pool: Threads
) -> NDArray[np.int64]:
    """Draw k rows, each with probability in proportion to its squared distance to the nearest one drawn before.

    At every step 2 + ⌊ln k⌋ candidates are drawn, and the one is taken that leaves the smallest sum of squared
    distances (greedy k-means++). The random numbers are used as scikit-learn uses them.

    Parameters
    ----------
    blocks : Blocks
        The rows.
    k : int
        How many to draw.
    weights : ndarray, shape (n,), optional
        Weights of the rows; the probabilities are in proportion to them too.
    random : RandomState
        Where the draws come from.
    pool : Threads
        Who works.

    Returns
    -------
    ndarray of int64, shape (k,)
        Numbers of the rows drawn.

    References
    ----------
    .. [1] Arthur & Vassilvitskii, k-means++: The Advantages of Careful Seeding, SODA 2007.
    """
    n, trials = blocks.shape[0], trials_for(k)
    drawn = [int(random.choice(n, p=_shares(n, weights)))]
    closest, reached = np.full(n, np.inf, blocks.dtype), np.empty((trials, n), blocks.dtype)
    potentials = potentials_of(blocks, drawn, weights, closest, reached, pool)[:, 0]
    closest[:] = reached[0]
    for _ in range(1, k):
        places = random.uniform(size=trials) * potentials.sum()
        candidates = [_row_at(place, closest, potentials, weights, blocks.rows_per_block) for place in places]
        left = potentials_of(blocks, candidates, weights, closest, reached, pool)
        best = int(np.argmin(left.sum(axis=0)))
        drawn.append(candidates[best])
        closest[:], potentials = reached[best], left[:, best]
    return np.array(drawn, dtype=np.int64)


def trials_for(k: int) -> int:
    """Give the number of candidates of a step: 2 + ⌊ln k⌋."""
    return 2 + int(np.log(k))


def _shares(n: int, weights: Floats | None) -> Floats:
    return np.full(n, 1 / n) if weights is None else weights / weights.sum()


def potentials_of(
    blocks: Blocks,
    candidates: list[int],
    weights: Floats | None,
    closest: NDArray[Any],
    reached: NDArray[Any],
    pool: Threads,
) -> Floats:
    """Set `reached` to the distances each candidate would leave; give their sums, shape (blocks, candidates)."""
    count, width, dtype = len(candidates), width_of(blocks.dtype), blocks.dtype
    vectors = blocks.take(candidates)
    laid = panels(vectors, dtype, width)

    def of_block(block: Block) -> Floats:
        here = slice(block.start, block.stop)
        own = np.zeros(0, dtype) if weights is None else weights[here].astype(dtype)
        if blocks.sparse:
            return _sparse_potentials(block.rows, vectors, own, closest[here], reached[:count, here])
        sums, memory = np.empty(count), aligned((TILE, width), dtype)
        reach(read_only(block.rows), laid, count, read_only(own), closest[here], reached[:, here], sums, memory)
        return sums

    return np.array(list(pool.map(of_block, blocks)))


def _sparse_potentials(
    rows: Any, vectors: NDArray[Any], weights: NDArray[Any], closest: NDArray[Any], reached: NDArray[Any]
) -> Floats:
    squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    distances = (rows @ vectors.T).T * -2 + squares + np.einsum("cd,cd->c", vectors, vectors)[:, None]
    np.minimum(np.maximum(distances, 0), closest, out=reached)
    sums: Floats = (reached * weights if len(weights) else reached).sum(axis=1, dtype=np.float64)
    return sums


def _row_at(place: float, closest: NDArray[Any], potentials: Floats, weights: Floats | None, size: int) -> int:
    """Find the row at which the running sum of weighted squared distances reaches `place`: first its block, then it."""
    running = np.cumsum(potentials)
    block = min(int(np.searchsorted(running, place)), len(running) - 1)
    here = slice(block * size, (block + 1) * size)
    masses = closest[here].astype(np.float64)
    masses = masses if weights is None else masses * weights[here]
    rest = place - (running[block - 1] if block else 0.0)
    return block * size + min(int(np.searchsorted(np.cumsum(masses), rest)), len(masses) - 1)
