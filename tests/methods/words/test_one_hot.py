from __future__ import annotations

import numpy as np
import pytest

from unlabeled import OneHot
from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words import one_hot

SENTENCES = [["to", "be", "or", "not", "to", "be"], ["that", "is", "the", "question"]]


def test_every_word_is_orthogonal_to_every_other():
    vectors = OneHot(min_count=1).fit(SENTENCES).vectors_
    assert vectors.words[:2] == ("to", "be")  # the most frequent first
    assert vectors.counts.tolist() == [2, 2, 1, 1, 1, 1, 1, 1]
    assert (vectors.vectors @ vectors.vectors.T == np.eye(8)).all()
    assert vectors["to"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert vectors.similarity("to", "be") == 0
    assert vectors.most_similar("question", k=2) == [("to", 0), ("be", 0)]


def test_one_word_is_enough():
    assert OneHot(min_count=1).fit([["word", "word"]]).transform(["word"]).tolist() == [[1]]


def test_the_zeros_are_shared():
    words = [[f"w{i}" for i in range(3000)]]
    table = OneHot(min_count=1).fit(words).vectors_.vectors
    assert table.shape == (3000, 3000)
    low, high = np.lib.array_utils.byte_bounds(table)
    assert high - low == 4 * (2 * 3000 - 1)


def test_a_huge_vocabulary_is_refused_unless_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(one_hot, "LIMIT", 5)
    with pytest.raises(UnlabeledError, match=r"8 words are seen at least 1 times.*max_vocab=5"):
        OneHot(min_count=1).fit(SENTENCES)
    assert len(OneHot(min_count=1, max_vocab=7).fit(SENTENCES).vectors_) == 7
    assert len(OneHot(min_count=2).fit(SENTENCES).vectors_) == 2


def test_it_is_saved_and_loaded(tmp_path):
    model = OneHot(min_count=1).fit(SENTENCES)
    model.save(tmp_path / "model")
    loaded = OneHot.load(tmp_path / "model")
    assert loaded.vectors_.words == model.vectors_.words
    assert (loaded.vectors_.vectors == np.eye(8)).all()
    model.vectors_.save(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text().splitlines()[1] == "to 1 0 0 0 0 0 0 0"


def test_a_corpus_that_is_encoded_already():
    corpus = Corpus.encode(SENTENCES)
    assert OneHot(min_count=1).fit(corpus).vectors_.words == tuple(corpus.vocabulary.words)
