"""From log-densities to responsibilities, one register of rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.simd import add, div, exp, load, maximum, mul, splat, store, sub

u = np.uint64


@compiled
def normalise(joint: Any, k: int, count: int, largest: Any, total: Any) -> None:  # pragma: no cover - compiled
    """Turn log w_k p(y | k) into responsibilities.

    Parameters
    ----------
    joint : ndarray, shape (at least k, rows)
        Logarithms, which become shares of 1. `rows` is a whole number of registers, of which `count` rows are meant.
    k, count : int
        How many components and rows there are.
    largest, total : ndarrays, shape (1, rows)
        Become the largest logarithm m of each row, and Σ_k exp(log w_k p(y | k) − m).
    """
    width, first = u(64 // joint.itemsize), u(0)
    for step in range((u(count) + width - u(1)) // width):
        n = step * width
        m = load(joint, (first, n))
        for c in range(u(k)):
            m = maximum(m, load(joint, (c, n)))
        sums = splat(joint.dtype.type(0))
        for c in range(u(k)):
            share = exp(sub(load(joint, (c, n)), m))
            sums = add(sums, share)
            store(joint, (c, n), share)
        shrink = div(splat(joint.dtype.type(1)), sums)
        for c in range(u(k)):
            store(joint, (c, n), mul(load(joint, (c, n)), shrink))
        store(largest, (first, n), m)
        store(total, (first, n), sums)
