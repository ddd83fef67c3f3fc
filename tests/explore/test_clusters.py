import warnings
from importlib import import_module

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from unlabeled import KMeans
from unlabeled.errors import UnlabeledError
from unlabeled.explore import cluster_labels, clusters


def groups(count, rows=60, dim=16):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(count), rows)
    return rng.normal(size=(count, dim))[labels] * 3 + 0.2 * rng.normal(size=(count * rows, dim)), labels


@pytest.mark.parametrize("count", [2, 5, 8])
def test_groups_and_their_number_are_found_by_direction(count):
    vectors, labels = groups(count)
    found = cluster_labels(vectors)
    assert found.dtype == np.int64
    assert adjusted_rand_score(labels, found) > 0.99


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_groups_and_their_number_are_found(method):
    vectors, labels = groups(4, dim=5)
    found = clusters(vectors, method=method)
    assert (found.k, found.labels.dtype) == (4, np.int64)
    assert adjusted_rand_score(labels, found.labels) > 0.99
    assert found.chosen.startswith("k = 4 ")
    assert ("silhouette" if method == "kmeans" else "BIC") in found.chosen


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float64])
def test_rows_may_be_tensors(kind):
    vectors = torch.from_numpy(groups(3)[0]).to(kind)
    found = clusters(vectors.requires_grad_(), 3).labels
    assert np.array_equal(found, clusters(vectors.detach().double().numpy(), 3).labels)


def test_it_is_our_k_means_with_the_largest_cluster_first():
    vectors, _ = groups(5)
    found = clusters(vectors, 7, random_state=4)
    model = KMeans(7, n_init=3, random_state=4).fit(vectors.astype(np.float32))
    assert adjusted_rand_score(model.labels_, found.labels) == 1
    assert found.sizes.tolist() == sorted(np.bincount(model.labels_), reverse=True)
    assert found.chosen == "k = 7, as given"


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_figures_are_what_they_say(method):
    vectors, _ = groups(3, rows=30, dim=4)
    found = clusters(vectors, 3, method)
    for row, cluster in enumerate(found.labels):
        expected = np.linalg.norm(vectors[row] - found.centres[cluster])
        assert found.distances[row] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    for cluster in range(3):
        inside = np.flatnonzero(found.labels == cluster)
        assert found.sizes[cluster] == len(inside)
        nearest = found.nearest(cluster, 4)
        assert nearest.tolist() == sorted(inside, key=lambda row: found.distances[row])[:4]
    assert (found.predict(vectors) == found.labels).all()
    assert (found.probabilities is None) == (method == "kmeans")
    if found.probabilities is not None:
        assert (found.probabilities > 0.99).all()


def test_a_mixture_tells_how_sure_it_is():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(3, 1, (100, 2)), [[1.5, 1.5]]])
    found = clusters(rows, 2, "mixture")
    assert 0.5 <= found.probabilities[-1] < 0.9
    assert found.probabilities.min() >= 0.5


def test_length_does_not_matter_to_directions():
    vectors, labels = groups(4)
    scaled = vectors * np.random.default_rng(1).uniform(0.01, 100, (len(vectors), 1))
    assert adjusted_rand_score(labels, cluster_labels(scaled)) > 0.99


def test_clusters_are_numbered_by_size():
    vectors = np.repeat(np.eye(3), [10, 30, 20], axis=0) + 0.01 * np.random.default_rng(0).normal(size=(60, 3))
    assert cluster_labels(vectors, k=3).tolist() == [2] * 10 + [0] * 30 + [1] * 20


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_the_seed_decides(method):
    vectors = np.random.default_rng(0).normal(size=(300, 4))
    first, again = (clusters(vectors, 7, method, random_state=1) for _ in range(2))
    assert (first.labels == again.labels).all()
    assert (first.distances == again.distances).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_few_rows(rows):
    array = np.random.default_rng(0).normal(size=(rows, 3))
    assert len(cluster_labels(array)) == rows
    assert cluster_labels(array, k=9).max() == rows - 1
    if rows > 1:
        assert len(clusters(array, method="mixture").labels) == rows


@pytest.mark.parametrize("k", ["auto", 1, 5])
def test_copies_are_one_cluster(k):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cluster_labels(np.ones((30, 3)), k=k).tolist() == [0] * 30
    assert clusters(np.ones((30, 3)), 5).chosen == "k = 5, as given; only 1 of them hold rows"


def test_never_more_clusters_than_distinct_rows():
    assert np.unique(cluster_labels(np.repeat(np.eye(3), 5, axis=0), k=10)).tolist() == [0, 1, 2]
    assert np.unique(cluster_labels(np.repeat(np.eye(3), 5, axis=0))).tolist() == [0, 1, 2]


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_the_number_is_chosen_on_a_sample_of_many_rows(method, monkeypatch):
    monkeypatch.setattr(import_module("unlabeled.explore.clusters"), "SAMPLE", 90)
    vectors, labels = groups(3, dim=4)
    found = clusters(vectors, method=method)
    assert adjusted_rand_score(labels, found.labels) > 0.99
    assert "on a sample of 90 rows" in found.chosen


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 12), st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**16))
def test_every_row_has_a_cluster_and_every_cluster_a_row(rows, dim, k, seed):
    array = np.random.default_rng(seed).integers(0, 3, (rows, dim)).astype(float)
    found = clusters(array, min(k, rows), random_state=seed)
    assert np.unique(found.labels).tolist() == list(range(found.k))
    assert (np.diff(found.sizes) <= 0).all()
    assert found.sizes.sum() == rows
    assert np.isfinite(found.distances).all()


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ([[1.0]], {"k": 0}, "k must be a whole number of at least 1, got 0"),
        ([[1.0]], {"k": True}, "k must be a whole number of at least 1, got True"),
        ([[1.0]], {"k": "3"}, "k must be a whole number of at least 1, got '3'"),
        ([[1.0]], {"k": 1.0}, "k must be a whole number of at least 1, got 1.0"),
        ([[1.0], [2.0]], {"k": 3}, "there cannot be 3 clusters of only 2 rows"),
        ([[np.nan]], {}, "NaN"),
        ([[1.0]], {"method": "k-means"}, "did you mean 'kmeans'"),
        ([[1.0]], {"method": "mixture"}, "at least 2 rows"),
        (np.empty((0, 3)), {}, "no rows to cluster"),
        ([1.0, 2.0], {}, "two-dimensional"),
    ],
)
def test_what_cannot_be_meant_is_refused(rows, options, says):
    with pytest.raises(UnlabeledError, match=says):
        clusters(rows, **options)


@pytest.mark.parametrize("method", ["kmeans", "minibatch", "mixture"])
@pytest.mark.parametrize("offset", [0, 1e8])
def test_groups_far_from_zero_are_found_and_numbered_as_the_model_numbers_them(method, offset):
    random = np.random.default_rng(0)
    sizes = (30, 90, 60)
    rows = np.concatenate([random.normal(place, 0.5, (n, 3)) for place, n in zip((0, 4, 9), sizes, strict=True)])
    found = clusters(rows + offset, k=3, method=method)
    assert found.sizes.tolist() == [90, 60, 30]
    assert np.bincount(found.labels[30:120]).tolist() == [90]
    assert found.predict(rows + offset).tolist() == found.labels.tolist()
    assert found.model.predict(rows + offset).tolist() == found.labels.tolist()
    np.testing.assert_allclose(found.centres[0], rows[30:120].mean(axis=0) + offset, atol=0.1)


def test_the_number_of_groups_is_chosen_alike_far_from_zero():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(place, 0.5, (60, 3)) for place in (0, 4, 9)])
    assert clusters(rows + 1e8).chosen == clusters(rows).chosen


def test_a_choice_that_tight_groups_mislead_is_doubted():
    random = np.random.default_rng(0)
    places = [(0, 0), (0.2, 0), (0, 0.2), (10, 10), (10.2, 10), (10, 10.2)]
    rows = np.concatenate([random.normal(place, 0.01, (50, 2)) for place in places])
    found = clusters(rows)
    assert found.k == 2
    assert "2 clusters of them fall into tight groups" in found.chosen
    plain = np.concatenate([random.normal(place, 0.5, (60, 2)) for place in (0, 5, 10)])
    assert "tight" not in clusters(plain).chosen


def test_a_choice_among_rows_without_structure_is_doubted():
    assert "below 0.25 nothing stands apart" in clusters(np.random.default_rng(0).normal(size=(300, 5))).chosen
    assert "only the different rows" in clusters(np.repeat(np.eye(6), 20, axis=0)).chosen


def test_codes_of_categories_are_for_a_mixture():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 2, 200)
    rows = np.stack([rng.normal(groups * 6.0, 1), np.where(rng.random(200) < 0.9, groups, 2)], axis=1)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    found = clusters(rows, method="mixture", categorical=[1])
    assert found.k == 2
    assert adjusted_rand_score(groups, found.labels) > 0.85
    assert (found.predict(rows) == found.labels).all()
    assert set(found.centres[:, 1]) == {0, 1}  # the most probable codes
    assert clusters(rows, 3, "mixture", categorical=[1]).chosen == "k = 3, as given"
    with pytest.raises(UnlabeledError, match="method kmeans takes no codes of categories"):
        clusters(rows, categorical=[1])


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_a_mixture_finds_groups_at_any_scale(scale):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 60)
    rows = (rng.normal(0, 0.5, (180, 2)) + 5 * truth[:, None]) * scale
    assert adjusted_rand_score(truth, clusters(rows, 3, method="mixture", random_state=0).labels) > 0.99


@pytest.mark.parametrize("k", [0, "3", 2.0, None])
def test_a_number_of_directions_that_cannot_be_meant_is_refused(k):
    with pytest.raises(UnlabeledError, match="k must be a whole number of at least 1"):
        cluster_labels(np.eye(3), k=k)
