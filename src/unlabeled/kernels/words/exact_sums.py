"""Sums over rows of matrices in float64, whatever the type of the matrices: what exact losses are made of."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import ANY_ORDER, compiled

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]


@partial(compiled, fastmath=ANY_ORDER)
def products(a: Any, rows: Integers, b: Any, columns: Integers, out: Reals) -> None:  # pragma: no cover - compiled
    """Set out[i] to a[rows[i]] · b[columns[i]], summed in float64."""
    for i in range(len(rows)):
        total = 0.0
        for d in range(b.shape[1]):
            total += np.float64(a[rows[i], d]) * np.float64(b[columns[i], d])
        out[i] = total


@compiled
def means(a: Any, rows: Integers, bounds: Integers, out: Reals) -> None:  # pragma: no cover - compiled
    """Set out[i] to the mean of a[rows[j]] over bounds[i] ≤ j < bounds[i + 1], summed in float64."""
    for i in range(len(out)):
        out[i] = 0
        for j in range(bounds[i], bounds[i + 1]):
            for d in range(a.shape[1]):
                out[i, d] += np.float64(a[rows[j], d])
        out[i] /= bounds[i + 1] - bounds[i]
