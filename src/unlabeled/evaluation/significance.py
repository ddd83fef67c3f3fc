"""Whether one representation is better than another on the same test rows, or whether chance explains it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError

DRAWS = 10_000


@dataclass(frozen=True)
class PairedDifference:
    """How much one representation is better than another, row by row."""

    mean: float
    """Mean difference of the share of correct answers."""
    interval: tuple[float, float]
    """95 % bootstrap interval over the rows."""
    p: float
    """Two-sided p-value of the sign-flip test: how often chance makes so large a difference where there is none."""


def paired_difference(one: NDArray[np.float64], other: NDArray[np.float64], seed: int = 0) -> PairedDifference:
    """Compare two representations on the same rows.

    Parameters
    ----------
    one, other : array, shape (rows,)
        What each row adds to the mean, such as the share of the seeds in which it was answered correctly.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    PairedDifference

    Raises
    ------
    UnlabeledError
        If the rows are not the same in number, or there is none.

    Examples
    --------
    >>> import numpy as np
    >>> found = paired_difference(np.array([1.0] * 30 + [0.0] * 10), np.array([0.0] * 20 + [1.0] * 10 + [0.0] * 10))
    >>> round(found.mean, 2), found.p < 0.001
    (0.5, True)
    """
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise UnlabeledError(f"answers of shape {one.shape} and {other.shape} are not of the same rows")
    difference = one - other
    random = np.random.default_rng(seed)
    mean = float(difference.mean())
    n = len(difference)
    # A resample counts each row a multinomial number of times; a flip gives each difference a random sign.
    resampled = np.array([random.multinomial(n, np.full(n, 1 / n)) @ difference for _ in range(DRAWS // 10)]) / n
    moved = difference[difference != 0]
    flips = [abs(random.choice((-1.0, 1.0), len(moved)) @ moved) / n for _ in range(DRAWS)] if len(moved) else []
    as_large = int(np.sum(np.asarray(flips) >= abs(mean) - 1e-12))
    p = (1 + as_large) / (1 + len(flips))
    low, high = np.quantile(resampled, [0.025, 0.975])
    return PairedDifference(mean, (float(low), float(high)), p)


def holm(p_values: list[float]) -> list[float]:
    """Correct p-values for how many comparisons were made (Holm's step-down method).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    corrected = np.empty(len(p_values))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return [round(float(value), 12) for value in corrected]
