from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlabeled.evaluation.accuracy import accuracy_by_class, wilson_interval


def test_each_class_is_counted_by_itself():
    truth, predicted = np.array([0, 0, 0, 5, 5]), np.array([0, 5, 0, 5, 0])
    assert accuracy_by_class(truth, predicted) == {0: pytest.approx(2 / 3), 5: 0.5}


@given(right=st.integers(0, 50), more=st.integers(0, 50))
def test_the_interval_holds_the_proportions_that_the_score_test_keeps(right, more):
    n = right + more
    if n == 0:
        return
    p = right / n
    for bound in wilson_interval(p, n):
        # Wilson's bounds are where |p − b| is 1.96 standard errors of b itself.
        assert abs(p - bound) == pytest.approx(1.959964 * math.sqrt(bound * (1 - bound) / n), abs=1e-6)


def test_known_interval():
    # 81 of 263, a textbook example (Newcombe 1998): 0.2553 to 0.3662.
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
