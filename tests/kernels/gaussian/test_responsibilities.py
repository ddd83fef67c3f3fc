"""Responsibilities against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.kernels.gaussian.responsibilities import normalise
from unlabeled.kernels.layout import aligned


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("k", "count"), [(1, 1), (3, 17), (40, 100)])
def test_responsibilities_are_shares_of_one(k, count, dtype):
    rng = np.random.default_rng(0)
    joint = aligned((k + 2, 128), dtype)
    joint[:k, :count] = rng.normal(0, 100, (k, count)) - 1e4
    exact = joint[:k, :count].astype(np.float64)
    largest, total = aligned((2, 1, 128), dtype)
    normalise(joint, k, count, largest, total)
    expected = np.exp(exact - exact.max(0))
    np.testing.assert_array_equal(largest[0, :count], exact.max(0))
    np.testing.assert_allclose(total[0, :count], expected.sum(0), rtol=1e-6 if dtype == np.float32 else 1e-14)
    np.testing.assert_allclose(joint[:k, :count], expected / expected.sum(0), atol=np.finfo(dtype).eps * 4)
    assert not joint[k:].any()
