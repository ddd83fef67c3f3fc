from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import agreement, clustering


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_agrees_with_every_matching_tried(pairs):
    clusters, labels = map(np.array, zip(*pairs, strict=True))
    best = max(np.mean(np.array(match)[clusters] == labels) for match in permutations(range(4)))
    found = agreement(clusters, labels)
    assert found.accuracy == pytest.approx(best)
    assert found.nmi == normalized_mutual_info_score(labels, clusters)
    assert found.ari == adjusted_rand_score(labels, clusters)


def test_names_of_clusters_do_not_matter_and_unlabelled_rows_do_not_count():
    found = agreement([5, 5, 2, 2, 2, -1], [0, 0, 1, 1, -1, -1])
    assert (found.nmi, found.ari, found.accuracy, found.n) == (pytest.approx(1), 1, 1, 4)


def test_more_clusters_than_classes_are_matched_one_to_one():
    found = agreement([0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1])
    assert (found.accuracy, found.n_clusters, found.n_classes) == (pytest.approx(4 / 6), 3, 2)


def test_k_means_finds_clear_groups_without_their_labels():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    found = clustering(10 * np.eye(4)[labels] + rng.normal(size=(200, 4)) * 0.1, labels)
    assert found.accuracy == found.ari == 1.0


def test_fewer_different_rows_than_classes():
    found = clustering(np.ones((6, 2)), [0, 0, 0, 1, 1, 2])
    assert (found.n_clusters, found.accuracy, found.ari) == (1, 0.5, 0.0)


def test_bad_input_is_refused():
    with pytest.raises(UnlabeledError, match="no row is labelled"):
        clustering(np.eye(3), [-1, -1, -1])
    with pytest.raises(UnlabeledError, match="n_clusters must be a whole number of at least 1"):
        clustering(np.eye(3), [0, 1, 1], n_clusters=0)
    with pytest.raises(UnlabeledError, match="one label for each of the 2 rows"):
        agreement([0, 1], [0, 1, 1])
