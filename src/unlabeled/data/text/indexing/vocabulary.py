"""The words of a corpus, most frequent first, and what a misspelt one may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnknownWordError, UnlabeledError


class Vocabulary:
    """Words with how often each was seen; a word's place in it is its id. Immutable.

    Parameters
    ----------
    words : iterable of str, length n
        Distinct words, in the order of their ids. `Corpus.encode` sorts them by falling count, and words of equal
        count by first appearance.
    counts : array-like of int, shape (n,)
        How often each was seen; never rising.

    Attributes
    ----------
    words : list of str
    counts : ndarray of int64, shape (n,)
    index : dict of str to int
        The id of each word.

    Raises
    ------
    UnlabeledError
        If a word comes twice, is empty or no string, or if there is not one count for each word in falling order.

    Examples
    --------
    >>> vocabulary = Vocabulary(["the", "frog", "toad"], [12, 5, 3])
    >>> vocabulary["frog"], "newt" in vocabulary, len(vocabulary)
    (1, False, 3)
    >>> vocabulary["forg"]
    Traceback (most recent call last):
    ...
    unlabeled.errors.UnknownWordError: the word 'forg' is not in the vocabulary; did you mean 'frog'?
    """

    def __init__(self, words: Iterable[str], counts: ArrayLike) -> None:
        self.words = list(words)
        check_words(self.words)
        self.counts: NDArray[np.int64] = np.array(counts, dtype=np.int64)
        self.counts.flags.writeable = False
        if self.counts.shape != (len(self.words),):
            raise UnlabeledError(f"{len(self.words)} words need as many counts, got an array of {self.counts.shape}")
        if np.any(self.counts[1:] > self.counts[:-1]) or np.any(self.counts < 0):
            raise UnlabeledError("the counts of a vocabulary must not be negative and must never rise")
        self.index = dict(zip(self.words, range(len(self.words)), strict=True))
        if len(self.index) != len(self.words):
            twice = next(word for id, word in enumerate(self.words) if self.index[word] != id)
            raise UnlabeledError(f"the word {twice!r} comes twice in the vocabulary")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> int:
        try:
            return self.index[word]
        except KeyError:
            raise UnknownWordError(f"the word {word!r} is not in the vocabulary", lambda: self.nearest(word)) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.words == other.words and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]  # how Python says that equal objects need not hash equally

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} words: {', '.join(self.words[:5])}{', ...' * (len(self) > 5)})"

    def nearest(self, word: str, k: int = 3) -> list[str]:
        """Suggest words of the vocabulary for one that is misspelt.

        Those at the least edit distance come first: insertions, deletions, substitutions and exchanges of neighbouring
        letters each count 1, case does not count. Among equals come first those with the same first letter, then those
        nearer in length, then the more frequent. Words further away than a third of the letters, rounded up, or than
        3 are never suggested.

        Parameters
        ----------
        word : str
        k : int, default 3
            At most so many.

        Examples
        --------
        >>> Vocabulary(["for", "frog", "fog"], [12, 5, 3]).nearest("forg")
        ['frog', 'for', 'fog']
        """
        letters = word.lower()
        farthest = min(-(-len(letters) // 3), _FARTHEST)
        found: list[tuple[int, bool, int, int]] = []
        for length, (ids, spellings) in self._by_length.items():
            apart = abs(length - len(letters))
            if apart <= farthest:
                distances = _edit_distances(letters, spellings)
                for i in np.flatnonzero(distances <= farthest).tolist():
                    other_start = length > 0 and chr(spellings[0, i]) != letters[0]
                    found.append((int(distances[i]), other_start, apart, int(ids[i])))
        return [self.words[id] for *_, id in sorted(found) if self.words[id] != word][:k]

    @cached_property
    def _by_length(self) -> dict[int, tuple[NDArray[np.int64], NDArray[np.uint32]]]:
        """Group the words by their number of letters: ids, and letters as a table of one column a word."""
        lowered = [word.lower() for word in self.words]
        lengths = np.array([len(word) for word in lowered], dtype=np.int64)
        groups = {}
        for length in np.unique(lengths[lengths <= _LONGEST]).tolist():
            ids = np.flatnonzero(lengths == length)
            text = "".join([lowered[id] for id in ids.tolist()]).encode("utf-32-le")
            table = np.frombuffer(text, dtype=np.uint32).reshape(len(ids), length)
            groups[length] = (ids, np.ascontiguousarray(table.T))
        return groups


_FARTHEST = 3  # a word with more mistakes than this is another word
_LONGEST = 40  # letters; what is longer is an address or a formula, for which nobody wants suggestions


def check_words(words: Sequence[str]) -> None:
    """Refuse what cannot be words of a vocabulary."""
    try:  # all at once, which is quick; one by one only to find out which it is
        "".join(words).encode()
        if "" not in words:
            return
    except (TypeError, UnicodeEncodeError):
        pass
    for word in words:
        check_word(word)


def check_word(word: object) -> None:
    """Refuse what cannot be a word."""
    if not isinstance(word, str):
        raise UnlabeledError(f"words are strings, got {word!r:.60} ({type(word).__name__})")
    if not word:
        raise UnlabeledError("an empty string is no word; text.split() gives none, unlike text.split(' ')")
    try:
        word.encode()
    except UnicodeEncodeError:
        raise UnlabeledError(f"the word {word!r:.60} holds a surrogate, which is no character") from None


def _edit_distances(word: str, spellings: NDArray[np.uint32]) -> NDArray[np.int16]:
    """Measure the edit distance of `word` from many words of one length at once, one column each.

    The usual table of prefixes, D[i, j] = min(D[i-1, j] + 1, D[i, j-1] + 1, D[i-1, j-1] + (a_i ≠ b_j)), and
    D[i-2, j-2] + 1 where two neighbouring letters are exchanged; each entry is an array over the words.
    """
    length, words = spellings.shape
    before: list[NDArray[np.int16]] = []
    above = [np.full(words, j, dtype=np.int16) for j in range(length + 1)]
    codes = [ord(letter) for letter in word]
    for i, code in enumerate(codes):
        row = [np.full(words, i + 1, dtype=np.int16)]
        for j in range(length):
            entry = np.minimum(np.minimum(above[j + 1], row[j]) + 1, above[j] + (spellings[j] != code))
            if i and j:
                exchanged = (spellings[j] == codes[i - 1]) & (spellings[j - 1] == code)
                entry = np.where(exchanged, np.minimum(entry, before[j - 1] + 1), entry)
            row.append(entry.astype(np.int16))
        before, above = above, row
    return above[length]
