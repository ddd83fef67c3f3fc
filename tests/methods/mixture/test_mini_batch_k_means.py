from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import make_blobs
from sklearn.metrics import normalized_mutual_info_score

from unlabeled import KMeans, MiniBatchKMeans
from unlabeled.errors import UnlabeledError


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(20_000, n_features=6, centers=8, cluster_std=1.0, random_state=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [False, True])
def test_it_comes_near_to_k_means(blobs, dtype, sparse):
    rows, truth = blobs[0].astype(dtype), blobs[1]
    given = sp.csr_matrix(rows) if sparse else rows
    model = MiniBatchKMeans(8, random_state=0, n_init=3).fit(given)
    best = KMeans(8, n_init=5, random_state=0).fit(rows)
    assert normalized_mutual_info_score(truth, model.labels_) > 0.99
    assert best.inertia_ * 0.999 <= model.inertia_ <= best.inertia_ * 1.02
    assert model.cluster_centers_.dtype == dtype
    assert np.array_equal(model.predict(given), model.labels_)
    assert model.n_steps_ == len(model.history_)


def test_a_centre_is_the_mean_of_all_rows_it_received():
    rng = np.random.default_rng(0)
    start = np.array([[0.0, 0.0], [10.0, 10.0]])
    model = MiniBatchKMeans(2, init=start, reassignment_ratio=0)
    received = [[], []]
    for _ in range(5):
        batch = rng.normal(0, 2, (40, 2)) + 10 * rng.integers(0, 2, (40, 1))
        before = getattr(model, "cluster_centers_", start)
        for row in batch:
            received[int(np.argmin(((row - before) ** 2).sum(axis=1)))].append(row)
        model.partial_fit(batch)
    for centre, rows in zip(model.cluster_centers_, received, strict=True):
        np.testing.assert_allclose(centre, np.mean(rows, axis=0), rtol=1e-10)
    assert model.counts_.tolist() == [len(rows) for rows in received]
    assert model.n_steps_ == 5


def test_the_first_partial_fit_starts_from_its_rows(blobs):
    model = MiniBatchKMeans(8, random_state=0)
    for start in range(0, 20_000, 1000):
        model.partial_fit(blobs[0][start : start + 1000])
    assert normalized_mutual_info_score(blobs[1], model.predict(blobs[0])) > 0.9
    assert len(model.labels_) == 1000


def test_a_loaded_model_goes_on_learning(blobs, tmp_path):
    rows = blobs[0][:3000]
    model = MiniBatchKMeans(8, random_state=0).partial_fit(rows[:1000])
    model.save(tmp_path / "model")
    loaded = MiniBatchKMeans.load(tmp_path / "model")
    for batch in (rows[1000:2000], rows[2000:]):
        model.partial_fit(batch)
        loaded.partial_fit(batch)
    np.testing.assert_allclose(loaded.cluster_centers_, model.cluster_centers_)
    assert np.array_equal(loaded.counts_, model.counts_)


def test_idle_centres_are_moved_to_rows():
    rows = np.random.default_rng(0).normal(0, 1, (2000, 3))
    start = np.concatenate([rows[:3], np.full((2, 3), 1e4)])
    assert MiniBatchKMeans(5, init=start, random_state=0).fit(rows).inertia_ < 0.8 * (
        MiniBatchKMeans(5, init=start, random_state=0, reassignment_ratio=0).fit(rows).inertia_
    )


def test_it_ends_when_nothing_improves_or_nothing_moves(blobs):
    rows = blobs[0]
    patient = MiniBatchKMeans(8, random_state=0, max_no_improvement=None, max_iter=3).fit(rows)
    assert patient.n_steps_ == 3 * 20_000 // 1024
    assert MiniBatchKMeans(8, random_state=0, max_no_improvement=2, max_iter=3).fit(rows).n_steps_ < patient.n_steps_
    loose = MiniBatchKMeans(8, random_state=0, max_no_improvement=None, tol=10.0, max_iter=3).fit(rows)
    assert loose.n_steps_ == 2


def test_rows_that_weigh_nothing_do_not_count(blobs):
    rows = np.concatenate([blobs[0], np.full((5000, 6), 500.0)])
    weights = np.concatenate([np.ones(20_000), np.zeros(5000)])
    model = MiniBatchKMeans(8, random_state=0, reassignment_ratio=0).fit(rows, sample_weight=weights)
    assert model.cluster_centers_.max() < 50
    assert model.counts_.sum() <= model.n_steps_ * 1024


def test_a_mapped_file_gives_the_same_and_a_stream_is_refused(blobs, tmp_path):
    np.save(tmp_path / "rows.npy", blobs[0])
    one, other = (MiniBatchKMeans(8, random_state=0).fit(x) for x in (blobs[0], tmp_path / "rows.npy"))
    assert np.array_equal(one.cluster_centers_, other.cluster_centers_)
    with pytest.raises(UnlabeledError, match="call partial_fit with each of its blocks"):
        MiniBatchKMeans(8).fit(lambda: iter([blobs[0]]))


def test_more_clusters_than_rows_are_refused():
    for learn in (MiniBatchKMeans(5).fit, MiniBatchKMeans(5).partial_fit):
        with pytest.raises(UnlabeledError, match="n_samples=4 should be >= n_clusters=5"):
            learn(np.eye(4))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"max_no_improvement": -1}, "max_no_improvement"),
        ({"reassignment_ratio": -0.1}, "reassignment_ratio"),
        ({"init": "none"}, "unknown init"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, says):
    with pytest.raises(UnlabeledError, match=says):
        MiniBatchKMeans(2, **settings).fit(np.eye(4))
