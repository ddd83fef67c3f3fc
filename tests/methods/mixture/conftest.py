"""Documents whose topics are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment


@pytest.fixture(scope="session")
def simulated():
    """300 documents of 200 words from 5 topics of 100 words; counts, θ and β."""
    rng = np.random.default_rng(0)
    beta = rng.dirichlet(np.full(100, 0.1), 5)
    theta = rng.dirichlet(np.full(5, 0.2), 300)
    counts = np.stack([rng.multinomial(200, row) for row in theta @ beta])
    return counts, theta, beta


@pytest.fixture(scope="session")
def matched():
    """Give the order of the topics found in which they fit the true ones best."""

    def order(found, true):
        distances = np.abs(found[:, None] - true[None]).sum(axis=2)
        return linear_sum_assignment(distances.T)[1]

    return order
