"""How often a label of a certain confidence is right, and from which confidence on a wanted share of them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.evaluation.accuracy import wilson_interval

Floats = NDArray[np.float64]
ROUNDING = 1e-9
"""Of sums of weights."""
DRAWS = 100
"""How often labels are drawn that choose a threshold, which the others judge."""
AIMS = 10
"""Shares between the wanted one and 1 that a threshold may aim at."""
STEPS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Precision:
    """Confidence and rightness of labels that were hidden in cross-validation.

    Attributes
    ----------
    confidence : ndarray, shape (n,)
        Falling.
    right : ndarray of bool, shape (n,)
    weight : ndarray, shape (n,)
        The share of a label that each prediction stands for; those of all predictions of a label sum to 1.
    label : ndarray of int64, shape (n,)
        Which label was predicted.
    """

    confidence: Floats
    right: NDArray[np.bool_]
    weight: Floats
    label: NDArray[np.int64]

    @classmethod
    def of(cls, confidence: Floats, right: NDArray[np.bool_], weight: Floats) -> Precision:
        """Make it from arrays of one shape, in any order; the last axis is that of the labels."""
        label = np.broadcast_to(np.arange(confidence.shape[-1]), confidence.shape).ravel()
        order = np.argsort(-confidence.ravel(), kind="stable")
        return cls(confidence.ravel()[order], right.ravel()[order], weight.ravel()[order], label[order])

    def at(self, threshold: float) -> dict[str, Any]:
        """Give the expected precision of labels at or above a confidence, with a 95 % interval.

        Returns
        -------
        dict
            threshold, rows (labels that it rests on), precision and interval, None where it rests on none.
        """
        taken = int((self.confidence >= threshold).sum())
        rows = float(self.weight[:taken].sum())
        if round(rows, 6) < 1:
            return {"threshold": threshold, "rows": rows, "precision": None, "interval": None}
        precision = float(np.average(self.right[:taken], weights=self.weight[:taken]))
        return {
            "threshold": threshold,
            "rows": rows,
            "precision": precision,
            "interval": list(wilson_interval(precision, max(1, round(rows)))),
        }

    def threshold_for(self, wanted: float) -> float | None:
        """Find the least confidence at which the wanted share is right; None if no confidence is high enough.

        One error more than was seen is counted, (1 + errors) / (1 + rows) ≤ 1 − wanted, so that a few lucky rows prove
        nothing: a share of 0.95 needs at least 19 rows without an error.
        """
        place = self._last_enough(self.weight, wanted)
        return None if place is None else float(self.confidence[place])

    def judged_threshold(self, wanted: float, seed: int) -> dict[str, Any] | None:
        """Find the least confidence at which the wanted share is right by labels that did not choose it.

        The threshold that some labels choose suits these better than others. So labels are drawn with replacement and
        choose one, the labels that were not drawn judge it, and this is done over and over. Where they find less than
        the wanted share, the threshold aims higher.

        Returns
        -------
        dict or None
            As of `at`, with the precision that the other labels found; None if no aim is high enough.
        """
        generator, count = np.random.default_rng(seed), int(self.label.max()) + 1
        draws = [np.bincount(generator.integers(count, size=count), minlength=count) for _ in range(DRAWS)]
        for aim in wanted + (1 - wanted) * np.arange(AIMS) / AIMS:
            if (threshold := self.threshold_for(aim)) is None:
                return None
            taken = right = 0.0
            for drawn in draws:
                if (place := self._last_enough(self.weight * drawn[self.label], aim)) is not None:
                    others = np.where(drawn[self.label[: place + 1]] == 0, self.weight[: place + 1], 0.0)
                    taken, right = taken + others.sum(), right + others[self.right[: place + 1]].sum()
            if taken > 0 and right / taken >= wanted - ROUNDING:
                found, share = self.at(threshold), float(right / taken)
                rows = max(1, round(found["rows"]))
                return {**found, "precision": share, "interval": list(wilson_interval(share, rows))}
        return None

    def _last_enough(self, weight: Floats, wanted: float) -> int | None:
        """Give the last place up to which enough of what has these weights is right."""
        rows, errors = np.cumsum(weight), np.cumsum(np.where(self.right, 0.0, weight))
        # A threshold takes all rows of one confidence or none of them.
        last = np.r_[self.confidence[1:] < self.confidence[:-1], True]
        enough = np.flatnonzero(((1 + errors) / (1 + rows) <= 1 - wanted + ROUNDING) & last)
        return int(enough[-1]) if len(enough) else None

    def table(self) -> list[dict[str, Any]]:
        """Give the expected precision at some confidences."""
        return [self.at(step) for step in STEPS]
