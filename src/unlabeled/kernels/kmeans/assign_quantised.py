"""The assignment step of k-means in which most centres are ruled out beforehand, by the bounds of `quantised_bounds`.

Rows are taken 16 at a time, so that all that is made of them stays in the first-level cache. Their bytes may be kept
for the next call, which has other centres; they take a quarter or an eighth of the rows' own memory.

Where the bounds leave so many centres that measuring their distances takes longer than a search of all centres, these
rows and the next 15 chunks are searched as `assign_dense` does it, before the bounds are tried again. The limit is a
count and not a time, so the same rows are treated in the same way every time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.kmeans.assign_dense import (
    CHUNK,
    TILE,
    add_up,
    copy_less_mean,
    fetch_rows,
    label_found,
    search_chunk,
)
from unlabeled.kernels.kmeans.int8_products import LANES
from unlabeled.kernels.kmeans.quantised_bounds import distance, guess, quantise, rule_out, rule_out_scored, thresholds
from unlabeled.kernels.simd import fma, load, lowest_bit, splat, store

PAUSE = 15
LONG = CHUNK // LANES * LANES  # rows that are searched at a time

u = np.uint64


@inlined
def add_row(
    memory: Any, j: Any, label: Any, weight: Any, sums: Any, counts: Any, width: Any
) -> None:  # pragma: no cover - compiled
    """Add row j to the sums of its centre."""
    scale = splat(weight)
    for t in range(u(0), u(sums.shape[1]), width):
        store(sums, (label, t), fma(scale, load(memory, (j, t)), load(sums, (label, t))))
    counts[label] += weight


@inlined
def known_centres(labels: Any, first: int, rows: int, k: int, nearest: Any) -> Any:  # pragma: no cover - compiled
    """Set `nearest` to the centres that rows had before; give bits of those that had none."""
    unknown = u(0)
    for j in range(u(rows)):
        label = labels[u(first) + j]
        if 0 <= label < k:
            nearest[j] = label
        else:
            unknown |= u(1) << j
    return unknown


@inlined
def nearest_of_rivals(
    memory: Any,
    rows: int,
    allowed: int,
    centres: Any,
    masks: Any,
    fours: Any,
    nearest: Any,
    distances: Any,
    width: Any,
) -> int:  # pragma: no cover - compiled
    """Measure the distances to the centres that are left, if they are not more than allowed; give their number."""
    for j in range(u(rows)):
        masks[u(nearest[j])] &= ~(u(1) << j)
    masks[len(centres) :] = 0
    there = ((u(1) << u(rows)) - u(1)) * u(0x0001000100010001)
    count = 0
    for four in range(u(len(fours))):
        bits = fours[four] & there
        while bits and count <= allowed:
            bit = lowest_bit(bits)
            bits &= bits - u(1)
            c, j = four * u(4) + (bit >> u(4)), bit & u(LANES - 1)
            far = distance(memory, j, centres, c, width)
            if far < distances[j] or (far == distances[j] and np.int64(c) < nearest[j]):
                nearest[j], distances[j] = c, far
            count += 1
    return count


@compiled
def assign_quantised(
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
    quantised: Any,
    most: int,
    quantised_rows: Any,
    keep: bool,
    workspace: Any,
) -> tuple[float, int, int]:  # pragma: no cover - compiled
    """Find the nearest centre of each row.

    Parameters
    ----------
    X, mean, panels, offsets, centres, weights, sums, counts, memory, best, place : see `assign`
        `centres` and `memory` have a multiple of 16 columns.
    labels : ndarray of int32, shape (n,)
        The last assignment, which helps to rule out others, or −1; changed in place.
    quantised : QuantisedCentres
        The centres as bytes.
    most : int
        How many rivals are allowed to a row, on the average.
    quantised_rows : QuantisedRows
        The rows as bytes, made here where they are not yet; or room for one panel of them.
    keep : bool
        Whether they are kept, all of them.
    workspace : Workspace
        Room to work in.

    Returns
    -------
    inertia : float
        Σ weight · ‖x − c‖²
    changed : int
        Labels that are not what they were.
    by_bounds : int
        Rows for which not all centres were searched.
    """
    n, d = X.shape
    k = len(centres)
    width = best.shape[1]
    inertia, changed, by_bounds = 0.0, 0, 0
    # Out of the tuples once: to take them out in the loops would count references there.
    numbers, starts, halves, groups, longest, unit = quantised
    codes, figures = quantised_rows
    line, words, narrow, scores, masks, fours, guessed, nearest, distances = workspace
    wait, allowed, length = 0, CHUNK * most, u(len(words))
    first = 0
    while first < n:
        rows = min(LONG if wait else LANES, n - first)
        filled = (rows + TILE - 1) // TILE * TILE
        copy_less_mean(X, first, rows, mean, memory, u(width))
        if wait == 0:
            fetch_rows(X, u(first + CHUNK), LANES, width)
            allowed = min(allowed + rows * most, CHUNK * most)
            panel = u(first) // u(LANES) if keep else u(0)
            if not keep or figures[u(0), panel * u(LANES)] == 0:
                quantise(memory, rows, unit, line, words, narrow, codes, figures, panel)
            unknown = known_centres(labels, first, rows, k, nearest)
            if unknown:
                guess(codes, figures, panel, numbers, starts, halves, groups, length, scores, guessed)
                for j in range(u(rows)):
                    if (unknown >> j) & u(1):
                        nearest[j] = guessed[j]
            for j in range(u(rows)):
                distances[j] = distance(memory, j, centres, u(nearest[j]), u(width))
            bounds = thresholds(figures, panel, distances, u(0), d, unit, longest)
            if unknown:
                rule_out_scored(scores, groups, bounds, masks)
            else:
                rule_out(codes, panel, numbers, starts, halves, groups, length, bounds, masks)
            allowed -= nearest_of_rivals(memory, rows, allowed, centres, masks, fours, nearest, distances, u(width))
        if wait == 0 and allowed >= 0:
            for j in range(u(rows)):
                row = u(first) + j
                weight = weights[row] if len(weights) else X.dtype.type(1)
                changed += labels[row] != nearest[j]
                labels[row] = nearest[j]
                inertia += np.float64(weight * distances[j])
                if len(sums):
                    add_row(memory, j, u(nearest[j]), weight, sums, counts, u(width))
            by_bounds += rows
        else:
            search_chunk(X, first + rows, memory, filled, panels, offsets, k, best, place)
            for i in range(u(rows)):
                searched = label_found(best, place, i, k)
                changed += labels[u(first) + i] != searched
                labels[u(first) + i] = searched
            inertia += add_up(memory, first, rows, centres, weights, labels, sums, counts, width)
            wait, allowed = wait - 1 if wait else PAUSE, CHUNK * most
        first += rows
    return inertia, changed, by_bounds
