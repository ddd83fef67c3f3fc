from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from unlabeled.data import Corpus
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words import Phrases, phrases

Sentences = list[list[str]]


def scores(sentences: Sentences, min_count: int, threshold: float) -> dict[tuple[str, str], float]:
    """The equation, pair by pair."""
    words = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(pair for sentence in sentences for pair in pairwise(sentence))
    found = {
        (a, b): (count - min_count) * words.total() / (words[a] * words[b])
        for (a, b), count in pairs.items()
        if words[a] >= min_count and words[b] >= min_count
    }
    return {pair: score for pair, score in found.items() if score > threshold}


def joined(sentences: Sentences, known: Any, delimiter: str = "_") -> Sentences:
    """From left to right, by hand."""
    out = []
    for sentence in sentences:
        left, new = list(sentence), []
        while left:
            if tuple(left[:2]) in known:
                new.append(delimiter.join(left[:2]))
                left = left[2:]
            else:
                new.append(left.pop(0))
        out.append(new)
    return out


sentences = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9), min_size=1, max_size=12)


@settings(deadline=None)
@given(text=sentences, min_count=st.integers(1, 3), threshold=st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_pairs_are_found_and_joined_as_the_equation_says(text: Sentences, min_count: int, threshold: float) -> None:
    model = Phrases(min_count=min_count, threshold=threshold).fit(text)
    wanted = scores(text, min_count, threshold)
    assert model.phrases_.keys() == wanted.keys()
    assert list(model.phrases_.values()) == pytest.approx(sorted(wanted.values(), reverse=True), rel=1e-12)
    by_hand = joined(text, wanted)
    assert [model.join(sentence) for sentence in text] == by_hand
    corpus = model.transform(text)
    assert list(corpus) == by_hand
    plain = Corpus.encode(by_hand)
    assert corpus.vocabulary == plain.vocabulary  # counts, and order of first appearance among equals
    assert np.array_equal(corpus.ids, plain.ids)
    assert corpus.tokens == plain.tokens


def test_small_tables_and_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(0).zipf(1.3, size=(500, 20)) % 300
    text = [[f"w{number}" for number in row] for row in numbers.tolist()]
    whole = Phrases(threshold=1.0, min_count=2).fit(text)
    assert whole.phrases_ == pytest.approx(scores(text, 2, 1.0))
    assert len(whole.phrases_) > 20
    expected = list(whole.transform(text))
    monkeypatch.setattr(phrases, "PAIRS", 50)
    monkeypatch.setattr("unlabeled.data.text.indexing.corpus.BLOCK", 64)
    parts = Phrases(threshold=1.0, min_count=2).fit(text)
    assert parts.phrases_ == whole.phrases_
    assert list(parts.transform(text)) == expected == joined(text, whole.phrases_)


def test_several_passes_make_longer_phrases() -> None:
    text = [["new", "york", "city", "hall"], ["a", "b"], ["c", "d", "e"]] * 5
    corpus = Corpus.encode(text)
    for _ in range(2):
        corpus = Phrases(threshold=1.0, min_count=1).fit(corpus).transform(corpus)
    assert next(iter(corpus)) == ["new_york_city_hall"]


def test_a_phrase_spelt_like_a_word_is_that_word() -> None:
    text = [["new", "york"], ["new_york"]] * 3
    corpus = Phrases(threshold=0.5, min_count=1).fit(text).transform(text)
    assert corpus.vocabulary.words == ["new_york"]
    assert corpus.vocabulary.counts.tolist() == [6]


def test_words_left_out_before_still_count_as_read() -> None:
    text = [["new", "york", "rare"]] + [["new", "york"]] * 5
    corpus = Corpus.encode(text, min_count=2)
    model = Phrases(threshold=0.1, min_count=1).fit(corpus)
    assert model.phrases_ == {("new", "york"): pytest.approx((6 - 1) * 13 / 36)}
    assert model.transform(corpus).tokens == 7


def test_text_without_phrases_is_given_back() -> None:
    corpus = Corpus.encode(["a b", "c d"])
    model = Phrases().fit(corpus)
    assert model.phrases_ == {}
    assert model.transform(corpus) is corpus
    assert model.join(["a", "b"]) == ["a", "b"]
    assert Phrases(min_count=1, threshold=0.1, delimiter="+").fit(["a b"] * 2).join(["a", "b"]) == ["a+b"]


def test_files_are_cut_by_the_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("New York!\n" * 3)
    model = Phrases(threshold=0.1, min_count=1, tokenizer="whitespace").fit(tmp_path / "a.txt")
    assert list(model.phrases_) == [("New", "York!")]
    assert model.transform(str(tmp_path / "a.txt")).vocabulary.words == ["New_York!"]


def test_it_is_an_estimator() -> None:
    model = clone(Phrases(threshold=3.0))
    assert model.get_params()["threshold"] == 3.0
    with pytest.raises(UnlabeledError, match=r"min_count must be a whole number of at least 1, got 0"):
        model.set_params(min_count=0).fit(["a b"])
    with pytest.raises(UnlabeledError, match="there is no text"):
        Phrases().fit([])


@pytest.mark.real_data
def test_phrases_of_real_text(real_data: Path) -> None:
    import pyarrow.parquet as pq

    documents = pq.read_table(real_data / "abc" / "train.parquet")["text"].to_pylist()
    corpus = Corpus.encode(documents)
    model = Phrases(threshold=100.0).fit(corpus)
    for pair in ("united", "states"), ("climate", "change"), ("greenhouse", "gas"), ("prime", "minister"):
        assert pair in model.phrases_
    assert ("of", "the") not in model.phrases_
    again = model.transform(corpus)
    assert again.vocabulary.counts[again.vocabulary["united_states"]] > 5
    assert list(again)[:2000] == [model.join(sentence) for sentence in list(corpus)[:2000]]


def test_phrases_that_were_not_learnt_join_nothing() -> None:
    with pytest.raises(NotFittedError):
        Phrases().join(["new", "york"])


def test_a_sentence_to_join_is_a_list_of_words():
    with pytest.raises(UnlabeledError, match="join takes a list of words"):
        Phrases(threshold=0.1, min_count=1).fit(["new york is", "new york"]).join("new york")


def test_a_tokenizer_of_ones_own_must_be_given_again_to_what_was_loaded(tmp_path: Path) -> None:
    model = Phrases(threshold=0.1, min_count=1, tokenizer=str.split).fit(["New York!"] * 3)
    model.save(tmp_path / "p")
    loaded = Phrases.load(tmp_path / "p")
    with pytest.raises(UnlabeledError, match=r"of your own cut, str\.split, which is not saved"):
        loaded.transform(["New York!"])
    assert list(loaded.transform([["New", "York!"]])) == [["New_York!"]]  # words are not cut again
    loaded.save(tmp_path / "again")
    again = Phrases.load(tmp_path / "again").set_params(tokenizer=str.split)
    assert list(again.transform(["New York!"])) == [["New_York!"]]
