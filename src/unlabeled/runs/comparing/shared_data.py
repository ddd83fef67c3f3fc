"""The data of a comparison: opened, prepared and drawn from once, for all methods and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data import Instances
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import Subset
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.split import Split, grouped_split
from unlabeled.modalities import Preprocessing, modality_of
from unlabeled.runs.comparing.watch import ROWS
from unlabeled.runs.judge import TEST_SIZE

MAX_JUDGED = 10_000
"""Most instances whose vectors are kept and judged, so that judging does not grow with the data."""


@dataclass(frozen=True)
class SharedData:
    """The data as they were opened and as they are learnt from, and the rows that are judged.

    Attributes
    ----------
    source : Collection
        As they were opened.
    instances : Instances
        The same, prepared; methods learn from all of them.
    preprocessing : Preprocessing
    labels : ndarray of int64, shape (n,), optional
        Where known; −1 for unlabelled.
    """

    source: Any
    instances: Instances
    preprocessing: Preprocessing
    labels: NDArray[np.int64] | None

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The rows whose vectors are kept, in order: all, or 10,000 of more, and then labelled ones if there are."""
        rows = np.arange(len(self.instances))
        if len(rows) > MAX_JUDGED and self.labels is not None and (self.labels >= 0).any():
            rows = np.flatnonzero(self.labels >= 0)
        return _some(rows, MAX_JUDGED)

    @cached_property
    def identity(self) -> str:
        """Tells these rows apart from others."""
        return fingerprint([str(row) for row in self.rows])

    @cached_property
    def judged(self) -> Instances:
        """The instances at `rows`."""
        return self.instances if len(self.rows) == len(self.instances) else Subset(self.instances, self.rows)

    @cached_property
    def judged_labels(self) -> NDArray[np.int64]:
        """Labels of `judged`."""
        return np.full(len(self.rows), -1) if self.labels is None else self.labels[self.rows]

    @cached_property
    def groups(self) -> NDArray[np.int64] | None:
        """The group of each of `judged`, such as the video of a clip; None where each is its own."""
        groups = modality_of(self.instances).groups(self.instances)
        return None if groups is None else groups[self.rows]

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """What each of `judged` is counted as in an interval: itself, or its group."""
        return np.arange(len(self.rows)) if self.groups is None else self.groups

    def split(self, seed: int, places: NDArray[np.int64] | None = None) -> Split:
        """Give the places in `judged` from which the probes of a seed learn, and those on which it tests.

        All clips of one video are in one part. The places are all with a label, or those among some given ones.
        """
        places = np.arange(len(self.rows)) if places is None else places
        groups = None if self.groups is None else self.groups[places]
        train, test = grouped_split(self.judged_labels[places], groups, TEST_SIZE, seed)
        return Split(places[train], places[test])

    @cached_property
    def why_not_judged(self) -> str | None:
        """Why the labels cannot judge, where they cannot."""
        if len(np.unique(self.judged_labels[self.judged_labels >= 0])) < 2:
            return "they are of fewer than two classes"
        try:
            self.split(0)
        except UnlabeledError as error:  # each class has one instance, or one video
            return str(error)
        return None

    def taught(self, seed: int) -> NDArray[np.int64] | None:
        """Give the labels that a method may learn from: not those that test it."""
        if self.labels is None:
            return None
        taught = self.labels.copy()
        if self.why_not_judged is None:
            taught[self.rows[self.split(seed).test]] = -1
        return taught

    @cached_property
    def watched(self) -> NDArray[np.int64]:
        """The places in `judged` that are looked at while a method learns: of labelled rows, if there are any."""
        known = np.flatnonzero(self.judged_labels >= 0)
        return _some(known if len(known) else np.arange(len(self.rows)), ROWS)

    @cached_property
    def raw(self) -> NDArray[np.float32]:
        """The input itself, as vectors of `judged`."""
        return modality_of(self.instances).baseline(self.instances, self.rows)


def _some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
