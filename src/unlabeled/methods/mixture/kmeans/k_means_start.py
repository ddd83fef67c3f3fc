"""Where k-means starts: centres drawn by k-means++, or rows at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.blocks import Blocks
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.kmeans.k_means_distances import Distances, distances
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
    far = distances(blocks, k, trials, weights, pool)
    potentials = far.potentials(drawn)[:, 0]
    far.take(0)
    for _ in range(1, k):
        places = random.uniform(size=trials) * potentials.sum()
        candidates = [_row_at(place, far, potentials, weights, blocks) for place in places]
        left = far.potentials(candidates)
        best = int(np.argmin(left.sum(axis=0)))
        drawn.append(candidates[best])
        far.take(best)
        potentials = left[:, best]
    return np.array(drawn, dtype=np.int64)


def trials_for(k: int) -> int:
    """Give the number of candidates of a step: 2 + ⌊ln k⌋."""
    return 2 + int(np.log(k))


def _shares(n: int, weights: Floats | None) -> Floats:
    return np.full(n, 1 / n) if weights is None else weights / weights.sum()


def _row_at(place: float, far: Distances, potentials: Floats, weights: Floats | None, blocks: Blocks) -> int:
    """Find the row at which the running sum of weighted squared distances reaches `place`: first its block, then it."""
    running, size = np.cumsum(potentials), blocks.rows_per_block
    block = min(int(np.searchsorted(running, place)), len(running) - 1)
    here = slice(block * size, min((block + 1) * size, blocks.shape[0]))
    masses = far.of_rows(here).astype(np.float64)
    masses = masses if weights is None else masses * weights[here]
    rest = place - (running[block - 1] if block else 0.0)
    return block * size + min(int(np.searchsorted(np.cumsum(masses), rest)), len(masses) - 1)
