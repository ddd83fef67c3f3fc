"""The expansion of a Gaussian, its kernels, and how well it foretells its own rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.methods.mixture.gaussian.gaussian_covariance import FORMS
from unlabeled.methods.mixture.gaussian.gaussian_densities import Densities, Gaussians, whitened
from unlabeled.methods.mixture.gaussian.gaussian_expanded import ACCEPTED, Triangle, loses_precision


def mixture(form, d, k, seed=0, spread=3.0, narrow=1.0):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)
    full = factors @ factors.transpose(0, 2, 1) * narrow**2
    covariances = {
        "full": full,
        "tied": full[0],
        "diagonal": np.diagonal(full, axis1=1, axis2=2).copy(),
        "spherical": full[:, 0, 0].copy(),
    }[form.name]
    means = rng.normal(0, spread, (k, d))
    return Gaussians(rng.dirichlet(np.ones(k)), means, covariances, form.roots(covariances)), rng


def log_joint(theta, form, X):
    """Give log w_k N(x), shape (n, k), by loops and determinants."""
    k, d = theta.means.shape
    found = np.zeros((len(X), k))
    for j in range(k):
        covariance = theta.covariances if form.name == "tied" else theta.covariances[j]
        covariance = covariance if np.ndim(covariance) == 2 else np.eye(d) * covariance
        sign, log_det = np.linalg.slogdet(covariance)
        assert sign == 1
        for i, x in enumerate(X):
            away = x - theta.means[j]
            quadratic = away @ np.linalg.solve(covariance, away)
            found[i, j] = np.log(theta.weights[j]) - 0.5 * (quadratic + log_det + d * np.log(2 * np.pi))
    return found


@given(
    st.sampled_from(list(FORMS)), st.integers(1, 9), st.integers(1, 19), st.integers(1, 70), st.booleans(),
    st.integers(0, 1000),
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_expanded_alone_and_mixed_give_the_densities_and_moments_of_a_slow_loop(name, d, k, n, weighted, seed):
    form = FORMS[name]
    theta, rng = mixture(form, d, k, seed)
    X = rng.normal(0, 3, (n, d))
    w = rng.uniform(0, 2, n) if weighted else None
    joint = log_joint(theta, form, X)
    largest = joint.max(1)
    evidence = largest + np.log(np.exp(joint - largest[:, None]).sum(1))
    r = np.exp(joint - evidence[:, None])
    whitening = form.whitening(*form.mixed(theta.weights, theta.means, theta.covariances), theta.roots, np.float64)
    y = whitening.whiten_points(X)
    weighed = r if w is None else r * w[:, None]
    for one_by_one in (np.zeros(k, bool), np.ones(k, bool), rng.random(k) < 0.5):
        densities = Densities(form, theta, whitening, one_by_one)
        responsibilities, log_density = densities.posterior(X)
        np.testing.assert_allclose(responsibilities, r, atol=1e-9)
        np.testing.assert_allclose(log_density, evidence, rtol=1e-10, atol=1e-10)
        statistics = densities.expect(X, w)
        counts, centres, second = statistics.about_means()
        assert statistics.log_likelihood == pytest.approx(float(evidence @ (np.ones(n) if w is None else w)))
        np.testing.assert_allclose(counts, weighed.sum(0), rtol=1e-9, atol=1e-9)
        for j in np.flatnonzero(counts > 1e-3):
            np.testing.assert_allclose(centres[j], weighed[:, j] @ y / counts[j], atol=1e-7)
            away = y - centres[j]
            moments = (away.T * weighed[:, j]) @ away / counts[j]
            moments = {3: moments, 2: np.diag(moments), 1: np.trace(moments)}[second.ndim]
            np.testing.assert_allclose(second[j], moments, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("spread", "narrow"), [(1, 1), (10, 1), (100, 1), (10, 0.01), (1000, 0.1)])
@pytest.mark.parametrize("name", FORMS)
def test_the_rounding_is_what_was_foretold(name, dtype, spread, narrow):
    form = FORMS[name]
    theta, rng = mixture(form, 8, 6, spread=spread, narrow=narrow)
    labels = rng.integers(6, size=3000)
    draws = [form.draw(rng.standard_normal((1, 8)), theta.roots, k)[0] for k in labels]
    X = (theta.means[labels] + draws).astype(dtype)
    whole = form.mixed(theta.weights, theta.means, theta.covariances)
    frames = [form.whitening(*whole, theta.roots, precision) for precision in (dtype, np.float64)]
    rough = Densities(form, theta, frames[0], np.zeros(6, bool)).posterior(X)[1]
    exact = Densities(form, theta, frames[1], np.ones(6, bool)).posterior(X)[1]
    error = np.sqrt(np.mean((rough.astype(np.float64) - exact) ** 2))
    size = form.expansion.pack(whitened(form, theta, frames[0]))[1].max()
    # Twice the estimate, and what rounding a log-density of this size to `dtype` costs in any case.
    assert error < 2 * size * np.finfo(dtype).eps + np.finfo(dtype).eps * abs(exact).max()
    if not loses_precision(np.array([size]), dtype):
        assert error < 2 * ACCEPTED[np.dtype(dtype)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("d", "k", "count"), [(1, 1, 1), (2, 8, 33), (5, 9, 256), (32, 17, 700), (7, 3, 8192)])
def test_the_kernels_are_two_matrix_products(d, k, count, dtype):
    rng = np.random.default_rng(0)
    room = Triangle(d, k, dtype)
    count = min(count, room.rows)
    y = rng.normal(size=(d, count)).astype(dtype)
    room.coordinates(room.rows)[:] = 7  # rows of before, which must not be seen
    room.shares[:] = 7
    room.coordinates(count)[:] = y
    room.load()
    left, right = np.triu_indices(d + 1)
    longer = np.vstack([y, np.ones(count)]).astype(np.float64)
    phi = longer[left] * longer[right]
    theta = rng.normal(size=(k, len(left))).astype(dtype)
    room.scores(Triangle.kernel_layout(theta, dtype))
    close = {"rtol": 0, "atol": 60 * np.finfo(dtype).eps * np.sqrt(len(left)) * np.abs(phi).max()}
    np.testing.assert_allclose(room.shares[:k, :count], theta.astype(np.float64) @ phi, **close)
    shares = rng.random((k, count)).astype(dtype)
    room.shares[:k, :count] = shares
    sums = Triangle.zero_sums(k, d)
    room.collect(sums)
    room.shares[:k, :count] = shares
    room.collect(sums)  # adds
    whole = 2 * np.einsum("kn,in,jn->kij", shares.astype(np.float64), longer, longer)
    counts, first, second = Triangle.unpack(sums, k, d)
    close = {"rtol": 0, "atol": 60 * np.finfo(dtype).eps * np.abs(whole).max()}
    np.testing.assert_allclose(counts, whole[:, d, d], **close)
    np.testing.assert_allclose(first, whole[:, d, :d], **close)
    np.testing.assert_allclose(second, whole[:, :d, :d], **close)
