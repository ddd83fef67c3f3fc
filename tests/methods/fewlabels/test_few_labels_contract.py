"""One contract for all classifiers of vectors from few labels: scikit-learn's checks, and our own promises."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.few_labels import FewLabels
from unlabeled.registry import card, methods

FEW = [cls for cls in methods().values() if issubclass(cls, FewLabels)]

MINUS_ONE = "the check takes -1 for a class; here it means unlabelled, as in scikit-learn's LabelSpreading"


def expected_failures(estimator):
    known = isinstance(estimator, unlabeled.LabelPropagation | unlabeled.LabelSpreading)  # it makes room for these
    return {} if known else {"check_classifiers_classes": MINUS_ONE}


@parametrize_with_checks(
    [*(cls() for cls in FEW), unlabeled.SemiSupervisedEM(model="gaussian")], expected_failed_checks=expected_failures
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(params=FEW, ids=lambda cls: cls.__name__)
def model(request):
    settings = {"model": "gaussian"} if request.param is unlabeled.SemiSupervisedEM else {}
    return request.param(**settings)


def test_there_are_seven():
    names = {cls.__name__ for cls in FEW}
    assert names == {
        "CoTraining", "LabelPropagation", "LabelSpreading", "PoissonLearning", "SelfTraining", "SemiSupervisedEM",
        "SoftmaxRegression",
    }  # fmt: skip


def test_fields_are_documented_parameters(model):
    about = card(type(model))
    assert set(model.get_params()) == {option.name for option in about.options}
    assert [option.name for option in about.options if not option.doc] == []
    assert about.paper
    assert getattr(unlabeled, type(model).__name__) is type(model)


def test_it_learns_from_few_labels_and_probabilities_sum_to_one(model, clouds):
    X, truth, y = clouds
    model.set_params(**({"random_state": 0} if "random_state" in model.get_params() else {}))
    if isinstance(model, unlabeled.CoTraining):
        model.set_params(views=([0, 3], [1, 2]))  # each tells all three classes apart, which a random half may not
    shares = model.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert model.score(X[15:], truth[15:]) > 0.9
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("missing", [-1, None, "", float("nan")], ids=["minus one", "none", "empty", "nan"])
def test_names_are_kept_and_every_way_to_say_nothing_means_the_same(model, clouds, missing):
    X, _, y = clouds
    model.set_params(**({"random_state": 0} if "random_state" in model.get_params() else {}))
    names = np.array(["ant", "bee", "cow"])
    given = np.array([names[label] if label >= 0 else missing for label in y], dtype=object)
    found = clone(model).fit(X, given).predict(X)
    assert set(found) <= set(names)
    numbers = clone(model).fit(X, y).predict(X)
    assert np.array_equal(found, names[numbers])
    floats = np.where(y < 0, np.nan, y.astype(float))
    assert np.array_equal(clone(model).fit(X, floats).predict(X), numbers)


def test_the_true_classes_of_unlabelled_rows_never_leak(model, clouds):
    """Whatever the hidden classes are, a fit sees y alone; so the whole of y is its labels and −1."""
    X, _, y = clouds
    model.set_params(**({"random_state": 0} if "random_state" in model.get_params() else {}))
    before = y.copy()
    first = clone(model).fit(X, y).predict_proba(X)
    assert np.array_equal(y, before)
    order = np.r_[np.arange(15), 15 + np.random.default_rng(1).permutation(135)]  # unlabelled rows in another order
    again = clone(model).fit(X[order], y[order]).predict_proba(X)
    # Sums are taken in another order; pools and halves are drawn by number, which the order does not change here.
    np.testing.assert_allclose(again, first, atol=1e-4)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([-1] * 6, "no row is labelled"),
        ([1, 1, -1, -1, -1, -1], "only 1 class, 1; a classifier needs"),
        ([0, 1], "2 labels for 6 rows"),
        ([0.5, 1, -1, -1, -1, -1], "Unknown label type: continuous"),
        ([0, np.inf, -1, -1, -1, -1], "infinity"),
        (None, "requires y to be passed"),
        (np.eye(6), r"one label for each row, and this one has shape \(6, 6\); of one-hot rows take y.argmax"),
        (3, r"one label for each row, and this one has shape \(\)"),
    ],
)
def test_labels_that_cannot_be_learnt_from_are_refused_in_words(model, labels, says):
    with pytest.raises(UnlabeledError, match=says):
        model.fit(np.random.default_rng(0).random((6, 3)), labels)


def test_all_rows_labelled_is_plain_supervised_learning(model, clouds):
    X, truth, _ = clouds
    assert model.fit(X, truth).score(X, truth) > 0.9


def test_a_class_with_one_label_is_enough(model, clouds):
    X, truth, _ = clouds
    y = np.full(150, -1)
    y[[0, 1, 2]] = truth[:3]
    if model.get_params().get("model") == "gaussian":
        model.set_params(var_smoothing=0.1)
    assert model.fit(X, y).predict_proba(X).shape == (150, 3)


def test_sparse_rows_give_what_dense_ones_do(model):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    X = rng.poisson(np.where(truth[:, None] == np.arange(6) % 2, 3, 0.5)).astype(float)
    y = np.where(np.arange(60) < 8, truth, -1)
    settings = {"model": "multinomial"} if "model" in model.get_params() else {}
    settings |= {"random_state": 0} if "random_state" in model.get_params() else {}
    dense, sparse = (
        clone(model).set_params(**settings).fit(rows, y).predict_proba(rows) for rows in (X, sp.csr_array(X))
    )
    if hasattr(model, "n_neighbors"):  # counts have many ties among neighbours
        assert (dense.argmax(1) == sparse.argmax(1)).mean() > 0.9
    else:
        np.testing.assert_allclose(dense, sparse, atol=1e-4)


def test_saved_and_loaded_it_predicts_the_same_or_says_why_not(model, clouds, tmp_path):
    X, _, y = clouds
    names = np.array(["ant", "bee", "cow", ""])[y]
    model.set_params(**({"random_state": 0} if "random_state" in model.get_params() else {})).fit(X, names)
    if hasattr(model, "base"):
        with pytest.raises(UnlabeledError, match="classifier of scikit-learn"):
            model.save(tmp_path / "model")
        assert not (tmp_path / "model").exists()
        return
    model.save(tmp_path / "model")
    for loaded in (type(model).load(tmp_path / "model"), unlabeled.load(tmp_path / "model")):
        assert np.array_equal(loaded.predict(X), model.predict(X))
        assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("name", ["SoftmaxRegression", "SelfTraining", "CoTraining"])
def test_classes_of_hardly_two_labels_each_are_no_reason_for_a_warning(name, recwarn):
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = np.where(np.arange(60) < 30, np.arange(60) % 20, -1)
    settings = {"views": ([0, 1], [2, 3])} if name == "CoTraining" else {}
    getattr(unlabeled, name)(**settings).fit(X, y)
    assert not [w for w in recwarn if "unique classes" in str(w.message)]


@pytest.mark.parametrize("name", ["LabelPropagation", "LabelSpreading", "PoissonLearning"])
def test_a_classifier_of_sparse_rows_is_saved_too(name, clouds, tmp_path):
    X, _, y = clouds
    rows = sp.csr_matrix(np.round(np.abs(X)))
    model = getattr(unlabeled, name)().fit(rows, y)
    model.save(tmp_path / "model")
    assert np.array_equal(unlabeled.load(tmp_path / "model").predict_proba(rows), model.predict_proba(rows))


def test_masked_rows_are_refused(model, clouds):
    X, _, y = clouds
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.ma.masked_array(X, np.arange(X.size).reshape(X.shape) == 1), y)
