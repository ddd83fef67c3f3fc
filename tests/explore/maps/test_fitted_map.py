"""Maps that stay as they are while others are placed on them."""

import sys
import types

import numpy as np
import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.explore import FittedMap, tsne_map, umap_map
from unlabeled.explore.maps.map import at_medians
from unlabeled.search.metric import unit_rows


def groups(rows=40, count=5, dim=10, seed=0):
    rng = np.random.default_rng(seed)
    centres = 4 * np.random.default_rng(7).normal(size=(count, dim))
    labels = np.repeat(np.arange(count), rows)
    return (centres[labels] + 0.3 * rng.normal(size=(len(labels), dim))).astype(np.float32), labels


def agreement(placed, labels, points, known):
    distances = np.linalg.norm(placed[:, None] - points[None], axis=2)
    return np.mean(known[distances.argsort(axis=1)[:, :5]] == labels[:, None])


@pytest.fixture(scope="module")
def fitted():
    return FittedMap.fit(groups()[0], perplexity=15)


def test_the_map_is_that_of_tsne_and_does_not_move(fitted):
    assert (fitted.points == tsne_map(groups()[0], perplexity=15)).all()
    before = fitted.points.copy()
    fitted.place(groups(seed=1)[0])
    assert (fitted.points == before).all()


def test_new_rows_lie_among_their_own(fitted):
    new, labels = groups(rows=10, seed=1)
    placed = fitted.place(new)
    assert placed.shape == (50, 2)
    assert agreement(placed, labels, fitted.points, groups()[1]) == 1


def test_a_row_goes_where_it_goes_alone(fitted):
    new, _ = groups(rows=3, seed=2)
    assert (fitted.place(new) == np.concatenate([fitted.place(row[None]) for row in new])).all()
    assert fitted.place(new[:0]).shape == (0, 2)


def test_copies_return_to_the_rows_that_they_copy(fitted):
    again = fitted.place(groups()[0])
    missed = np.linalg.norm(again - fitted.points, axis=1)
    nearest = np.argsort(-(unit_rows(groups()[0]) @ unit_rows(fitted.vectors).T), axis=1)[:, :10]
    medians = at_medians(fitted.points, nearest)
    assert missed.mean() < 0.3 * np.linalg.norm(medians - fitted.points, axis=1).mean()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_of_many_rows_a_sample_is_laid_out_and_the_others_are_put_among_their_neighbours(metric):
    vectors, labels = groups(rows=80)
    found = FittedMap.fit(vectors, perplexity=10, max_rows=120, metric=metric)
    assert (len(found), len(found.anchors), len(found.vectors)) == (400, 120, 120)
    rest = np.setdiff1d(np.arange(400), found.anchors)
    assert agreement(found.points[rest], labels[rest], found.points[found.anchors], labels[found.anchors]) == 1
    assert (found.points[found.anchors] == tsne_map(vectors[found.anchors], 10, metric=metric)).all()
    assert (found.points == tsne_map(vectors, 10, metric=metric, max_rows=120)).all()
    new, theirs = groups(rows=5, seed=3)
    assert agreement(found.place(new), theirs, found.points[found.anchors], labels[found.anchors]) == 1


def test_a_saved_map_places_the_same(fitted, tmp_path):
    names = [f"photo {i}" for i in range(200)]
    kept = FittedMap.fit(groups()[0], names, perplexity=15)
    kept.save(tmp_path / "map")
    again = FittedMap.open(tmp_path / "map")
    new, _ = groups(rows=2, seed=1)
    assert again.ids == names
    assert (again.points == kept.points).all()
    assert (again.place(new) == fitted.place(new)).all()
    (tmp_path / "map" / "map.json").write_text("{}")
    with pytest.raises(UnlabeledError, match="draw it again"):
        FittedMap.open(tmp_path / "map")


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 6])
def test_few_rows_place_others_too(rows):
    vectors = np.random.default_rng(0).normal(size=(9, 3))
    assert np.isfinite(FittedMap.fit(vectors[:rows]).place(vectors)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fitted: FittedMap.fit(np.eye(5), kind="isomap"), "unknown kind of map"),
        (lambda fitted: FittedMap.fit(np.eye(5), ["a"]), "1 ids for 5 vectors"),
        (lambda fitted: FittedMap.fit(np.eye(5), max_rows=2), "at least 4"),
        (lambda fitted: fitted.place(np.eye(5)), "dimension"),
        (lambda fitted: fitted.place(np.full((1, 10), np.nan)), "NaN"),
    ],
)
def test_bad_input(call, message, fitted):
    with pytest.raises(UnlabeledError, match=message):
        call(fitted)


def test_umap_names_the_extra_that_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UnlabeledError, match=r"unlabeled\[umap\]"):
        umap_map(np.eye(9))


def test_umap_is_asked_for_the_neighbours_and_others_are_put_at_medians(monkeypatch):
    asked = {}

    class UMAP:
        """Stands for umap-learn: the first two columns."""

        def __init__(self, **settings):
            asked.update(settings)

        def fit_transform(self, array):
            torch.set_num_threads(threads + 1)  # as Numba does
            return array[:, :2]

    threads = torch.get_num_threads()
    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    vectors, _ = groups()
    found = FittedMap.fit(vectors, kind="umap", perplexity=12, metric="euclidean", random_state=3)
    assert asked == {"n_neighbors": 12, "min_dist": 0.1, "random_state": 3, "n_jobs": 1}
    assert torch.get_num_threads() == threads
    np.testing.assert_allclose(found.points, vectors[:, :2] - vectors[:, :2].mean(axis=0), atol=1e-5)
    nearest = np.linalg.norm(vectors - vectors[3], axis=1).argsort()[:10]
    np.testing.assert_allclose(found.place(vectors[3:4])[0], np.median(found.points[nearest], axis=0), atol=1e-5)


def test_umap_itself():
    pytest.importorskip("umap")
    vectors, labels = groups()
    found = FittedMap.fit(vectors, kind="umap")
    new, theirs = groups(rows=5, seed=1)
    assert agreement(found.place(new), theirs, found.points, labels) > 0.95
