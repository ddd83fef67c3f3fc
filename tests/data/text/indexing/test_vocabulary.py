from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.data import Vocabulary
from unlabeled.errors import UnlabeledError


def edit_distance(a: str, b: str) -> int:
    """Optimal string alignment, one entry at a time."""
    table = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


def test_words_have_ids_and_counts() -> None:
    vocabulary = Vocabulary(["the", "frog", "toad"], [12, 5, 5])
    assert [vocabulary[word] for word in vocabulary.words] == [0, 1, 2]
    assert vocabulary.index == {"the": 0, "frog": 1, "toad": 2}
    assert vocabulary.counts.dtype == np.int64
    assert "frog" in vocabulary
    assert "Frog" not in vocabulary
    assert 3 not in vocabulary
    assert len(vocabulary) == 3
    assert repr(vocabulary) == "Vocabulary(3 words: the, frog, toad)"
    assert repr(Vocabulary("abcdef", range(9, 3, -1))) == "Vocabulary(6 words: a, b, c, d, e, ...)"


def test_it_is_equal_to_its_like_and_does_not_change() -> None:
    counts = np.array([3, 2])
    vocabulary = Vocabulary(["a", "b"], counts)
    counts[0] = 9
    assert vocabulary == Vocabulary(["a", "b"], [3, 2])
    assert vocabulary != Vocabulary(["a", "b"], [3, 1])
    assert vocabulary != Vocabulary(["a", "c"], [3, 2])
    assert vocabulary != ["a", "b"]
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.counts[0] = 1


@pytest.mark.parametrize(
    ("words", "counts", "message"),
    [
        (["a", "b", "a"], [3, 2, 1], "the word 'a' comes twice"),
        (["a", "b"], [1, 2], "must never rise"),
        (["a", "b"], [1, -2], "must not be negative"),
        (["a", "b"], [1], "2 words need as many counts"),
        (["a", 7], [2, 1], r"words are strings, got 7 \(int\)"),
        (["a", ""], [2, 1], "an empty string is no word"),
        (["a", "\udc00"], [2, 1], "surrogate"),
    ],
)
def test_what_is_no_vocabulary(words: list[Any], counts: list[int], message: str) -> None:
    with pytest.raises(UnlabeledError, match=message):
        Vocabulary(words, counts)


def test_an_unknown_word_gets_suggestions() -> None:
    vocabulary = Vocabulary(["the", "frog", "fog", "King"], [9, 8, 7, 6])
    with pytest.raises(UnlabeledError, match=r"'forg' is not in the vocabulary; did you mean 'frog' or 'fog'\?$"):
        vocabulary["forg"]
    with pytest.raises(UnlabeledError, match=r"the word 'xylophone' is not in the vocabulary$"):
        vocabulary["xylophone"]
    assert vocabulary.nearest("king") == ["King"]
    assert vocabulary.nearest("frog") == ["fog"]
    assert vocabulary.nearest("forg", k=1) == ["frog"]
    assert vocabulary.nearest("") == []


letters = st.text("abcd", max_size=7)


@settings(deadline=None)
@given(words=st.lists(letters.filter(bool), unique=True, min_size=1, max_size=20), word=letters, k=st.integers(1, 4))
def test_suggestions_are_the_nearest_by_edit_distance(words: list[str], word: str, k: int) -> None:
    farthest = min(3, -(-len(word) // 3))
    ranked = sorted(
        (edit_distance(word, other), other[0] != word[:1], abs(len(other) - len(word)), place)
        for place, other in enumerate(words)
        if other != word
    )
    wanted = [words[place] for distance, _, _, place in ranked if distance <= farthest]
    assert Vocabulary(words, [1] * len(words)).nearest(word, k) == wanted[:k]


def test_long_words_and_other_scripts() -> None:
    vocabulary = Vocabulary(["x" * 1000, "größe", "漢字", "İstanbul"], [4, 3, 2, 1])
    assert vocabulary.nearest("grösse") == ["größe"]
    assert vocabulary.nearest("漢字字") == ["漢字"]
    assert vocabulary.nearest("x" * 999) == []
    assert vocabulary.nearest("istanbul") == ["İstanbul"]
