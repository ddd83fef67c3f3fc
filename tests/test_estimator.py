"""The estimator base: what scikit-learn's tools ask of it, without its base class."""

from __future__ import annotations

import copy
import re
from typing import Any, Literal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.estimator import Estimator


class Shift(Estimator):
    by: float = 1.0
    inner: Any = None
    sizes: tuple[int, ...] = (1, 2)

    def fit(self, X, y=None):
        self.n_ = len(X)
        return self

    def score(self, X, y=None):
        return -abs(self.by - 3)


class Typed(Estimator):
    count: int = 1
    share: float = 0.5
    name: Literal["a", "b"] = "a"
    sides: tuple[int, int] | None = None
    flag: bool = False
    anything: Any = None
    random_state: int | None = None

    def fit(self, X, y=None):
        return self


def test_parameters_are_given_and_set_by_name():
    model = Shift(by=2.0, inner=Shift(by=5.0))
    assert list(model.get_params(deep=False)) == ["by", "inner", "sizes"]
    assert model.get_params()["inner__by"] == 5.0
    assert model.set_params(inner__by=6.0, by=3.0) is model
    assert (model.by, model.inner.by) == (3.0, 6.0)


def test_a_new_inner_estimator_gets_the_settings_that_come_with_it():
    model = Shift(inner=Shift()).set_params(inner__by=9.0, inner=Shift(by=5.0))
    assert model.inner.by == 9.0


def test_unknown_parameters_are_refused_before_any_is_set():
    model = Shift()
    with pytest.raises(UnlabeledError, match="unknown parameter of Shift 'bye'; did you mean 'by'"):
        model.set_params(by=2.0, bye=3.0)
    assert model.by == 1.0


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Shift(), "Shift()"),
        (Shift(by=2.0), "Shift(by=2.0)"),
        (Shift(by=1.0, sizes=(1, 2)), "Shift()"),
        (Shift(inner=np.arange(2)), "Shift(inner=array([0, 1]))"),
    ],
)
def test_it_is_shown_with_what_differs_from_the_defaults(model, text):
    assert repr(model) == text


def test_clone_copy_and_grid_search_take_it():
    model = Shift(by=2.0, inner=Shift(by=5.0)).fit([1])
    again = clone(model)
    assert not hasattr(again, "n_")
    assert again.inner is not model.inner
    assert again.inner.by == 5.0
    assert copy.deepcopy(model).n_ == 1
    search = GridSearchCV(Shift(), {"by": [1.0, 2.9, 4.0]}, cv=2).fit(np.zeros((6, 1)))
    assert search.best_params_ == {"by": 2.9}


def test_a_setting_that_is_not_there_suggests_the_nearest():
    with pytest.raises(TypeError, match="unknown parameter of Shift 'size'; did you mean 'sizes'"):
        Shift(size=(1,))
    with pytest.raises(TypeError, match="did you mean 'covariance'"):
        unlabeled.GaussianMixture(2, covariance_type="full")
    assert copy.deepcopy(Shift(by=2.0)).by == 2.0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"count": "x"}, "count must be a whole number, not 'x'"),
        ({"count": True}, "count must be a whole number"),
        ({"count": 1.5}, "count must be a whole number"),
        ({"share": None}, "share must be a number"),
        ({"share": [1]}, "share must be a number"),
        ({"name": 5}, "name must be 'a' or 'b'"),
        ({"sides": 3}, "sides must be several values or None"),
        ({"flag": "yes"}, "flag must be True or False"),
        ({"random_state": -1}, "random_state must be a whole number from 0"),
        ({"random_state": 2**32}, "random_state must be a whole number from 0"),
        ({"random_state": "x"}, "random_state must be a whole number from 0"),
    ],
)
def test_fit_refuses_a_setting_of_another_type_by_name(settings, says):
    with pytest.raises(UnlabeledError, match=re.escape(says)):
        Typed(**settings).fit([])


@pytest.mark.parametrize(
    "settings",
    [
        {"count": np.int64(3), "share": np.float32(0.5), "sides": [1, 2], "flag": np.True_},
        {"share": 1, "sides": np.array([1, 2]), "random_state": np.random.RandomState(0)},
        {"name": "c", "anything": object(), "random_state": np.uint32(7)},
    ],
)
def test_fit_takes_what_stands_for_a_type(settings):
    assert Typed(**settings).fit([]).count > 0


def test_what_json_has_no_type_for_is_described_so_that_it_can_be_taken_back():
    drawn = Typed(random_state=np.random.RandomState(0), anything={"the", "a"})
    assert drawn.recipe()["random_state"] is None
    assert drawn.recipe()["anything"] == ["a", "the"]
    assert Typed(anything=np.array(["the", "a"])).recipe()["anything"] == ["the", "a"]
