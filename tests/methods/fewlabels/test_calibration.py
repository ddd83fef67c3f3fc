"""Predictions of labels that were hidden, in parts that are drawn class by class or at random."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.methods.fewlabels.calibration import out_of_fold


@pytest.mark.parametrize("by_class", [True, False])
def test_each_label_is_hidden_once_and_each_class_is_always_shown(by_class):
    codes = np.array([0] * 11 + [1] * 2 + [2] * 3 + [3] + [-1] * 5)
    hidden = []

    def fit(shown):
        assert set(shown[shown >= 0]) == {0, 1, 2, 3}
        hidden.extend(np.flatnonzero((shown < 0) & (codes >= 0)))
        return lambda rows: np.full((len(rows), 4), 0.25)

    for seed in range(20):
        hidden.clear()
        rows, shares = out_of_fold(fit, codes, 5, seed, by_class=by_class)
        assert sorted(rows) == sorted(hidden) == list(range(16))  # the class with one label is never hidden
        assert shares.shape == (16, 4)


def test_parts_at_random_do_not_tell_the_class_shares_of_the_sample():
    """Always naming the commonest of ten equally frequent classes is right one time in ten, and no oftener."""

    def commonest(shown):
        share = np.eye(10)[np.bincount(shown[shown >= 0], minlength=10).argmax()]
        return lambda rows: np.tile(share, (len(rows), 1))

    right = {True: [], False: []}
    for seed in range(200):
        codes = np.random.default_rng(seed).integers(10, size=100)
        for by_class, found in right.items():
            rows, shares = out_of_fold(commonest, codes, 5, seed, by_class=by_class)
            found.append((shares.argmax(axis=1) == codes[rows]).mean())
    assert np.mean(right[True]) > 0.14
    assert np.mean(right[False]) == pytest.approx(0.1, abs=0.01)  # three and a half standard errors
