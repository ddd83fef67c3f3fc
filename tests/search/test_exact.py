import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from unlabeled.errors import UnlabeledError
from unlabeled.search import ExactStore
from unlabeled.search.scanning import exact_search

METRICS = ["euclidean", "cosine", "inner_product"]


def brute_force(queries, vectors, metric):
    """Every distance in float64, one pair at a time."""
    distances = np.empty((len(queries), len(vectors)))
    for i, q in enumerate(np.asarray(queries, np.float64)):
        for j, c in enumerate(np.asarray(vectors, np.float64)):
            if metric == "euclidean":
                distances[i, j] = np.sqrt(np.sum((q - c) ** 2))
            elif metric == "inner_product":
                distances[i, j] = -np.sum(q * c)
            else:
                norms = np.linalg.norm(q) * np.linalg.norm(c)
                distances[i, j] = 1 - (np.sum(q * c) / norms if norms else 0)
    return distances


def store_of(vectors, metric):
    return ExactStore.build([str(i) for i in range(len(vectors))], vectors, metric=metric)


@pytest.fixture(params=["sorting", "scanning"])
def path(request):
    """Take one of the two ways through the search, whatever the size."""
    with mock.patch.object(exact_search, "FEW", 10**9 if request.param == "sorting" else 0):
        yield request.param


@st.composite
def problems(draw):
    n, q, d = draw(st.integers(1, 150)), draw(st.integers(1, 20)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([1, 3, 1000]))
    # Few distinct whole numbers: many ties, and every product exact in float32, so the order is known exactly.
    vectors, queries = (rng.integers(-spread, spread + 1, (rows, d)) for rows in (n, q))
    return vectors, queries, draw(st.integers(1, n + 3)), draw(st.sampled_from([1, 7, 64, 512]))


@pytest.mark.parametrize("few", [0, 10**9])
@given(problem=problems(), metric=st.sampled_from(["euclidean", "inner_product"]))
@settings(deadline=None)
def test_whole_numbers_give_exactly_the_brute_force_order(few, problem, metric):
    vectors, queries, k, tile = problem
    with mock.patch.multiple(exact_search, FEW=few, TILE=tile):
        found = store_of(vectors, metric).query(queries, k)
    truth = brute_force(queries, vectors, metric)
    order = np.argsort(truth, axis=1, kind="stable")[:, :k]
    assert found.indices.tolist() == order.tolist()
    assert found.ids.tolist() == [[str(i) for i in row] for row in order]
    np.testing.assert_allclose(found.distances, np.take_along_axis(truth, order, 1), rtol=1e-6)


@pytest.mark.parametrize("few", [0, 10**9])
@given(
    seed=st.integers(0, 2**32),
    shape=st.tuples(st.integers(1, 200), st.integers(1, 10), st.integers(1, 40)),
    scale=st.floats(1e-3, 1e6),
    offset=st.floats(-1e3, 1e3),
    metric=st.sampled_from(METRICS),
)
@settings(deadline=None, max_examples=60)
def test_real_numbers_give_the_brute_force_distances(few, seed, shape, scale, offset, metric):
    n, q, d = shape
    rng = np.random.default_rng(seed)
    vectors, queries = ((rng.normal(size=(rows, d)) + offset).astype(np.float32) * np.float32(scale) for rows in (n, q))
    k = min(n, 5)
    with mock.patch.object(exact_search, "FEW", few):
        found = store_of(vectors, metric).query(queries, k)
    truth = brute_force(queries, vectors, metric)
    # A float32 distance may be off by a few units in the last place (1.2e-7) of the numbers it is made of: of the
    # spread for Euclidean, which is why the offset does not enter; of the product of lengths for the others.
    lengths = np.linalg.norm(queries, axis=1).max() * np.linalg.norm(vectors, axis=1).max()
    size = {"euclidean": truth.max() + scale, "cosine": 1, "inner_product": lengths}[metric]
    nearest = np.sort(truth, axis=1)[:, :k]
    np.testing.assert_allclose(found.distances, nearest, rtol=0, atol=2e-6 * size * np.sqrt(d))
    # The rows named really are at the distances stated.
    np.testing.assert_allclose(
        np.take_along_axis(truth, found.indices, 1), found.distances, rtol=0, atol=2e-6 * size * np.sqrt(d)
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_agrees_with_scikit_learn(path, metric):
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(3000, 32)).astype(np.float32), rng.normal(size=(300, 32)).astype(np.float32)
    distances, indices = (
        NearestNeighbors(n_neighbors=20, metric=metric, algorithm="brute").fit(vectors).kneighbors(queries)
    )
    found = store_of(vectors, metric).query(queries, 20)
    np.testing.assert_allclose(found.distances, distances, atol=2e-6)
    assert (found.indices == indices).mean() > 0.999  # rounding may exchange two neighbours


def test_neither_tiles_nor_threads_change_the_answer(path):
    rng = np.random.default_rng(1)
    vectors, queries = rng.normal(size=(2000, 16)), rng.normal(size=(700, 16))
    store = store_of(vectors, "euclidean")
    expected = store.query(queries, 12)
    for tile, threads in [(100, 1), (512, 1), (1999, 2), (64, 2)]:
        with mock.patch.object(exact_search, "TILE", tile), threadpool_limits(threads):
            found = store.query(queries, 12)
        assert (found.indices == expected.indices).all()
        assert (found.distances == expected.distances).all()


def test_copies_are_found_at_distance_zero_in_order_of_row(path):
    rng = np.random.default_rng(2)
    vectors = np.tile(rng.normal(1000, 1, (40, 24)), (5, 1))  # row i equals rows i + 40, i + 80, ...
    found = store_of(vectors, "euclidean").query(vectors[:40], 5)
    assert (found.distances == 0).all()
    assert (found.indices == np.arange(40)[:, None] + 40 * np.arange(5)).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [20, 100, 1500])  # the last two are a large part of the rows
def test_copies_are_at_distance_zero_however_many_neighbours_are_wanted(k, metric):
    vectors = np.random.default_rng(0).normal(size=(1500, 64))
    vectors[:20] = vectors[0]
    found = store_of(vectors, metric).query(vectors, k)
    assert (found.distances[:20, :20] == 0).all()
    assert (found.indices[:20, :20] == np.arange(20)).all()
    assert (found.distances[20:, 0] == 0).all()
    assert (found.indices[20:, 0] == np.arange(20, 1500)).all()


def test_zeros_are_at_cosine_distance_one_in_order_of_row(path):
    vectors = np.random.default_rng(10).normal(size=(200, 6))
    vectors[[5, 50]] = 0
    found = store_of(vectors, "cosine").query(np.concatenate([np.zeros((1, 6)), vectors[:3]]), 60, exclude=[1, 0, 1, 2])
    assert found.indices[0].tolist() == [0, *range(2, 61)]
    assert (found.distances[0] == 1).all()
    truth = brute_force(vectors[:3], vectors, "cosine")
    truth[range(3), range(3)] = np.inf
    assert found.indices[1:].tolist() == np.argsort(truth, axis=1, kind="stable")[:, :60].tolist()


def test_cosine_distances_are_never_negative(path):
    vectors = np.random.default_rng(2).normal(size=(1000, 24))
    found = store_of(vectors, "cosine").query(vectors, 1)
    assert found.indices[:, 0].tolist() == list(range(1000))
    assert found.distances.min() == 0
    assert found.distances.max() < 5e-7


def test_neighbours_far_from_zero_are_right(path):
    # Around 1e5 the squared lengths are 1e10 · d, and float32 keeps nothing of squared differences near 1.
    rng = np.random.default_rng(3)
    vectors = (1e5 + rng.integers(-3, 4, (150, 8))).astype(np.float32)
    found = store_of(vectors, "euclidean").query(vectors, 3)
    assert (
        found.indices.tolist()
        == np.argsort(brute_force(vectors, vectors, "euclidean"), 1, kind="stable")[:, :3].tolist()
    )


def test_candidates_that_keep_getting_nearer_are_all_taken(path):
    # The worst case of the scan: every candidate enters the k best.
    vectors = np.arange(5000, 0, -1)[:, None]
    found = store_of(vectors, "euclidean").query([[0]], 300)
    assert found.indices[0].tolist() == list(range(4999, 4699, -1))


def test_excluded_rows_are_never_neighbours(path):
    rng = np.random.default_rng(4)
    vectors = rng.integers(0, 3, (150, 3))
    store = ExactStore.build([str(i) for i in range(150)], vectors, {"half": np.arange(150) % 2}, metric="euclidean")
    truth = brute_force(vectors, vectors, "euclidean")
    np.fill_diagonal(truth, np.inf)
    found = store.query(vectors, 4, exclude=range(150))
    assert found.indices.tolist() == np.argsort(truth, axis=1, kind="stable")[:, :4].tolist()
    truth[:, ::2] = np.inf
    found = store.query(vectors, 4, where="half = 1", exclude=range(150))
    assert found.indices.tolist() == np.argsort(truth, axis=1, kind="stable")[:, :4].tolist()
    assert store.query(vectors, 1000, exclude=range(150)).indices.shape == (150, 149)
    assert store_of([[1.0]], "cosine").query([[1.0]], 3, exclude=[0]).indices.shape == (1, 0)
    for wrong in ([0, 1], [150] * 150, [-1] * 150):
        with pytest.raises(UnlabeledError, match="exclude must hold one row number below 150"):
            store.query(vectors, 4, exclude=wrong)


def test_rows_excluded_by_the_filter_already_take_no_place():
    kinds = {"k": ["cat"] * 3 + ["dog"] * 3}
    store = ExactStore.build(list("abcdef"), np.arange(6)[:, None], kinds, metric="euclidean")
    assert store.query([[3.0]], 3, where="k = 'cat'", exclude=[3]).ids.tolist() == [["c", "b", "a"]]
    both = store.query([[0.0], [3.0]], 5, where="k = 'cat'", exclude=[0, 3])
    assert both.ids.tolist() == [["b", "c", None], ["c", "b", "a"]]
    assert both.indices.tolist() == [[1, 2, -1], [2, 1, 0]]
    assert both.distances.tolist() == [[1.0, 2.0, np.inf], [1.0, 2.0, 3.0]]


@pytest.mark.parametrize(("d", "gap"), [(8, 1e3), (64, 300), (256, 1e3)])
@pytest.mark.parametrize("metric", METRICS)
def test_clusters_that_lie_far_apart_keep_their_neighbours(d, gap, metric):
    # Between the clusters the squared lengths are so large that float32 products cannot tell a cluster's rows apart.
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(1500, d))
    vectors[750:] += gap
    vectors = vectors.astype(np.float32)
    queries = vectors[::5]
    with mock.patch.object(exact_search, "FEW", 0):
        found = store_of(vectors, metric).query(queries, 11)
    # The store keeps unit vectors, and vectors about the origin, in float32; among those the search is exact.
    store = store_of(vectors, metric)
    wide = store._vectors.astype(np.float64)
    truth = -(wide[::5] @ wide.T)
    if metric != "inner_product":
        truth = (wide[::5] ** 2).sum(1)[:, None] + 2 * truth + (wide**2).sum(1)
    order = np.argsort(truth, axis=1, kind="stable")[:, :11]
    assert (found.indices == order).mean() > 0.999  # float64 rounding is left in the reference itself


def test_double_precision_far_from_zero_is_moved_before_it_is_rounded():
    # At 1e8 float32 knows multiples of 8 only: three groups at distances of 1 would be one.
    vectors = 1e8 + np.repeat([0.0, 1.0, 2.0], 50)[:, None] + np.random.default_rng(8).normal(0, 0.01, (150, 2))
    found = store_of(vectors, "euclidean").query(vectors, 50)
    assert (found.indices // 50 == np.arange(150)[:, None] // 50).all()


def test_as_many_neighbours_as_rows_are_found_by_sorting_them(path):
    rng = np.random.default_rng(9)
    vectors = rng.normal(size=(300, 5))
    vectors[7] = 0
    for metric in METRICS:
        found = store_of(vectors, metric).query(vectors[:40], 300, exclude=range(40))
        truth = brute_force(vectors[:40], vectors, metric)
        truth[np.arange(40), np.arange(40)] = np.inf
        np.testing.assert_allclose(found.distances, np.sort(truth, axis=1)[:, :299], atol=2e-6)
        assert sorted(found.indices[3].tolist()) == [i for i in range(300) if i != 3]


def test_frames_tensors_and_sparse_matrices_are_vectors():
    table = np.eye(4)
    expected = store_of(table, "euclidean").query(table[:2], 4)
    for form in (
        torch.tensor(table, requires_grad=True),
        torch.tensor(table).bfloat16(),
        sparse.csr_matrix(table),
        pd.DataFrame(table),
    ):
        store = ExactStore.build(list("abcd"), form, pd.DataFrame({"u": range(4)}), metric="euclidean")
        assert store.query(form[:2], 4).indices.tolist() == expected.indices.tolist()
        assert store.query(form[:2], 4, where="u > 2").ids.tolist() == [["d"], ["d"]]


@threadpool_limits.wrap(limits=2)
def test_searches_at_once_agree():
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(4000, 8))
    store = store_of(vectors, "cosine")
    with mock.patch.object(exact_search, "TILE", 128), ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: store.query(vectors[:1500], 5).indices, range(24)))
    assert all((indices == found[0]).all() for indices in found)


def test_memory_does_not_hold_all_the_scores():
    rng = np.random.default_rng(6)
    vectors = rng.normal(size=(20_000, 8)).astype(np.float32)
    store = store_of(vectors, "euclidean")
    store.query(vectors[:600], 10)  # compiles
    tracemalloc.start()
    store.query(vectors, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All scores would be 1.6 GB. Result and its copies: 20,000 × 10 × (8 + 8 + 4) bytes, a few times.
    assert peak < 40e6


def test_a_damaged_folder_is_named(tmp_path):
    store = store_of([[1.0, 2.0], [3.0, 4.0]], "cosine")
    for name in ("vectors.npy", "rows.parquet", "store.json"):
        folder = tmp_path / name.replace(".", "-")
        store.save(folder)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(UnlabeledError, match=folder.name):
            ExactStore.open(folder)


def test_fewer_rows_than_vectors_is_damage(tmp_path):
    store_of([[1.0, 2.0], [3.0, 4.0]], "cosine").save(tmp_path / "two")
    store_of([[1.0, 2.0]], "cosine").save(tmp_path / "one")
    (tmp_path / "two" / "rows.parquet").write_bytes((tmp_path / "one" / "rows.parquet").read_bytes())
    with pytest.raises(UnlabeledError, match="2 vectors, 1 rows"):
        ExactStore.open(tmp_path / "two")


def test_a_save_that_fails_leaves_the_old_store(tmp_path):
    store_of([[1.0, 2.0]], "cosine").save(tmp_path / "store")
    full = mock.patch("numpy.save", side_effect=OSError(28, "No space left on device"))
    with full, pytest.raises(UnlabeledError, match="No space left"):
        store_of([[1.0], [2.0]], "cosine").save(tmp_path / "store")
    assert len(ExactStore.open(tmp_path / "store")) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["store"]
