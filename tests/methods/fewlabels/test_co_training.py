"""Co-training: two views teach each other, and what they disagree on is kept."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from unlabeled import CoTraining
from unlabeled.errors import UnlabeledError


@pytest.fixture(scope="module")
def two_views():
    """Two views that are independent given the class, each with its own noise; 3 labels a class."""
    rng = np.random.default_rng(0)
    truth = np.arange(400) % 2
    first, second = (2.2 * truth[:, None] + rng.normal(size=(400, 3)) for _ in range(2))
    return first, second, truth, np.where(np.arange(400) < 6, truth, -1)


def test_together_they_err_less_than_either_view_trained_on_the_labels_alone(two_views):
    from sklearn.linear_model import LogisticRegression

    first, second, truth, y = two_views
    model = CoTraining(rounds=40, per_class=2).fit((first, second), y)
    alone = [LogisticRegression().fit(view[:6], y[:6]).score(view[6:], truth[6:]) for view in (first, second)]
    assert (model.predict((first, second)) == truth)[6:].mean() > max(alone)


def test_the_record_says_who_labelled_what_and_when(two_views):
    first, second, _, y = two_views
    model = CoTraining(rounds=5, per_class=3).fit((first, second), y)
    added = [found["added"] for found in model.rounds_]
    assert added == [(model.labeled_round_ == number + 1).sum() for number in range(5)]
    assert set(model.labeled_by_[model.labeled_round_ > 0]) <= {0, 1}
    assert (model.labeled_by_[y >= 0] == -1).all()
    assert all(0 <= found["disagreement"] <= 1 for found in model.rounds_)
    assert max(added) <= 2 * 2 * 3
    assert (model.transduction_ >= 0).sum() == 6 + sum(added)


def test_rows_on_which_the_views_conflict_get_no_label():
    """The second view says the opposite of the first of every row; nothing can be agreed on."""
    X = np.array([[-2.0], [2.0], [-3.0], [3.0]])
    model = CoTraining(per_class=2, rounds=1).fit((X, np.r_[X[:2], -X[2:]]), [0, 1, -1, -1])
    assert model.rounds_ == [{"added": 0, "conflicts": 2, "disagreement": 1.0}]
    assert model.transduction_.tolist() == [0, 1, -1, -1]


def test_columns_arrays_and_sparse_views_are_one_thing(two_views):
    first, second, _, y = two_views
    joined = np.hstack([first, second])
    by_columns = CoTraining(views=([0, 1, 2], [3, 4, 5]), rounds=4).fit(joined, y)
    by_arrays = CoTraining(rounds=4).fit((first, second), y)
    by_sparse = CoTraining(rounds=4).fit((sp.csr_array(first), sp.csr_array(second)), y)
    np.testing.assert_allclose(by_columns.predict_proba(joined), by_arrays.predict_proba((first, second)))
    np.testing.assert_allclose(
        by_sparse.predict_proba((first, second)), by_arrays.predict_proba((first, second)), atol=1e-3
    )


def test_the_prediction_is_the_product_of_both(two_views):
    first, second, _, y = two_views
    model = CoTraining(rounds=2).fit((first, second), y)
    one, other = model.predict_proba_by_view((first, second))
    product = one * other
    np.testing.assert_allclose(model.predict_proba((first, second)), product / product.sum(1, keepdims=True))


@pytest.mark.parametrize(
    ("settings", "X", "says"),
    [
        ({"views": ([0], [9])}, np.zeros((4, 2)), "columns from 0 to 1"),
        ({"views": ([0],)}, np.zeros((4, 2)), "there must be two"),
        ({}, (np.zeros((4, 2)), np.zeros((3, 2))), "4 and 3 rows"),
        ({"rounds": 0}, np.zeros((4, 2)), "rounds"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, X, says):
    with pytest.raises(UnlabeledError, match=says):
        CoTraining(**settings).fit(X, [0, 1, -1, -1])
