"""A step of the k-means++ start: the distances of all rows to a few candidates for the next centre.

For candidates e₁ … e_m, each row needs min(D², ‖x − e_j‖²), where D² is its squared distance to the nearest centre so
far. One pass over the rows makes them for all candidates, with the lanes of a register standing for the candidates, as
many as it holds: for each column, a load of the candidates' entries, 8 numbers of rows spread out, 8 differences, 8
multiply–adds. Differences are squared as they are, not by the expansion of ‖x − e‖², so that a row at a centre is at
distance 0 exactly and is never drawn again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.kmeans.assign_dense import fetch_rows
from unlabeled.kernels.simd import fma, load, splat, store, sub

TILE = 8
AHEAD = 8 * TILE

u = np.uint64


@inlined
def distances_of_tile(
    X: Any,
    i: Any,
    i1: Any,
    i2: Any,
    i3: Any,
    i4: Any,
    i5: Any,
    i6: Any,
    i7: Any,
    candidates: Any,
    panel: Any,
    memory: Any,
) -> None:  # pragma: no cover - compiled
    """Set memory[j] to the squared distances of a row to the candidates of a panel, for 8 rows."""
    zero = splat(X.dtype.type(0))
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    for t in range(u(X.shape[1])):
        e = load(candidates, (panel, t, u(0)))
        d0, d1, d2 = sub(splat(X[i, t]), e), sub(splat(X[i1, t]), e), sub(splat(X[i2, t]), e)
        d3, d4, d5 = sub(splat(X[i3, t]), e), sub(splat(X[i4, t]), e), sub(splat(X[i5, t]), e)
        d6, d7 = sub(splat(X[i6, t]), e), sub(splat(X[i7, t]), e)
        s0, s1, s2, s3 = fma(d0, d0, s0), fma(d1, d1, s1), fma(d2, d2, s2), fma(d3, d3, s3)
        s4, s5, s6, s7 = fma(d4, d4, s4), fma(d5, d5, s5), fma(d6, d6, s6), fma(d7, d7, s7)
    store(memory, (u(0), u(0)), s0)
    store(memory, (u(1), u(0)), s1)
    store(memory, (u(2), u(0)), s2)
    store(memory, (u(3), u(0)), s3)
    store(memory, (u(4), u(0)), s4)
    store(memory, (u(5), u(0)), s5)
    store(memory, (u(6), u(0)), s6)
    store(memory, (u(7), u(0)), s7)


@compiled
def measure_candidates(
    X: Any,
    candidates: Any,
    count: int,
    weights: Any,
    closest: Any,
    candidate_distances: Any,
    potentials: Any,
    memory: Any,
) -> None:  # pragma: no cover - compiled
    """Measure what each candidate would leave of the squared distances, and their weighted sums.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Rows.
    candidates : ndarray, shape (panels, d, width)
        The candidates, `width` to a panel.
    count : int
        How many there are.
    weights : ndarray, shape (n,) or (0,)
        One a row, or none.
    closest : ndarray, shape (n,)
        Squared distances to the nearest centre so far.
    candidate_distances : ndarray, shape (count, n)
        Squared distances if the candidate were a centre too; written.
    potentials : ndarray of float64, shape (count,)
        Their sums; written.
    memory : ndarray, shape (8, width)
        Room to work in.
    """
    n = len(X)
    width = memory.shape[1]
    whole = n // TILE * TILE
    potentials[:] = 0
    for panel in range(u(len(candidates))):
        lanes = min(width, count - np.int64(panel) * width)
        for i in range(u(0), u(whole), u(TILE)):
            fetch_rows(X, i + u(AHEAD), TILE, width)
            i1, i2, i3, i4, i5, i6, i7 = i + u(1), i + u(2), i + u(3), i + u(4), i + u(5), i + u(6), i + u(7)
            distances_of_tile(X, i, i1, i2, i3, i4, i5, i6, i7, candidates, panel, memory)
            for lane in range(u(lanes)):
                c = panel * u(width) + lane
                total = 0.0
                for j in range(u(TILE)):
                    distance = min(memory[j, lane], closest[i + j])
                    candidate_distances[c, i + j] = distance
                    total += distance * (weights[i + j] if len(weights) else X.dtype.type(1))
                potentials[c] += total
        if whole < n:  # fewer than 8 are left: the last of them fills up the tile
            row, end = u(whole), u(n - 1)
            i1, i2, i3 = min(row + u(1), end), min(row + u(2), end), min(row + u(3), end)
            i4, i5, i6 = min(row + u(4), end), min(row + u(5), end), min(row + u(6), end)
            distances_of_tile(X, row, i1, i2, i3, i4, i5, i6, end, candidates, panel, memory)
            for j in range(u(n - whole)):
                for lane in range(u(lanes)):
                    c = panel * u(width) + lane
                    distance = min(memory[j, lane], closest[row + j])
                    candidate_distances[c, row + j] = distance
                    potentials[c] += distance * (weights[row + j] if len(weights) else X.dtype.type(1))
