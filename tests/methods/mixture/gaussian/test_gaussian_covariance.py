"""The four forms of covariance, and the frames in which they are seen."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.gaussian.gaussian_covariance import FORMS, SingularError, covariance_form
from unlabeled.methods.mixture.gaussian.gaussian_whitening import Whitening, standard_scale, whitening_matrix


def covariances(form, k, d, seed=0):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(k, d, 2 * d))
    full = factors @ factors.transpose(0, 2, 1)
    diagonal = np.diagonal(full, axis1=1, axis2=2).copy()
    return {"full": full, "tied": full[0], "diagonal": diagonal, "spherical": diagonal[:, 0]}[form.name]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_roots_precisions_and_covariances_belong_together(form):
    given = covariances(form, 3, 4)
    assert given.shape == form.shape(3, 4)
    roots = form.roots(given)
    np.testing.assert_allclose(form.covariances(roots), given, rtol=1e-10)
    precisions = form.precisions(roots)
    np.testing.assert_allclose(form.roots_of_precisions(precisions), roots, rtol=1e-8, atol=1e-12)
    inverse = np.linalg.inv(given) if given.ndim > 1 and form.matrix else 1 / given
    np.testing.assert_allclose(precisions, inverse, rtol=1e-9, atol=1e-12)
    if form.matrix:
        assert np.array_equal(roots, np.triu(roots))
        np.testing.assert_allclose(form.log_roots(roots, 4), -0.5 * np.linalg.slogdet(given)[1])
    np.testing.assert_allclose(
        form.with_ridge(given, 2.0) - given, 2 * np.eye(4) * np.ones_like(given) if form.matrix else 2
    )


def test_free_numbers_are_counted():
    assert [FORMS[name].free(3, 4) for name in ("full", "tied", "diagonal", "spherical")] == [30, 10, 12, 3]


def test_scikit_learns_name_is_understood():
    assert covariance_form("diag") is FORMS["diagonal"]
    with pytest.raises(UnlabeledError, match="did you mean 'spherical'"):
        covariance_form("sferical")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_singular_covariance_is_named(form):
    given = covariances(form, 3, 4)
    if form.name == "tied":
        given[:] = 1
    else:
        given[1] = 0
    with pytest.raises(SingularError) as caught:
        form.roots(given)
    assert caught.value.component == (None if form.name == "tied" else 1)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_mean_and_covariance_of_a_mixture(form):
    rng = np.random.default_rng(0)
    given, weights, means = covariances(form, 3, 4), np.array([0.5, 0.3, 0.2]), rng.normal(size=(3, 4))
    mean, scatter = form.mixed(weights, means, given)
    expected = np.zeros((4, 4))
    for k in range(3):
        own = given if form.name == "tied" else given[k]
        own = own if np.ndim(own) == 2 else np.eye(4) * own
        expected += weights[k] * (own + np.outer(means[k], means[k]))
    expected -= np.outer(mean, mean)
    np.testing.assert_allclose(mean, weights @ means)
    np.testing.assert_allclose(scatter, expected if form.matrix else np.diag(expected))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("matrix", [False, True])
def test_a_frame_goes_there_and_back(dtype, matrix):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) * [1, 10, 100, 1e-3, 1] + 50
    covariance = np.cov(X.T)
    whitening = Whitening(
        X.mean(0), whitening_matrix(covariance) if matrix else standard_scale(np.diag(covariance)), dtype
    )
    np.testing.assert_allclose(whitening.unwhiten_points(whitening.whiten_points(X)), X, rtol=1e-10)
    out = np.empty((5, 200), dtype)
    whitening.whiten_rows(X.astype(dtype), out)
    np.testing.assert_allclose(out.T, whitening.whiten_points(X.astype(dtype)), atol=20 * np.finfo(dtype).eps * 50)
    found = np.cov(whitening.whiten_points(X).T)
    np.testing.assert_allclose(found if matrix else np.diag(found), np.eye(5) if matrix else 1, atol=2e-3)  # the ridge


def test_columns_that_depend_on_one_another_or_do_not_vary_are_not_stretched_without_bound():
    x = np.random.default_rng(0).normal(size=300)
    covariance = np.cov([x, 2 * x, np.full(300, 5.0)])
    factors = whitening_matrix(covariance)
    assert np.isfinite(factors).all()
    assert abs(factors).max() < 1e4
    assert standard_scale(np.array([4.0, 0.0])).tolist() == [0.5, 1]
