"""Labels that are kept from a method which learns from labels, so that they can judge it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data import Instances
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.split import grouped_split
from unlabeled.modalities import modality_of
from unlabeled.runs.judge import TEST_SIZE
from unlabeled.runs.run import Run

Rows = NDArray[np.int64]


def held_out_rows(instances: Instances, labels: Rows) -> Rows:
    """Choose the labelled rows that judge: a fifth of each class, and of videos whole ones; none if that cannot be."""
    try:
        return grouped_split(labels, modality_of(instances).groups(instances), TEST_SIZE).test
    except UnlabeledError:  # each class has one instance, or one video
        return np.empty(0, dtype=np.int64)


def taught_labels(labels: Rows, classes: list[str], held_out: Rows) -> NDArray[Any]:
    """Give the names of the classes, None for instances that are held out or unlabelled."""
    names = np.array([*classes, None], dtype=object)[labels]
    names[held_out] = None
    return names


def rows_to_test(run: Run) -> Rows | None:
    """Give the rows of a run whose labels taught nothing; None if its method learnt from no labels."""
    held_out = run.about.get("held_out_labels")
    if held_out is None:
        return None
    ids, own = np.array(run.embeddings.ids), run.embeddings.labels
    taught = np.zeros(len(ids), dtype=bool) if own is None else (own >= 0) & ~np.isin(ids, held_out)
    return np.flatnonzero(~taught)
