"""KMeans gives what scikit-learn's gives: from the same start, and from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.cluster import KMeans as Theirs
from sklearn.cluster import kmeans_plusplus

from unlabeled import KMeans
from unlabeled.data.blocks import Blocks
from unlabeled.methods.mixture.kmeans.k_means_start import k_means_plus_plus
from unlabeled.methods.mixture.threads import threads


def rows_of(n, d, dtype, sparse=False):
    rng = np.random.default_rng(n + d)
    rows = rng.standard_normal((n, d)) + 3 * rng.integers(0, 4, (n, 1))
    rows[rng.random((n, d)) < 0.7] = 0 if sparse else 1.5
    return sp.csr_matrix(rows.astype(dtype)) if sparse else rows.astype(dtype)


def same(ours, theirs, dtype):
    assert np.array_equal(ours.labels_, theirs.labels_)
    assert ours.n_iter_ == theirs.n_iter_
    # Sums in another order: a few units in the last place, of float32 the more because of its squares.
    rounding = 1e-12 if dtype == np.float64 else 2e-5
    scale = np.abs(theirs.cluster_centers_).max()
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=0, atol=rounding * scale)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=rounding)
    assert ours.cluster_centers_.dtype == theirs.cluster_centers_.dtype
    assert ours.labels_.dtype == theirs.labels_.dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "k"), [(150, 4, 3), (1001, 7, 20), (3003, 30, 33)])
def test_from_the_same_start(n, d, k, weighted, sparse, dtype):
    rows = rows_of(n, d, dtype, sparse)
    weights = np.random.default_rng(0).uniform(0.1, 3, n) if weighted else None
    start = rows[:k].toarray() if sparse else rows[:k]
    ours = KMeans(k, init=start).fit(rows, sample_weight=weights)
    theirs = Theirs(k, init=start, n_init=1).fit(rows, sample_weight=weights)
    same(ours, theirs, dtype)
    new = rows_of(97, d, dtype, sparse)
    assert np.array_equal(ours.predict(new), theirs.predict(new))
    np.testing.assert_allclose(ours.transform(new), theirs.transform(new), rtol=1e-4, atol=1e-5)
    assert ours.score(new) == pytest.approx(theirs.score(new), rel=1e-5)


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_from_the_same_seed(init, sparse, weighted):
    rows = rows_of(2001, 12, np.float64, sparse)
    weights = np.random.default_rng(0).uniform(0.1, 3, 2001) if weighted else None
    for seed in range(3):
        settings = {"init": init, "n_init": 3, "random_state": seed}
        ours = KMeans(15, **settings).fit(rows, sample_weight=weights)
        same(ours, Theirs(15, **settings).fit(rows, sample_weight=weights), np.float64)


def test_k_means_plus_plus_draws_the_same_rows():
    rows = rows_of(5000, 16, np.float64)
    for seed in range(5):
        with threads(2) as pool:
            ours = k_means_plus_plus(Blocks(rows), 60, None, np.random.RandomState(seed), pool)
        assert np.array_equal(ours, kmeans_plusplus(rows, 60, random_state=seed)[1])


def test_an_empty_cluster_is_filled_in_the_same_way():
    rows = rows_of(500, 5, np.float64)
    start = np.concatenate([rows[:6], np.full((1, 5), 1e3)])
    same(KMeans(7, init=start).fit(rows), Theirs(7, init=start, n_init=1).fit(rows), np.float64)


@pytest.mark.parametrize("max_iter", [1, 2, 5])
def test_stopped_early(max_iter):
    rows = rows_of(1000, 6, np.float64)
    settings = {"init": rows[:9], "n_init": 1, "max_iter": max_iter}
    same(KMeans(9, **settings).fit(rows), Theirs(9, **settings).fit(rows), np.float64)
