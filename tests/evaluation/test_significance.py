"""Paired differences: chance is called chance, and a real difference is found."""

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.significance import holm, paired_difference


def test_equal_answers_differ_by_nothing():
    answers = np.array([0.0, 1.0, 1.0, 0.0])
    found = paired_difference(answers, answers)
    assert (found.mean, found.interval, found.p) == (0.0, (0.0, 0.0), 1.0)


def test_the_p_value_is_that_of_the_exact_sign_test_where_all_differences_are_equal():
    one, other = np.ones(10), np.zeros(10)
    # All ten signs must agree: 2 of 1024 ways. 10,000 draws have a standard error of 0.00044.
    assert paired_difference(one, other).p == pytest.approx(2 / 1024, abs=0.0015)


def test_under_no_difference_small_p_values_are_rare():
    random = np.random.default_rng(0)
    found = [paired_difference(*random.integers(0, 2, (2, 60)).astype(float), seed=i).p for i in range(40)]
    assert np.mean(np.array(found) < 0.05) <= 0.15  # 2 of 40 are expected; more than 6 come about once in 100


def test_the_interval_holds_the_true_difference():
    random = np.random.default_rng(1)
    one = (random.random(400) < 0.8).astype(float)
    other = (random.random(400) < 0.6).astype(float)
    low, high = paired_difference(one, other).interval
    assert low < 0.2 < high
    assert high - low < 0.16  # 4 standard errors of the difference of two shares of 400 rows


def test_holm_multiplies_the_smallest_by_the_number_and_never_reorders():
    assert holm([0.5, 0.001, 0.02]) == [0.5, 0.003, 0.04]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_other_rows_are_refused():
    with pytest.raises(UnlabeledError, match="not of the same rows"):
        paired_difference(np.zeros(3), np.zeros(4))
