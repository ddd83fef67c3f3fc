"""Sentence vectors against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unlabeled
from unlabeled import SentenceVectors, SkipGram, WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.counting.ngram_hashes import ngram_hashes
from unlabeled.methods.words.counting.unseen_words import BUCKETS, Unseen
from unlabeled.methods.words.formats.fasttext_format import MeanOfNgrams

WORDS = ["the", "cat", "dog", "purrs", "barks"]
VECTORS = WordVectors(WORDS, np.random.default_rng(0).normal(size=(5, 3)))
TEXTS = ["The cat purrs.", "the dog barks", "the the cat", "a dog purrs"]


def mean(text: list[str], weights: dict[str, float]) -> Any:
    known = [word for word in text if word in WORDS]
    return sum(weights[word] * VECTORS[word] for word in known) / len(known)


def test_the_mean_is_that_of_the_known_words() -> None:
    found = SentenceVectors(vectors=VECTORS, weighting="mean").fit(TEXTS).transform(TEXTS)
    cut = [text.lower().strip(".").split() for text in TEXTS]
    expected = [mean(text, dict.fromkeys(WORDS, 1.0)) for text in cut]
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-6)  # float32


def test_smooth_inverse_frequency_is_as_its_paper_defines_it() -> None:
    found = SentenceVectors(vectors=VECTORS, smoothing=0.01).fit(TEXTS).transform(TEXTS)
    cut = [text.lower().strip(".").split() for text in TEXTS]
    every = [word for text in cut for word in text]
    weights = {word: 0.01 / (0.01 + every.count(word) / len(every)) for word in WORDS}
    means = np.array([mean(text, weights) for text in cut])
    # The first singular vector is the direction of the largest squared projections, found by power iteration.
    u = np.ones(3)
    for _ in range(1000):
        u = means.T @ (means @ u)
        u /= np.linalg.norm(u)
    assert np.allclose(found, means - np.outer(means @ u, u), atol=1e-6)
    assert np.allclose(found @ u, 0, atol=1e-6)


def test_a_text_does_not_depend_on_the_others() -> None:
    model = SentenceVectors(vectors=VECTORS).fit(TEXTS)
    alone = np.concatenate([model.transform([text]) for text in TEXTS])
    assert np.array_equal(alone, model.transform(TEXTS))


def test_a_text_without_known_words_is_zeros_and_told() -> None:
    model = SentenceVectors(vectors=VECTORS).fit(TEXTS)
    with pytest.warns(UserWarning, match="1 of 2 texts have no word with a vector"):
        found = model.transform(["nothing known", "the cat"])
    assert not found[0].any()
    assert found[1].any()


def test_what_was_saved_gives_the_same_vectors(tmp_path: Any) -> None:
    for weighting in ("sif", "mean"):
        model = SentenceVectors(vectors=VECTORS, weighting=weighting).fit(TEXTS)
        model.save(tmp_path / weighting)
        loaded = unlabeled.load(tmp_path / weighting)
        assert np.array_equal(loaded.transform(TEXTS), model.transform(TEXTS))
        assert (loaded.weighting, loaded.shares_) == (weighting, model.shares_)


def test_vectors_may_be_a_path_or_a_fitted_method(tmp_path: Any) -> None:
    VECTORS.save(tmp_path / "v.vec")
    expected = SentenceVectors(vectors=VECTORS).fit_transform(TEXTS)
    assert np.array_equal(SentenceVectors(vectors=str(tmp_path / "v.vec")).fit_transform(TEXTS), expected)
    words = SkipGram(dim=4, min_count=1, tokenizer="whitespace", subsample=None, random_state=0, progress=False)
    words.fit(TEXTS * 10).save(tmp_path / "model")
    by_method = make_pipeline(SentenceVectors(vectors=words), StandardScaler()).fit_transform(TEXTS)
    by_folder = make_pipeline(SentenceVectors(vectors=tmp_path / "model"), StandardScaler()).fit_transform(TEXTS)
    assert np.array_equal(by_method, by_folder)
    assert "purrs." in SentenceVectors(vectors=words).fit(TEXTS).shares_  # cut as for the vectors


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"vectors": None}, "give word vectors"),
        ({"vectors": 3}, "give word vectors"),
        ({"weighting": "tf"}, "unknown weighting 'tf'"),
        ({"smoothing": 0}, "smoothing must be above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UnlabeledError, match=says):
        SentenceVectors(**{"vectors": VECTORS} | settings).fit(TEXTS)


def test_texts_of_other_words_are_refused() -> None:
    with pytest.warns(UserWarning, match="2 of 2"), pytest.raises(UnlabeledError, match="no word of the texts"):
        SentenceVectors(vectors=VECTORS).fit(["quite others", "and none"])


def test_a_word_method_averages_texts_and_looks_up_words() -> None:
    model = SkipGram(dim=4, min_count=1, subsample=None, random_state=0, progress=False).fit(TEXTS * 10)
    found = model.transform(["cat", "The cat purrs, newt!"])
    assert np.array_equal(found[0], model.vectors_["cat"])
    assert np.allclose(found[1], model.vectors_[["the", "cat", "purrs"]].mean(axis=0), atol=1e-6)
    with pytest.raises(KeyError):
        model.transform(["newt"])
    with pytest.warns(UserWarning, match="1 of 1 texts"):
        assert not model.transform(["newts swim"]).any()


def test_a_word_method_joins_the_phrases_of_its_training(tmp_path: Any) -> None:
    texts = ["new york is big", "i like new york", "it is new", "big york"] * 5
    phrases = unlabeled.Phrases(threshold=1.1, min_count=1).fit(texts)
    assert ("new", "york") in phrases.phrases_
    settings = {"dim": 4, "min_count": 1, "subsample": None, "random_state": 0, "progress": False}
    model = SkipGram(**settings).fit(phrases.transform(texts))
    model.phrases_ = (phrases,)
    model.save(tmp_path / "model")
    loaded = unlabeled.load(tmp_path / "model")
    for one in (model, loaded):
        assert np.allclose(one.transform(["New York!"]), one.vectors_["new_york"], atol=1e-6)
    phrases.save(tmp_path / "phrases")
    assert unlabeled.load(tmp_path / "phrases").phrases_ == phrases.phrases_
    assert loaded.phrases_[0].phrases_ == phrases.phrases_


def test_a_tokenizer_of_ones_own_must_be_given_again_to_what_was_loaded(tmp_path: Any) -> None:
    model = SentenceVectors(vectors=VECTORS, tokenizer=str.split).fit(TEXTS)
    model.save(tmp_path / "own")
    loaded = unlabeled.load(tmp_path / "own")
    with pytest.raises(UnlabeledError, match=r"of your own cut, str\.split, which is not saved"):
        loaded.transform(TEXTS)
    loaded.save(tmp_path / "again")
    loaded = unlabeled.load(tmp_path / "again").set_params(tokenizer=str.split)
    assert np.array_equal(loaded.transform(TEXTS), model.transform(TEXTS))
    loaded.save(tmp_path / "third")


HASHES = np.unique(ngram_hashes(WORDS, 2, 3, BUCKETS)[1])
ROWS = np.random.default_rng(1).normal(size=(len(WORDS) + 50, 3)).astype(np.float32)
SUBWORDS = {
    "of this library": Unseen(2, 3, HASHES, ROWS[: len(HASHES)]),
    "of fastText": MeanOfNgrams(ROWS, len(WORDS), 2, 3),
}


@pytest.mark.parametrize("unit_length", [False, True])
@pytest.mark.parametrize("kind", SUBWORDS)
def test_vectors_of_unseen_words_are_the_same_after_saving(kind: str, unit_length: bool, tmp_path: Any) -> None:
    vectors = WordVectors(WORDS, VECTORS.vectors, oov=SUBWORDS[kind])
    model = SentenceVectors(vectors=vectors.normalised() if unit_length else vectors).fit(TEXTS)
    unseen = ["cats", "dogs bark", "the purring"]
    expected = model.transform(unseen)
    assert expected.any(axis=1).all()
    model.save(tmp_path / "once")
    unlabeled.load(tmp_path / "once").save(tmp_path / "twice")
    for folder in ("once", "twice"):
        assert np.array_equal(unlabeled.load(tmp_path / folder).transform(unseen), expected)


def test_a_function_of_ones_own_for_unseen_words_is_not_saved(tmp_path: Any) -> None:
    model = SentenceVectors(vectors=WordVectors(WORDS, VECTORS.vectors, oov=lambda word: [1, 2, 3])).fit(TEXTS)
    assert model.transform(["cats"]).any()
    model.save(tmp_path / "model")
    with pytest.warns(UserWarning, match="1 of 1 texts have no word with a vector"):
        assert not unlabeled.load(tmp_path / "model").transform(["cats"]).any()


def test_a_clone_keeps_the_fitted_vectors() -> None:
    fitted = SkipGram(dim=4, min_count=1, epochs=1, random_state=0).fit(TEXTS * 4)
    model = SentenceVectors(vectors=fitted, smoothing=0.1)
    copied = clone(model)
    assert copied is not model
    assert copied.get_params(deep=False) == model.get_params(deep=False)
    assert np.array_equal(copied.fit(TEXTS).transform(TEXTS), model.fit(TEXTS).transform(TEXTS))
    search = GridSearchCV(
        make_pipeline(SentenceVectors(vectors=fitted), LogisticRegression()),
        {"sentencevectors__smoothing": [1e-3, 1.0]},
        cv=2,
        error_score="raise",
    )
    assert search.fit(TEXTS * 2, [0, 1] * 4).predict(TEXTS).shape == (4,)
