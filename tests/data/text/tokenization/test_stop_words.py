from __future__ import annotations

import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from unlabeled.data import tokenize
from unlabeled.data.text.tokenization.stop_words import LANGUAGES, stop_words
from unlabeled.errors import UnlabeledError


def test_english_is_scikit_learns_list_with_contractions() -> None:
    found = stop_words("english", tokenize)
    assert found >= ENGLISH_STOP_WORDS
    assert {"don't", "don’t", "they've", "it's"} <= found
    assert stop_words("EN", tokenize) == found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_list(language: str) -> None:
    assert len(stop_words(language, tokenize)) > 30
    assert stop_words(language, tokenize) == stop_words(LANGUAGES[language], tokenize)


def test_words_are_left_out_as_the_tokenizer_spells_them() -> None:
    assert stop_words(["THE", "e\u0301te\u0301"], tokenize) == {"the", "été"}
    assert stop_words(["THE"], str.split) == {"THE"}
    assert stop_words(None, tokenize) == frozenset()


def test_words_that_the_tokenizer_cuts_are_told() -> None:
    with pytest.warns(UserWarning, match=r"1 of the stop words cannot be left out.*'e-mail' \(e mail\)"):
        assert stop_words(["e-mail", "the"], tokenize) == {"the"}


def test_an_unknown_language_and_what_is_no_word_are_refused() -> None:
    with pytest.raises(UnlabeledError, match=r"unknown language of stop words 'germann'; did you mean 'german'"):
        stop_words("germann", tokenize)
    with pytest.raises(UnlabeledError, match="stop words are strings, got 3"):
        stop_words([3], tokenize)  # type: ignore[list-item]
