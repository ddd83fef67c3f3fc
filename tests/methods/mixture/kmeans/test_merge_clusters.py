from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, ward
from sklearn.metrics import adjusted_rand_score

from unlabeled import KMeans, merge_clusters
from unlabeled.errors import UnlabeledError


def inertia(rows, groups):
    return sum(((part - part.mean(axis=0)) ** 2).sum() for part in (rows[groups == g] for g in np.unique(groups)))


def test_each_merge_is_the_one_that_raises_inertia_least():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((200, 3))
    model = KMeans(12, random_state=0).fit(rows)
    groups = np.arange(12)
    for n in range(11, 0, -1):
        costs = {}
        for a, b in combinations(np.unique(groups), 2):
            tried = np.where(groups == b, a, groups)
            costs[a, b] = inertia(rows, tried[model.labels_])
        a, b = min(costs, key=costs.get)
        groups[groups == b] = a
        assert adjusted_rand_score(groups, merge_clusters(model, n)) == 1


def test_with_clusters_of_one_row_it_is_wards_method():
    rows = np.random.default_rng(0).standard_normal((130, 4))
    model = KMeans(130, init=rows).fit(rows)
    for n in (2, 7, 40):
        theirs = fcluster(ward(rows), n, criterion="maxclust")
        assert adjusted_rand_score(theirs, merge_clusters(model, n)) == 1


def test_many_clusters_merged_do_not_depend_on_a_lucky_start():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(25), 40)
    rows = np.stack([truth % 5, truth // 5], axis=1) * 10 + rng.standard_normal((1000, 2))
    for seed in range(5):
        few = KMeans(25, init="random", n_init=1, random_state=seed).fit(rows)
        many = KMeans(150, init="random", n_init=1, random_state=seed).fit(rows)
        assert adjusted_rand_score(truth, few.labels_) < 0.95
        assert adjusted_rand_score(truth, merge_clusters(many, 25)[many.labels_]) > 0.99


def test_the_largest_group_comes_first_and_none_is_missing():
    rows = np.concatenate([np.full((5, 1), 0.0), np.full((30, 1), 9.0), np.full((10, 1), 20.0)])
    model = KMeans(3, init=np.array([[0.0], [9.0], [20.0]])).fit(rows)
    assert merge_clusters(model, 3).tolist() == [2, 0, 1]
    assert merge_clusters(model, 1).tolist() == [0, 0, 0]
    assert merge_clusters(model, 2, sizes=[1, 1, 1]).tolist() == [0, 0, 1]
    assert merge_clusters(model, 2, sizes=[0, 0, 0]).max() == 1


@pytest.mark.parametrize(("n", "sizes", "says"), [(0, None, "between 1"), (4, None, "between 1"), (2, [1], "sizes")])
def test_what_cannot_be_meant_is_refused(n, sizes, says):
    model = KMeans(3, random_state=0).fit(np.arange(9.0).reshape(-1, 1))
    with pytest.raises(UnlabeledError, match=says):
        merge_clusters(model, n, sizes)
