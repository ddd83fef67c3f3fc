from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import knn
from unlabeled.evaluation.label_free import neighbours


def loop(bank, labels, queries, k, temperature, weighting, metric, own=False):
    """One query, one neighbour at a time."""
    predicted = []
    for i, q in enumerate(queries):
        scored = []
        for j, b in enumerate(bank):
            if own and i == j:
                continue
            if metric == "cosine":
                lengths = np.linalg.norm(q) * np.linalg.norm(b)
                scored.append((q @ b / lengths if lengths else 0.0, labels[j]))
            else:
                scored.append((-((q - b) ** 2).sum() / 2, labels[j]))
        scored.sort(key=lambda pair: -pair[0])
        votes: dict[int, float] = {}
        for similarity, label in scored[:k]:
            weight = np.exp((similarity - scored[0][0]) / temperature) if weighting == "similarity" else 1.0
            votes[label] = votes.get(label, 0.0) + weight
        predicted.append(min(votes, key=lambda label: (-votes[label], label)))
    return np.array(predicted)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 14),
    k=st.integers(1, 20),
    weighting=st.sampled_from(["similarity", "uniform"]),
    metric=st.sampled_from(["cosine", "euclidean"]),
    rows_at_once=st.integers(1, 5),
)
def test_agrees_with_the_loop(seed, n, k, weighting, metric, rows_at_once):
    rng = np.random.default_rng(seed)
    bank, labels = rng.normal(size=(n, 3)), rng.integers(0, 4, n) * 3
    queries, truth = rng.normal(size=(7, 3)), rng.integers(0, 4, 7) * 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "RESULT_BYTES", 12 * rows_at_once)
        found = knn(bank, labels, queries, truth, k=k, weighting=weighting, metric=metric)
        alone = knn(bank, labels, k=k, weighting=weighting, metric=metric)
    assert found.predictions.tolist() == loop(bank, labels, queries, k, 0.07, weighting, metric).tolist()
    assert alone.predictions.tolist() == loop(bank, labels, bank, k, 0.07, weighting, metric, own=True).tolist()
    assert (found.k_used, alone.k_used) == (min(k, n), min(k, n - 1))
    assert found.accuracy == (found.predictions == truth).mean()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_uniform_votes_are_those_of_scikit_learn(metric, k):
    rng = np.random.default_rng(k)
    labels, truth = rng.integers(0, 5, 300), rng.integers(0, 5, 200)
    bank = (rng.normal(size=(300, 8)) + labels[:, None]).astype(np.float32)
    queries = (rng.normal(size=(200, 8)) + truth[:, None]).astype(np.float32)
    theirs = KNeighborsClassifier(k, metric=metric).fit(bank, labels)
    ours = knn(bank, labels, queries, truth, k=k, weighting="uniform", metric=metric)
    assert ours.predictions.tolist() == theirs.predict(queries).tolist()
    assert ours.accuracy == theirs.score(queries, truth)


def test_a_row_is_not_its_own_neighbour():
    # Each row's only twin is of the other class, so a row that found itself would be right.
    vectors = np.repeat(np.eye(6), 2, axis=0)
    assert knn(vectors, np.tile([0, 1], 6), k=1).accuracy == 0


def test_votes_for_many_classes_take_little_memory():
    import tracemalloc

    rng = np.random.default_rng(0)
    vectors, labels = rng.normal(size=(12_000, 4)).astype(np.float32), np.arange(12_000) % 6000
    knn(vectors[:20], labels[:20], k=2)  # what is imported does not count
    tracemalloc.start()
    found = knn(vectors, labels, k=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250e6  # a table of all queries and classes has 576 MB
    expected = loop(vectors, labels, vectors[:5], 2, 0.07, "similarity", "cosine", own=True)
    assert found.predictions[:5].tolist() == list(expected)


def test_equal_votes_go_to_the_lowest_class():
    assert knn([[1.0], [1.0]], [7, 3], [[1.0]], [3], k=2, weighting="uniform").predictions.tolist() == [3]


def test_unlabelled_rows_neither_vote_nor_count():
    vectors = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0], [1.0, 0.05], [5.0, 5.0]])
    found = knn(vectors, [0, 0, 1, 1, -1, -1], k=1)
    assert found.predictions.tolist() == [0, 0, 1, 1, -1, -1]
    assert (found.n_bank, found.n_test, found.accuracy) == (4, 4, 1.0)


def test_k_is_clamped_to_the_bank():
    found = knn(np.eye(3), [0, 0, 1], np.eye(3), [0, 0, 1], k=200)
    assert found.k_used == found.n_bank == 3
    assert knn(np.eye(3), [0, 0, 1], k=200).k_used == 2


def test_classes_that_one_side_lacks():
    found = knn(np.eye(4), [0, 1, 2, 2], np.eye(4)[:2], [0, 9], k=1)
    assert found.per_class == {0: 1.0, 9: 0.0}
    assert found.unseen == (9,)
    assert knn(np.eye(3), [0, 0, 5], k=1).unseen == (5,)  # its only row is left out of its own bank


def test_constant_and_zero_vectors_get_an_answer():
    for vectors in (np.ones((6, 3)), np.zeros((6, 3))):
        for metric in ("cosine", "euclidean"):
            found = knn(vectors, [0, 0, 0, 0, 1, 1], k=5, metric=metric)
            assert found.predictions.tolist() == [0] * 6


def test_euclidean_survives_a_far_origin():
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    vectors = rng.normal(size=(100, 4)) * 0.1 + labels[:, None]
    assert knn(vectors + 10_000, labels, k=3, metric="euclidean").accuracy == 1


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_cosine_ignores_length(scale):
    vectors = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    assert knn(vectors * scale, [0, 0, 1, 1], k=1).accuracy == 1


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((np.eye(3), [0, 1]), {}, "one label for each of the 3 rows"),
        ((np.eye(3), [-1, -1, -1]), {}, "no row is labelled"),
        ((np.eye(3), [0, 1, -2]), {}, "there is a -2"),
        ((np.eye(3), [0.5, 1.0, 1.0]), {}, "must be integers or names of classes, not fractions"),
        ((np.array([["a"], ["b"], ["c"]]), [0, 1, 1]), {}, "vectors must be numbers"),
        ((np.eye(3), [-1, 0, -1]), {}, "only one row is labelled"),
        (([[1.0], [np.nan], [np.inf]], [0, 0, 1]), {}, "2 of 3 rows .* first of them row 1"),
        (([[1e300]], [0]), {}, "beyond float32"),
        ((np.ones(3), [0, 1, 1]), {}, r"shape \(n, d\)"),
        ((np.ones((0, 3)), []), {}, r"shape \(n, d\)"),
        ((np.eye(3), [0, 1, 1], np.eye(2), [0, 1]), {}, "2 columns"),
        ((np.eye(3), [0, 1, 1], np.eye(3)), {}, "both test_vectors and test_labels"),
        ((np.eye(3), [0, 1, 1], np.eye(3), [-1, -1, -1]), {}, "test labels: no row"),
        ((np.eye(3), [0, 1, 1]), {"k": 0}, "k must be a whole number of at least 1"),
        ((np.eye(3), [0, 1, 1]), {"temperature": 0}, "temperature"),
        ((np.eye(3), [0, 1, 1]), {"metric": "cosin"}, "did you mean 'cosine'"),
        ((np.eye(3), [0, 1, 1]), {"weighting": "unifrom"}, "did you mean 'uniform'"),
    ],
)
def test_bad_input_is_refused(arguments, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        knn(*arguments, **keywords)
