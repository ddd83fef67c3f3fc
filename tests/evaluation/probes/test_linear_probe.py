from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import evaluate, linear_probe
from unlabeled.evaluation.probes.linear_probe import CS, FOLDS, SELECTION_CLASSES, SELECTION_WORK


def blobs(n, classes=3, d=6, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = np.random.default_rng(99).normal(size=(classes, d)) * 3
    return centres[labels] + noise * rng.normal(size=(n, d)), labels


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_learns_what_is_linearly_there(classifier):
    train, test = blobs(200), blobs(90, seed=1)
    found = linear_probe(*train, *test, classifier=classifier)
    assert found.accuracy > 0.95
    assert found.accuracy == (found.predictions == test[1]).mean()
    assert found.interval[0] < found.accuracy <= found.interval[1]
    assert (found.n_train, found.n_test, found.converged) == (200, 90, True)
    assert set(found.per_class) == {0, 1, 2}


def test_noise_is_not_learnt():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    vectors = rng.normal(size=(400, 30))
    assert abs(linear_probe(vectors[:200], labels[:200], vectors[200:], labels[200:]).accuracy - 0.5) < 0.12


def test_the_test_rows_have_no_say_in_the_choice():
    vectors, labels = blobs(150, noise=4)
    test, truth = blobs(60, noise=4, seed=1)
    as_it_is = linear_probe(vectors, labels, test, truth)
    shuffled = linear_probe(vectors, labels, 100 * test[::-1] + 7, (truth + 1) % 3)
    assert shuffled.c == as_it_is.c
    assert shuffled.cv_accuracy == as_it_is.cv_accuracy
    alone = [linear_probe(vectors, labels, row[None], truth[:1]).predictions[0] for row in test[:5]]
    assert alone == as_it_is.predictions[:5].tolist()  # nor are they standardised by one another


def test_the_choice_is_the_best_in_cross_validation_and_the_stronger_of_equals():
    vectors, labels = blobs(150, noise=4)
    found = linear_probe(vectors, labels, vectors, labels)
    best = max(found.cv_accuracy.values())
    assert found.c == min(c for c, accuracy in found.cv_accuracy.items() if accuracy == best)
    easy = linear_probe(*blobs(150, noise=0.01), *blobs(30), cs=[10, 1, 0.1])
    assert (easy.c, list(easy.cv_accuracy)) == (0.1, [0.1, 1, 10])


def test_weak_strengths_are_left_out_once_they_are_far_behind():
    rng = np.random.default_rng(0)
    labels = np.arange(1200) % 5
    signal = rng.normal(size=(1200, 5))
    signal[np.arange(1200), labels] += 1.5
    # A few strong directions tell, and many faint ones mislead a classifier that may use them.
    vectors = signal @ rng.normal(size=(5, 400)) + 0.3 * rng.normal(size=(1200, 400))
    given = (vectors, labels, vectors[:50], labels[:50])
    found = linear_probe(*given)
    tried = list(found.cv_accuracy)
    assert tried == list(CS[: len(tried)])
    assert len(tried) < len(CS)
    for c in CS[len(tried) :]:
        weaker = linear_probe(*given, cs=[found.c, c])
        assert weaker.c == found.c
        assert weaker.cv_accuracy[c] < weaker.cv_accuracy[found.c]


def test_the_choice_looks_at_a_bounded_number_of_rows():
    (vectors, labels), test = blobs(300, noise=3), blobs(60, noise=3, seed=1)
    found = linear_probe(vectors, labels, *test, selection_rows=40)
    assert found.n_train == 300
    # Each accuracy is a share of the 40 rows.
    assert all(accuracy * 40 == pytest.approx(round(accuracy * 40)) for accuracy in found.cv_accuracy.values())


def test_one_strength_is_used_as_given():
    found = linear_probe(*blobs(30), *blobs(30, seed=1), cs=[0.5])
    assert (found.c, found.cv_accuracy) == (0.5, {})


def test_scale_and_shift_of_features_do_not_matter():
    (vectors, labels), (test, truth) = blobs(150, noise=3), blobs(90, noise=3, seed=1)
    scale, shift = np.array([1, 10, 100, 0.1, 1e3, 1]), np.array([0, 5, -100, 3, 0, 1])
    plain = linear_probe(vectors, labels, test, truth)
    changed = linear_probe(vectors * scale + shift, labels, test * scale + shift, truth)
    assert (plain.predictions == changed.predictions).mean() > 0.98


def test_unlabelled_rows_are_ignored():
    (vectors, labels), (test, truth) = blobs(120), blobs(60, seed=1)
    hidden, hidden_truth = labels.copy(), truth.copy()
    hidden[::2], hidden_truth[::3] = -1, -1
    vectors[::2] += 1000
    found = linear_probe(vectors, hidden, test, hidden_truth)
    assert (found.n_train, found.n_test) == (60, 40)
    assert found.accuracy > 0.9
    assert (found.predictions[::3] == -1).all()


def test_classes_that_one_side_lacks_are_told():
    (vectors, labels), (test, truth) = blobs(90), blobs(30, seed=1)
    truth = np.where(truth == 2, 8, truth)
    found = linear_probe(vectors, labels, test, truth)
    assert (found.only_in_train, found.only_in_test) == ((2,), (8,))
    assert found.per_class[8] == 0


def test_tiny_classes_are_put_up_with():
    vectors, labels = blobs(31)
    labels[-1] = 7
    assert linear_probe(vectors, labels, vectors, labels).n_train == 31
    two = linear_probe([[0.0], [1.0]], [0, 1], [[0.1], [0.9]], [0, 1])
    assert (two.accuracy, two.cv_accuracy) == (1.0, {})
    # The fold that holds out the only row of class 1 leaves one class to learn from; the other two still choose.
    three = linear_probe([[0.0], [0.1], [1.0]], [0, 0, 1], [[0.0], [1.0]], [0, 1])
    assert len(three.cv_accuracy) == 7


def test_constant_vectors_give_the_commonest_class():
    labels = np.array([0, 1, 1, 1, 0, 1])
    found = linear_probe(np.ones((6, 3)), labels, np.ones((4, 3)), [0, 1, 1, 0])
    assert found.predictions.tolist() == [1] * 4


@pytest.mark.slow
def test_fifty_thousand_rows_take_seconds():
    import time

    vectors, labels = blobs(50_000, classes=10, d=256, noise=4)
    start = time.process_time()
    linear_probe(vectors[:45_000], labels[:45_000], vectors[45_000:], labels[45_000:])
    assert time.process_time() - start < 120  # of one core; about 10 s on a quiet one


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((np.eye(3), [1, 1, -1], np.eye(3), [1, 0, 1]), {}, "all 2 labelled training rows are of class 1"),
        ((np.eye(3), [-1, -1, -1], np.eye(3), [1, 0, 1]), {}, "training labels: no row is labelled"),
        ((np.eye(3), [0, 1, 1], np.eye(3), [-1, -1, -1]), {}, "test labels: no row is labelled"),
        ((np.eye(3), [0, 1, 1], np.ones((2, 2)), [0, 1]), {}, "test vectors have 2 columns, training vectors have 3"),
        ((np.eye(3), [0, 1], np.eye(3), [0, 1, 1]), {}, "one label for each of the 3 rows"),
        ((np.full((3, 3), np.nan), [0, 1, 1], np.eye(3), [0, 1, 1]), {}, "NaN"),
        ((np.eye(3), [0, 1, 1], np.full((3, 3), np.nan), [0, 1, 1]), {}, "test vectors: 3 of 3 rows"),
        ((np.eye(3), [0, 1, 1], np.eye(3), [0, 1, 1]), {"classifier": "logstic"}, "did you mean 'logistic'"),
        *(
            ((np.eye(3), [0, 1, 1], np.eye(3), [0, 1, 1]), {"cs": cs}, "cs must be a list of one or more numbers above")
            for cs in ([], [1, -1], 0.1, "1", ["a"], [None], [np.inf], [np.nan], np.ones((2, 2)))
        ),
        *(
            ((np.eye(3), [0, 1, 1], np.eye(3), [0, 1, 1]), {"selection_rows": rows}, "selection_rows must be a whole")
            for rows in (0, 2.5, None)
        ),
    ],
)
def test_bad_input_is_refused(arguments, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        linear_probe(*arguments, **keywords)


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_more_columns_than_rows_give_the_classifier_of_all_columns(classifier):
    from unlabeled.evaluation.probes.linear_classifier import LinearClassifier
    from unlabeled.evaluation.probes.linear_probe import _along_principal_axes

    rng = np.random.default_rng(0)
    labels = np.arange(24) % 3
    train = (rng.normal(size=(24, 60)) + labels[:, None] * (np.arange(60) < 4)).astype(np.float32)
    test = rng.normal(size=(200, 60)).astype(np.float32)
    narrow_train, narrow_test = _along_principal_axes(train, test)
    assert narrow_train.shape == (24, 24)
    whole = LinearClassifier(classifier, 0.1).fit(train, labels)
    narrow = LinearClassifier(classifier, 0.1, orthogonal=True).fit(narrow_train, labels)
    scores = np.column_stack([test, np.ones(200)]) @ whole.weights_
    narrow_scores = np.column_stack([narrow_test, np.ones(200)]) @ narrow.weights_
    # Two minimisers of the same function, each found to about 1e-4.
    np.testing.assert_allclose(narrow_scores, scores, atol=2e-3 * np.abs(scores).max())


class Counted:
    """Stands for a classifier and notes what it was to be fitted to."""

    fits: ClassVar[list[tuple[int, int, int]]] = []
    n_iter_, max_iter = 1, 2

    def __init__(self, loss, c, orthogonal=False):
        self.c, self.weights_ = c, None

    def fit(self, vectors, labels, start=None):
        self.fits.append((len(vectors), vectors.shape[1], len(np.unique(labels))))
        return self

    def predict(self, vectors):
        return np.zeros(len(vectors), np.int64)


@pytest.mark.parametrize("dim", [20, 400])
def test_the_work_of_judging_600_classes_is_bounded(monkeypatch, dim):
    monkeypatch.setattr("unlabeled.evaluation.probes.linear_probe.LinearClassifier", Counted)
    monkeypatch.setattr(Counted, "fits", [])
    rng = np.random.default_rng(0)
    labels = np.arange(12_000) % 600
    vectors = rng.normal(size=(12_000, dim)).astype(np.float32)
    evaluate(vectors, labels, baselines={"raw input": vectors}, seeds=2)
    *chosen, last = Counted.fits
    representations, splits, strengths = 2, 2, len(CS)
    assert len(Counted.fits) <= representations * splits * (FOLDS * strengths + 1)
    assert last == (9600, dim, 600)
    choosing = [(n, d, k) for n, d, k in chosen if k != 600]
    assert len(choosing) == representations * splits * FOLDS * strengths
    assert max(k for _, _, k in choosing) <= SELECTION_CLASSES
    assert max(n * d * k for n, d, k in choosing) <= SELECTION_WORK


@pytest.mark.parametrize("dim", [3, 50])
def test_constant_columns_say_nothing_however_many_they_are(dim):
    labels = np.arange(20) % 2
    found = linear_probe(np.ones((20, dim)), labels, np.ones((20, dim)), labels)
    assert found.accuracy == 0.5
