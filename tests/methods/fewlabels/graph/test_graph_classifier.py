"""The three methods on a graph: their equations in plain loops, parity with scikit-learn, and what code gets wrong."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import semi_supervised

from unlabeled import LabelPropagation, LabelSpreading, NeighbourGraph, PoissonLearning
from unlabeled.errors import UnlabeledError

METHODS = [LabelPropagation, LabelSpreading, PoissonLearning]


@pytest.fixture(scope="module")
def graph(moons):
    return NeighbourGraph.from_vectors(moons[0], 7)


@pytest.mark.parametrize("peer", [semi_supervised.LabelPropagation, semi_supervised.LabelSpreading])
def test_on_the_same_graph_they_are_scikit_learns(peer, graph, moons):
    X, _, y = moons
    W = graph.weights()
    settings = {"alpha": 0.9} if peer is semi_supervised.LabelSpreading else {}
    theirs = peer(kernel=lambda *_: W.toarray(), max_iter=100_000, tol=1e-9, **settings).fit(X, y)
    ours = {"LabelPropagation": LabelPropagation, "LabelSpreading": LabelSpreading}[peer.__name__]
    model = ours(metric="precomputed", tol=1e-10, **settings).fit(W, y)
    # Scikit-learn stops when a step is below 1e-9; the steps still to come sum to some hundred times that.
    np.testing.assert_allclose(model.label_distributions_, theirs.label_distributions_, atol=1e-4)
    assert np.array_equal(model.transduction_, theirs.transduction_)


def test_spreading_normalises_by_both_ends():
    """S = D^-1/2 W D^-1/2: entry by entry, in loops, on a graph whose degrees differ."""
    W = np.array([[0, 2, 0, 0], [2, 0, 1, 5], [0, 1, 0, 0], [0, 5, 0, 0]], dtype=float)
    degree = [sum(row) for row in W]
    S = [[W[i][j] / np.sqrt(degree[i] * degree[j]) for j in range(4)] for i in range(4)]
    F, Y = np.zeros((4, 2)), np.array([[1, 0], [0, 0], [0, 1], [0, 0]], dtype=float)
    for _ in range(2000):
        F = 0.8 * np.array(S) @ F + 0.2 * Y
    model = LabelSpreading(alpha=0.8, metric="precomputed", tol=1e-12).fit(W, [0, -1, 1, -1])
    np.testing.assert_allclose(model.label_distributions_, F / F.sum(1, keepdims=True), atol=1e-9)


def test_propagation_clamps_and_is_harmonic(graph, moons):
    y = moons[2]
    model = LabelPropagation(metric="precomputed", tol=1e-10).fit(graph.weights(), y)
    W, F = graph.weights().toarray(), model.label_distributions_
    assert np.array_equal(F[y == 0], np.tile([1.0, 0.0], (3, 1)))
    for i in np.flatnonzero(y < 0):
        np.testing.assert_allclose(F[i], W[i] @ F / W[i].sum(), atol=1e-7)


def test_poisson_solves_poissons_equation(graph, moons):
    """L u = source, with weighted mean zero; u found again from the probabilities, for two classes of equal counts."""
    y = moons[2]
    W = graph.weights().toarray()
    L = np.diag(W.sum(1)) - W
    source = np.where(y >= 0, np.where(y == 0, 0.5, -0.5), 0)
    u = np.linalg.lstsq(L, source, rcond=None)[0]
    u -= W.sum(1) @ u / W.sum()
    model = PoissonLearning(metric="precomputed", tol=1e-10).fit(graph.weights(), y)
    odds = np.log(model.label_distributions_[:, 0] / model.label_distributions_[:, 1])
    np.testing.assert_allclose(odds, 2 * u / np.std(np.stack([u, -u])), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_graph_is_undirected_without_self_loops_and_diagonals_do_not_matter(method, graph, moons):
    W, y = graph.weights(), moons[2]
    plain = method(metric="precomputed").fit(W, y).label_distributions_
    with_loops = method(metric="precomputed").fit(W + sp.diags_array(np.full(200, 3.0)), y).label_distributions_
    one_way = method(metric="precomputed").fit(sp.triu(W), y).label_distributions_
    np.testing.assert_array_equal(plain, with_loops)
    np.testing.assert_array_equal(plain, one_way)


@pytest.mark.parametrize("method", METHODS)
def test_unreached_rows_are_flagged_and_get_no_class(method):
    X = np.array([[0.0], [1], [2], [3], [100], [101], [102], [10_000]])
    y = np.array(["a", "", "", "b", "", "", "", ""])
    model = method(n_neighbors=2)
    model.fit(X[:7], y[:7])
    assert model.unreached_.tolist() == [False] * 4 + [True] * 3
    assert model.transduction_[4:].tolist() == ["", "", ""]
    np.testing.assert_array_equal(model.label_distributions_[4:], 0.5)
    assert model.predict([[0.2], [101.2]]).tolist() == ["a", ""]
    np.testing.assert_allclose(model.predict_proba([[0.2], [101.2]]).sum(1), 1)
    numbers = method(n_neighbors=2).fit(X[:7], [0, -1, -1, 1, -1, -1, -1])
    assert numbers.transduction_[4:].tolist() == [-1, -1, -1]
    assert numbers.predict([[101.2]]).tolist() == [-1]


@pytest.mark.parametrize("method", METHODS)
def test_a_given_graph_gives_what_the_vectors_do(method, moons):
    X, truth, y = moons
    graph = NeighbourGraph.from_vectors(X, 10)
    own, given = method().fit(X, y), method().fit(X, y, graph=graph)
    np.testing.assert_array_equal(own.label_distributions_, given.label_distributions_)
    assert (own.transduction_ == truth).mean() > 0.95
    assert own.score(X, truth) > 0.95
    with pytest.raises(UnlabeledError, match="graph has 200 rows"):
        method().fit(X[:100], y[:100], graph=graph)


def test_with_one_label_a_class_poisson_works_where_propagation_fails():
    """Plain propagation gives nearly all rows of two touching clouds to one class, whichever has the better place."""
    rng = np.random.default_rng(0)
    truth = np.arange(2000) % 2
    X = rng.normal(size=(2000, 5)) + 3.3 * truth[:, None] * np.eye(5)[0]
    graph = NeighbourGraph.from_vectors(X, 10)
    right = {LabelPropagation: [], PoissonLearning: []}
    for _ in range(6):
        y = np.full(len(X), -1)
        for label in range(2):
            y[rng.choice(np.flatnonzero(truth == label))] = label
        for method, found in right.items():
            model = method().fit(X, y, graph=graph)
            found.append((model.transduction_ == truth)[y < 0].mean())
    assert np.mean(right[PoissonLearning]) > 0.9
    assert np.mean(right[LabelPropagation]) < 0.75


def test_a_component_with_labels_of_one_class_gets_that_class():
    X = np.r_[np.arange(6.0), 100 + np.arange(6.0)][:, None]
    y = np.array([0, -1, -1, -1, -1, 1, -1, 1, -1, -1, -1, -1])
    model = PoissonLearning(n_neighbors=2).fit(X, y)
    assert model.transduction_[6:].tolist() == [1] * 6
    np.testing.assert_allclose(model.label_distributions_[6:, 1], 1)


def test_shuffled_labels_are_learnt_to_chance(moons):
    X, truth, _ = moons
    rng = np.random.default_rng(0)
    right = []
    for _ in range(20):
        y = np.where(np.arange(200) < 40, rng.permutation(truth)[:200], -1)
        model = LabelSpreading().fit(X, y)
        right.append((model.transduction_ == truth)[40:].mean())
    assert abs(np.mean(right) - 0.5) < 0.08  # 20 means of clustered coin flips


def test_a_class_prior_moves_the_border():
    X = np.linspace(0, 1, 101)[:, None]
    y = np.full(101, -1)
    y[0], y[100] = 0, 1
    even = PoissonLearning(n_neighbors=2).fit(X, y).transduction_.mean()
    more = PoissonLearning(n_neighbors=2, class_prior=[0.2, 0.8]).fit(X, y)
    assert abs(even - 0.5) < 0.02
    assert (more.transduction_ == 0).sum() > 0
    with pytest.raises(UnlabeledError, match="class_prior"):
        PoissonLearning(class_prior=[1.0]).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n_neighbors": 0}, "n_neighbors"),
        ({"metric": "cosin"}, "did you mean 'cosine'"),
        ({"weights": "gauss"}, "did you mean 'gaussian'"),
        ({"alpha": 1.0}, "alpha must lie between 0 and 1"),
        ({"tol": 0}, "tol"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, says, moons):
    with pytest.raises(UnlabeledError, match=says):
        LabelSpreading(**settings).fit(moons[0], moons[2])


def test_negative_weights_are_refused():
    with pytest.raises(UnlabeledError, match="not be negative"):
        LabelSpreading(metric="precomputed").fit(np.array([[0, -1.0], [-1, 0]]), [0, 1])


@pytest.mark.parametrize("alpha", [0.2, 0.9, 0.99])
def test_spreading_tells_classes_apart_however_far_the_labels_are(alpha):
    rows = np.arange(201.0)[:, None]  # a chain, with a label at either end
    labels = np.full(201, -1)
    labels[[0, 200]] = 0, 1
    model = LabelSpreading(n_neighbors=2, weights="uniform", alpha=alpha).fit(rows, labels)
    W = NeighbourGraph.from_vectors(rows, 2).weights("uniform").toarray()
    root = np.diag(W.sum(axis=1) ** -0.5)
    F = np.linalg.solve(np.eye(201) - alpha * root @ W @ root, np.eye(201)[:, [0, 200]])
    exact = F / F.sum(axis=1, keepdims=True)
    # The residual is below a thousandth of what is told apart, and the error some times the residual.
    np.testing.assert_allclose(model.label_distributions_, exact, atol=0.01)
    assert model.transduction_[:100].tolist() == [0] * 100
    assert model.transduction_[101:].tolist() == [1] * 100


@pytest.mark.parametrize("tol", [1e-4, 1e-2, 0.5])
def test_spreading_ends_however_coarse_its_tolerance(tol):
    rng, truth = np.random.default_rng(0), np.arange(600) % 3
    rows = rng.normal(size=(600, 4)) + 5 * np.eye(4)[truth]
    for labelled in (3, 300, 600):
        model = LabelSpreading(tol=tol).fit(rows, np.where(np.arange(600) < labelled, truth, -1))
        assert model.score(rows, truth) > 0.95
        assert model.n_iter_ < 100


@pytest.mark.parametrize("make", [LabelPropagation, LabelSpreading, PoissonLearning])
def test_rows_far_from_zero_keep_their_neighbours(make):
    near = np.concatenate([np.random.default_rng(0).normal(centre, 0.5, (40, 3)) for centre in (0, 4, 9)])
    truth = np.repeat([0, 1, 2], 40)
    labels = np.where(np.arange(120) % 40 == 0, truth, -1)
    assert make().fit(near + 1e8, labels).score(near + 1e8, truth) == 1  # float32 knows multiples of 8 there


def test_rows_that_a_label_reaches_below_all_numbers_only_are_unreached():
    rows, labels = np.arange(800.0)[:, None], np.full(800, -1)
    labels[[799, 795]] = 0, 1
    model = LabelSpreading(n_neighbors=2, alpha=0.01).fit(rows, labels)
    unreached = model.unreached_
    # A label fades by a factor of alpha or less at each hop, and 0.01 to the power 163 is below the least number; an
    # edge leads two rows on at most, and from 100 hops on there is no doubt of the others.
    assert unreached[: 795 - 2 * 163].all()
    assert not unreached[795 - 100 :].any()
    assert (model.transduction_[unreached] == -1).all()
    np.testing.assert_array_equal(model.label_distributions_[unreached], 0.5)
    assert (model.transduction_[:795][~unreached[:795]] == 1).all()
    assert model.predict([[10.2], [780.2]]).tolist() == [-1, 1]
    np.testing.assert_array_equal(model.predict_proba([[10.2]]), 0.5)
    names = LabelSpreading(n_neighbors=2, alpha=0.01).fit(rows, np.array(["", "a", "b"])[labels + 1])
    assert set(names.transduction_[unreached]) == {""}
