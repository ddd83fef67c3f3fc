"""Vectors and labels in every form in which people have them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import agreement, clustering, evaluate, knn, linear_probe, retrieval
from unlabeled.evaluation.inputs import check_labels, check_vectors, class_labels, sample
from unlabeled.evaluation.split import stratified_split

LABELS = np.arange(60) % 3
VECTORS = np.random.default_rng(0).normal(size=(60, 4)) + 3 * LABELS[:, None]
NAMES = np.array(["ant", "bee", "cat"])[LABELS]


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, -1, 2],
        np.array([0, 1, -1, 2], np.int8),
        np.array([0.0, 1.0, np.nan, 2.0]),
        [0, 1, None, 2],
        [0, True, np.nan, 2.0],
        torch.tensor([0, 1, -1, 2]),
        pd.Series([0, 1, None, 2]),
        pd.Series([0, 1, None, 2], dtype="Int64"),
    ],
)
def test_numbers_stay_what_they_are_and_missing_is_unlabelled(labels):
    found = class_labels((labels, 4, "labels"))
    assert found.parts[0].tolist() == [0, 1, -1, 2]
    assert found.names is None


@pytest.mark.parametrize(
    "labels",
    [
        ["ant", "bee", None, "cat"],
        ["ant", "bee", "", "cat"],
        np.array(["ant", "bee", "", "cat"]),
        np.array(["ant", "bee", np.nan, "cat"], dtype=object),
        pd.Series(["ant", "bee", None, "cat"], dtype="category"),
        pd.Series(["ant", "bee", pd.NA, "cat"], dtype="string"),
    ],
)
def test_names_become_numbers_and_missing_is_no_class(labels):
    found = class_labels((labels, 4, "labels"))
    assert found.parts[0].tolist() == [0, 1, -1, 2]
    assert found.names == ("ant", "bee", "cat")
    assert found.restored(found.parts[0]).tolist() == ["ant", "bee", None, "cat"]


def test_small_unsigned_and_truth_values_are_numbers():
    assert check_labels(np.array([3, 0], np.uint16), 2).tolist() == [3, 0]
    assert check_labels([True, False], 2).tolist() == [1, 0]
    assert check_labels(torch.tensor([True, False]), 2).tolist() == [1, 0]


def test_names_mean_the_same_class_in_both_parts():
    # The test part lacks the first class, so its names numbered alone would be off by one.
    test = LABELS[30:] > 0
    found = knn(VECTORS[:30], NAMES[:30], VECTORS[30:][test], NAMES[30:][test], k=3)
    numbers = knn(VECTORS[:30], LABELS[:30], VECTORS[30:][test], LABELS[30:][test], k=3)
    assert found.accuracy == numbers.accuracy
    assert found.per_class == {name: numbers.per_class[i] for i, name in [(1, "bee"), (2, "cat")]}
    assert found.predictions.tolist() == np.array(["ant", "bee", "cat"])[numbers.predictions].tolist()
    probe = linear_probe(VECTORS[:30], NAMES[:30], VECTORS[30:][test], NAMES[30:][test])
    assert probe.only_in_train == ("ant",)
    assert set(probe.per_class) == {"bee", "cat"}
    unseen = knn(VECTORS[:30], NAMES[:30], VECTORS[30:32], ["dog", None], k=3)
    assert unseen.unseen == ("dog",)
    assert unseen.predictions[1] is None


@pytest.mark.parametrize("names", [NAMES, pd.Series(NAMES, dtype="category"), NAMES.tolist()])
def test_every_measure_takes_names(names):
    assert evaluate(VECTORS, names, seeds=1).rows() == evaluate(VECTORS, LABELS, seeds=1).rows()
    assert retrieval(VECTORS, names) == retrieval(VECTORS, LABELS)
    assert clustering(VECTORS, names) == clustering(VECTORS, LABELS)
    assert agreement(names, LABELS).accuracy == 1
    assert stratified_split(names).test.tolist() == stratified_split(LABELS).test.tolist()


@pytest.mark.parametrize(
    "given",
    [
        torch.tensor(VECTORS, requires_grad=True),
        torch.tensor(VECTORS).bfloat16(),
        sparse.csr_matrix(VECTORS),
        pd.DataFrame(VECTORS),
        VECTORS.astype(np.float16),
    ],
)
def test_every_table_of_numbers_is_judged(given):
    assert evaluate(given, LABELS, seeds=1, probes=["knn"]).score("knn accuracy").mean > 0.7


def test_nan_in_a_list_of_names_is_unlabelled():
    some = [float("nan") if row % 5 == 0 else name for row, name in enumerate(NAMES.tolist())]
    none = [None if row % 5 == 0 else name for row, name in enumerate(NAMES.tolist())]
    assert evaluate(VECTORS, some, seeds=1) == evaluate(VECTORS, none, seeds=1)


def test_double_precision_is_kept_until_it_has_been_centred():
    far = 1e8 + np.random.default_rng(0).normal(size=(60, 2)) * 0.1 + LABELS[:, None]  # float32 knows multiples of 8
    assert knn(far, LABELS, k=3, metric="euclidean").accuracy == 1
    assert linear_probe(far[:30], LABELS[:30], far[30:], LABELS[30:]).accuracy == 1


def test_euclidean_neighbours_are_exact_where_clusters_lie_far_apart():
    rng = np.random.default_rng(0)
    n = 400
    y = rng.integers(0, 2, n)
    far = rng.integers(0, 5, n) * 20_000.0  # a column that tells nothing, and hides the others in float32 products
    X = np.column_stack([rng.normal(size=n) + 4 * y, rng.normal(size=n) + 4 * y, far])
    assert knn(X[::2], y[::2], X[1::2], y[1::2], k=5, metric="euclidean", weighting="uniform").accuracy > 0.97


def test_rows_are_drawn_and_not_spaced():
    interleaved = np.tile(np.eye(4), (1000, 1))
    counts = sample(interleaved, 400).sum(dim=0)
    assert counts.min() > 70  # 100 each, with a standard deviation of 9
    assert torch.equal(sample(interleaved, 400), sample(interleaved, 400))
    assert sample(interleaved, 400).dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_labels([0.5, 1], 2), "not fractions"),
        (lambda: check_labels([0, -2], 2), "there is a -2"),
        (lambda: check_labels([[0], [1]], 2), "one label for each of the 2 rows"),
        (lambda: check_vectors([["a"]]), "vectors must be numbers"),
        (lambda: check_vectors(np.array([[object()]])), "vectors must be numbers"),
        (lambda: knn(VECTORS, [None] * 60), "no row is labelled"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(UnlabeledError, match=message):
        call()
