from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from unlabeled import LatentDirichletAllocation
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.layout import aligned
from unlabeled.kernels.topics.gibbs_sweep import gibbs_sweep
from unlabeled.methods.mixture.threads import threads
from unlabeled.methods.mixture.topics import gibbs
from unlabeled.methods.mixture.topics.gibbs import Gibbs
from unlabeled.methods.mixture.topics.word_counts import WordCounts


def word_counts(counts):
    return WordCounts(sp.csr_matrix(counts.astype(np.float32)))


@pytest.mark.parametrize("k", [1, 3, 16, 17, 50])
@pytest.mark.parametrize("partitions", [1, 3])
def test_counts_are_conserved_at_every_sweep(simulated, k, partitions):
    counts = simulated[0][:60].copy()
    counts[7] = 0
    counts[:, 5] = 0
    sampler = Gibbs(word_counts(counts), k, 0.1, 0.01, np.random.RandomState(0), partitions)
    assert len(sampler.partitions) == partitions
    with threads(2) as pool:
        for _ in range(10):
            sampler.sweep(pool)
            assert sampler.topics.min() >= 0
            assert sampler.topics.max() < k
            expected = np.zeros((100, k))
            np.add.at(expected, (sampler.words, sampler.topics), 1)
            np.testing.assert_array_equal(sampler.of_words[:, :k], expected)
            assert not sampler.of_words[:, k:].any()
            np.testing.assert_array_equal(sampler.of_topics[:k], expected.sum(axis=0))
            np.testing.assert_array_equal(expected.sum(axis=1), counts.sum(axis=0))
    np.testing.assert_array_equal(np.bincount(sampler.words, minlength=100), counts.sum(axis=0))


def test_a_word_is_drawn_by_the_formula():
    """One document of one free word, drawn 20,000 times against fixed counts, meets the formula's probabilities."""
    k, alpha, eta, draws = 20, 0.3, 0.2, 20_000
    rng = np.random.default_rng(0)
    others = rng.integers(0, 30, (6, k))  # n_zw without the word
    words, word = np.array([3], np.int32), 3
    seen = np.zeros(k)
    topic = np.zeros(1, np.int32)
    of_words, room = aligned((6, 32), np.float32), aligned((4, 32), np.float32)
    likelihood = 0.0
    for seed in range(draws):
        of_words[:, :k] = others
        of_words[word, topic[0]] += 1
        sizes = of_words.sum(axis=0, dtype=np.float64)
        pointers = np.array([0, 1])
        priors = (k, np.full(k, alpha, np.float32), np.float32(eta))
        likelihood = gibbs_sweep(pointers, words, topic, 0, 1, *priors, of_words, sizes, np.uint64(seed), room)
        seen[topic[0]] += 1
    expected = alpha * (others[word] + eta) / (others.sum(axis=0) + 6 * eta)
    np.testing.assert_allclose(likelihood, np.log(expected.sum() / (k * alpha)), rtol=1e-5)
    expected *= draws / expected.sum()
    statistic = ((seen - expected) ** 2 / expected).sum()
    assert statistic < 43.8  # the 0.999 quantile of chi-squared with 19 degrees of freedom


def test_the_chain_has_the_right_distribution():
    """Three words in two documents, two topics: all 8 states, by their exact probability."""
    from math import lgamma

    alpha, eta, v, k = 0.5, 0.3, 2, 2
    counts = np.array([[1, 1], [1, 0]])
    words, documents = [0, 1, 0], [0, 0, 1]
    exact = np.zeros(8)
    for state in range(8):
        topics = [(state >> i) & 1 for i in range(3)]
        log = 0.0
        for d in range(2):
            for z in range(k):
                log += lgamma(alpha + sum(t == z and e == d for t, e in zip(topics, documents, strict=True)))
        for z in range(k):
            for w in range(v):
                log += lgamma(eta + sum(t == z and e == w for t, e in zip(topics, words, strict=True)))
            log -= lgamma(v * eta + topics.count(z))
        exact[state] = np.exp(log)
    exact /= exact.sum()
    sampler = Gibbs(word_counts(counts), k, alpha, eta, np.random.RandomState(0))
    seen = np.zeros(8)
    with threads(1) as pool:
        for _ in range(20_000):
            sampler.sweep(pool)
            seen[sampler.topics @ np.array([1, 2, 4])] += 1
    # Neighbouring states are correlated; were every fifth independent, the standard error would be below 0.008.
    np.testing.assert_allclose(seen / 20_000, exact, atol=0.03)


@pytest.mark.parametrize("partitions", [1, 4])
def test_topics_are_found_again(simulated, matched, monkeypatch, partitions):
    counts, theta, beta = simulated
    made = Gibbs.__init__

    def parted(self, *arguments, **named):
        made(self, *arguments, partitions, **named)

    monkeypatch.setattr(gibbs.Gibbs, "__init__", parted)
    model = LatentDirichletAllocation(5, topic_word_prior=0.05, random_state=0).fit(counts)
    order = matched(model.components_, beta)
    # As in the test of PLSA.
    assert 0.5 * np.abs(model.components_[order] - beta).sum(axis=1).max() < 0.08
    assert np.abs(model.transform(counts)[:, order] - theta).mean() < 0.03
    assert np.mean(model.history_[-20:]) > model.history_[0] + 0.2


def test_the_number_of_threads_does_not_change_a_bit(simulated, monkeypatch):
    monkeypatch.setattr(gibbs, "PARTITIONS", 3)
    counts = np.tile(simulated[0], (2, 1))  # enough words for several partitions
    fits = [LatentDirichletAllocation(5, max_iter=5, random_state=0, workers=w).fit(counts) for w in (1, 2, 3)]
    for other in fits[1:]:
        assert np.array_equal(fits[0].components_, other.components_)
        assert fits[0].history_ == other.history_


def test_tiny_priors_do_not_break_the_arithmetic():
    model = LatentDirichletAllocation(3, doc_topic_prior=1e-9, topic_word_prior=1e-9, random_state=0)
    model.fit(np.eye(6, dtype=int))  # every word is alone, so that only priors say what its topic is
    assert np.isfinite(model.history_).all()
    assert np.isfinite(model.components_).all()


def test_what_is_drawn_depends_on_the_seed(simulated):
    same, again, other = (
        LatentDirichletAllocation(5, max_iter=5, random_state=seed).fit(simulated[0]) for seed in (0, 0, 1)
    )
    assert np.array_equal(same.components_, again.components_)
    assert not np.array_equal(same.components_, other.components_)


def test_fractions_are_refused_in_words():
    with pytest.raises(UnlabeledError, match=r"document 1 has 0.5 in column 2.*whole numbers"):
        LatentDirichletAllocation(2).fit([[1, 0, 0], [0, 1, 0.5]])


def test_counts_too_large_for_exact_arithmetic_are_refused():
    with pytest.raises(UnlabeledError, match=r"20,000,001 times"):
        LatentDirichletAllocation(2).fit([[20_000_000, 1], [0, 1]])


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"doc_topic_prior": 0}, "doc_topic_prior must be a number above 0"),
        ({"topic_word_prior": float("nan")}, "topic_word_prior"),
        ({"burn_in": 200}, "leaves none of the 200 sweeps"),
        ({"burn_in": -1}, "burn_in"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(setting, says):
    with pytest.raises(UnlabeledError, match=says):
        LatentDirichletAllocation(2, **setting).fit(np.ones((3, 4)))


def test_alpha_is_learnt_for_each_topic():
    """Documents drawn with a common and a rare topic: the learnt α has their order and about their size."""
    random = np.random.default_rng(0)
    alpha = np.array([2.0, 0.3, 0.1])
    beta = np.kron(np.eye(3), np.full(10, 0.1))
    theta = random.dirichlet(alpha, 600)
    counts = np.array([random.multinomial(60, share @ beta) for share in theta])
    model = LatentDirichletAllocation(
        3, doc_topic_prior="auto", topic_word_prior=0.1, random_state=0, progress=False
    ).fit(counts)
    order = np.argsort(-model.weights_)
    np.testing.assert_allclose(model.doc_topic_prior_[order], alpha, rtol=0.35)  # 600 documents tell α so well
    symmetric = LatentDirichletAllocation(3, topic_word_prior=0.1, random_state=0, progress=False).fit(counts)
    new = np.array([random.multinomial(15, share @ beta) for share in random.dirichlet(alpha, 300)])
    assert model.perplexity(new) < symmetric.perplexity(new)


def test_a_step_of_learning_alpha_is_minkas_fixed_point():
    from scipy.special import digamma

    counts = np.random.default_rng(1).integers(0, 4, (30, 8))
    gibbs = Gibbs(word_counts(counts), 3, 0.4, 0.1, np.random.RandomState(0))
    lengths = counts.sum(axis=1)
    of_documents = np.zeros((30, 3))
    np.add.at(of_documents, (np.repeat(np.arange(30), lengths), gibbs.topics), 1)
    expected = np.full(3, 0.4)
    for _ in range(2):
        up = np.array([sum(digamma(n + a) - digamma(a) for n in of_documents[:, z]) for z, a in enumerate(expected)])
        expected = expected * up / sum(digamma(n + expected.sum()) - digamma(expected.sum()) for n in lengths)
    gibbs.learn_alpha(steps=2)
    np.testing.assert_allclose(gibbs.alpha, expected, rtol=1e-10)


def test_documents_may_come_in_parts():
    ponds, kings = ["frog toad newt pond frog", "pond newt frog"], ["king queen throne crown", "queen king crown"]
    model = LatentDirichletAllocation(2, topic_word_prior=0.1, max_iter=60, random_state=0, progress=False)
    model.partial_fit(ponds * 10 + kings * 10)
    before = model.n_words_
    frogs = int(model.transform(["frog pond"]).argmax())
    model.partial_fit(ponds * 30)
    assert model.n_words_ == pytest.approx(before + 30 * 8, rel=1e-6)  # counts of float32
    assert int(model.transform(["frog pond"]).argmax()) == frogs  # topics keep their numbers
    assert model.weights_[frogs] > 0.7
    whole = LatentDirichletAllocation(2, topic_word_prior=0.1, max_iter=60, random_state=0, progress=False)
    whole.fit(ponds * 40 + kings * 10)
    assert sorted(map(sorted, model.top_words(4))) == sorted(map(sorted, whole.top_words(4)))
    with pytest.raises(UnlabeledError, match="empty"):
        model.partial_fit(["zebra"])


def test_a_prior_that_is_a_word_is_auto():
    with pytest.raises(UnlabeledError, match="doc_topic_prior must be a number"):
        LatentDirichletAllocation(2, doc_topic_prior="learn").fit(["a cat", "a dog"])
