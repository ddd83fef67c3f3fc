from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from unlabeled.evaluation.probes.linear_classifier import LOSSES, LinearClassifier


def correlated(n, d, classes, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ (np.eye(d) + 2)  # one strong common direction, as in images
    X = (X - X.mean(0)) / X.std(0)
    y = (X @ rng.normal(size=(d, classes)) + 0.3 * rng.gumbel(size=(n, classes))).argmax(1)
    return X.astype(np.float32), 3 * y


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("c", [1e-3, 1e-1, 10.0])
def test_logistic_finds_the_weights_of_scikit_learn(classes, c):
    X, y = correlated(400, 6, classes)
    # With two classes scikit-learn has one weight vector w where the softmax has ±w/2, whose squares add up to half.
    their_c = 2 * c if classes == 2 else c
    theirs = LogisticRegression(C=their_c, tol=1e-8, max_iter=10_000).fit(X.astype(np.float64), y)
    ours = LinearClassifier("logistic", c).fit(X, y)
    weights = np.vstack([theirs.coef_.T, theirs.intercept_])
    found = ours.weights_ if classes > 2 else ours.weights_[:, 1:] - ours.weights_[:, :1]
    # The value is within 1e-8 of the least, and weights near a minimum change by the root of that.
    np.testing.assert_allclose(found, weights, atol=2e-3 * np.abs(weights).max())
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.99
    assert ours.n_iter_ < 60


@pytest.mark.parametrize("c", [1e-3, 1e-1])
def test_svm_finds_the_weights_of_liblinear(c):
    X, y = correlated(400, 6, 4)
    # A bias feature of 1000 makes liblinear's penalty on the bias vanish.
    theirs = LinearSVC(C=c, dual=False, tol=1e-8, max_iter=10_000, intercept_scaling=1000).fit(X.astype(np.float64), y)
    ours = LinearClassifier("svm", c).fit(X, y)
    weights = np.vstack([theirs.coef_.T, theirs.intercept_])
    np.testing.assert_allclose(ours.weights_, weights, atol=2e-3 * np.abs(weights).max())
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_slope_and_curvature_are_those_of_the_loss(loss):
    rng = np.random.default_rng(0)
    errors, curvature = LOSSES[loss]
    members = np.eye(3)[[0, 2, 2, 1]]
    scores = rng.normal(size=(4, 3))
    value = lambda flat: errors(flat.reshape(4, 3), members)[0]  # noqa: E731  # one line is all it is
    np.testing.assert_allclose(errors(scores, members)[1].ravel(), approx_fprime(scores.ravel(), value), atol=1e-5)
    step = 1e-4
    slopes = [errors(np.zeros((4, 3)) + np.eye(3)[0] * h, members)[1][:, 0] for h in (step, -step)]
    np.testing.assert_allclose((slopes[0] - slopes[1]) / (2 * step), curvature(3), rtol=1e-5)


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_more_features_than_rows_and_constant_features(loss):
    rng = np.random.default_rng(0)
    y = np.arange(20) % 2
    X = np.column_stack([rng.normal(size=(20, 50)) + y[:, None], np.zeros((20, 3))]).astype(np.float32)
    fitted = LinearClassifier(loss, 1.0).fit(X, y)
    assert np.isfinite(fitted.weights_).all()
    assert fitted.predict(X).tolist() == y.tolist()


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_orthogonal_columns_and_another_start_lead_to_the_same_weights_sooner(loss):
    X, y = correlated(400, 6, 4)
    X = (X @ np.linalg.svd(X, full_matrices=False)[2].T).astype(np.float32)
    plain = LinearClassifier(loss, 0.1).fit(X, y)
    turned = LinearClassifier(loss, 0.1, orthogonal=True).fit(X, y)
    near = LinearClassifier(loss, 0.1, orthogonal=True).fit(X, y, LinearClassifier(loss, 0.08).fit(X, y).weights_)
    for found in (turned, near):
        np.testing.assert_allclose(found.weights_, plain.weights_, atol=2e-3 * np.abs(plain.weights_).max())
    assert turned.n_iter_ < plain.n_iter_ + 5
    assert near.n_iter_ < turned.n_iter_
