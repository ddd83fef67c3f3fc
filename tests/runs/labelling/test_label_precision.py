"""Expected precision, its threshold, and what to label next, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.runs.labelling.label_next import label_next
from unlabeled.runs.labelling.label_precision import Precision


def test_the_threshold_is_the_least_that_a_plain_loop_finds():
    rng = np.random.default_rng(0)
    confidence = rng.random(200).round(2)
    right = rng.random(200) < confidence**0.2
    found = Precision.of(confidence[None], right[None]).threshold_for(0.9)
    best = None
    for threshold in sorted(set(confidence.tolist())):
        taken = right[confidence >= threshold]
        if (1 + (~taken).sum()) / (1 + len(taken)) <= 0.1:
            best = threshold
            break
    assert found == best


def test_a_few_lucky_rows_prove_nothing():
    assert Precision.of(np.full((1, 18), 0.9), np.ones((1, 18), bool)).threshold_for(0.95) is None
    assert Precision.of(np.full((1, 19), 0.9), np.ones((1, 19), bool)).threshold_for(0.95) == 0.9


def test_repeats_do_not_make_rows_more():
    once = Precision.of(np.full((1, 18), 0.9), np.ones((1, 18), bool))
    often = Precision.of(np.full((10, 18), 0.9), np.ones((10, 18), bool))
    assert often.threshold_for(0.95) is None
    assert often.at(0.5) == once.at(0.5)
    assert once.at(0.95)["precision"] is None


def test_the_chosen_are_uncertain_apart_and_no_outliers():
    vectors = np.array([[0, 0], [0, 0], [5, 0], [5, 0.01], [0, 5], [99, 99], *([[2, 2]] * 20)], np.float32)
    uncertainty = np.r_[[0.9, 0.9, 0.8, 0.8, 0.7, 1.0], np.zeros(20)]
    labelled = np.zeros(26, bool)
    labelled[6] = True
    lonely = np.r_[np.zeros(5), 99, np.zeros(20)]
    chosen = label_next(vectors, uncertainty, labelled, lonely, 3)
    assert len({0, 1} & set(chosen)) == 1  # a copy of a chosen one is not chosen
    assert 5 not in chosen
    assert 4 in chosen


def test_nothing_is_proposed_where_nothing_is_left():
    assert len(label_next(np.zeros((3, 2), np.float32), np.ones(3), np.ones(3, bool), np.zeros(3), 5)) == 0


@pytest.mark.parametrize("count", [0, 2])
def test_no_more_than_wanted(count):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 3)).astype(np.float32)
    assert len(label_next(vectors, np.ones(50), np.arange(50) < 5, np.zeros(50), count)) == count
