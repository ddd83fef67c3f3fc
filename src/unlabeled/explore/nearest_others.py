"""Neighbours within one set of vectors: every row against all the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.search.exact import ExactStore
from unlabeled.search.store import Neighbours


def store_of(array: NDArray[Any], metric: str) -> ExactStore:
    """Make an exact store of rows named by their numbers."""
    return ExactStore.build([str(row) for row in range(len(array))], array, metric=metric)


def nearest_others(array: NDArray[Any], k: int, metric: str = "cosine") -> Neighbours:
    """Find the `k` rows nearest to each row, itself excluded; all others if there are fewer."""
    return store_of(array, metric).query(array, k, exclude=np.arange(len(array)))
