from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import non_negative_factorization

from unlabeled import PLSA
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.expectation_maximisation import expectation_maximisation
from unlabeled.methods.mixture.plsa import PLSAModel, Topics
from unlabeled.methods.mixture.threads import threads
from unlabeled.methods.mixture.topics.word_counts import WordCounts, padded_rows


def slow_step(counts, theta, beta, power=1.0):
    """One step of (tempered) EM as it is said; `theta` is (documents, k), `beta` (k, words)."""
    n_dz, n_zw, objective = np.zeros(theta.shape), np.zeros(beta.shape), 0.0
    for d, row in enumerate(counts):
        for w, count in enumerate(row):
            if count:
                joint = [(float(theta[d, z]) * float(beta[z, w])) ** power for z in range(len(beta))]
                objective += count * np.log(sum(joint)) / power
                for z, part in enumerate(joint):
                    posterior = part / sum(joint)
                    n_dz[d, z] += count * posterior
                    n_zw[z, w] += count * posterior
    return n_dz, n_zw, objective / counts.sum()


def distributions(rng, rows, columns):
    drawn = rng.standard_exponential((rows, columns))
    return drawn / drawn.sum(axis=1, keepdims=True)


@st.composite
def problems(draw):
    """Counts, some documents and words without any, and where to start."""
    n, v, k = draw(st.integers(1, 40)), draw(st.integers(1, 30)), draw(st.integers(1, 35))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = rng.poisson(draw(st.sampled_from([0.05, 0.5, 3.0])), (n, v))
    counts[rng.integers(n), rng.integers(v)] += 1
    return counts, distributions(rng, n, k), distributions(rng, k, v)


def model_of(counts, theta, beta, dtype, pool, power=1.0):
    data = WordCounts(sp.csr_matrix(counts.astype(dtype)))
    start = Topics(padded_rows(theta, dtype), padded_rows(beta.T, dtype))
    return PLSAModel(len(beta), power, None, pool), data, start


@settings(deadline=None, max_examples=50)
@given(problems(), st.sampled_from([np.float32, np.float64]), st.sampled_from([1.0, 0.7]))
def test_a_step_is_the_slow_step(problem, dtype, power):
    counts, theta, beta = problem
    k = len(beta)
    n_dz, n_zw, objective = slow_step(counts, theta, beta, power)
    with threads(1) as pool:
        model, data, start = model_of(counts, theta, beta, dtype, pool, power)
        q = model.e_step(data, start)
        after = model.m_step(q, start)
    # Sums of a few hundred rounded products of numbers of one sign: some tens of units in the last place.
    rtol = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(q.of_documents[:, :k], n_dz, rtol=rtol, atol=1e-30)
    np.testing.assert_allclose(q.of_words[:, :k], n_zw.T, rtol=rtol, atol=1e-30)
    np.testing.assert_allclose(model.log_likelihood(q), objective, rtol=rtol, atol=rtol)
    filled = counts.sum(axis=1) > 0
    np.testing.assert_allclose(
        after.theta[filled, :k], n_dz[filled] / counts.sum(axis=1)[filled, None], rtol=rtol, atol=1e-30
    )
    np.testing.assert_array_equal(after.theta[~filled], start.theta[~filled])  # nothing is learnt of them
    np.testing.assert_allclose(after.beta[:, :k], (n_zw / n_zw.sum(axis=1, keepdims=True)).T, rtol=rtol, atol=1e-30)
    assert not after.theta[:, k:].any()
    assert not after.beta[:, k:].any()


@settings(deadline=None, max_examples=40)
@given(problems(), st.sampled_from([1.0, 0.5, 0.9]), st.integers(0, 1000))
def test_the_likelihood_never_falls(problem, power, seed):
    counts, _, beta = problem
    with threads(1) as pool:
        model = PLSAModel(len(beta), power, None, pool)
        data = WordCounts(sp.csr_matrix(counts.astype(np.float64)))
        found = expectation_maximisation(model, data, max_iter=30, tol=0, random_state=seed)
    history = np.array(found.history)
    assert (np.diff(history) >= -1e-12).all()  # rounding of a mean of logarithms, which are of size 1 to 10


def test_it_is_nmf_under_kullback_leibler_step_by_step():
    """Their multiplicative update is the EM step, up to the length of documents.

    For WH with the rows of H adding up to 1, W ← W ∘ (X / WH) Hᵀ / (1 Hᵀ) has the denominator 1, so the new W_dz is
    Σ_w x p(z | w, d): the expected count n_dz, which is θ_dz times the length of d. With W held fixed, the new H_zw is
    n_zw / Σ_d W_dz, which is β up to the scale of each row. Scikit-learn updates W first and H with the new W, and H is
    not normalised again: with H = D β for a diagonal D, WH = (W D) β, so W D takes the place of W.
    """
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.4, (30, 40)).astype(float)
    counts[:, 0] += 1
    k = 4
    lengths = counts.sum(axis=1, keepdims=True)
    theta, beta = distributions(rng, 30, k), distributions(rng, k, 40)
    w, h = theta * lengths, beta.copy()
    common = {"init": "custom", "solver": "mu", "beta_loss": "kullback-leibler", "tol": 0, "max_iter": 1}
    with threads(1) as pool:
        for _ in range(5):
            w, h, _ = non_negative_factorization(counts, W=w.copy(), H=h.copy(), n_components=k, **common)
            model, data, start = model_of(counts, theta, beta, np.float64, pool)
            half = model.e_step(data, start).of_documents[:, :k]
            model, data, start = model_of(counts, half / lengths, beta, np.float64, pool)
            of_words = model.e_step(data, start).of_words[:, :k].T
            sizes = of_words.sum(axis=1)
            beta = of_words / sizes[:, None]
            np.testing.assert_allclose(h / h.sum(axis=1, keepdims=True), beta, rtol=1e-9)
            scaled = half * (sizes / half.sum(axis=0))
            np.testing.assert_allclose(w * h.sum(axis=1), scaled, rtol=1e-9)
            theta = scaled / scaled.sum(axis=1, keepdims=True)
            w, h = w * h.sum(axis=1), h / h.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_topics_are_found_again(simulated, matched, dtype):
    counts, theta, beta = simulated
    model = PLSA(5, random_state=0, n_init=3).fit(counts.astype(dtype))
    order = matched(model.components_, beta)
    # 300 documents of 200 words are 12,000 words a topic; a share of p is known to about sqrt(p / 12000), which over
    # 100 words of one hundredth each adds up to a total variation of some 0.04.
    assert 0.5 * np.abs(model.components_[order] - beta).sum(axis=1).max() < 0.08
    assert np.abs(model.transform(counts.astype(dtype))[:, order] - theta).mean() < 0.03
    assert model.components_.dtype == model.transform(counts.astype(dtype)).dtype == dtype
    assert np.diff(model.history_).min() > -1e-6
    np.testing.assert_allclose(np.sort(model.weights_), np.sort(theta.mean(axis=0)), atol=0.03)


def test_from_given_topics(simulated):
    counts, _, beta = simulated
    model = PLSA(5, init=beta * 7, max_iter=1).fit(counts.astype(np.float64))  # rows need not add up to 1
    _, n_zw, likelihood = slow_step(counts, np.full((len(counts), 5), 0.2), beta)
    np.testing.assert_allclose(model.components_, n_zw / n_zw.sum(axis=1, keepdims=True), rtol=1e-10)
    np.testing.assert_allclose(model.history_, [likelihood], rtol=1e-12)


def test_the_end_of_fold_in_is_the_maximum():
    """Given β the likelihood is concave in θ, so at the maximum no topic would be worth more of the document."""
    rng = np.random.default_rng(0)
    beta, row = distributions(rng, 3, 50), rng.poisson(2.0, 50)
    model = PLSA(3, random_state=0).fit(rng.poisson(1.0, (20, 50)))
    model.components_ = beta
    (theta,) = model.transform(row[None].astype(float))
    worth = (row / (theta @ beta)) @ beta.T / row.sum()  # the derivative by θ_z, 1 at the maximum where θ_z > 0
    assert np.all(worth < 1.02)
    np.testing.assert_allclose(worth[theta > 0.05], 1, atol=0.01)


def test_a_lower_temperature_makes_less_certain_posteriors_and_better_predictions(simulated):
    counts = simulated[0]
    few = counts[:60].astype(float)
    plain, warm = (PLSA(20, tempering=b, random_state=0).fit(few) for b in (1.0, 0.8))
    assert plain.score(few) > warm.score(few)
    assert warm.perplexity(counts[60:].astype(float)) < plain.perplexity(counts[60:].astype(float))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"tempering": 0}, "tempering must be above 0 and at most 1"),
        ({"tempering": 1.5}, "tempering"),
        ({"init": "nndsvd"}, "unknown init"),
        ({"init": np.ones((2, 3))}, r"init has shape \(2, 3\)"),
        ({"init": -np.ones((2, 4))}, "none negative"),
        ({"init": np.zeros((2, 4))}, "no topic without words"),
        ({"tol": -1}, "tol"),
        ({"n_init": 0}, "n_init"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(setting, says):
    with pytest.raises(UnlabeledError, match=says):
        PLSA(2, **setting).fit(np.ones((3, 4)))
