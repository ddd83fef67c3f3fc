import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from unlabeled.errors import UnlabeledError
from unlabeled.explore import tsne_map
from unlabeled.explore.maps.map import _optimised
from unlabeled.search.metric import unit_rows


def groups(rows=40, count=5, dim=10, seed=0):
    rng = np.random.default_rng(seed)
    centres = 4 * rng.normal(size=(count, dim))
    labels = np.repeat(np.arange(count), rows)
    return (centres[labels] + 0.3 * rng.normal(size=(len(labels), dim))).astype(np.float32), labels


def neighbour_agreement(points, labels):
    nearest = NearestNeighbors(n_neighbors=6).fit(points).kneighbors(points, return_distance=False)[:, 1:]
    return np.mean(labels[nearest] == labels[:, None])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_stay_neighbours(metric):
    vectors, labels = groups()
    points = tsne_map(vectors, perplexity=15, metric=metric)
    assert points.shape == (200, 2)
    assert points.dtype == np.float32
    assert neighbour_agreement(points, labels) == 1
    assert trustworthiness(vectors, points, metric=metric) > 0.97
    assert points.mean(axis=0) == pytest.approx([0, 0], abs=1e-4)


def test_the_seed_decides_the_map():
    vectors, _ = groups(rows=12)
    first = tsne_map(vectors, random_state=3)
    assert (tsne_map(vectors, random_state=3) == first).all()
    assert (tsne_map(vectors, random_state=4) != first).any()


def test_rows_beyond_the_sample_land_among_their_own():
    vectors, labels = groups(rows=60)
    points = tsne_map(vectors, perplexity=10, max_rows=100)
    assert points.shape == (300, 2)
    assert np.isfinite(points).all()
    assert neighbour_agreement(points, labels) > 0.99
    assert (tsne_map(vectors, perplexity=10, max_rows=100) == points).all()
    sample = np.sort(np.random.default_rng(0).choice(300, 100, replace=False))
    unit = unit_rows(vectors)
    optimised = _optimised(vectors[sample], 10, 0, "cosine", None)
    np.testing.assert_allclose(points[sample], optimised, atol=1e-4)
    for row in sorted(set(range(300)) - set(sample))[:20]:
        nearest = np.argsort(-(unit[sample] @ unit[row]))[:10]
        np.testing.assert_allclose(points[row], np.median(optimised[nearest], axis=0), atol=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("dim", [1, 2, 7])
def test_few_rows_are_mapped_too(rows, dim, caplog):
    points = tsne_map(np.random.default_rng(0).normal(size=(rows, dim)), metric="euclidean")
    assert points.shape == (rows, 2)
    assert np.isfinite(points).all()
    assert caplog.records == []  # openTSNE has nothing to say of the perplexity


def test_three_rows_keep_their_distances():
    points = tsne_map([[0, 0, 0], [3, 0, 0], [0, 0, 4]], metric="euclidean")
    sides = [np.linalg.norm(points[i] - points[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert sides == pytest.approx([3, 4, 5], rel=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_copies_and_zeros_are_mapped(metric):
    assert np.isfinite(tsne_map(np.ones((40, 3)), metric=metric)).all()
    assert np.isfinite(tsne_map(np.zeros((40, 3)), metric=metric)).all()
    vectors, _ = groups(rows=5)
    assert np.isfinite(tsne_map(np.tile(vectors, (4, 1)), metric=metric)).all()


def test_the_input_is_left_alone():
    vectors, _ = groups(rows=5)
    before = vectors.copy()
    tsne_map(vectors)
    assert (vectors == before).all()


def test_progress_reaches_its_total():
    calls = []
    tsne_map(groups(rows=5)[0], progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 750) for done in range(50, 751, 50)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vectors": np.empty((0, 3))}, "no vectors"),
        ({"vectors": [[np.nan, 1.0]] * 5}, "NaN"),
        ({"vectors": [[0.0, 1.0]] * 5, "metric": "cosin"}, "did you mean 'cosine'"),
        ({"vectors": [[0.0, 1.0]] * 5, "perplexity": 0}, "perplexity must be"),
        ({"vectors": [[0.0, 1.0]] * 5, "max_rows": 3}, "max_rows at least 4"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(UnlabeledError, match=message):
        tsne_map(**arguments)


@pytest.mark.slow
def test_digits_are_told_apart(digits):
    images, labels = digits
    points = tsne_map(images.reshape(len(images), -1), metric="euclidean")
    assert neighbour_agreement(points, labels) > 0.96
