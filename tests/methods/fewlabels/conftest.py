"""Data for few labels: two moons and three clouds, with a handful of labels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_moons


@pytest.fixture(scope="session")
def moons():
    """Rows (200, 2), true classes, and labels of which three a class are known."""
    X, truth = make_moons(200, noise=0.06, random_state=0)
    y = np.full(200, -1)
    for label in (0, 1):
        y[np.flatnonzero(truth == label)[:3]] = label
    return X, truth, y


@pytest.fixture(scope="session")
def clouds():
    """Rows (150, 4), true classes of three, and labels of which five a class are known."""
    rng = np.random.default_rng(0)
    truth = np.arange(150) % 3
    X = np.array([[0, 0, 0, 0], [3, 3, 0, 0], [0, 3, 3, 3]])[truth] + rng.normal(size=(150, 4))
    return X, truth, np.where(np.arange(150) < 15, truth, -1)
