"""A step of the k-means++ start in which most rows are ruled out beforehand, by the bounds of `quantised_bounds`.

A candidate e changes the squared distance D² of a row x to its nearest centre only if ‖x − e‖² < D². After some steps
this is so of few rows, and products of bytes rule out most of the others. So a step reads the bytes of all rows, and
the rows themselves only where one of the candidates may be nearer. These rows are measured by `distances_of_tile`, 8 at
a time wherever they lie, and all sums are made in the order of `measure_candidates`. So the numbers are the same as
there, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.kmeans.assign_dense import copy_less_mean
from unlabeled.kernels.kmeans.int8_products import LANES, below
from unlabeled.kernels.kmeans.k_means_plus_plus import TILE, distances_of_tile
from unlabeled.kernels.kmeans.quantised_bounds import possible, quantise, thresholds
from unlabeled.kernels.simd import L2, load, lowest_bit, prefetch, splat

u = np.uint64


@compiled
def settle(closest: Any, candidate_distances: Any, improved: Any, best: int) -> None:  # pragma: no cover - compiled
    """Make the candidate `best` a centre: copy its distances into `closest` where they improved."""
    for i in range(u(len(closest))):
        if (improved[i] >> u(best)) & u(1):
            closest[i] = candidate_distances[u(best), i]


@compiled
def round_rows(
    X: Any, mean: Any, unit: Any, memory: Any, quantised_rows: Any, workspace: Any
) -> None:  # pragma: no cover - compiled
    """Round all rows, less the mean, to bytes."""
    codes, figures = quantised_rows
    line, words, narrow = workspace[0], workspace[1], workspace[2]
    n, width = len(X), u(64 // X.itemsize)
    for first in range(0, n, LANES):
        rows = min(LANES, n - first)
        copy_less_mean(X, first, rows, mean, memory, width)
        quantise(memory, rows, unit, line, words, narrow, codes, figures, u(first) // u(LANES))


@inlined
def list_rows(
    n: int, d: int, closest: Any, quantised_rows: Any, quantised: Any, found: Any
) -> Any:  # pragma: no cover - compiled
    """List the rows to which one of the candidates may be nearer than `closest`; give how many there are."""
    codes, figures = quantised_rows
    numbers, starts, halves, groups, longest, unit = quantised
    length, count = u(len(codes) // figures.shape[1]), u(0)
    for first in range(0, n, LANES):
        panel = u(first) // u(LANES)
        bounds = thresholds(figures, panel, closest, u(first), d, unit, longest)
        bits = u(0)
        for group in range(u(groups.shape[1])):
            may = possible(codes, panel, numbers, starts, halves, groups, length, group, bounds)
            bits |= may[0] | may[1] | may[2] | may[3] | may[4] | may[5] | may[6] | may[7]
        if n - first < LANES:
            bits &= (u(1) << u(n - first)) - u(1)
        while bits:
            found[count] = u(first) + lowest_bit(bits)
            bits &= bits - u(1)
            count += u(1)
    return count


@inlined
def improve(
    X: Any,
    candidates: Any,
    count: int,
    found: Any,
    rows: Any,
    closest: Any,
    candidate_distances: Any,
    improved: Any,
    memory: Any,
) -> None:  # pragma: no cover - compiled
    """Measure the rows listed; where a candidate is nearer, write down its distance and set its bit."""
    width = memory.shape[1]
    if rows:
        found[rows : rows + u(TILE)] = found[rows - u(1)]
    for first in range(u(0), rows, u(TILE)):
        i0, i1, i2, i3 = found[first], found[first + u(1)], found[first + u(2)], found[first + u(3)]
        i4, i5, i6, i7 = found[first + u(4)], found[first + u(5)], found[first + u(6)], found[first + u(7)]
        for j in range(first + u(TILE), min(first + u(2 * TILE), rows)):
            for t in range(u(0), u(X.shape[1]), u(width)):
                prefetch(X, (found[j], t), L2)
        for panel in range(u(len(candidates))):
            distances_of_tile(X, i0, i1, i2, i3, i4, i5, i6, i7, candidates, panel, memory)
            lanes = (u(1) << u(min(width, count - np.int64(panel) * width))) - u(1)
            for j in range(min(u(TILE), rows - first)):
                i = found[first + j]
                bits = below(load(memory, (j, u(0))), splat(closest[i])) & lanes
                improved[i] |= bits << (panel * u(width))
                while bits:
                    lane = lowest_bit(bits)
                    bits &= bits - u(1)
                    candidate_distances[panel * u(width) + lane, i] = memory[j, lane]


@inlined
def add_up(
    n: int, count: int, weights: Any, closest: Any, candidate_distances: Any, improved: Any, potentials: Any
) -> None:  # pragma: no cover - compiled
    """Sum what the candidates would leave, 8 rows at a time; these 8 add up to the same for all that reach none."""
    one = closest.dtype.type(1)
    whole = n // TILE * TILE
    potentials[:] = 0
    for i in range(u(0), u(whole), u(TILE)):
        common, reaching = 0.0, u(0)
        for j in range(i, i + u(TILE)):
            common += closest[j] * (weights[j] if len(weights) else one)
            reaching |= u(improved[j])
        for c in range(u(count)):
            total = common
            if (reaching >> c) & u(1):
                total = 0.0
                for j in range(i, i + u(TILE)):
                    distance = candidate_distances[c, j] if (u(improved[j]) >> c) & u(1) else closest[j]
                    total += distance * (weights[j] if len(weights) else one)
            potentials[c] += total
    for i in range(u(whole), u(n)):
        for c in range(u(count)):
            distance = candidate_distances[c, i] if (u(improved[i]) >> c) & u(1) else closest[i]
            potentials[c] += distance * (weights[i] if len(weights) else one)


@compiled
def measure_candidates_quantised(
    X: Any,
    candidates: Any,
    count: int,
    weights: Any,
    closest: Any,
    candidate_distances: Any,
    improved: Any,
    best: int,
    potentials: Any,
    memory: Any,
    quantised_rows: Any,
    quantised: Any,
    found: Any,
) -> None:  # pragma: no cover - compiled
    """Make the best candidate of the step before a centre; measure what each new one would leave, and the sums of it.

    Parameters
    ----------
    X, candidates, count, weights, potentials, memory : see `measure_candidates`
    closest : ndarray, shape (n up to a multiple of 16,)
        Squared distances to the nearest centre so far, without the `best`; changed in place.
    candidate_distances : ndarray, shape (most candidates, n)
        Squared distances to the candidates where these are smaller, and only there; overwritten.
    improved : ndarray of uint32, shape (n,)
        To which candidates that applies, a bit each; overwritten.
    best : int
        The candidate of the step before that became a centre.
    quantised_rows : QuantisedRows
        The rows as bytes.
    quantised : QuantisedCentres
        The candidates as bytes.
    found : ndarray of int64, shape (n up to a multiple of 16, and 8,)
        Room to work in.
    """
    n = len(X)
    settle(closest[:n], candidate_distances, improved, best)
    improved[:] = 0
    rows = list_rows(n, X.shape[1], closest, quantised_rows, quantised, found)
    improve(X, candidates, count, found, rows, closest, candidate_distances, improved, memory)
    add_up(n, count, weights, closest, candidate_distances, improved, potentials)
