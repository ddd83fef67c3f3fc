from __future__ import annotations

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.cbow import CBOW
from unlabeled.methods.words.lookup.models import LARGEST_FULL

LOSSES = ["negative", "hierarchical", "full"]
COMMON = {"min_count": 1, "subsample": None, "random_state": 0, "workers": 1, "progress": False}


def two_topics(sentences=600, seed=0):
    """Sentences of words of one of two topics: ten words each, which never meet."""
    rng = np.random.default_rng(seed)
    topics = np.array([[f"{topic}{k}" for k in range(10)] for topic in "ab"])
    return [topics[rng.integers(2)][rng.integers(10, size=8)].tolist() for _ in range(sentences)]


@pytest.mark.parametrize("loss", LOSSES)
def test_words_that_share_contexts_come_together(loss):
    vectors = CBOW(dim=10, loss=loss, epochs=10, **COMMON).fit(two_topics()).vectors_
    for word in vectors.words:
        assert {neighbour.word[0] for neighbour in vectors.most_similar(word, k=9)} == {word[0]}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_falls_and_starts_where_ignorance_does(loss):
    text = two_topics()
    start = {"learning_rate": 1e-9, "min_learning_rate": 1e-9}
    ignorant = CBOW(dim=10, loss=loss, epochs=1, held_out=0.2, **start, **COMMON).fit(text)
    learnt = CBOW(dim=10, loss=loss, epochs=20, held_out=0.2, **COMMON).fit(text)
    counts = ignorant.vocabulary_.counts
    expected = {
        "full": np.log(20),
        "negative": 6 * np.log(2),  # less ln 2 for each of the 5 that is the word itself: one in twenty
        "hierarchical": np.log(2) * 4.4,  # about as many questions as the entropy, log2(20) = 4.3
    }
    assert ignorant.held_out_loss_ == pytest.approx(expected[loss], rel=0.05)
    assert learnt.history_[-1]["loss"] < learnt.history_[0]["loss"]
    # Knowing the topic halves the choice: for the true softmax that is ln 10 and no less.
    assert learnt.held_out_loss_ < 0.9 * ignorant.held_out_loss_
    if loss == "full":
        assert learnt.held_out_loss_ == pytest.approx(np.log(10), rel=0.02)
    assert len(counts) == 20


def test_examples_are_the_means_of_the_windows():
    model = CBOW(window=2, **COMMON)
    model.seed_ = 3
    tokens, sentences = np.array([4, 1, 1, 0, 2, 3, 3], np.int32), np.array([0, 5, 6, 7])
    vectors = np.random.default_rng(0).normal(size=(5, 6))
    means, rows, words = model._examples(vectors, tokens, sentences)
    assert words.tolist() == [4, 1, 1, 0, 2]  # sentences of one word have no context
    radius = np.random.default_rng(3).integers(1, 3, 7)
    for i in range(5):
        context = [j for j in range(5) if 0 < abs(i - j) <= radius[i]]
        np.testing.assert_allclose(means[rows[i]], vectors[tokens[context]].mean(axis=0))


@pytest.mark.parametrize("loss", LOSSES)
def test_deterministic_gives_the_same_bits_for_any_number_of_workers(loss):
    text = two_topics(200)
    settings = COMMON | {"dim": 8, "epochs": 2, "loss": loss}
    once = CBOW(**settings).fit(text)
    many = CBOW(**settings | {"workers": 4}, deterministic=True).fit(text)
    assert np.array_equal(once.vectors_.vectors, many.vectors_.vectors)
    assert np.array_equal(once.context_vectors_, many.context_vectors_)


def test_full_softmax_over_very_many_words_is_refused_with_a_way_out():
    text = [[str(k) for k in range(LARGEST_FULL + 1)]]
    with pytest.raises(UnlabeledError, match=r'20,001 words.*"hierarchical".*max_vocab'):
        CBOW(loss="full", **COMMON).fit(text)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("loss", ["negative", "hierarchical"])
def test_on_real_text_neighbours_make_sense(loss, real_data):
    import pyarrow.parquet as pq

    text = [
        t
        for name in ("brown", "abc", "webtext")
        for t in pq.read_table(real_data / name / "train.parquet")["text"].to_pylist()
    ]
    model = CBOW(dim=48, loss=loss, epochs=5, random_state=0, progress=False).fit(text)
    near = {word for asked in ("monday", "north", "mother") for word in model.vectors_.most_similar(asked, k=15)}
    assert (
        len(
            {"tuesday", "wednesday", "thursday", "friday", "south", "east", "west", "father", "wife", "husband"}
            & {n.word for n in near}
        )
        >= 4
    )
