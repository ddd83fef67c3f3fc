"""The labelled rows on which methods are compared, and what each seed tests on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.evaluation.split import Split, stratified_split

TEST_SIZE = 0.2
MAX_JUDGED = 10_000

Rows = NDArray[np.int64]


def judged_rows(labels: Rows) -> Rows:
    """Give the labelled rows, of very many some that are drawn at random and always the same."""
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > MAX_JUDGED:
        rows = np.sort(np.random.default_rng(0).choice(rows, MAX_JUDGED, replace=False))
    return rows


def split_rows(labels: Rows, seed: int) -> Split:
    """Give the rows from which the probes of a seed learn, and those on which it tests, the same for all methods."""
    rows = judged_rows(labels)
    split = stratified_split(labels[rows], TEST_SIZE, seed)
    return Split(rows[split.train], rows[split.test])
