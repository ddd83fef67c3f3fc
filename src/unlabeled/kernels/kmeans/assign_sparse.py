"""The assignment step of k-means on sparse rows, and the sums that its M step needs.

The score x·c − ‖c‖²/2 of `assign_dense` needs only the entries of x that are not zero: each adds a multiple of one row
of the transposed centres to the scores of all centres, which is a loop that LLVM vectorises.

Where the data lie far from zero, the centres are given less a mean m (the rows are not moved, because they would be
sparse no longer). With c = m + c', ‖x − c‖² is least where x·c' − m·c' − ‖c'‖²/2 is largest, so the scores round at the
size of ‖x‖·‖c'‖ and not of ‖x‖·‖c‖. Centres whose scores are as near to the best as their rounding are measured in
float64, and the nearest of them is taken.

A distance is ‖x‖² less two scores where that leaves enough digits, and is summed from differences elsewhere:

    ‖x − c‖² = Σ (xₜ − cₜ)² over the entries of x  +  ‖c‖² − Σ cₜ² over the entries of x

The last two are equal wherever x has an entry in each column in which c is not zero. If what is left of them is small,
they are summed again with their rounding errors (the products and sums of Dekker and Knuth), which gives the digits of
twice the precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.simd import keep_larger, load, place_of_largest, splat

SPLIT = 134217729.0  # 2²⁷ + 1: halves the digits of a float64
RELIABLE = 1e-6
"""Share of ‖x‖² + ‖c‖² above which a difference of float64 sums keeps nine digits."""

u = np.uint64


@inlined
def less_square(total: float, error: float, number: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """Take the square of a number off total + error, without rounding of its own."""
    square = number * number
    high = SPLIT * number
    high -= high - number
    low = number - high
    rest = ((high * high - square) + 2.0 * high * low) + low * low  # square + rest is the square
    after = total - square
    gone = after - total
    return after, error + ((total - (after - gone)) - (square + gone)) - rest


@inlined
def entry_of_centre(across: Any, mean: Any, column: Any, c: Any) -> Any:  # pragma: no cover - compiled
    """Give an entry of a centre in float64, the mean included."""
    return np.float64(across[column, c]) + mean[column] if len(mean) else np.float64(across[column, c])


@inlined
def step_to_centre(value: Any, across: Any, mean: Any, column: Any, c: Any) -> Any:  # pragma: no cover - compiled
    """Give the difference of an entry of a row and that of a centre."""
    moved = np.float64(value) - mean[column] if len(mean) else np.float64(value)
    return moved - np.float64(across[column, c])


@inlined
def sparse_distance(
    data: Any, columns: Any, start: Any, stop: Any, across: Any, mean: Any, norms: Any, exact: Any, c: Any
) -> Any:  # pragma: no cover - compiled
    """Give ‖x − c‖² of a sparse row and centre c, summed from differences.

    `norms` holds ‖c‖² of the centres, and `exact` the same with what its rounding lost, or −1 until it is needed.
    """
    near, there = 0.0, 0.0
    for entry in range(start, stop):
        column = u(columns[entry])
        step = step_to_centre(data[entry], across, mean, column, c)
        centre = entry_of_centre(across, mean, column, c)
        near += step * step
        there += centre * centre
    distance = near + max(0.0, norms[c] - there)
    if distance > RELIABLE * norms[c]:
        return distance
    if exact[0, c] < 0.0:
        total, error = 0.0, 0.0
        for t in range(u(len(across))):
            total, error = less_square(total, error, entry_of_centre(across, mean, t, c))
        exact[0, c], exact[1, c] = -total, -error
    total, error = exact[0, c], exact[1, c]
    for entry in range(start, stop):
        total, error = less_square(total, error, entry_of_centre(across, mean, u(columns[entry]), c))
    return near + max(0.0, total + error)


@inlined
def nearest_rival(
    row: Any, scores: Any, sizes: Any, apart: Any, alone: Any, least: Any, label: Any, k: int
) -> Any:  # pragma: no cover - compiled
    """Measure the centres that may be the nearest; give the first of the nearest, and its squared distance."""
    data, columns, start, stop, across, mean, norms, exact = row
    nearest, distance = label, sparse_distance(data, columns, start, stop, across, mean, norms, exact, u(label))
    for c in range(u(k)):
        if c != u(label) and scores[c] + (apart * sizes[u(0), c] + alone * sizes[u(1), c]) >= least:
            far = sparse_distance(data, columns, start, stop, across, mean, norms, exact, c)
            if far < distance or (far == distance and np.int64(c) < nearest):
                nearest, distance = np.int64(c), far
    return nearest, distance


@compiled
def assign_sparse(
    data: Any,
    columns: Any,
    pointers: Any,
    across: Any,
    offsets: Any,
    k: int,
    mean: Any,
    norms: Any,
    exact: Any,
    sizes: Any,
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
        The centres less the mean in columns, with columns of zeros up to a whole number of registers.
    offsets : ndarray, shape (K,)
        −m·c' − ‖c'‖²/2, and −∞ beyond the last centre.
    k : int
        Centres.
    mean : ndarray of float64, shape (d,) or (0,)
        m, or none.
    norms : ndarray of float64, shape (k,)
        ‖m + c'‖².
    exact : ndarray of float64, shape (2, k)
        Filled with −1: room for more digits of them.
    sizes : ndarray, shape (2, K)
        ‖c'‖, and the sizes of the offsets; zeros beyond the last centre.
    weights, labels, sums, counts
        As for `assign`; `sums`, of the rows as they are, of shape (k, d) or (0, d).
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
    single = data.itemsize == 4
    rounding = 1.2e-7 if single else 2.3e-16  # of a product and a sum
    reliable = 0.0625 if single else RELIABLE
    inertia, changed = 0.0, 0
    for row in range(u(len(pointers) - 1)):
        scores[:] = offsets
        start, stop = u(pointers[row]), u(pointers[row + u(1)])
        squares = 0.0
        for entry in range(start, stop):
            value, column = data[entry], u(columns[entry])
            squares += np.float64(value) * np.float64(value)
            for c in range(u(len(scores))):
                scores[c] += value * across[column, c]
        best, place = splat(data.dtype.type(-np.inf)), load(zeros, (u(0),))
        for c in range(u(0), u(len(scores)), u(width)):
            best, place = keep_larger(best, place, load(scores, (c,)), zeros.dtype.type(c // u(width)))
        label = np.int64(place_of_largest(best, place))
        label = label if label < k else np.int64(0)  # beyond only where squares overflow
        length, steps = np.sqrt(squares), rounding * np.float64(stop - start + u(2))
        apart, alone = data.dtype.type(steps * length), data.dtype.type(steps)
        least = scores[u(label)] - (apart * sizes[u(0), u(label)] + alone * sizes[u(1), u(label)])
        rivals = 0
        for c in range(u(len(scores))):
            rivals += scores[c] + (apart * sizes[u(0), c] + alone * sizes[u(1), c]) >= least
        distance = max(0.0, squares - 2.0 * np.float64(scores[u(label)]))
        if rivals > 1:
            label, distance = nearest_rival(
                (data, columns, start, stop, across, mean, norms, exact), scores, sizes, apart, alone, least, label, k
            )
        elif len(mean) or distance < reliable * (squares + norms[u(label)]):
            distance = sparse_distance(data, columns, start, stop, across, mean, norms, exact, u(label))
        changed += labels[row] != label
        labels[row] = label
        weight = weights[row] if len(weights) else one
        inertia += np.float64(weight) * distance
        if len(sums):
            counts[label] += weight
            for entry in range(start, stop):
                sums[u(label), u(columns[entry])] += np.float64(weight) * np.float64(data[entry])
    return inertia, changed


@compiled
def measure_sparse(
    data: Any,
    columns: Any,
    pointers: Any,
    across: Any,
    mean: Any,
    norms: Any,
    exact: Any,
    labels: Any,
    distances: Any,
) -> None:  # pragma: no cover - compiled
    """Set `distances` to ‖x − c‖² of each row and the centre that `labels` says; the rest is as for `assign_sparse`."""
    for row in range(u(len(labels))):
        start, stop, c = u(pointers[row]), u(pointers[row + u(1)]), u(labels[row])
        distances[row] = sparse_distance(data, columns, start, stop, across, mean, norms, exact, c)


@compiled
def measure_candidates_sparse(
    data: Any,
    columns: Any,
    pointers: Any,
    across: Any,
    count: int,
    norms: Any,
    exact: Any,
    closest: Any,
    candidate_distances: Any,
    products: Any,
) -> None:  # pragma: no cover - compiled
    """Measure what each candidate of a k-means++ step would leave of the squared distances.

    Parameters
    ----------
    data, columns, pointers : ndarrays
        The rows as CSR.
    across : ndarray of float64, shape (d, K)
        The candidates in columns.
    count : int
        How many there are.
    norms, exact : ndarrays
        As for `assign_sparse`.
    closest, candidate_distances : ndarrays, shapes (n,) and (count, n)
        As for `measure_candidates`; the latter is written.
    products : ndarray of float64, shape (K,)
        Room to work in.
    """
    none = np.zeros(0)
    for row in range(u(len(closest))):
        start, stop = u(pointers[row]), u(pointers[row + u(1)])
        products[:] = 0.0
        squares = 0.0
        for entry in range(start, stop):
            value, column = np.float64(data[entry]), u(columns[entry])
            squares += value * value
            for c in range(u(len(products))):
                products[c] += value * across[column, c]
        for c in range(u(count)):
            distance = squares - 2.0 * products[c] + norms[c]
            if distance < RELIABLE * (squares + norms[c]):
                distance = sparse_distance(data, columns, start, stop, across, none, norms, exact, c)
            candidate_distances[c, row] = min(distance, np.float64(closest[row]))
