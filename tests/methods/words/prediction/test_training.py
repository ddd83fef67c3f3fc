"""The loop of skip-gram and CBOW: blocks, what is held out, the learning rate, stopping and going on."""

from __future__ import annotations

import os
import re
import signal
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled import WordVectors
from unlabeled.data import Corpus
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.cbow import CBOW
from unlabeled.methods.words.glove import GloVe
from unlabeled.methods.words.prediction import training
from unlabeled.methods.words.prediction.training import Text, block_bounds, checked, initialised, padded
from unlabeled.methods.words.skip_gram import SkipGram

QUICK = {"dim": 16, "min_count": 1, "random_state": 0, "progress": False}


@pytest.fixture(scope="module")
def corpus():
    """Zipf-like words in 600 sentences, of which word 2k + 1 always follows word 2k."""
    rng = np.random.default_rng(0)
    first = (rng.zipf(1.5, size=(600, 8)) - 1) % 20
    sentences = np.stack([2 * first, 2 * first + 1], axis=2).reshape(600, 16)
    return Corpus.encode([[f"w{word}" for word in sentence] for sentence in sentences])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(training, "BLOCK", (1000, 1000))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 25))
@settings(deadline=None)
def test_blocks_are_whole_sentences_where_that_is_possible(lengths, size):
    offsets = np.cumsum([0, *lengths])
    bounds = block_bounds(offsets, size)
    assert bounds[0] == 0
    assert bounds[-1] == offsets[-1]
    assert (np.diff(bounds) > 0).all()
    assert (np.diff(bounds) <= size).all()
    for bound in set(bounds.tolist()) - set(offsets.tolist()):
        sentence = np.searchsorted(offsets, bound) - 1
        assert lengths[sentence] > size  # only a sentence longer than a block is cut


def test_long_texts_have_larger_blocks_within_bounds(monkeypatch):
    monkeypatch.setattr(training, "BLOCK", (10_000, 40_000))
    sizes = [training.block_size(words) for words in (100, 2_400_000, 4_800_000, 10**9)]
    assert sizes == [10_000, 10_000, 20_000, 40_000]


def test_rows_begin_at_cache_lines_and_padding_is_zero():
    for dim in (1, 16, 100):
        matrix = initialised(5, dim, 0)
        assert matrix.ctypes.data % 64 == 0
        assert matrix.strides[0] % 64 == 0
        assert np.abs(matrix[:, :dim]).max() <= 0.5 / dim
        assert not matrix[:, dim:].any()
        assert not padded(5, dim).any()


def test_blocks_of_an_epoch_are_the_text(corpus):
    text = Text.of(corpus, None, None)
    state = training.seeded(0, 0)
    parts = [text.block(number, state) for number in range(text.blocks)]
    assert np.array_equal(np.concatenate([tokens for tokens, _ in parts]), corpus.ids)
    lengths = np.concatenate([np.diff(sentences) for _, sentences in parts])
    assert np.array_equal(lengths, np.diff(corpus.offsets))


def test_held_out_text_is_every_nth_sentence(corpus):
    text = Text.of(corpus, None, 0.1)
    tokens, sentences = text.sample(None, 0, held_out=True)
    expected = [corpus.ids[corpus.offsets[s] : corpus.offsets[s + 1]] for s in range(5, 600, 10)]
    assert np.array_equal(tokens, np.concatenate(expected))
    assert np.array_equal(np.diff(sentences), [len(e) for e in expected])


def test_the_sample_is_small_and_spread_over_the_text(corpus):
    tokens, sentences = Text.of(corpus, None, None).sample(500, 0)
    assert 400 <= len(tokens) <= 500
    assert sentences[-1] == len(tokens)
    whole, _ = Text.of(corpus, None, None).sample(10**9, 0)
    assert len(whole) == len(corpus.ids)


def test_the_learning_rate_falls_linearly_with_the_words(corpus):
    model = SkipGram(**QUICK, epochs=3, learning_rate=0.1, min_learning_rate=0.01, deterministic=True).fit(corpus)
    words = len(corpus.ids)
    for figures in model.history_:
        assert figures["learning_rate"] == pytest.approx(0.1 - 0.09 * figures["step"] / (3 * words))
        assert figures["epoch"] == pytest.approx(figures["step"] / words)
    assert model.history_[-1]["step"] == 3 * words
    assert model.history_[-1]["loss"] < model.history_[0]["loss"]


def test_the_same_bits_for_any_number_of_workers(corpus):
    fits = [SkipGram(**QUICK, workers=workers, deterministic=True).fit(corpus) for workers in (1, 2, 5)]
    for other in fits[1:]:
        assert np.array_equal(other.vectors_.vectors, fits[0].vectors_.vectors)
        assert np.array_equal(other.context_vectors_, fits[0].context_vectors_)
        assert other.history_ == fits[0].history_


def test_threads_learn_the_same_but_for_noise(corpus):
    one = SkipGram(**QUICK, epochs=8, held_out=0.1, workers=1).fit(corpus)
    many = SkipGram(**QUICK, epochs=8, held_out=0.1, workers=4).fit(corpus)
    assert many.held_out_loss_ == pytest.approx(one.held_out_loss_, rel=0.03)


def stopping_after(monkeypatch, blocks):
    """Send Ctrl-C once so many blocks were read to be trained on, which the threads do."""
    plain, seen, lock = Text.block, [0], threading.Lock()

    def block(self, number, state, held_out=False):
        with lock:
            seen[0] += threading.current_thread() is not threading.main_thread()
            if seen[0] == blocks:
                os.kill(os.getpid(), signal.SIGINT)
        return plain(self, number, state, held_out)

    monkeypatch.setattr(Text, "block", block)


@pytest.mark.parametrize("blocks", [3, 12, 33])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(corpus, tmp_path, monkeypatch, blocks):
    settings = QUICK | {"deterministic": True, "epochs": 4, "held_out": 0.05}
    whole = SkipGram(**settings).fit(corpus)
    model = SkipGram(**settings, checkpoint=tmp_path)
    with monkeypatch.context() as patch:
        stopping_after(patch, blocks)
        with pytest.raises(KeyboardInterrupt, match=r"stopped after [\d,]+ of 38,400 words; saved in"):
            model.fit(corpus)
    assert model.vectors_.vectors.shape == (len(corpus.vocabulary), 16)  # what was learnt is kept
    assert not np.array_equal(model.vectors_.vectors, whole.vectors_.vectors)
    resumed = SkipGram(**settings, checkpoint=str(tmp_path)).fit(corpus, resume=True)
    assert np.array_equal(resumed.vectors_.vectors, whole.vectors_.vectors)
    assert np.array_equal(resumed.context_vectors_, whole.context_vectors_)
    assert resumed.held_out_loss_ == whole.held_out_loss_
    assert resumed.history_ == whole.history_


def test_threads_that_are_stopped_finish_what_they_took(corpus, tmp_path, monkeypatch):
    settings = QUICK | {"workers": 3, "epochs": 4}
    with monkeypatch.context() as patch:
        stopping_after(patch, 20)
        with pytest.raises(KeyboardInterrupt):
            SkipGram(**settings, checkpoint=str(tmp_path)).fit(corpus)
    resumed = SkipGram(**settings, checkpoint=str(tmp_path)).fit(corpus, resume=True)
    assert resumed.history_[-1]["step"] == 4 * len(corpus.ids)


def test_stopping_without_a_checkpoint_keeps_the_vectors_only(corpus, monkeypatch):
    model = SkipGram(**QUICK)
    stopping_after(monkeypatch, 5)
    with pytest.raises(KeyboardInterrupt, match="the model keeps what it has learnt"):
        model.fit(corpus)
    assert model.transform(["w0"]).shape == (1, 16)


def test_resuming_another_run_is_refused(corpus, tmp_path):
    SkipGram(**QUICK, checkpoint=str(tmp_path)).fit(corpus)
    with pytest.raises(UnlabeledError, match="window was 5 and is now 3"):
        SkipGram(**QUICK, window=3, checkpoint=str(tmp_path)).fit(corpus, resume=True)
    with pytest.raises(UnlabeledError, match="of another run: text was"):
        SkipGram(**QUICK, checkpoint=str(tmp_path)).fit(["w0 w1 w2"] * 10, resume=True)
    with pytest.raises(UnlabeledError, match="holds no checkpoint"):
        SkipGram(**QUICK, checkpoint=str(tmp_path / "none")).fit(corpus, resume=True)
    with pytest.raises(UnlabeledError, match="set checkpoint"):
        SkipGram(**QUICK).fit(corpus, resume=True)


def test_workers_progress_and_folders_do_not_make_another_run(corpus, tmp_path):
    SkipGram(**QUICK, checkpoint=str(tmp_path), workers=1).fit(corpus)
    again = SkipGram(**(QUICK | {"progress": None}), checkpoint=str(tmp_path), workers=2, cache=tmp_path / "c")
    again.fit(corpus, resume=True)


def test_a_loss_that_is_no_number_ends_the_run(corpus):
    with pytest.raises(UnlabeledError, match="lower the learning rate"), np.errstate(all="ignore"):
        SkipGram(**QUICK, learning_rate=1e30, epochs=3, workers=1).fit(corpus)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e44])
def test_a_loss_beyond_all_bounds_is_no_result(loss):
    assert checked(20.0, 7) == 20.0
    with pytest.raises(UnlabeledError, match="after 1,000 words; lower the learning rate"):
        checked(loss, 1000)


def test_too_few_sentences_to_hold_any_out_are_refused(corpus):
    with pytest.raises(UnlabeledError, match="the text has only 2"):
        SkipGram(**QUICK, held_out=0.01).fit([["a", "b"], ["b", "a"]])


def test_progress_shows_loss_and_speed(corpus, capsys):
    SkipGram(**(QUICK | {"progress": True}), epochs=1).fit(corpus)
    shown = capsys.readouterr().err
    assert "SkipGram" in shown
    assert re.search(r"loss [\d.]+  [\d,]+ words/s  learning rate 0\.0001", shown)


@pytest.mark.parametrize("method", [SkipGram, CBOW, GloVe])
def test_a_text_in_which_no_word_has_a_neighbour_is_refused(method: Any) -> None:
    words = ["the", "king", "sat", "on", "the", "throne", "and", "the", "frog", "sat", "by", "the", "pond"]
    for text in (words * 20, [[word] for word in words], Corpus.encode(words)):
        with pytest.raises(UnlabeledError, match=r"no sentence .* has two words.*give a list of such lists"):
            method(dim=4, min_count=1).fit(text)
    with pytest.raises(UnlabeledError, match="no sentence of the 4 has two words"):
        method(dim=4, min_count=2).fit([["a", "rare"], ["b", "seldom"], ["b"], ["a"]])


def test_subsampling_that_leaves_nothing_is_told_and_the_loss_is_that_of_an_untrained_model() -> None:
    with pytest.warns(UserWarning, match="next to nothing is learnt: subsample=1e-09"):
        model = SkipGram(dim=4, min_count=1, subsample=1e-9, random_state=0).fit([["a", "b"]] * 20)
    assert not model.context_vectors_.any()
    # Six sigmoids of 0; a negative that is the word itself counts for nothing, and one half of them is.
    assert model.history_[-1]["loss"] == pytest.approx((1 + 5 / 2) * np.log(2), rel=0.3)


def test_the_settings_of_a_method_hold_for_a_corpus_too() -> None:
    corpus = Corpus.encode([["a", "b", "a", "b", "rare"]] * 2 + [["c", "a"]])
    model = SkipGram(dim=4, min_count=2, max_vocab=2, subsample=None, random_state=0).fit(corpus)
    assert model.vectors_.words == ("a", "b")
    assert corpus.vocabulary.words == ["a", "b", "rare", "c"]


@pytest.mark.parametrize("loss", ["negative", "hierarchical", "full"])
def test_training_goes_on_from_given_vectors_with_a_larger_vocabulary(loss: str, tmp_path: Any) -> None:
    settings = {"dim": 4, "min_count": 1, "subsample": None, "loss": loss, "random_state": 0, "progress": False}
    first = SkipGram(**settings).fit([["a", "b", "c"], ["b", "a", "old"]] * 20)
    # With steps of next to nothing, what is learnt is what was given.
    still = {"learning_rate": 1e-12, "min_learning_rate": 1e-12, "epochs": 1}
    text = [["a", "b", "new"], ["new", "b", "b"]] * 20
    first.save(tmp_path / "model")
    first.vectors_.save(tmp_path / "v.vec")
    for initial in (first, first.vectors_, tmp_path / "model", str(tmp_path / "v.vec")):
        second = SkipGram(**settings, **still, initial=initial).fit(text)
        assert set(second.vectors_.words) == {"a", "b", "c", "new", "old"}
        assert np.allclose(second.vectors_[["a", "b", "c", "old"]], first.vectors_[["a", "b", "c", "old"]], atol=1e-6)
        assert second.vocabulary_.counts.tolist() == [60, 40, 20, 0, 0]
    if loss != "hierarchical":
        gone_on = SkipGram(**settings, **still, initial=first).fit(text)
        for word in "ab":
            mine, theirs = (model.context_vectors_[model.vocabulary_[word]] for model in (gone_on, first))
            assert np.allclose(mine, theirs, atol=1e-6)
    second.save(tmp_path / "second")
    loaded = SkipGram.load(tmp_path / "second")
    assert np.array_equal(loaded.vectors_.vectors, second.vectors_.vectors)
    assert loaded.vocabulary_ == second.vocabulary_
    trained = SkipGram(**settings, initial=first).fit(text)
    assert not np.allclose(trained.vectors_["a"], first.vectors_["a"])
    assert np.array_equal(trained.vectors_["old"], first.vectors_["old"])


def test_initial_vectors_must_fit(corpus: Any) -> None:
    vectors = WordVectors(["w0", "w1"], np.eye(2))
    with pytest.raises(UnlabeledError, match="dim=16, but the initial vectors have 2 numbers"):
        SkipGram(**QUICK, initial=vectors).fit(corpus)
    with pytest.raises(UnlabeledError, match="no word of the text is among the initial vectors"):
        SkipGram(**QUICK | {"dim": 2}, initial=WordVectors(["x"], [[1, 2]])).fit(corpus)
    with pytest.raises(UnlabeledError, match="leave out subwords"):
        SkipGram(**QUICK, initial=vectors, subwords=(3, 6)).fit(corpus)
    with pytest.raises(UnlabeledError, match="give word vectors"):
        SkipGram(**QUICK, initial=3).fit(corpus)
