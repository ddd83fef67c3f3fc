from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from unlabeled.data import tokenize
from unlabeled.data.text.tokenizers import BREAK, JOINER, LETTER, NUL, SEPARATOR, kinds_of_characters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The quick, brown FOX.", "the quick brown fox"),
        ("don't 'quote' rock'n'roll dogs' o''o", "don't quote rock'n'roll dogs o o"),
        ("l’été", "l’été"),
        ("e-mail snake_case 3.14 U.S.", "e mail snake_case 3 14 u s"),
        ("हिन्दी किताब", "हिन्दी किताब"),  # vowel signs are marks, which \w would cut at
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian: a zero-width non-joiner within a word
        ("ΟΔΟΣ Σ", "οδος σ"),  # a final sigma, decided word by word
        ("", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    assert tokenize(text) == words.split(" ") if words else tokenize(text) == []


def test_whitespace_is_that_of_python() -> None:
    every = "x".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    assert tokenize(every, "whitespace") == every.split()


def test_the_table_agrees_with_the_database_of_unicode() -> None:
    kinds = kinds_of_characters("words")
    for code in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        letter = category[0] in "LMN" or category == "Pc" or code in (0x200C, 0x200D)
        special = {0: NUL, ord("\n"): BREAK, ord("'"): JOINER, 0x2019: JOINER}
        assert kinds[code] == special.get(code, LETTER if letter else SEPARATOR)


def test_every_word_of_pythons_own_notion_is_within_a_word_of_ours() -> None:
    every = " ".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    assert {word.lower() for word in re.findall(r"\w", every)} <= set(tokenize(every))


def test_a_callable_is_called() -> None:
    assert tokenize("a,b", lambda text: text.split(",")) == ["a", "b"]
