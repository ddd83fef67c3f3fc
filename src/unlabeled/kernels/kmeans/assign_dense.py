"""The assignment step of k-means (its E step), and the sums that the M step needs, in one pass over the rows.

The nearest centre of x is the one with the largest score x·c − ‖c‖²/2, because

    ‖x − c‖² = ‖x‖² − 2 (x·c − ‖c‖²/2).

Scores are a matrix product, k·d multiplications a row, and all else is in proportion to k or to d. A product made by
BLAS goes to memory and comes back for the search of the largest; here the search happens where the scores are made, in
registers. A tile is 6 rows × 2 registers of centres (32 in float32, 16 in float64):

    for each t < d:    2 loads of centres, 6 numbers of rows spread out, 12 multiply–adds

so 12 of the 32 registers of AVX-512 hold sums, and the multipliers never wait for memory. (LLVM makes two steps of t at
once, with 12 numbers spread out beforehand. A tile of 8 rows would need more than 32 registers, and writing some of
them to the stack costs a fifth of the speed.) A tile ends with 12 comparisons that keep, lane by lane, the best score
so far and the register of centres it came from; the lanes meet only when all centres have been seen. Scores begin at
−‖c‖²/2, which for lanes beyond the last centre is −∞.

Rows are first copied less the mean of the data, because distances do not change when all is moved, but the rounding of
the formula grows with the distance from zero. The copy also fills up the last tile, and each row to a whole
number of registers. `CHUNK` rows at a time meet one register pair of centres after another, which so stays in the first
cache, while the rows of the next chunk are on their way from memory.

The score's rounding may let one of two nearly equidistant centres win; inertia is then summed from x − c itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.simd import L2, fma, keep_larger, load, mul, place_of_largest, prefetch, splat, store, sub, total

TILE = 6
CHUNK = 120

u = np.uint64


@inlined
def keep(best: Any, place: Any, i: Any, scores: Any, here: Any) -> None:  # pragma: no cover - compiled
    """Keep the better scores of row i, lane by lane; among equals the first."""
    score, where = keep_larger(load(best, (i, u(0))), load(place, (i, u(0))), scores, here)
    store(best, (i, u(0)), score)
    store(place, (i, u(0)), where)


@inlined
def search_tile(
    rows: Any, i: Any, panels: Any, offsets: Any, panel: Any, d: int, best: Any, place: Any, here: Any
) -> None:  # pragma: no cover - compiled
    """Score 6 rows by two registers of centres, and keep what is better than the best so far."""
    width = u(best.shape[1])
    left, right = load(offsets, (panel, u(0))), load(offsets, (panel, width))
    i1, i2, i3, i4, i5 = i + u(1), i + u(2), i + u(3), i + u(4), i + u(5)
    a0, a1, a2, a3, a4, a5 = left, left, left, left, left, left
    b0, b1, b2, b3, b4, b5 = right, right, right, right, right, right
    for t in range(u(d)):
        left, right = load(panels, (panel, t, u(0))), load(panels, (panel, t, width))
        x = splat(rows[i, t])
        a0, b0 = fma(x, left, a0), fma(x, right, b0)
        x = splat(rows[i1, t])
        a1, b1 = fma(x, left, a1), fma(x, right, b1)
        x = splat(rows[i2, t])
        a2, b2 = fma(x, left, a2), fma(x, right, b2)
        x = splat(rows[i3, t])
        a3, b3 = fma(x, left, a3), fma(x, right, b3)
        x = splat(rows[i4, t])
        a4, b4 = fma(x, left, a4), fma(x, right, b4)
        x = splat(rows[i5, t])
        a5, b5 = fma(x, left, a5), fma(x, right, b5)
    keep(best, place, i, a0, here)
    keep(best, place, i, b0, here + place.dtype.type(1))
    keep(best, place, i1, a1, here)
    keep(best, place, i1, b1, here + place.dtype.type(1))
    keep(best, place, i2, a2, here)
    keep(best, place, i2, b2, here + place.dtype.type(1))
    keep(best, place, i3, a3, here)
    keep(best, place, i3, b3, here + place.dtype.type(1))
    keep(best, place, i4, a4, here)
    keep(best, place, i4, b4, here + place.dtype.type(1))
    keep(best, place, i5, a5, here)
    keep(best, place, i5, b5, here + place.dtype.type(1))


@inlined
def search_narrow_tile(
    rows: Any, i: Any, panels: Any, offsets: Any, panel: Any, d: int, best: Any, place: Any, here: Any
) -> None:  # pragma: no cover - compiled
    """Score 6 rows by one register of centres: the last, when the right half of its panel is empty."""
    left = load(offsets, (panel, u(0)))
    i1, i2, i3, i4, i5 = i + u(1), i + u(2), i + u(3), i + u(4), i + u(5)
    a0, a1, a2, a3, a4, a5 = left, left, left, left, left, left
    for t in range(u(d)):
        left = load(panels, (panel, t, u(0)))
        a0, a1 = fma(splat(rows[i, t]), left, a0), fma(splat(rows[i1, t]), left, a1)
        a2, a3 = fma(splat(rows[i2, t]), left, a2), fma(splat(rows[i3, t]), left, a3)
        a4, a5 = fma(splat(rows[i4, t]), left, a4), fma(splat(rows[i5, t]), left, a5)
    keep(best, place, i, a0, here)
    keep(best, place, i1, a1, here)
    keep(best, place, i2, a2, here)
    keep(best, place, i3, a3, here)
    keep(best, place, i4, a4, here)
    keep(best, place, i5, a5, here)


@inlined
def copy_less_mean(
    X: Any, first: int, rows: int, mean: Any, memory: Any, width: Any
) -> None:  # pragma: no cover - compiled
    """Set memory[i] to X[first + i] − mean, and the rows up to a whole tile to zeros."""
    d = X.shape[1]
    whole = u(d) // width * width
    for i in range(u(rows)):
        row = u(first) + i
        for t in range(u(0), whole, width):
            store(memory, (i, t), sub(load(X, (row, t)), load(mean, (t,))))
        for t in range(whole, u(d)):
            memory[i, t] = X[row, t] - mean[t]
    for i in range(u(rows), u((rows + TILE - 1) // TILE * TILE)):
        memory[i, :] = 0


@inlined
def fetch_rows(X: Any, row: Any, count: int, width: int) -> None:  # pragma: no cover - compiled
    """Prefetch some rows."""
    for j in range(u(count)):
        for t in range(u(0), u(X.shape[1]), u(width)):
            prefetch(X, (row + j, t), L2)


@inlined
def add_up(
    memory: Any, first: int, rows: int, centres: Any, weights: Any, labels: Any, sums: Any, counts: Any, width: int
) -> float:  # pragma: no cover - compiled
    """Add the rows of a chunk to the sums of their centres, if there are any; give their inertia."""
    dim = centres.shape[1]
    inertia = 0.0
    for tile in range(u(0), u(rows), u(TILE)):
        squares = splat(memory.dtype.type(0))
        for i in range(tile, min(tile + u(TILE), u(rows))):
            label = u(labels[u(first) + i])
            weight = weights[u(first) + i] if len(weights) else memory.dtype.type(1)
            scale = splat(weight)
            for t in range(u(0), u(dim), u(width)):
                x = load(memory, (i, t))
                step = sub(x, load(centres, (label, t)))
                squares = fma(mul(scale, step), step, squares)
                if len(sums):
                    store(sums, (label, t), fma(scale, x, load(sums, (label, t))))
            if len(sums):
                counts[label] += weight
        inertia += np.float64(total(squares))
    return inertia


@inlined
def search_chunk(
    X: Any, ahead: Any, memory: Any, filled: int, panels: Any, offsets: Any, k: int, best: Any, place: Any
) -> None:  # pragma: no cover - compiled
    """Search all centres for the nearest of each row of a chunk, while the rows from `ahead` on are fetched."""
    d = X.shape[1]
    width = best.shape[1]
    for i in range(u(filled)):
        store(best, (i, u(0)), splat(X.dtype.type(-np.inf)))
        store(place, (i, u(0)), splat(place.dtype.type(0)))
    for panel in range(u(len(panels))):
        here = place.dtype.type(panel * u(2))
        whole = k - np.int64(panel) * 2 * width > width
        for i in range(u(0), u(filled), u(TILE)):
            if panel == u(0):
                fetch_rows(X, u(ahead) + i, TILE, width)
            if whole:
                search_tile(memory, i, panels, offsets, panel, d, best, place, here)
            else:
                search_narrow_tile(memory, i, panels, offsets, panel, d, best, place, here)


@inlined
def label_found(best: Any, place: Any, i: Any, k: int) -> Any:  # pragma: no cover - compiled
    """Give the nearest centre of row i of a chunk that was searched."""
    label = place_of_largest(load(best, (i, u(0))), load(place, (i, u(0))))
    return label if label < k else place.dtype.type(0)  # beyond only where squares overflow


@compiled
def assign(
    X: Any,
    mean: Any,
    panels: Any,
    offsets: Any,
    centres: Any,
    weights: Any,
    labels: Any,
    sums: Any,
    counts: Any,
    memory: Any,
    best: Any,
    place: Any,
) -> tuple[float, int]:  # pragma: no cover - compiled
    """Find the nearest centre of each row.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Rows, float32 or float64 as all else that is not said to be otherwise.
    mean : ndarray, shape (d,)
        What to take off each row; it is taken off the centres already.
    panels, offsets : ndarrays, shapes (panels, d, 2 · width) and (panels, 2 · width)
        The centres and −‖c‖²/2, laid out by `layout.panels`.
    centres : ndarray, shape (k, D)
        The same centres in rows, with zeros up to a whole number of registers.
    weights : ndarray, shape (n,) or (0,)
        One a row, or none.
    labels : ndarray of int32, shape (n,)
        The last assignment; changed in place.
    sums, counts : ndarrays, shapes (k, D) and (k,), or (0, D) and (0,)
        Weighted sums of the rows less the mean, and sums of the weights; added to, if there are any.
    memory, best, place : ndarrays, shapes (CHUNK, D), (CHUNK, width), (CHUNK, width)
        Room to work in; `place` holds integers.

    Returns
    -------
    inertia : float
        Σ weight · ‖x − c‖²
    changed : int
        Labels that are not what they were.
    """
    n, k = len(X), len(centres)
    width = best.shape[1]
    inertia, changed = 0.0, 0
    for first in range(0, n, CHUNK):
        rows = min(CHUNK, n - first)
        filled = (rows + TILE - 1) // TILE * TILE
        copy_less_mean(X, first, rows, mean, memory, u(width))
        search_chunk(X, first + CHUNK, memory, filled, panels, offsets, k, best, place)
        for i in range(u(rows)):
            label = label_found(best, place, i, k)
            changed += labels[u(first) + i] != label
            labels[u(first) + i] = label
        inertia += add_up(memory, first, rows, centres, weights, labels, sums, counts, width)
    return inertia, changed
