from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.split import grouped_split, stratified_folds, stratified_split


@settings(deadline=None)
@given(labels=st.lists(st.integers(-1, 4), min_size=1, max_size=60), size=st.floats(0.05, 0.95), seed=st.integers(0, 9))
def test_any_labels_are_split_class_by_class(labels, size, seed):
    labels = np.array(labels)
    counts = {label: int((labels == label).sum()) for label in range(5)}
    if max(counts.values()) < 2:
        with pytest.raises(UnlabeledError):
            stratified_split(labels, size, seed)
        return
    train, test = stratified_split(labels, size, seed)
    assert sorted([*train, *test]) == np.flatnonzero(labels >= 0).tolist()
    for label, count in counts.items():
        tested = int((labels[test] == label).sum())
        if count < 2:
            assert tested == 0
        else:
            assert tested == min(max(1, round(size * count)), count - 1)


def test_the_seed_decides():
    labels = np.arange(100) % 4
    first, again, other = (stratified_split(labels, seed=seed).test.tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 20


@pytest.mark.parametrize(
    ("labels", "size", "message"),
    [
        ([0, 1, 2, -1], 0.2, "one labelled row only"),
        ([-1, -1], 0.2, "no row is labelled"),
        (None, 0.2, "one for each row"),
        ("ab", 0.2, "one for each row"),
        ([0, 0], 0.0, "between 0 and 1"),
        ([0, 0], 1.5, "between 0 and 1"),
    ],
)
def test_what_cannot_be_split_is_refused(labels, size, message):
    with pytest.raises(UnlabeledError, match=message):
        stratified_split(labels, size)


@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=50), n=st.integers(2, 5))
def test_folds_are_even_in_all_and_in_each_class(labels, n):
    labels = np.array(labels)
    folds = stratified_folds(labels, n)
    for part in [np.ones(len(labels), dtype=bool), *(labels == label for label in set(labels))]:
        counts = np.bincount(folds[part], minlength=n)
        assert counts.max() - counts.min() <= 1


def test_no_group_is_in_both_parts():
    random = np.random.default_rng(0)
    groups = random.integers(0, 30, 300)
    labels = np.where(random.random(300) < 0.2, -1, groups % 3)
    for seed in range(5):
        train, test = grouped_split(labels, groups, seed=seed)
        assert not set(groups[train]) & set(groups[test])
        assert sorted([*train, *test]) == np.flatnonzero(labels >= 0).tolist()
        assert [len(np.unique(groups[test][labels[test] == label])) for label in range(3)] == [2, 2, 2]
    assert grouped_split(labels, groups, seed=1).test.tolist() != grouped_split(labels, groups).test.tolist()


def test_groups_that_cannot_be_split_are_refused():
    with pytest.raises(UnlabeledError, match="one group only, 2 in all"):
        grouped_split([0, 0, 1, 1], [5, 5, 6, 6])
    with pytest.raises(UnlabeledError, match="one group a row"):
        grouped_split([0, 0, 1], [5, 5])
