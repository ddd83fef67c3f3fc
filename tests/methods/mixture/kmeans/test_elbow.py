from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from PIL import Image
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from unlabeled import KMeans, elbow
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.kmeans.elbow import _knee


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(400, centers=[[0, 0], [8, 0], [0, 8], [8, 8], [20, 20]], random_state=0)[0]


def test_it_suggests_as_many_clusters_as_there_are(blobs):
    found = elbow(blobs, range(1, 10), n_init=3)
    assert found.ks == list(range(1, 10))
    assert found.suggested_k == 5
    assert np.isnan(found.silhouettes[0])
    assert [model.n_clusters for model in found.models] == found.ks


def test_its_figures_are_what_they_are_called(blobs):
    found = elbow(blobs, [3, 5])
    for model, distortion, silhouette in zip(found.models, found.distortions, found.silhouettes, strict=True):
        assert distortion == pytest.approx(model.inertia_ / 400)
        assert silhouette == pytest.approx(silhouette_score(blobs, model.labels_))


def test_settings_reach_k_means_and_seeds_repeat(blobs):
    one, other = (elbow(blobs, [2, 6, 4, 4], random_state=3, init="random", n_init=2) for _ in range(2))
    assert one.ks == [2, 4, 6]
    assert one.distortions == other.distortions
    assert all(model.init == "random" for model in one.models)


def test_all_kinds_of_rows_are_welcome(blobs, tmp_path):
    np.save(tmp_path / "rows.npy", blobs)
    whole = elbow(blobs, [2, 5], sample=100)
    assert elbow(tmp_path / "rows.npy", [2, 5], sample=100).silhouettes == whole.silhouettes
    assert elbow(lambda: iter([blobs]), [2, 5], sample=100).silhouettes == whole.silhouettes
    assert elbow(sp.csr_matrix(blobs), [2, 5], sample=100).suggested_k == whole.suggested_k


def test_the_knee_is_where_the_curve_bends():
    assert _knee(np.array([1.0, 2, 3, 4, 5]), np.array([10.0, 6, 2, 1.5, 1])) == 2
    assert _knee(np.array([1.0, 2]), np.array([10.0, 6])) == 0
    assert _knee(np.array([1.0, 2, 3]), np.array([5.0, 5, 5])) == 0


def test_one_cluster_only_has_no_silhouette(blobs):
    assert elbow(blobs, [1]).suggested_k == 1


def test_the_picture_is_drawn(blobs, tmp_path):
    path = elbow(blobs, [1, 2, 5]).plot(tmp_path / "elbow.png")
    with Image.open(path) as picture:
        assert picture.size[0] > 1000
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20


@pytest.mark.parametrize("ks", [[], [0], [500]])
def test_nothing_to_try_is_refused(blobs, ks):
    with pytest.raises(UnlabeledError, match="between 1 and the 400 rows"):
        elbow(blobs, ks)


def test_more_clusters_than_rows_are_left_out():
    assert elbow(np.arange(6.0).reshape(-1, 1)).ks == [2, 3, 4, 5, 6]
    assert isinstance(elbow(np.arange(6.0).reshape(-1, 1)).models[0], KMeans)
