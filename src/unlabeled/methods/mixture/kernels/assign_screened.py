"""The E step of k-means in which most centres are ruled out beforehand: `assign` with the screen of `screen`.

Rows are taken 6 at a time, so that all that is made of them stays in the first cache. Where the screen leaves so many
rivals that their distances take longer than a search of all centres, 6 rows and the next 15 chunks are searched as
`assign` does it, before the screen is tried again. What is too many is a count and not a time, so the same rows go the
same way every time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.compiled import compiled
from unlabeled.methods.mixture.kernels.assign import (
    CHUNK,
    TILE,
    add_up,
    copy_less_mean,
    fetch_rows,
    inlined,
    label_found,
    search_chunk,
)
from unlabeled.methods.mixture.kernels.registers import fma, load, splat, store
from unlabeled.methods.mixture.kernels.screen import distance, least_score, quantise, rivals, score_tile

PAUSE = 15

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


@compiled
def assign_screened(
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
    coarse: Any,
    desk: Any,
) -> tuple[float, int, int]:  # pragma: no cover - compiled
    """Find the nearest centre of each row.

    Parameters
    ----------
    X, mean, panels, offsets, centres, weights, sums, counts, memory, best, place : see `assign`
        `centres` and `memory` have a multiple of 16 columns.
    labels : ndarray of int32, shape (n,)
        The last assignment, which helps to rule out others, or −1; changed in place.
    coarse : Coarse
        The centres as bytes.
    desk : Desk
        Room to work in.

    Returns
    -------
    inertia : float
        Σ weight · ‖x − c‖²
    changed : int
        Labels that are not what they were.
    screened : int
        Rows for which not all centres were searched.
    """
    n, d = X.shape
    k = len(centres)
    width = best.shape[1]
    inertia, changed, screened = 0.0, 0, 0
    # Out of the tuples once: to take them out in the loops would count references there.
    numbers, starts, lanes, groups, longest, kappa, unit, most = coarse
    codes, words, narrow, figures, scores, found, nearest, distances = desk
    wait, allowed = 0, CHUNK * most
    first = 0
    while first < n:
        rows = min(CHUNK if wait else TILE, n - first)
        filled = (rows + TILE - 1) // TILE * TILE
        copy_less_mean(X, first, rows, mean, memory, u(width))
        if wait == 0:
            fetch_rows(X, u(first + CHUNK), TILE, width)
            allowed = min(allowed + rows * most, CHUNK * most)
            if not quantise(memory, rows, d, unit, kappa, longest, codes, narrow, figures):
                allowed = -1
            score_tile(words, numbers, starts, lanes, figures, scores)
            for j in range(u(rows)):
                slack, square, top = figures[u(1), j], figures[u(2), j], figures[u(3), j]
                least = top - slack * longest
                near, label = X.dtype.type(np.inf), np.int64(labels[u(first) + j])
                if 0 <= label < k:
                    near = distance(memory, j, centres, u(label), u(width))
                    least = max(least, least_score(square, np.float32(near * unit * unit), d))
                else:
                    label = np.int64(-1)
                count = rivals(j, scores, groups, slack, least, label, found)
                allowed = min(allowed, allowed - np.int64(count))
                for r in range(count if allowed >= 0 else u(0)):
                    c = np.int64(found[r])
                    far = distance(memory, j, centres, u(c), u(width))
                    if far < near or (far == near and c < label) or label < 0:
                        near, label = far, c
                nearest[j], distances[j] = label, near
        if wait == 0 and allowed >= 0:
            for j in range(u(rows)):
                row = u(first) + j
                weight = weights[row] if len(weights) else X.dtype.type(1)
                changed += labels[row] != nearest[j]
                labels[row] = nearest[j]
                inertia += np.float64(weight * distances[j])
                if len(sums):
                    add_row(memory, j, u(nearest[j]), weight, sums, counts, u(width))
            screened += rows
        else:
            search_chunk(X, first + rows, memory, filled, panels, offsets, k, best, place)
            for i in range(u(rows)):
                searched = label_found(best, place, i, k)
                changed += labels[u(first) + i] != searched
                labels[u(first) + i] = searched
            inertia += add_up(memory, first, rows, centres, weights, labels, sums, counts, width)
            wait, allowed = wait - 1 if wait else PAUSE, CHUNK * most
        first += rows
    return inertia, changed, screened
