"""Softmax regression: the short way through the span of the labelled rows gives what the long way gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from unlabeled import SoftmaxRegression
from unlabeled.methods.fewlabels.softmax_regression import Span


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("sparse", [False, True])
def test_with_more_columns_than_labels_it_is_the_regression_on_the_columns(classes, sparse):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 200)) * rng.uniform(0.1, 5, 200) + (0 if sparse else 3)
    if sparse:
        X = np.where(rng.random(X.shape) < 0.3, X, 0)
    X[40] = X[41]  # copies span nothing of their own
    y = np.where(np.arange(90) < 60, rng.integers(0, classes, 90), -1)
    model = SoftmaxRegression(C=0.3).fit(sp.csr_array(X) if sparse else X, y)
    rows = StandardScaler(with_mean=not sparse).fit(X).transform(X)
    peer = LogisticRegression(C=0.3, max_iter=5000, tol=1e-9).fit(rows[:60], y[:60])
    # Both stop when a gradient is below 1e-6; the probabilities agree to four digits.
    np.testing.assert_allclose(
        model.predict_proba(sp.csr_array(X) if sparse else X), peer.predict_proba(rows), atol=1e-4
    )
    assert model.coef_.shape == (classes, 200)


def test_coordinates_keep_all_inner_products_and_save_nothing_on_tall_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12, 40)) @ np.diag(np.geomspace(1, 1e-3, 40))
    span = Span.of(rows)
    np.testing.assert_allclose(span.coordinates @ span.coordinates.T, rows @ rows.T, atol=1e-10)
    np.testing.assert_allclose(span.coordinates @ (span.combination @ rows), rows, atol=1e-6)
    tall = rng.normal(size=(40, 12))
    assert Span.of(tall).coordinates is tall
    zeros = np.zeros((3, 8))
    assert Span.of(zeros).coordinates is zeros
