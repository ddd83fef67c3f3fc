"""SkipGram as users meet it, and its losses against their definitions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from unlabeled.data import Corpus
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.counting.huffman import HuffmanTree
from unlabeled.methods.words.prediction.likelihood import (
    drawn_negatives,
    full_loss,
    hierarchical_loss,
    negative_loss,
    negative_sampling_loss,
    window_pairs,
)
from unlabeled.methods.words.skip_gram import SkipGram, places_of

QUICK = {"dim": 16, "min_count": 1, "random_state": 0, "progress": False, "deterministic": True}
TEXT = ["the frog swims", "the toad swims", "a car stands", "a bus stands"] * 60


@pytest.fixture(scope="module", params=["negative", "hierarchical", "full"])
def fitted(request):
    settings = QUICK | {"loss": request.param, "epochs": 60, "subsample": None, "learning_rate": 0.05, "window": 1}
    return SkipGram(**settings, held_out=1 / 7).fit(TEXT)


def test_words_in_like_places_get_like_vectors(fitted):
    assert fitted.vectors_.most_similar("frog", k=1)[0].word == "toad"
    assert fitted.vectors_.most_similar("bus", k=1)[0].word == "car"
    assert fitted.vectors_.similarity("frog", "toad") > fitted.vectors_.similarity("frog", "bus") + 0.3


def test_the_loss_tends_to_the_best_there_is(fitted):
    assert fitted.history_[-1]["loss"] < fitted.history_[0]["loss"]
    # Held-out sentences are copies of those trained on.
    assert fitted.held_out_loss_ == pytest.approx(fitted.history_[-1]["loss"], rel=0.05)
    words = [line.split() for line in TEXT[:4]]
    pairs = [pair for line in words for a, b in pairwise(line) for pair in ((a, b), (b, a))]
    with_v = {v: [c for a, c in pairs if a == v] for v, _ in pairs}
    entropy = -np.mean([np.log(with_v[v].count(c) / len(with_v[v])) for v, c in pairs])
    if fitted.loss == "negative":
        assert fitted.held_out_loss_ < 0.7 * 6 * np.log(2)
    else:  # a distribution over words cannot do better than the entropy of context given word
        assert entropy <= fitted.held_out_loss_ + 0.01 < 1.15 * entropy


def test_each_word_has_two_vectors(fitted):
    rows = len(fitted.vocabulary_) - (fitted.loss == "hierarchical")
    assert fitted.vectors_.vectors.shape == (len(fitted.vocabulary_), 16)
    assert fitted.context_vectors_.shape == (rows, 16)


def test_save_and_load_give_the_same_bit_for_bit(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = SkipGram.load(tmp_path / "model")
    assert np.array_equal(loaded.vectors_.vectors, fitted.vectors_.vectors)
    assert np.array_equal(loaded.context_vectors_, fitted.context_vectors_)
    assert loaded.vocabulary_ == fitted.vocabulary_
    assert loaded.history_ == fitted.history_
    assert loaded.held_out_loss_ == fitted.held_out_loss_
    assert loaded.get_params() == fitted.get_params()


def test_full_softmax_learns_the_conditional_distribution():
    """With pairs only, p(c | v) tends to the share of c among the contexts of v."""
    text = [["a", "b"]] * 60 + [["a", "c"]] * 30 + [["d", "c"]] * 10
    settings = QUICK | {"loss": "full", "window": 1, "subsample": None, "epochs": 300, "learning_rate": 0.1}
    model = SkipGram(**settings).fit(text)
    words = model.vocabulary_.index
    logits = model.context_vectors_ @ model.transform(["a"])[0]
    p = np.exp(logits) / np.exp(logits).sum()
    assert p[words["b"]] == pytest.approx(2 / 3, abs=0.03)
    assert p[words["c"]] == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("different", [2, 3, 6])
def test_a_few_words_at_random_end_at_the_best_there_is(different, workers):
    """The centres of a step are the same word then, and their steps add up."""
    words = [f"w{k}" for k in np.random.default_rng(0).integers(different, size=100_000)]
    text = [words[start : start + 20] for start in range(0, len(words), 20)]
    settings = {"dim": 16, "min_count": 1, "epochs": 2, "subsample": None, "random_state": 0, "progress": False}
    model = SkipGram(**settings, workers=workers).fit(text)
    # No pair is likelier than another: all scores are one number s, and of 5 negatives 1 in `different` does not count.
    negatives = 5 * (1 - 1 / different)
    best = np.log(1 + negatives) + negatives * np.log(1 + 1 / negatives)
    assert model.history_[-1]["loss"] == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize(
    ("counts", "places"),
    [
        ([10, 10], 1),
        ([10] * 10, 5),
        ([10] * 64, 32),
        ([10] * 1000, 32),
        ([10_000] + [1] * 100, 1),
    ],
)
def test_centres_come_from_so_many_places_that_they_differ(counts, places):
    assert places_of(np.array(counts), None) == places


def test_subsampling_makes_words_differ():
    counts = np.array([100_000, *[100] * 1000])
    assert places_of(counts, None) == 1
    assert places_of(counts, 1e-4) == 32


def test_a_rare_word_is_left_out_and_an_unseen_one_suggests_its_neighbours():
    model = SkipGram(**(QUICK | {"min_count": 2}), epochs=1).fit([*TEXT, "the newt swims"])
    assert "newt" not in model.vectors_
    with pytest.raises(UnlabeledError, match="frog"):
        model.transform(["forg"])
    with pytest.raises(UnlabeledError, match="sequence of words"):
        model.transform("frog")


def test_fitting_again_starts_afresh():
    model = SkipGram(**QUICK, epochs=2, held_out=0.1).fit(TEXT)
    first, loss = model.vectors_.vectors.copy(), model.held_out_loss_
    assert np.array_equal(model.fit(TEXT).vectors_.vectors, first)
    assert model.held_out_loss_ == loss
    model.set_params(held_out=None).fit(TEXT)
    assert not hasattr(model, "held_out_loss_")


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("loss", "negativ", "did you mean 'negative'"),
        ("window", 0, "window must be a whole number of at least 1, got 0"),
        ("negatives", 2.5, "negatives must be a whole number"),
        ("epochs", True, "epochs must be a whole number"),
        ("dim", -1, "dim must be"),
        ("learning_rate", 0.0, "learning_rate must be above 0"),
        ("min_learning_rate", 1.0, "is above learning_rate"),
        ("subsample", -1e-3, "subsample must be above 0"),
        ("held_out", 0.9, "held_out is a share"),
        ("subwords", (4, 3), "subwords are"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_words(setting, value, says):
    with pytest.raises(UnlabeledError, match=says):
        SkipGram(**{**QUICK, setting: value}).fit(TEXT)


def test_text_without_pairs_is_refused():
    with pytest.raises(UnlabeledError, match="at least 2"):
        SkipGram(**QUICK).fit(["word word word"])
    with pytest.raises(UnlabeledError, match="no word has a neighbour to learn from"):
        SkipGram(**QUICK, epochs=1).fit([["a"], ["b"], ["a"]])


# --- the losses -------------------------------------------------------------------------------------------------------


def test_window_pairs_are_those_of_loops():
    sentences, window = np.array([0, 4, 5, 12]), 3
    radius = np.random.default_rng(7).integers(1, window + 1, 12)
    expected = {
        (i, j)
        for a, b in pairwise(sentences)
        for i in range(a, b)
        for j in range(max(a, i - radius[i]), min(b, i + radius[i] + 1))
        if i != j
    }
    centres, contexts = window_pairs(sentences, window, 7)
    found = list(zip(centres.tolist(), contexts.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.fixture
def pairs():
    rng = np.random.default_rng(1)
    return rng.normal(size=(9, 5)), rng.normal(size=(9, 5)), rng.integers(9, size=30), rng.integers(9, size=30)


def test_full_loss_is_minus_log_softmax(pairs):
    v, c, rows, words = pairs
    by_hand = [np.log(np.exp(c @ v[a]).sum()) - c[b] @ v[a] for a, b in zip(rows, words, strict=True)]
    assert full_loss(v, rows, c, words) == pytest.approx(np.mean(by_hand), rel=1e-12)


def test_hierarchical_loss_is_that_of_a_distribution(pairs):
    v, c, _, _ = pairs
    tree = HuffmanTree.of([30, 20, 9, 8, 5, 4, 3, 2, 1])
    for row in range(3):
        p = [np.exp(-hierarchical_loss(v, np.array([row]), c[:8], np.array([word]), tree)) for word in range(9)]
        assert sum(p) == pytest.approx(1, rel=1e-12)


def test_negative_loss_is_the_sum_over_its_draws(pairs):
    v, c, rows, words = pairs
    counts = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0]) * 10**18
    log_sigma = lambda x: -np.log1p(np.exp(-x))  # noqa: E731
    # Words of count 0 count as 1, so nearly every draw is word 0, which does not count where it is the context.
    by_hand = [
        -log_sigma(c[b] @ v[a]) - (4 * log_sigma(-c[0] @ v[a]) if b != 0 else 0)
        for a, b in zip(rows, words, strict=True)
    ]
    drawn = drawn_negatives(counts, len(rows), 4)
    assert negative_loss(v, rows, c, words, drawn) == pytest.approx(np.mean(by_hand), rel=1e-12)


def test_the_loss_of_untrained_vectors_and_of_float32_matrices():
    rng = np.random.default_rng(0)
    inputs, tokens, counts = rng.normal(size=(1000, 8)).astype(np.float32), rng.integers(1000, size=500), np.ones(1000)
    loss = negative_sampling_loss(inputs, np.zeros_like(inputs), tokens, [0, 500], counts)
    assert loss == pytest.approx(6 * np.log(2), rel=2e-3)  # one draw in a thousand is the word itself
    assert loss == negative_sampling_loss(inputs, np.zeros_like(inputs), tokens, [0, 500], counts)
    with pytest.raises(UnlabeledError, match="one shape"):
        negative_sampling_loss(inputs, inputs[:5], tokens, [0, 500], counts)


def test_held_out_loss_is_that_of_the_public_function():
    model = SkipGram(**QUICK, epochs=2, held_out=0.1, subsample=None).fit(TEXT)
    corpus = Corpus.encode(TEXT)
    held_out = [corpus.ids[corpus.offsets[s] : corpus.offsets[s + 1]] for s in range(5, len(TEXT), 10)]
    offsets = np.cumsum([0, *map(len, held_out)])
    counts = corpus.vocabulary.counts
    matrices = model.vectors_.vectors, model.context_vectors_
    loss = negative_sampling_loss(*matrices, np.concatenate(held_out), offsets, counts, seed=model.seed_)
    assert model.held_out_loss_ == pytest.approx(loss, rel=1e-9)
