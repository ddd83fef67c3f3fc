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
    """

    confidence: Floats
    right: NDArray[np.bool_]
    weight: Floats

    @classmethod
    def of(cls, confidence: Floats, right: NDArray[np.bool_], weight: Floats) -> Precision:
        """Make it from arrays of one shape, in any order."""
        order = np.argsort(-confidence.ravel(), kind="stable")
        return cls(confidence.ravel()[order], right.ravel()[order], weight.ravel()[order])

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
        rows = np.cumsum(self.weight)
        errors = np.cumsum(np.where(self.right, 0.0, self.weight))
        # A threshold takes all rows of one confidence or none of them.
        last = np.r_[self.confidence[1:] < self.confidence[:-1], True]
        enough = np.flatnonzero(((1 + errors) / (1 + rows) <= 1 - wanted + ROUNDING) & last)
        return float(self.confidence[enough[-1]]) if len(enough) else None

    def table(self) -> list[dict[str, Any]]:
        """Give the expected precision at some confidences."""
        return [self.at(step) for step in STEPS]
