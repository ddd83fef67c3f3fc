r"""GloVe: put the nonzeros in order, and descend along them with AdaGrad.

For a nonzero X_ij, with d = wᵢ·w̃ⱼ + bᵢ + b̃ⱼ − log X_ij and f = f(X_ij), the cost is ½ f d² and its derivatives are

    by wᵢ: f d w̃ⱼ      by w̃ⱼ: f d wᵢ      by bᵢ and by b̃ⱼ: f d.

Writing the biases as coordinates, wᵢ ← (wᵢ, bᵢ, 1) and w̃ⱼ ← (w̃ⱼ, 1, b̃ⱼ), makes d one product minus log X_ij and all
four derivatives the first two. AdaGrad divides each coordinate's step by the root of a sum of squared steps,

    step = η ∂      x ← x − step / √s      s ← s + step²,

where s begins at 1, as in the authors' program. The two ones are held by sums that begin so high that no step moves
them. A row of the matrices holds coordinates and sums side by side, each part padded to whole registers with zeros,
which stay zero.

Most time goes into fetching rows. So nonzeros come in tiles: those of one strip of rows and one strip of columns. A
strip has so few rows that both strips of a tile stay in the second-level cache. Within a tile the order is random.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.random import below
from unlabeled.kernels.simd import L1, fma, inverse_root, load, mul, prefetch, register_width, splat, store, total

AHEAD = 4  # nonzeros by which their rows are prefetched ahead
HELD = 1e30  # where the sum of a coordinate begins that must not move

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Words = NDArray[np.int32]


@compiled
def arrange(
    ends: Integers,
    columns: Words,
    counts: NDArray[np.float64],
    first: int,
    last: int,
    strip_of: Integers,
    x_max: float,
    alpha: float,
    state: NDArray[np.uint64],
    places: Words,
    targets: Floats,
) -> Integers:  # pragma: no cover - compiled
    """Put the nonzeros of one strip of rows in order of their column's strip, and in random order within that.

    Parameters
    ----------
    ends, columns, counts : ndarray of int64, int32 and float64
        X as compressed sparse rows.
    first, last : int
        The strip: rows from `first` up to, but not including, `last`.
    strip_of : ndarray of int64, shape (words,)
        Strip of each column.
    x_max, alpha : float
        f(x) = min(1, (x / x_max)^alpha).
    state : ndarray of uint64
        Random state.
    places : ndarray of int32, shape (nonzeros, 2)
        Filled in ``ends[first]:ends[last]`` with row and column.
    targets : ndarray of float32, shape (nonzeros, 2)
        Filled likewise with log X_ij and f(X_ij).

    Returns
    -------
    ndarray of int64, shape (strips + 1,)
        Where the nonzeros of each strip of columns begin, and where the last ones end.
    """
    real = targets.dtype.type
    begin, end = ends[first], ends[last]
    bounds = np.zeros(strip_of[-1] + 2, np.int64)
    for e in range(begin, end):
        bounds[strip_of[columns[e]] + 1] += 1
    bounds[0] = begin
    for s in range(1, len(bounds)):
        bounds[s] += bounds[s - 1]
    filled = bounds[:-1].copy()
    for row in range(first, last):
        for e in range(ends[row], ends[row + 1]):
            column = columns[e]
            s = strip_of[column]
            k, filled[s] = filled[s], filled[s] + 1
            places[k, 0], places[k, 1] = row, column
            targets[k, 0] = real(np.log(counts[e]))
            targets[k, 1] = real(min(1.0, (counts[e] / x_max) ** alpha))
    for s in range(len(bounds) - 1):
        for k in range(bounds[s + 1] - 1, bounds[s], -1):
            other = bounds[s] + below(state, k + 1 - bounds[s])
            for side in range(2):
                places[k, side], places[other, side] = places[other, side], places[k, side]
                targets[k, side], targets[other, side] = targets[other, side], targets[k, side]
    return bounds


@cache
def descent(width: int) -> Callable[..., float]:
    """Make the kernel for rows of `width` coordinates (a multiple of 16) and as many sums.

    It is ``kernel(places, targets, begins, ends, words, contexts, rate) -> cost``: a step for each nonzero of the
    tiles ``places[begins[t] : ends[t]]``, one after the other. `words` and `contexts`, each of shape
    (words, 2 · width), are changed in place. The cost is Σ ½ f d², each d as it was before its own step.
    """

    @compiled
    def descend(
        places: Words,
        targets: Floats,
        begins: Integers,
        ends: Integers,
        words: Floats,
        contexts: Floats,
        rate: float,
    ) -> float:  # pragma: no cover - compiled
        real = words.dtype.type
        cost = 0.0
        for t in range(len(begins)):
            begin, end = begins[t], ends[t]
            for k in range(begin, end):
                ahead = min(k + AHEAD, end - 1)
                for d in range(0, 2 * width, register_width(words)):
                    prefetch(words, (places[ahead, 0], d), L1)
                    prefetch(contexts, (places[ahead, 1], d), L1)
                i, j = places[k, 0], places[k, 1]
                products = splat(real(0))
                for d in range(0, width, register_width(words)):
                    products = fma(load(words, (i, d)), load(contexts, (j, d)), products)
                difference = total(products) - targets[k, 0]
                slope = targets[k, 1] * difference
                cost += 0.5 * np.float64(slope) * np.float64(difference)
                scale = splat(real(-rate) * slope)
                for d in range(0, width, register_width(words)):
                    w, c = load(words, (i, d)), load(contexts, (j, d))
                    w_sum, c_sum = load(words, (i, width + d)), load(contexts, (j, width + d))
                    w_step, c_step = mul(scale, c), mul(scale, w)
                    store(words, (i, d), fma(w_step, inverse_root(w_sum), w))
                    store(contexts, (j, d), fma(c_step, inverse_root(c_sum), c))
                    store(words, (i, width + d), fma(w_step, w_step, w_sum))
                    store(contexts, (j, width + d), fma(c_step, c_step, c_sum))
        return cost

    return descend
