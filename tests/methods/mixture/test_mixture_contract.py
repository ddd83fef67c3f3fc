"""One contract for all mixtures, found by looking through the registry: scikit-learn's checks, and our own promises."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import unlabeled
from unlabeled.methods.mixture.base import Mixture
from unlabeled.registry import card, methods

MIXTURES = [cls for cls in methods().values() if issubclass(cls, Mixture)]

# Starts draw rows by number: a row twice is not a row of weight two. Scikit-learn's own k-means fails these too.
DRAWS = "rows are drawn by their number, so a row that is there twice is drawn otherwise than one of weight two"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": DRAWS,
    "check_sample_weight_equivalence_on_sparse_data": DRAWS,
}


@parametrize_with_checks(
    [cls(2) for cls in MIXTURES],  # some checks have only few different rows
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(params=MIXTURES, ids=lambda cls: cls.__name__)
def method(request):
    return request.param


def test_the_first_parameter_may_be_given_without_its_name(method):
    parameters = list(inspect.signature(method).parameters.values())
    first = parameters[0]
    assert first.name in ("n_clusters", "n_components", "n_topics")
    assert first.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert {p.kind for p in parameters[1:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert getattr(method(3), first.name) == 3
    assert clone(method(3)).get_params() == method(3).get_params()


def test_fields_are_the_parameters(method):
    assert set(method().get_params()) == {option.name for option in card(method).options}


def test_every_setting_and_the_class_are_documented(method):
    about = card(method)
    assert about.sentence.endswith(".")
    assert about.paper
    assert [option.name for option in about.options if not option.doc] == []


def test_the_package_gives_it_by_its_name(method):
    assert getattr(unlabeled, method.__name__) is method


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return np.abs(np.concatenate([rng.normal(place, 0.5, (30, 3)) for place in (1, 4, 8)]))


def test_save_and_load_give_the_same_answers_bit_for_bit(method, rows, tmp_path):
    if "vector" not in method.modalities:
        pytest.skip("takes something else than vectors")
    fitted = method(3, random_state=0).fit(rows)
    fitted.save(tmp_path / "model")
    asks = [name for name in ("predict", "transform", "predict_proba", "score_samples") if hasattr(fitted, name)]
    for loaded in (method.load(tmp_path / "model"), unlabeled.load(tmp_path / "model")):
        assert loaded.get_params() == fitted.get_params()
        for name in asks:
            assert np.array_equal(getattr(loaded, name)(rows), getattr(fitted, name)(rows))


def test_the_number_of_threads_does_not_change_a_bit(method, rows):
    if "vector" not in method.modalities:
        pytest.skip("takes something else than vectors")
    many = np.tile(rows, (3000, 1)) + np.random.default_rng(1).random((len(rows) * 3000, 3))  # several blocks
    settings = {"random_state": 0, "progress": False}
    if "max_iter" in method().get_params():
        settings["max_iter"] = 5
    alone, together = (method(3, **settings, workers=workers).fit(many) for workers in (1, 3))
    for name, value in vars(alone).items():
        if name.endswith("_") and isinstance(value, np.ndarray):
            assert np.array_equal(value, getattr(together, name)), name
