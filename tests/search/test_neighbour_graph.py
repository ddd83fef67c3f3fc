"""The neighbour graph, held against plain loops over all pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from unlabeled import KMeans
from unlabeled.errors import UnlabeledError
from unlabeled.search import ExactStore, NeighbourGraph


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def graph(points):
    return NeighbourGraph.from_vectors(points, 4)


def plain_edges(points, k):
    """Every pair of which one is among the k nearest of the other, with its distance."""
    edges = {}
    for i, one in enumerate(points):
        others = sorted((float(np.linalg.norm(one - two)), j) for j, two in enumerate(points) if j != i)
        for distance, j in others[:k]:
            edges[i, j] = edges[j, i] = distance
    return edges


def all_paths_floyd(edges, n, join):
    """Best value from every node to every other, by Floyd and Warshall; `join` adds steps or takes the longest."""
    best = np.full((n, n), np.inf)
    np.fill_diagonal(best, 0)
    for (i, j), distance in edges.items():
        best[i, j] = distance
    for m, i, j in itertools.product(range(n), repeat=3):
        best[i, j] = min(best[i, j], join(best[i, m], best[m, j]))
    return best


def test_edges_are_those_of_the_plain_loop(points, graph):
    expected = plain_edges(points, 4)
    found = {(i, j): d for i, j, d in zip(*sp.find(graph.distances)[:2], sp.find(graph.distances)[2], strict=True)}
    assert found.keys() == expected.keys()
    for edge, distance in found.items():
        assert distance == pytest.approx(expected[edge], rel=1e-5)


@pytest.mark.parametrize("kernel", ["gaussian", "uniform"])
def test_weights_are_symmetric_positive_and_without_self_loops(graph, kernel):
    weights = graph.weights(kernel)
    assert abs(weights - weights.T).max() == 0
    assert (weights.diagonal() == 0).all()
    assert (weights.data > 0).all()
    assert weights.nnz == graph.distances.nnz


def test_a_gaussian_weight_is_the_mean_of_both_ends(points, graph):
    weights, edges = graph.weights(), plain_edges(points, 4)
    radii = [sorted(np.linalg.norm(points - one, axis=1))[4] for one in points]
    for (i, j), d in list(edges.items())[:50]:
        expected = (np.exp(-4 * d**2 / radii[i] ** 2) + np.exp(-4 * d**2 / radii[j] ** 2)) / 2
        assert weights[i, j] == pytest.approx(expected, rel=1e-4)


def test_shortest_and_minimax_paths_are_the_best_of_all(points, graph):
    points, edges = points[:24], plain_edges(points[:24], 3)
    small = NeighbourGraph.from_vectors(points, 3)
    shortest, narrowest = (all_paths_floyd(edges, 24, join) for join in (lambda a, b: a + b, max))
    for i, j in itertools.product(range(24), repeat=2):
        if not np.isfinite(shortest[i, j]):
            assert small.distance(i, j) == np.inf
            continue
        path, minimax = small.path(i, j), small.path(i, j, "minimax")
        for found in (path, minimax):
            assert (found.indices[0], found.indices[-1]) == (i, j)
            assert all((int(a), int(b)) in edges for a, b in itertools.pairwise(found.indices))
        assert path.length == pytest.approx(shortest[i, j], rel=1e-5)
        assert minimax.longest == pytest.approx(narrowest[i, j], rel=1e-5)
        assert small.distances_from(i)[j] == pytest.approx(shortest[i, j], rel=1e-5)


def test_copies_are_joined_at_distance_zero():
    graph = NeighbourGraph.from_vectors([[1.0, 2], [1, 2], [1, 2], [5, 5], [5, 6]], 2)
    assert graph.copies().tolist() == [[0, 1], [0, 2], [1, 2]]
    assert graph.path(0, 2).length == 0
    assert graph.path(0, 0).indices.tolist() == [0]
    assert (graph.weights().diagonal() == 0).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csr_matrix, sp.coo_array])
@pytest.mark.parametrize("seed", range(4))  # by products some are copies, and some are not
def test_as_many_copies_as_neighbours_are_all_joined_at_distance_zero(seed, form, metric):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(30, 40)) * (rng.random((30, 40)) < 0.3)
    rows[:20] = rows[0]
    graph = NeighbourGraph.from_vectors(form(rows), 19, metric=metric)
    assert graph.copies().tolist() == list(map(list, itertools.combinations(range(20), 2)))


def test_sparse_rows_of_one_direction_are_copies_and_zeros_are_far_from_everything():
    rows = np.random.default_rng(0).random((9, 6)).astype(np.float32)
    rows[1], rows[7], rows[8] = 4 * rows[0], 0, 0
    sparse = sp.csr_array(rows)
    graph = NeighbourGraph.from_vectors(sparse, 8, metric="cosine")
    assert graph.copies().tolist() == [[0, 1]]
    assert (graph.distances.toarray()[7:] == np.array([[1] * 7 + [0, 1], [1] * 8 + [0]])).all()
    assert (sparse.toarray() == rows).all()  # the input is as it was


def test_more_copies_than_neighbours_leave_no_self_loop():
    graph = NeighbourGraph.from_vectors(np.zeros((9, 2)), 3)
    assert graph.directed.diagonal().sum() == 0
    assert np.diff(graph.directed.indptr).tolist() == [3] * 9


def test_components_hubs_and_a_path_that_is_not_there():
    names = list("abcdefg")
    graph = NeighbourGraph.from_vectors([[0.0], [1], [-1], [2.5], [50], [51], [53]], 1, ids=names)
    assert graph.components.tolist() == [0, 0, 0, 0, 1, 1, 1]
    rows, times = graph.hubs(2)
    assert (rows.tolist(), times.tolist()) == ([0, 1], [2, 2])
    with pytest.raises(UnlabeledError, match=r"no path joins 'a', in a component of 4 rows, and 'g'.*3"):
        graph.path("a", "g")
    assert graph.gap([[0.0], [1], [-1], [2.5], [50], [51], [53]], "a", "g") == (3, 4, 47.5)
    with pytest.raises(UnlabeledError, match="'x' is no row"):
        graph.path("x", "a")


def test_medoids_have_the_least_sum_of_graph_distances(points, graph):
    groups = np.where(np.arange(60) < 40, 0, -1)
    inside = {e: d for e, d in plain_edges(points, 4).items() if max(e) < 40}
    best = all_paths_floyd(inside, 40, lambda a, b: a + b)
    largest = max((np.flatnonzero(np.isfinite(row)) for row in best), key=len)
    sums = best[np.ix_(largest, largest)].sum(1)
    assert graph.medoids(groups) == {0: int(largest[sums.argmin()])}


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_dense_sparse_store_and_matrix_give_one_graph(points, metric):
    graph = NeighbourGraph.from_vectors(points, 4, metric=metric)
    store = ExactStore.build([str(i) for i in range(60)], points, metric=metric)
    others = [
        NeighbourGraph.from_vectors(sp.csr_array(points), 4, metric=metric),
        NeighbourGraph.from_store(store, points, 4),
        NeighbourGraph.from_matrix(graph.distances),
    ]
    for other in others:
        # Float32 distances by two ways of computing them: a few units in the last place of values near 1.
        np.testing.assert_allclose(other.distances.toarray(), graph.distances.toarray(), atol=2e-6)


def test_saved_and_opened_it_is_the_same(graph, tmp_path):
    graph.save(tmp_path / "graph")
    opened = NeighbourGraph.open(tmp_path / "graph")
    assert (opened.distances != graph.distances).nnz == 0
    assert opened.ids == graph.ids
    (tmp_path / "graph" / "rows.parquet").write_bytes(b"broken")
    with pytest.raises(UnlabeledError, match="is damaged"):
        NeighbourGraph.open(tmp_path / "graph")


@pytest.mark.parametrize("metric", [{}, {"metric": "hamming"}])
def test_a_graph_of_distances_of_any_kind_is_saved_and_opened(metric, tmp_path):
    graph = NeighbourGraph.from_matrix(np.array([[0.0, 2, 3], [2, 0, 0], [3, 0, 0]]), **metric)
    graph.save(tmp_path / "graph")
    opened = NeighbourGraph.open(tmp_path / "graph")
    assert opened.metric == metric.get("metric", "precomputed")
    assert (opened.distances != graph.distances).nnz == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: NeighbourGraph.from_vectors([[0.0], [1]], metric="cosin"), "did you mean 'cosine'"),
        (lambda: NeighbourGraph.from_vectors([[0.0], [1]], 0), "k must be a whole number of at least 1"),
        (lambda: NeighbourGraph.from_vectors([[0.0], [np.nan]]), "row 1"),
        (lambda: NeighbourGraph.from_matrix(np.ones((2, 3))), "square"),
        (lambda: NeighbourGraph.from_matrix(-np.ones((2, 2))), "not negative"),
        (lambda: NeighbourGraph.from_vectors([[0.0], [1]], ids=["a", "a"]), "different ids"),
    ],
)
def test_what_is_no_graph_is_refused_in_words(make, says):
    with pytest.raises(UnlabeledError, match=says):
        make()


def test_a_single_row_is_a_graph_without_edges():
    graph = NeighbourGraph.from_vectors([[1.0, 2.0]])
    assert graph.distances.nnz == 0
    assert graph.path(0, 0).length == 0


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_approximate_search_finds_nearly_all_neighbours(metric):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 5)) @ rng.normal(size=(5, 32))
    exact, near = (NeighbourGraph.from_vectors(points, 10, metric=metric, method=m) for m in ("exact", "approximate"))
    shared = exact.directed.astype(bool).multiply(near.directed.astype(bool)).nnz
    assert shared / exact.directed.nnz > 0.95
    assert (near.directed.diagonal() == 0).all()


@pytest.mark.parametrize("method", ["exact", "approximate"])
def test_rows_far_from_zero_are_joined_as_they_are_near_it(points, method):
    far = points.astype(np.float64) + 1e8  # where float32 knows multiples of 8
    near = far - 1e8
    graph = NeighbourGraph.from_vectors(far, 4, method=method)
    expected = NeighbourGraph.from_vectors(near, 4)
    assert (graph.directed.indices == expected.directed.indices).all()
    np.testing.assert_allclose(graph.directed.data, expected.directed.data, rtol=1e-5)


def test_the_approximate_search_leaves_pytorch_its_number_of_threads(monkeypatch):
    class Searched:
        neighbor_graph = np.array([[0, 1], [1, 0], [2, 1]]), np.ones((3, 2))

        def __init__(self, *_, **__):
            torch.set_num_threads(before + 1)  # as Numba does when it starts its threads, once in a process

    before = torch.get_num_threads()
    monkeypatch.setattr("pynndescent.NNDescent", Searched)
    NeighbourGraph.from_vectors(np.eye(3), 1, method="approximate")
    assert torch.get_num_threads() == before


def test_groups_that_are_no_numbers_have_no_medoids(graph):
    with pytest.raises(UnlabeledError, match="each a number"):
        graph.medoids(["a"] * 60)


def test_a_graph_replaces_a_graph_and_no_model(graph, points, tmp_path):
    graph.save(tmp_path / "graph")
    graph.save(tmp_path / "graph")
    KMeans(2, random_state=0).fit(points).save(tmp_path / "model")
    with pytest.raises(UnlabeledError, match="saved model, which a graph does not replace"):
        graph.save(tmp_path / "model")
    KMeans.load(tmp_path / "model")
