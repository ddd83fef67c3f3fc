"""Semi-supervised EM: the equations in plain loops, the objective never falls, and what λ means at its ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB, MultinomialNB

from unlabeled import SemiSupervisedEM
from unlabeled.errors import UnlabeledError


@pytest.fixture(scope="module")
def words():
    """Counts (90, 12) of three topics, and labels of six rows."""
    rng = np.random.default_rng(0)
    truth = np.arange(90) % 3
    topics = rng.dirichlet(np.full(12, 0.3), 3)
    X = np.stack([rng.multinomial(15, topics[label]) for label in truth])
    return X, truth, np.where(np.arange(90) < 6, truth, -1)


def test_one_round_is_nigams_equations(words):
    X, _, y = words
    model = SemiSupervisedEM(max_iter=2, unlabelled_weight=0.3, tol=0).fit(X, y)

    # Start: labelled rows alone. Then responsibilities of the others, then counts weighed by λ. All in plain loops.
    def counted(shares, weights):
        theta = [[1.0] * 12 for _ in range(3)]
        prior = [1.0] * 3
        for i in range(90):
            for c in range(3):
                prior[c] += weights[i] * shares[i][c]
                for v in range(12):
                    theta[c][v] += weights[i] * shares[i][c] * X[i][v]
        return [p / sum(prior) for p in prior], [[t / sum(row) for t in row] for row in theta]

    def posteriors(prior, theta):
        found = []
        for i in range(90):
            logs = [math.log(prior[c]) + sum(X[i][v] * math.log(theta[c][v]) for v in range(12)) for c in range(3)]
            odds = [math.exp(log - max(logs)) for log in logs]
            found.append([odd / sum(odds) for odd in odds])
        return found

    hard = [[float(y[i] == c) for c in range(3)] for i in range(90)]
    prior, theta = counted(hard, [float(label >= 0) for label in y])
    soft = posteriors(prior, theta)
    mixed = [hard[i] if y[i] >= 0 else soft[i] for i in range(90)]
    prior, theta = counted(mixed, [1.0 if label >= 0 else 0.3 for label in y])
    np.testing.assert_allclose(np.exp(model.class_log_prior_), prior)
    np.testing.assert_allclose(np.exp(model.parameters_["log_probability"]), theta)


@pytest.mark.parametrize("weight", [0.1, 1.0])
def test_the_objective_never_falls(words, clouds, weight):
    models = [
        SemiSupervisedEM(unlabelled_weight=weight, tol=0, max_iter=40).fit(words[0], words[2]),
        SemiSupervisedEM(model="gaussian", unlabelled_weight=weight, var_smoothing=0, tol=0, max_iter=40).fit(
            clouds[0], clouds[2]
        ),
        SemiSupervisedEM(
            model="gaussian", covariance="full", unlabelled_weight=weight, var_smoothing=0, tol=0, max_iter=40
        ).fit(clouds[0], clouds[2]),
    ]
    for model in models:
        steps = np.diff(model.history_)
        assert (steps >= -1e-9 * np.abs(model.history_[0])).all()
        assert steps.max() > 0


def test_at_weight_zero_it_is_naive_bayes_on_the_labels_alone(words, clouds):
    X, _, y = words
    known = y >= 0
    ours = SemiSupervisedEM(unlabelled_weight=0.0).fit(X, y)
    theirs = MultinomialNB(alpha=1.0).fit(X[known], y[known])
    np.testing.assert_allclose(ours.parameters_["log_probability"], theirs.feature_log_prob_)
    counts = np.bincount(y[known])  # beside scikit-learn's, one is added to each: Nigam's equation 6
    np.testing.assert_allclose(np.exp(ours.class_log_prior_), (1 + counts) / (3 + counts.sum()))

    X, _, y = clouds
    known = y >= 0
    gaussian = SemiSupervisedEM(model="gaussian", unlabelled_weight=0.0, var_smoothing=0).fit(X, y)
    np.testing.assert_allclose(
        gaussian.predict_proba(X), GaussianNB(var_smoothing=0).fit(X[known], y[known]).predict_proba(X), atol=1e-9
    )


def test_labelled_rows_keep_their_class_and_rows_sum_to_one(words):
    X, _, y = words
    model = SemiSupervisedEM().fit(X, y)
    assert np.array_equal(model.responsibilities_[y >= 0].argmax(1), y[y >= 0])
    assert set(np.unique(model.responsibilities_[y >= 0])) == {0.0, 1.0}
    np.testing.assert_allclose(model.responsibilities_.sum(1), 1)


def test_unlabelled_rows_help_where_the_model_is_true(words):
    X, truth, y = words
    with_them, without = (SemiSupervisedEM(unlabelled_weight=w).fit(X, y).score(X[6:], truth[6:]) for w in (1.0, 0.0))
    assert with_them > without


def test_auto_takes_no_unlabelled_rows_where_they_mislead():
    """Unlabelled rows show a strong structure that has nothing to do with the classes."""
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    topic = rng.integers(0, 2, 600)
    few = np.concatenate([rng.poisson(1 + 2 * (truth[:, None] == np.arange(2))), rng.poisson(4, (60, 4))], axis=1)
    many = np.concatenate(
        [rng.poisson(2, (600, 2)), rng.poisson(np.where(topic[:, None] == np.arange(4) % 2, 20, 1))], axis=1
    )
    X, y = np.concatenate([few, many]), np.r_[truth, np.full(600, -1)]
    model = SemiSupervisedEM(unlabelled_weight="auto").fit(X, y)
    assert model.unlabelled_weight_ < 1


def test_a_given_prior_stays_and_row_length_scales():
    X = np.array([[4, 0], [0, 4], [3, 1], [1, 3]])
    model = SemiSupervisedEM(class_prior=[0.3, 0.7]).fit(X, [0, 1, -1, -1])
    np.testing.assert_allclose(np.exp(model.class_log_prior_), [0.3, 0.7])
    long, short = (SemiSupervisedEM(row_length=1.0).fit(X * factor, [0, 1, -1, -1]) for factor in (1, 50))
    np.testing.assert_allclose(long.predict_proba(X), short.predict_proba(X))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": "multinominal"}, "did you mean 'multinomial'"),
        ({"unlabelled_weight": 2}, "between 0 and 1"),
        ({"alpha": 0}, "alpha must be above 0"),
        ({"row_length": -1}, "row_length"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, says, words):
    with pytest.raises(UnlabeledError, match=says):
        SemiSupervisedEM(**settings).fit(words[0], words[2])


def test_a_class_without_spread_is_named(clouds):
    X, truth, _ = clouds
    y = np.full(150, -1)
    y[:3] = truth[:3]
    with pytest.raises(UnlabeledError, match="raise var_smoothing"):
        SemiSupervisedEM(model="gaussian", var_smoothing=0).fit(X, y)


@pytest.mark.parametrize("prior", [[0.5, -0.5], [1.0], 0.5, [0.5, float("nan")], [0.2, 0.3, 0.5], [0.0, 1.0]])
def test_a_class_prior_that_is_none_is_refused(prior):
    with pytest.raises(UnlabeledError, match="class_prior must hold a share above 0 for each of the 2 classes"):
        SemiSupervisedEM(class_prior=prior).fit(np.array([[5, 0], [0, 5], [3, 1]]), [0, 1, -1])
