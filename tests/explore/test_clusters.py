import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from unlabeled.errors import UnlabeledError
from unlabeled.explore import cluster_labels, clusters


def groups(count, rows=60, dim=16):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(count), rows)
    return rng.normal(size=(count, dim))[labels] * 3 + 0.2 * rng.normal(size=(count * rows, dim)), labels


@pytest.mark.parametrize("count", [2, 5, 8])
def test_groups_and_their_number_are_found(count):
    vectors, labels = groups(count)
    found = cluster_labels(vectors)
    assert found.dtype == np.int64
    assert adjusted_rand_score(labels, found) > 0.99


def test_length_does_not_matter():
    vectors, labels = groups(4)
    scaled = vectors * np.random.default_rng(1).uniform(0.01, 100, (len(vectors), 1))
    assert adjusted_rand_score(labels, cluster_labels(scaled)) > 0.99


def test_clusters_are_numbered_by_size():
    vectors = np.repeat(np.eye(3), [10, 30, 20], axis=0) + 0.01 * np.random.default_rng(0).normal(size=(60, 3))
    assert cluster_labels(vectors, k=3).tolist() == [2] * 10 + [0] * 30 + [1] * 20


def test_the_seed_decides():
    vectors = np.random.default_rng(0).normal(size=(300, 8))
    assert (cluster_labels(vectors, k=7, random_state=1) == cluster_labels(vectors, k=7, random_state=1)).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_few_rows(rows):
    assert len(cluster_labels(np.random.default_rng(0).normal(size=(rows, 3)))) == rows


@pytest.mark.parametrize("k", ["auto", 1, 5])
def test_copies_are_one_cluster(k):
    assert cluster_labels(np.ones((30, 3)), k=k).tolist() == [0] * 30


def test_never_more_clusters_than_distinct_rows():
    assert np.unique(cluster_labels(np.repeat(np.eye(3), 5, axis=0), k=10)).tolist() == [0, 1, 2]
    assert np.unique(cluster_labels(np.repeat(np.eye(3), 5, axis=0))).tolist() == [0, 1, 2]


def test_many_rows_go_in_batches(monkeypatch):
    monkeypatch.setattr(clusters, "LARGE", 100)
    monkeypatch.setattr(clusters, "SAMPLE", 50)
    vectors, labels = groups(3)
    assert adjusted_rand_score(labels, cluster_labels(vectors)) > 0.99


def test_bad_input():
    with pytest.raises(UnlabeledError, match="k must be at least 1"):
        cluster_labels([[1.0]], k=0)
    with pytest.raises(UnlabeledError, match="NaN"):
        cluster_labels([[np.nan]])
