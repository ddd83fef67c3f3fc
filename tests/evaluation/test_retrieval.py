from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import retrieval
from unlabeled.evaluation.label_free import neighbours


def loop(vectors, labels, ks):
    hits, precisions = {k: [] for k in ks}, []
    for q, vector in enumerate(vectors):
        others = [j for j in range(len(vectors)) if j != q]
        others.sort(key=lambda j: ((vector - vectors[j]) ** 2).sum())
        right = [labels[j] == labels[q] for j in others]
        r = sum(right)
        if r == 0:
            continue
        for k in ks:
            hits[k].append(any(right[:k]))
        precisions.append(sum(right[i] * sum(right[: i + 1]) / (i + 1) for i in range(r)) / r)
    return {k: np.mean(h) for k, h in hits.items()}, np.mean(precisions)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 9999), n=st.integers(5, 20), rows_at_once=st.integers(1, 6))
def test_agrees_with_the_loop(seed, n, rows_at_once):
    rng = np.random.default_rng(seed)
    vectors, labels = rng.normal(size=(n, 3)), rng.integers(0, 4, n)  # five rows of four classes: two agree
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "RESULT_BYTES", 12 * rows_at_once)
        found = retrieval(vectors, labels, ks=(1, 3, 100), metric="euclidean")
    recall, precision = loop(vectors, labels, (1, 3, 100))
    assert found.recall == pytest.approx(recall)
    assert found.map_at_r == pytest.approx(precision)
    assert found.n_queries + found.n_alone == found.n_rows == n


def test_perfect_and_hopeless():
    vectors = np.repeat(np.eye(4), 5, axis=0)
    perfect = retrieval(vectors, np.repeat(np.arange(4), 5))
    assert (perfect.recall, perfect.map_at_r) == ({1: 1.0, 5: 1.0, 10: 1.0}, 1.0)
    pairs = retrieval(np.repeat(np.eye(2), 2, axis=0), [0, 1, 0, 1], ks=[1])
    assert (pairs.recall, pairs.map_at_r) == ({1: 0.0}, 0.0)


def test_rows_alone_in_their_class_and_unlabelled_rows_do_not_search():
    vectors = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [1.0, 0.0]])
    found = retrieval(vectors, [0, 0, 5, -1], ks=[1])
    assert (found.n_queries, found.n_rows, found.n_alone, found.recall) == (2, 3, 1, {1: 1.0})


def test_queries_are_drawn_by_seed():
    rng = np.random.default_rng(0)
    vectors, labels = rng.normal(size=(300, 4)), rng.integers(0, 3, 300)
    first, again, other = (retrieval(vectors, labels, max_queries=20, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first.n_queries == 20


@pytest.mark.parametrize(
    ("labels", "keywords", "message"),
    [
        ([0, 1, 2], {}, "one labelled row only"),
        ([-1, -1, -1], {}, "no row is labelled"),
        ([0, 0, 1], {"ks": []}, "ks must be"),
        ([0, 0, 1], {"ks": [0]}, "ks must be"),
        ([0, 0, 1], {"ks": [1.5]}, "ks must be"),
        ([0, 0, 1], {"max_queries": 0}, "max_queries"),
        ([0, 0, 1], {"metric": "dot"}, "unknown metric"),
    ],
)
def test_bad_input_is_refused(labels, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        retrieval(np.eye(3), labels, **keywords)


def ranked(query, vectors):
    return sorted(range(len(vectors)), key=lambda j: ((query - vectors[j]) ** 2).sum())


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 9999), m=st.integers(3, 25), own=st.booleans())
def test_every_figure_agrees_with_the_loop(seed, m, own):
    rng = np.random.default_rng(seed)
    gallery, known = rng.normal(size=(m, 3)), rng.integers(0, 3, m)
    known[:2] = 0
    queries, asked = (gallery, known) if own else (rng.normal(size=(9, 3)), rng.integers(0, 4, 9))
    if not own:
        asked[0] = 0
    ks, figures = (1, 3, 50), []
    for q, query in enumerate(queries):
        order = [j for j in ranked(query, gallery) if not (own and j == q)]
        right = [bool(known[j] == asked[q]) for j in order]
        if not any(right):
            continue
        places = [i + 1 for i, hit in enumerate(right) if hit]
        figures.append(
            [any(right[:k]) for k in ks]
            + [sum(right[:k]) / min(k, len(right)) for k in ks]
            + [sum(right[:k]) / sum(right) for k in ks]
            + [np.mean([sum(right[:place]) / place for place in places]), 1 / places[0]]
        )
    given = {} if own else {"gallery": gallery, "gallery_labels": known}
    found = retrieval(queries, asked, ks=ks, metric="euclidean", **given)
    got = [*found.recall.values(), *found.precision.values(), *found.found.values(), found.map, found.mrr]
    np.testing.assert_allclose(got, np.mean(figures, axis=0), atol=1e-12)
    assert (found.n_queries, found.n_rows) == (len(figures), m)
    head = retrieval(queries, asked, ks=ks[:2], metric="euclidean", whole_ranking=False, **given)
    assert (head.map, head.mrr) == (None, None)
    assert head.map_at_r == pytest.approx(found.map_at_r)
    assert head.precision == pytest.approx({k: found.precision[k] for k in ks[:2]})


def test_names_of_classes_are_shared_by_queries_and_gallery():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    found = retrieval(rows[:1], ["cat"], ks=[1], gallery=rows, gallery_labels=["dog", None, "cat"])
    assert (found.n_rows, found.mrr, found.recall) == (2, 0.5, {1: 0.0})


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"gallery": np.eye(3)}, "both gallery and gallery_labels"),
        ({"gallery": np.eye(2), "gallery_labels": [0, 1]}, "2 columns"),
        ({"gallery": np.eye(3), "gallery_labels": [7, 8, 9]}, "no row of any query's class"),
        ({"gallery": np.eye(3), "gallery_labels": [-1, -1, -1]}, "gallery labels: no row is labelled"),
    ],
)
def test_a_gallery_that_does_not_fit_is_refused(keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        retrieval(np.eye(3), [0, 1, 0], **keywords)
