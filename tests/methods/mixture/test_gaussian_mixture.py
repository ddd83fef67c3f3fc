"""Gaussian mixtures against slow loops, scikit-learn, simulations and bad input."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Theirs

from unlabeled import GaussianMixture
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.gaussian.gaussian_covariance import FORMS, covariance_form
from unlabeled.methods.mixture.gaussian.gaussian_steps import CollapsedError

THEIR_NAME = {"full": "full", "tied": "tied", "diagonal": "diag", "spherical": "spherical"}
SHAPE = {"full": (1, 2, 2), "tied": (2, 2), "diagonal": (1, 2), "spherical": (1,)}


def simulated(n, d, k, seed=0, dtype=np.float64):
    """Draw rows of k elongated groups, and say whence each came, with the means and covariances."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 4, (k, d)) + 10
    roots = rng.normal(0, 0.5, (k, d, d)) + np.eye(d)
    labels = rng.integers(k, size=n)
    rows = means[labels] + np.einsum("nij,nj->ni", roots[labels], rng.standard_normal((n, d)))
    return rows.astype(dtype), labels, means, roots @ roots.transpose(0, 2, 1)


def start(X, k, covariance):
    """Give parameters to start from: the first rows, with the same weight and unit covariance."""
    d = X.shape[1]
    shape = covariance_form(covariance).shape(k, d)
    ones = np.ones(shape) if covariance in ("diagonal", "spherical") else np.broadcast_to(np.eye(d), shape).copy()
    return {"weights_init": np.full(k, 1 / k, X.dtype), "means_init": X[:k], "precisions_init": ones.astype(X.dtype)}


def matrix(covariances, covariance, k, d):
    """Write any form of covariance as k full matrices."""
    if covariance == "full":
        return covariances
    if covariance == "tied":
        return np.broadcast_to(covariances, (k, d, d))
    return np.stack([np.eye(d) * c for c in covariances])


def slow_step(X, weights, means, covariances, reg_covar, covariance, row_weights):
    """Make one iteration of EM with loops over rows and components, by the textbook."""
    (n, d), k = X.shape, len(weights)
    r, likelihood = np.zeros((n, k)), 0.0
    for i in range(n):
        p = np.zeros(k)
        for j in range(k):
            away = X[i] - means[j]
            norm = np.sqrt((2 * np.pi) ** d * np.linalg.det(covariances[j]))
            p[j] = weights[j] * np.exp(-0.5 * away @ np.linalg.solve(covariances[j], away)) / norm
        r[i] = p / p.sum() * row_weights[i]
        likelihood += np.log(p.sum()) * row_weights[i]
    counts, new_means, scatters = r.sum(0), np.zeros((k, d)), np.zeros((k, d, d))
    for j in range(k):
        new_means[j] = sum(r[i, j] * X[i] for i in range(n)) / counts[j]
        for i in range(n):
            away = X[i] - new_means[j]
            scatters[j] += r[i, j] * np.outer(away, away)
    new = {
        "full": lambda: scatters / counts[:, None, None] + reg_covar * np.eye(d),
        "tied": lambda: scatters.sum(0) / counts.sum() + reg_covar * np.eye(d),
        "diagonal": lambda: np.stack([np.diag(s) / c for s, c in zip(scatters, counts, strict=True)]) + reg_covar,
        "spherical": lambda: np.array([np.trace(s) / c / d for s, c in zip(scatters, counts, strict=True)]) + reg_covar,
    }[covariance]()
    return likelihood / row_weights.sum(), counts / counts.sum(), new_means, new


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("covariance", FORMS)
def test_one_step_is_the_textbooks(covariance, weighted):
    X, *_ = simulated(60, 3, 2, seed=3)
    k, d = 2, 3
    w = np.random.default_rng(0).uniform(0, 2, 60) if weighted else None
    first = start(X, k, covariance)
    expected = slow_step(
        X, np.full(k, 0.5), X[:k], np.stack([np.eye(d)] * k), 1e-3, covariance, np.ones(60) if w is None else w
    )
    with pytest.warns(ConvergenceWarning):
        model = GaussianMixture(k, covariance=covariance, max_iter=1, reg_covar=1e-3, **first).fit(X, sample_weight=w)
    found = (model.lower_bound_, model.weights_, model.means_, model.covariances_)
    for ours, slow in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, slow, rtol=1e-11)


# float64: roundings of up to 60 iterations. float32: one rounding of X is 1e-6 for values around 10, and an iteration
# hands it on; scikit-learn, all of which is float32, is what is further from the float64 result.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 3e-3)])
@pytest.mark.parametrize("covariance", FORMS)
def test_it_agrees_with_scikit_learn_from_the_same_start(covariance, dtype, rtol):
    X, *_ = simulated(3000, 5, 4, dtype=dtype)
    first = start(X, 4, covariance)
    # In float32 the gain of a step near `tol` differs by its rounding, so that one might stop a step before the other.
    when = {"tol": 1e-4} if dtype == np.float64 else {"tol": 0, "max_iter": 20}
    ours = GaussianMixture(4, covariance=covariance, **when, **first).fit(X)
    theirs = Theirs(4, covariance_type=THEIR_NAME[covariance], **when, **first).fit(X)
    assert (ours.n_iter_, ours.converged_) == (theirs.n_iter_, theirs.converged_)
    assert ours.converged_ or dtype == np.float32
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, abs=1e-12 if dtype == np.float64 else 1e-4)
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_", "precisions_"):
        there = getattr(theirs, name)
        np.testing.assert_allclose(getattr(ours, name), there, rtol=rtol, atol=rtol * abs(there).max(), err_msg=name)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=rtol)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=rtol)
    assert np.mean(ours.predict(X) == theirs.predict(X)) > 0.999
    assert ours.bic(X) == pytest.approx(theirs.bic(X), rel=1e-6)
    assert ours.aic(X) == pytest.approx(theirs.aic(X), rel=1e-6)
    assert ours.score(X) == pytest.approx(theirs.score(X), rel=1e-6)
    assert ours.predict_proba(X).dtype == ours.score_samples(X).dtype == dtype


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@given(
    st.sampled_from(list(FORMS)), st.integers(1, 4), st.integers(1, 5), st.integers(10, 60), st.integers(0, 2**32 - 1)
)
@example("spherical", 2, 3, 10, 4)  # a component comes to stand on one row, with the variance of its rounding
@settings(deadline=None, max_examples=80)
def test_the_likelihood_never_falls(covariance, d, k, n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * np.exp(rng.normal(0, 2, d)) + rng.normal(0, 50, d) + 3 * rng.integers(3, size=(n, 1))
    model = GaussianMixture(
        k, covariance=covariance, init_params="random", tol=0, max_iter=30, reg_covar=0, random_state=seed % 1000
    )
    try:
        model.fit(X)
    except CollapsedError:
        return  # without a ridge a component may shrink to nothing, where the likelihood has no bound
    rise = np.diff(model.history_)
    assert np.all(rise > -1e-9 * max(1, abs(model.lower_bound_)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("init", ["kmeans", "k-means++", "random"])
def test_simulated_parameters_are_recovered(init, dtype):
    n = 20000
    X, labels, means, covariances = simulated(n, 3, 3, seed=5, dtype=dtype)
    model = GaussianMixture(3, init_params=init, n_init=4, tol=1e-6, max_iter=500, random_state=0).fit(X)
    order = np.argmin(((means[:, None] - model.means_) ** 2).sum(2), axis=1)
    assert sorted(order) == [0, 1, 2]
    # Five standard errors: sqrt(p(1 − p)/n) of a share, sqrt(Σ_ii/n_k) of a mean, Σ_ii sqrt(2/n_k) of a variance. The
    # groups overlap little, so nearly every row tells its component.
    shares = np.bincount(labels) / n
    np.testing.assert_allclose(model.weights_[order], shares, atol=5 * np.sqrt(0.25 / n))
    for k, place in enumerate(order):
        variances, count = np.diag(covariances[k]), n * shares[k]
        assert np.all(abs(model.means_[place] - means[k]) < 5 * np.sqrt(variances / count))
        error = abs(model.covariances_[place] - covariances[k])
        assert np.all(error < 5 * np.sqrt(2 / count) * np.sqrt(np.outer(variances, variances)))


def test_the_result_does_not_depend_on_threads_or_on_how_rows_come(tmp_path):
    X, *_ = simulated(30000, 12, 5, dtype=np.float32)  # several blocks
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    first = start(X, 5, "full")
    fits = [
        GaussianMixture(5, max_iter=4, tol=0.0, workers=workers, **first)
        for workers in (1, 3, None, None, None)
    ]  # fmt: skip
    sources = [X, X, mapped, tmp_path / "rows.npy", lambda: iter(np.array_split(X, 7))]
    with pytest.warns(ConvergenceWarning):
        models = [model.fit(source) for model, source in zip(fits, sources, strict=True)]
    for model in models[1:]:
        assert model.history_ == models[0].history_
        assert np.array_equal(model.covariances_, models[0].covariances_)
        assert np.array_equal(model.predict_proba(mapped), models[0].predict_proba(X))


def test_the_same_seed_gives_the_same_fit():
    X, *_ = simulated(500, 3, 3)
    for init in ("kmeans", "k-means++", "random"):
        one, two = (GaussianMixture(3, init_params=init, tol=1e-2, random_state=7).fit(X) for _ in range(2))
        assert np.array_equal(one.covariances_, two.covariances_)


def test_a_row_of_weight_two_is_two_rows():
    X, *_ = simulated(400, 3, 3)
    w = np.random.default_rng(0).integers(0, 4, 400)
    first = start(X, 3, "full")
    weighted = GaussianMixture(3, tol=1e-5, **first).fit(X, sample_weight=w)
    repeated = GaussianMixture(3, tol=1e-5, **first).fit(np.repeat(X, w, axis=0))
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-9, atol=1e-12)
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_)


@pytest.mark.parametrize("given", ["weights_init", "means_init", "precisions_init"])
def test_part_of_the_start_may_be_given(given):
    X, *_ = simulated(1000, 3, 3)
    value = start(X, 3, "full")[given]
    model = GaussianMixture(3, random_state=0, **{given: value}).fit(X)
    free = GaussianMixture(3, random_state=0).fit(X)
    assert model.lower_bound_ == pytest.approx(free.lower_bound_, abs=0.3)


@pytest.mark.parametrize("covariance", FORMS)
def test_samples_are_of_the_mixture(covariance):
    X, *_ = simulated(2000, 3, 2, seed=1)
    model = GaussianMixture(2, covariance=covariance, random_state=0).fit(X)
    rows, labels = model.sample(40000)
    assert rows.shape == (40000, 3)
    for k, expected in enumerate(matrix(model.covariances_, covariance, 2, 3)):
        own = rows[labels == k]
        assert len(own) == pytest.approx(40000 * model.weights_[k], abs=5 * 100)  # five times sqrt(n/4)
        deviations = np.sqrt(np.diag(expected))
        assert np.all(abs(own.mean(0) - model.means_[k]) < 5 * deviations / np.sqrt(len(own)))
        error = abs(np.cov(own.T) - expected)
        assert np.all(error < 5 * np.sqrt(2 / len(own)) * np.outer(deviations, deviations))
    assert np.array_equal(rows, model.sample(40000)[0])  # random_state is an int


def test_several_starts_keep_the_best():
    X, *_ = simulated(600, 2, 6, seed=2)
    one = [
        GaussianMixture(6, init_params="random", tol=1e-2, max_iter=400, random_state=seed).fit(X).lower_bound_
        for seed in range(3)
    ]
    best = GaussianMixture(6, init_params="random", tol=1e-2, max_iter=400, n_init=8, random_state=0).fit(X)
    assert best.lower_bound_ >= one[0]
    assert best.lower_bound_ > min(one)


# The switch between the expansion in the data's precision, in float64, and one component after the other.


def narrow(gap, dtype, width=1.0, n=4000):
    """Draw two round groups of standard deviation `width`, `gap` apart."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, width, (n, 3)) + np.where(np.arange(n) % 2, gap, 0)[:, None]).astype(dtype)


@pytest.mark.parametrize(
    ("gap", "dtype", "precision", "one_by_one"),
    [
        (10.0, np.float32, np.float32, False),
        (1e3, np.float32, np.float64, False),
        (10.0, np.float64, np.float64, False),
        (1e3, np.float64, np.float64, False),
        (1e7, np.float64, np.float64, True),
    ],
)
def test_more_care_is_taken_when_digits_would_be_lost(gap, dtype, precision, one_by_one, monkeypatch):
    from unlabeled.methods.mixture.gaussian import gaussian_steps

    chosen = []

    def watched(*arguments):
        chosen.append(gaussian_steps_choose(*arguments))
        return chosen[-1]

    gaussian_steps_choose = gaussian_steps.choose_densities
    monkeypatch.setattr(gaussian_steps, "choose_densities", watched)
    X = narrow(gap, dtype)
    model = GaussianMixture(2, random_state=0).fit(X)
    assert chosen[-1].whitening.dtype == precision
    assert chosen[-1].one_by_one.all() == chosen[-1].one_by_one.any() == one_by_one
    # What is rounded away of the data themselves is gone: eps · gap of a width of 1.
    truth = np.stack([np.cov(X[side::2].T.astype(np.float64), bias=True) for side in (0, 1)])
    ours = model.covariances_[np.argsort(model.means_[:, 0])]
    np.testing.assert_allclose(ours, truth + 1e-6 * np.eye(3), atol=1e-5 if precision != dtype else 1e-4)


@pytest.mark.parametrize("covariance", FORMS)
@pytest.mark.parametrize("gap", [1e2, 1e4, 1e6])
def test_far_groups_get_the_density_of_near_ones(covariance, gap):
    near, far = narrow(30.0, np.float64), narrow(gap, np.float64)
    one, two = (GaussianMixture(2, covariance=covariance, random_state=0).fit(X) for X in (near, far))
    # A tied covariance is that of all rows less that between the means: a difference of numbers of size gap².
    imprecise = 2e-16 * gap**2 if covariance == "tied" else 1e-15 * gap
    np.testing.assert_allclose(one.score_samples(near), two.score_samples(far), atol=1e-7 + 100 * imprecise)


@pytest.mark.parametrize("covariance", FORMS)
def test_a_shift_of_all_rows_changes_nothing_else(covariance):
    X, *_ = simulated(500, 3, 3)
    one = GaussianMixture(3, covariance=covariance, **start(X, 3, covariance)).fit(X)
    two = GaussianMixture(3, covariance=covariance, **start(X + 2**20, 3, covariance)).fit(X + 2**20)
    np.testing.assert_allclose(one.covariances_, two.covariances_, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(one.means_, two.means_ - 2**20, rtol=1e-7)


def test_one_long_component_is_computed_alone_and_the_same():
    X, *_ = simulated(500, 70, 1)
    ours, theirs = GaussianMixture(1).fit(X), Theirs(1).fit(X)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, atol=1e-10)
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, abs=1e-9)


# Bad input.


@pytest.mark.parametrize(
    ("X", "settings", "says"),
    [
        ([[1.0, 2], [np.nan, 1], [1, 1]], {}, "NaN in row 1, column 0"),
        ([[1.0, 2], [3, 1], [1, -np.inf]], {}, "infinity in row 2, column 1"),
        (np.ones((3, 2)), {"n_components": 4}, "n_components = 4, n_samples = 3"),
        (np.ones((1, 2)), {}, "at least 2 rows, got n_samples = 1"),
        (np.ones((5, 2)), {"covariance": "fulll"}, "did you mean 'full'"),
        (np.ones((5, 2)), {"init_params": "kmean"}, "did you mean 'kmeans'"),
        (np.ones((5, 2)), {"n_components": 0}, "n_components must be a whole number of at least 1"),
        (np.ones((5, 2)), {"reg_covar": -1}, "reg_covar must be a number of at least 0"),
        (np.ones((5, 2)), {"tol": -1}, "tol must be a number of at least 0"),
        (np.ones((5, 2)), {"means_init": np.ones((2, 2))}, r"means_init must be of shape \(1, 2\)"),
        (np.ones((5, 2)), {"weights_init": "even"}, "weights_init must be numbers, not 'even'"),
        (np.ones((5, 2)), {"precisions_init": object()}, "precisions_init must be numbers"),
        (np.ones((5, 2)), {"means_init": [[np.nan, 1]]}, "means_init holds NaN"),
        (np.ones((5, 2)), {"weights_init": [0.5]}, "add up to 1"),
        (np.ones((5, 2)), {"precisions_init": [[[1, 2], [2, 1]]]}, r"positive definite \(component 0\)"),
        (np.ones((5, 2)), {"precisions_init": [[[1, 2], [0, 1]]]}, "symmetric"),
        (np.ones((5, 2)), {"precisions_init": [[0, 1]], "covariance": "diag"}, "positive definite"),
        (np.full((5, 2), 1e200) * [[1], [2], [3], [4], [5]], {}, "column 0 are too large"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(X, settings, says):
    with pytest.raises(UnlabeledError, match=says):
        GaussianMixture(**settings).fit(X)


def test_a_collapsed_component_is_named_with_advice():
    X = np.concatenate([np.random.default_rng(0).normal(size=(50, 2)), np.full((10, 2), 30.0)])
    with pytest.raises(UnlabeledError, match=r"component 1 has become singular; it holds 10 rows.*raise reg_covar"):
        GaussianMixture(2, reg_covar=0, means_init=[[0, 0], [30, 30]], random_state=0).fit(X)
    tied = np.column_stack([np.arange(20.0), np.arange(20.0)])
    with pytest.raises(UnlabeledError, match="the covariance of the components has become singular"):
        GaussianMixture(2, covariance="tied", reg_covar=0, random_state=0).fit(tied)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("covariance", FORMS)
@pytest.mark.parametrize(
    "X",
    [
        np.repeat([[0.0, 1.0], [5.0, 5.0]], 10, axis=0),  # fewer different rows than components
        np.column_stack([np.arange(20.0), np.full(20, 3.0)]),  # a constant column
        np.column_stack([np.arange(20.0), 2 * np.arange(20.0)]),  # columns that depend on one another
        np.concatenate([np.random.default_rng(0).normal(size=(40, 2)), [[1e6, 1e6]]]),  # a row far from all others
        np.ones((6, 2)),
    ],
    ids=["duplicates", "constant column", "dependent columns", "outlier", "all alike"],
)
def test_degenerate_data_are_borne(X, covariance, dtype):
    X = X.astype(dtype)
    model = GaussianMixture(3, covariance=covariance, random_state=0).fit(X)
    responsibilities = model.predict_proba(X)
    assert np.isfinite(responsibilities).all()
    np.testing.assert_allclose(responsibilities.sum(1), 1, rtol=1e-5)
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.covariances_).all()


def test_other_features_at_predict_are_refused():
    model = GaussianMixture(1).fit(np.random.default_rng(0).normal(size=(20, 3)))
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.predict(np.ones((2, 4)))


def test_rows_far_away_have_a_density_as_long_as_there_is_one():
    X = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    model = GaussianMixture(2, random_state=0).fit(X)
    far = np.array([[1e18, 0], [0, 0]], np.float32)
    scores = model.score_samples(far)
    assert scores[0] < -1e35
    assert scores[1] == pytest.approx(model.score_samples(far[1:])[0], rel=1e-5)
    np.testing.assert_allclose(model.predict_proba(far).sum(1), 1, rtol=1e-6)
    with pytest.raises(UnlabeledError, match="row 1 is so far away"):
        model.score_samples(np.array([[0, 0], [1e200, 0]]))


@pytest.mark.parametrize("covariance", ["full", "tied", "diagonal", "spherical"])
def test_a_warm_start_goes_on_where_the_last_fit_ended(covariance):
    rows = np.random.default_rng(0).normal(size=(200, 3)) + np.repeat([[0, 0, 0], [2, 1, 0]], 100, axis=0)
    settings = {"covariance": covariance, "random_state": 0, "tol": 0.0, "progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = GaussianMixture(2, max_iter=13, **settings).fit(rows)
        parts = GaussianMixture(2, max_iter=6, warm_start=True, **settings).fit(rows)
        parts.set_params(max_iter=7).fit(rows)
        np.testing.assert_allclose(parts.means_, whole.means_, rtol=1e-8)
        np.testing.assert_allclose(parts.covariances_, whole.covariances_, rtol=1e-7)
        afresh = parts.set_params(warm_start=False, max_iter=13).fit(rows)
        np.testing.assert_array_equal(afresh.means_, whole.means_)
    with pytest.raises(UnlabeledError, match="these changed"):
        parts.set_params(warm_start=True, n_components=3).fit(rows)
