"""GloVe, the estimator: it learns, its settings mean what they say, and it goes on where it was stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import unlabeled
from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.counting import tiling
from unlabeled.methods.words.counting.cooccurrence import cooccurrence
from unlabeled.methods.words.glove import GloVe
from unlabeled.training.control.progress import ProgressBar

QUIET = {"min_count": 1, "progress": False, "random_state": 0}
TOY = [sentence.split() for sentence in ("I like deep learning .", "I like NLP .", "I enjoy flying .")]


def text(sentences: int = 400, words: int = 300, seed: int = 0) -> list[list[str]]:
    """Make sentences that each have a topic: every second word or so ends with the same digit, the others are any."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(sentences):
        any_word = rng.integers(0, words, 20)
        ids = np.where(rng.random(20) < 0.5, any_word, any_word // 10 * 10 + rng.integers(10))
        made.append([f"w{i}" for i in ids])
    return made


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiling, "ENOUGH", 40)
    monkeypatch.setattr(tiling, "STRIP", 1 << 11)


def test_the_cost_falls_and_related_words_come_together():
    model = GloVe(dim=10, window=5, x_max=10, epochs=25, **QUIET).fit(text(4000, 100))
    costs = [entry["loss"] for entry in model.history_]
    assert [entry["epoch"] for entry in model.history_] == list(range(1, 26))
    assert all(later < earlier for earlier, later in pairwise(costs))
    assert costs[-1] < costs[0] / 3
    assert model.cost_ == costs[-1]
    vectors = model.transform([f"w{i}" for i in range(100)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines, topic = vectors @ vectors.T, np.arange(100) % 10
    same = topic[:, None] == topic
    assert cosines[same & ~np.eye(100, dtype=bool)].mean() > cosines[~same].mean() + 0.3


def test_the_cost_is_the_mean_of_the_weighted_squares():
    """With a learning rate so small that nothing moves, the cost is ½ mean f d² of where vectors begin."""
    corpus = Corpus.encode(text(100))
    model = GloVe(dim=10, epochs=1, x_max=5, learning_rate=1e-9, **QUIET).fit(corpus)
    X = cooccurrence(corpus).tocoo()
    i, j = X.row, X.col
    products = np.einsum("nd,nd->n", model.word_vectors_[i], model.context_vectors_[j])
    differences = products + model.word_biases_[i] + model.context_biases_[j] - np.log(X.data)
    expected = np.mean(0.5 * np.minimum(1, (X.data / 5) ** 0.75) * differences**2)
    assert model.cost_ == pytest.approx(expected, rel=1e-5)


def test_alpha_zero_is_the_unweighted_form():
    unweighted = GloVe(dim=8, epochs=3, alpha=0, x_max=100, **QUIET).fit(TOY)
    # f is also 1 everywhere if x_max is below every count.
    same = GloVe(dim=8, epochs=3, alpha=0.75, x_max=1e-6, **QUIET).fit(TOY)
    assert np.array_equal(unweighted.vectors_.vectors, same.vectors_.vectors)
    assert unweighted.cost_ == same.cost_
    weighted = GloVe(dim=8, epochs=3, alpha=0.75, x_max=100, **QUIET).fit(TOY)
    assert weighted.cost_ < unweighted.cost_


def test_the_outputs_are_w_its_partner_and_their_sum():
    models = {
        output: GloVe(dim=8, epochs=2, output=output, **QUIET).fit(TOY) for output in ("sum", "words", "contexts")
    }
    w, c = models["sum"].word_vectors_, models["sum"].context_vectors_
    assert np.array_equal(models["words"].vectors_.vectors, w)
    assert np.array_equal(models["contexts"].vectors_.vectors, c)
    assert np.array_equal(models["sum"].vectors_.vectors, w + c)
    assert not np.array_equal(w, c)


def test_the_result_does_not_depend_on_the_number_of_threads(small_tiles):
    sentences = text()
    models = [GloVe(dim=12, epochs=3, workers=n, **QUIET).fit(sentences) for n in (1, 2, 5)]
    for model in models[1:]:
        assert np.array_equal(model.vectors_.vectors, models[0].vectors_.vectors)
        assert model.history_ == models[0].history_
    again = GloVe(dim=12, epochs=3, **{**QUIET, "random_state": 1}).fit(sentences)
    assert not np.array_equal(again.vectors_.vectors, models[0].vectors_.vectors)


@pytest.fixture
def ctrl_c(monkeypatch):
    """Press Ctrl-C after the given number of rounds."""

    def press(rounds: int) -> None:
        advance = ProgressBar.advance

        def pressed(bar: ProgressBar, step: int) -> None:
            advance(bar, step)
            if step == rounds:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(ProgressBar, "advance", pressed)

    return press


def test_interrupted_and_resumed_it_is_the_same_run(tmp_path, small_tiles, ctrl_c):
    options = {"dim": 10, "epochs": 4, "x_max": 10, **QUIET}
    corpus = Corpus.encode(text(600))
    whole = GloVe(**options).fit(corpus)
    rounds = whole.history_[0]["step"]
    assert rounds > 10
    model = GloVe(**options, checkpoint=str(tmp_path))
    for number, stop in enumerate([3, rounds, 2 * rounds + 5]):  # within an epoch, at the end of one, within another
        ctrl_c(stop)
        with pytest.raises(KeyboardInterrupt, match=rf"stopped after {stop / rounds:.1f} of 4 epochs; saved in"):
            model.fit(corpus, resume=number > 0)
        assert len(model.history_) == stop // rounds
        assert model.vectors_.vectors.shape[1] == 10
    model.fit(corpus, resume=True)
    assert np.array_equal(model.vectors_.vectors, whole.vectors_.vectors)
    assert model.history_ == whole.history_


def test_an_interrupt_without_a_checkpoint_keeps_what_was_learnt(small_tiles, ctrl_c):
    ctrl_c(5)
    model = GloVe(dim=10, epochs=2, **QUIET)
    with pytest.raises(KeyboardInterrupt, match="keeps what it has learnt"):
        model.fit(text(600))
    assert np.isfinite(model.transform(["w1", "w2"])).all()
    assert model.history_ == []


def test_a_finished_run_can_be_given_more_epochs(tmp_path):
    longer = GloVe(dim=10, epochs=5, **QUIET).fit(text())
    GloVe(dim=10, epochs=2, checkpoint=tmp_path, **QUIET).fit(text())
    resumed = GloVe(dim=10, epochs=5, checkpoint=str(tmp_path), **QUIET).fit(text(), resume=True)
    assert np.array_equal(resumed.vectors_.vectors, longer.vectors_.vectors)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"x_max": 7.0}, "x_max was 100.0 and is now 7.0"), ({"dim": 11}, "dim was 10 and is now 11")],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, says):
    options = {"dim": 10, "epochs": 1, "checkpoint": str(tmp_path), **QUIET}
    GloVe(**options).fit(TOY)
    with pytest.raises(UnlabeledError, match=says):
        GloVe(**{**options, **change}).fit(TOY, resume=True)
    with pytest.raises(UnlabeledError, match="of another run: text was"):
        GloVe(**options).fit(text(), resume=True)
    with pytest.raises(UnlabeledError, match="needs the folder of the checkpoint"):
        GloVe(dim=10, **QUIET).fit(TOY, resume=True)


def test_a_cost_that_is_no_number_ends_the_run_in_words():
    with pytest.raises(UnlabeledError, match=r"the cost is (nan|inf) in epoch \d+; lower the learning rate"):
        GloVe(dim=10, epochs=20, learning_rate=1e30, **QUIET).fit(TOY)


def test_save_and_load_give_the_same_vectors_bit_for_bit(tmp_path):
    model = GloVe(dim=10, epochs=2, **QUIET).fit(TOY)
    model.save(tmp_path / "model")
    for loaded in (GloVe.load(tmp_path / "model"), unlabeled.load(tmp_path / "model")):
        assert np.array_equal(loaded.transform(["I", "NLP"]), model.transform(["I", "NLP"]))
        for name in ("word_vectors_", "context_vectors_", "word_biases_", "context_biases_"):
            assert np.array_equal(getattr(loaded, name), getattr(model, name))
        assert loaded.history_ == model.history_
        assert loaded.cost_ == model.cost_
        assert loaded.get_params() == model.get_params()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("window", 0, "window must be a whole number of at least 1, got 0"),
        ("epochs", 0, "epochs must be a whole number of at least 1"),
        ("dim", 0, "dim must be a whole number of at least 1"),
        ("x_max", 0, "x_max must be above 0"),
        ("alpha", -1, "alpha must be 0 or more"),
        ("alpha", float("nan"), "alpha must be a number, not nan"),
        ("learning_rate", 0.0, "learning_rate must be above 0"),
        ("weighting", "invers", "did you mean 'inverse'"),
        ("output", "word", "did you mean 'words'"),
        ("memory", "lots", "memory must be a number of bytes"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_words(setting, value, says):
    with pytest.raises(UnlabeledError, match=says):
        GloVe(**{**QUIET, setting: value}).fit(TOY)


@pytest.mark.parametrize("sentences", [[["one", "one"]], [["alone"], ["together"]]])
def test_words_that_never_meet_are_refused_in_words(sentences):
    with pytest.raises(UnlabeledError, match=r"no two different words stand near|no sentence of the 2 has two words"):
        GloVe(**QUIET).fit(sentences)


START = """
import time
from unlabeled.methods.words.glove import GloVe
sentences = [["I", "like", "NLP", "."], ["I", "enjoy", "flying", "."]]
began = time.process_time()
GloVe(dim=100, min_count=1, epochs=1, progress=False).fit(sentences)
print(time.process_time() - began)
"""


@pytest.mark.slow
def test_the_kernels_are_compiled_once_and_then_found_on_disk():
    run = [sys.executable, "-c", START]
    seconds = [float(subprocess.run(run, capture_output=True, text=True, check=True).stdout) for _ in range(4)]
    assert min(seconds[1:]) < 1  # of the processor, after the imports; compiling takes several. The best of three
