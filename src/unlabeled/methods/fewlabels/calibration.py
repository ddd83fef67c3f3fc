"""Confidences that can be believed: one temperature, fitted on rows that a model did not learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.methods.fewlabels.few_labels import Codes, Floats, softmax

SMALLEST = 1e-12
"""The least probability whose logarithm is taken."""


def fit_temperature(probabilities: Floats, codes: Codes) -> float:
    r"""Find the temperature at which given probabilities explain the true classes best.

    .. math:: T = \arg\min_T -\sum_i \log \mathrm{softmax}(\log p_i / T)_{y_i}

    Parameters
    ----------
    probabilities : ndarray, shape (n, c)
        Of rows that the model did not learn from.
    codes : ndarray of int, shape (n,)
        Their true classes.

    Returns
    -------
    float
        Between 0.05 and 20. Above 1 the model was too sure.

    References
    ----------
    .. [1] Guo, Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks, ICML 2017.
    """
    from scipy.optimize import minimize_scalar

    logs, rows = np.log(np.maximum(probabilities, SMALLEST)), np.arange(len(codes))

    def cost(log_temperature: float) -> float:
        scaled = softmax(logs / np.exp(log_temperature))
        return float(-np.log(np.maximum(scaled[rows, codes], SMALLEST)).mean())

    found = minimize_scalar(cost, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def at_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Flatten (above 1) or sharpen (below 1) probabilities, shape (n, c)."""
    return softmax(np.log(np.maximum(probabilities, SMALLEST)) / temperature)


def out_of_fold(
    fit: Callable[[NDArray[np.int64]], Callable[[NDArray[np.int64]], Floats]],
    codes: Codes,
    folds: int = 3,
    seed: int = 0,
    by_class: bool = True,
) -> tuple[NDArray[np.int64], Floats]:
    """Predict each labelled row by a model that did not see its label.

    Parameters
    ----------
    fit : callable
        Given labels with those of a fold hidden (−1), gives a function from row numbers to probabilities.
    codes : ndarray of int, shape (n,)
        Labels, −1 where unknown.
    folds : int, default 3
        Parts that the labelled rows are dealt to. A class with one label stays with the training part.
    seed : int, default 0
        Of the parts.
    by_class : bool, default True
        Whether each part gets the same share of each class. Then the hidden labels have the class shares that were
        learnt, those of this very sample, and a classifier that leans on them looks better than it is: with 100 labels
        of ten classes by several points. Parts at random do not tell it, and at least one label of each class is left.

    Returns
    -------
    (rows, probabilities)
        The labelled rows that could be predicted, shape (m,), and their probabilities, shape (m, c).
    """
    known = np.flatnonzero(codes >= 0)
    rng = np.random.default_rng(seed)
    fold = np.full(len(codes), -1)
    groups = [members for label in np.unique(codes[known]) if len(members := known[codes[known] == label]) > 1]
    order = np.concatenate([rng.permutation(members) for members in groups]) if groups else known[:0]
    order = order if by_class else rng.permutation(order)
    fold[order] = np.arange(len(order)) % folds
    for members in groups:
        if (fold[members] == fold[members[0]]).all():
            fold[members[0]] = (fold[members[0]] + 1) % folds
    rows: list[NDArray[np.int64]] = []
    found: list[Any] = []
    for number in range(folds):
        held = np.flatnonzero(fold == number)
        if len(held):
            shown = codes.copy()
            shown[held] = -1
            rows.append(held)
            found.append(fit(shown)(held))
    if not rows:
        return np.empty(0, np.int64), np.empty((0, int(codes.max()) + 1))
    return np.concatenate(rows), np.concatenate(found)
