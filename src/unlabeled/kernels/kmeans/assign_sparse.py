"""The assignment step of k-means on sparse rows, and the sums that its M step needs.

The score x·c − ‖c‖²/2 of `assign_dense` needs only the entries of x that are not zero: each adds a multiple of one row
of the transposed centres to the scores of all centres, which is a loop that LLVM vectorises. The rows are not moved by
the mean, because they would be sparse no longer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.simd import keep_larger, load, place_of_largest, splat

u = np.uint64


@compiled
def assign_sparse(
    data: Any,
    columns: Any,
    pointers: Any,
    across: Any,
    offsets: Any,
    k: int,
    weights: Any,
    labels: Any,
    sums: Any,
    counts: Any,
    scores: Any,
    zeros: Any,
) -> tuple[float, int]:  # pragma: no cover - compiled
    """Find the nearest centre of each row.

    Parameters
    ----------
    data, columns, pointers : ndarrays
        The rows as CSR.
    across : ndarray, shape (d, K)
        The centres in columns, with columns of zeros up to a whole number of registers.
    offsets : ndarray, shape (K,)
        −‖c‖²/2, and −∞ beyond the last centre.
    k : int
        Centres.
    weights, labels, sums, counts
        As for `assign`; `sums` of shape (k, d) or (0, d).
    scores : ndarray, shape (K,)
        Room to work in.
    zeros : ndarray of integers as wide as the numbers, shape (width,)
        Zeros.

    Returns
    -------
    inertia : float
        Σ weight · ‖x − c‖²
    changed : int
        Labels that are not what they were.
    """
    one = data.dtype.type(1)
    width = len(zeros)
    inertia, changed = 0.0, 0
    for row in range(u(len(pointers) - 1)):
        scores[:] = offsets
        squares = 0.0
        for entry in range(u(pointers[row]), u(pointers[row + u(1)])):
            value, column = data[entry], u(columns[entry])
            squares += np.float64(value) * np.float64(value)
            for c in range(u(len(scores))):
                scores[c] += value * across[column, c]
        best, place = splat(data.dtype.type(-np.inf)), load(zeros, (u(0),))
        for c in range(u(0), u(len(scores)), u(width)):
            best, place = keep_larger(best, place, load(scores, (c,)), zeros.dtype.type(c // u(width)))
        label = np.int64(place_of_largest(best, place))
        label = label if label < k else np.int64(0)  # beyond only where squares overflow
        changed += labels[row] != label
        labels[row] = label
        weight = weights[row] if len(weights) else one
        inertia += np.float64(weight) * max(0.0, squares - 2.0 * np.float64(scores[u(label)]))
        if len(sums):
            counts[label] += weight
            for entry in range(u(pointers[row]), u(pointers[row + u(1)])):
                sums[u(label), u(columns[entry])] += weight * data[entry]
    return inertia, changed
