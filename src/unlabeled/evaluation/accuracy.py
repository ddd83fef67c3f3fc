"""Accuracy, by class and with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unlabeled.evaluation.inputs import Labels


def accuracy_by_class(truth: Labels, predicted: Labels) -> dict[int, float]:
    """Share of each class's rows that are predicted rightly, for the classes that occur.

    Examples
    --------
    >>> accuracy_by_class(np.array([0, 0, 2]), np.array([0, 1, 2]))
    {0: 0.5, 2: 1.0}
    """
    return {int(label): float((predicted[truth == label] == label).mean()) for label in np.unique(truth)}


def balanced_accuracy(per_class: Mapping[Any, float]) -> float:
    """Mean of the classes' accuracies: each class counts the same, however many rows it has.

    Examples
    --------
    >>> balanced_accuracy({"cat": 1.0, "dog": 0.5})
    0.75
    """
    return float(np.mean(list(per_class.values())))


def wilson_interval(accuracy: float, n: int) -> tuple[float, float]:
    r"""95 % confidence interval of a proportion seen on n independent rows, after Wilson (1927).

    .. math:: \frac{p + z^2/2n \pm z\sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}, \qquad z = 1.96

    Unlike p ± z·√(p(1 − p)/n) it stays within [0, 1] and keeps a width at p = 0 and p = 1.

    Examples
    --------
    >>> low, high = wilson_interval(1.0, 20)
    >>> round(low, 3), round(high, 3)
    (0.839, 1.0)
    """
    z = 1.959963984540054  # the normal distribution's 97.5th percentile
    centre = accuracy + z**2 / (2 * n)
    half = z * np.sqrt(accuracy * (1 - accuracy) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return max(0.0, float((centre - half) / scale)), min(1.0, float((centre + half) / scale))
