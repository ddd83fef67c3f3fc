"""What word tests need beside the vectors: words found whatever their case, and the lines of a test's file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.plain_text import read_plain_text
from unlabeled.methods.words.word_vectors import WordVectors
from unlabeled.search.metric import unit_rows


class Lexicon:
    """The words of some vectors, found whatever their case if wished.

    Where several words differ only in case, the first stands for all of them: by convention the most frequent.

    Parameters
    ----------
    vectors : WordVectors
        The vectors.
    ignore_case : bool
        Whether "Paris" and "paris" are one word.
    restrict : int, optional
        Look only among so many words, the first ones.
    """

    def __init__(self, vectors: WordVectors, ignore_case: bool, restrict: int | None = None) -> None:
        self.vectors = vectors
        self._fold = str.casefold if ignore_case else str
        self._rows: dict[str, int] = {}
        for row, word in enumerate(vectors.words[:restrict]):
            self._rows.setdefault(self._fold(word), row)

    def rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Give the row of each word, −1 for an unknown one."""
        return np.array([self._rows.get(self._fold(word), -1) for word in words], np.int64)

    def candidates(self) -> NDArray[np.int64]:
        """Give the rows that stand for a word, in rising order."""
        return np.array(list(self._rows.values()), np.int64)

    def knows(self, word: str) -> bool:
        """Say whether the word has a vector: one of its own, or one that a subword model makes."""
        return self._fold(word) in self._rows or self._spelling(word) in self.vectors

    def _spelling(self, word: str) -> str:
        """Spell a word that has no row such that a subword model finds n-grams in it: in lower case if case is ignored.

        A model whose own words have capitals may know it only as it stands.
        """
        lowered = word.lower() if self._fold is not str else word
        return lowered if lowered in self.vectors or word not in self.vectors else word

    def lookup(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Give the vectors of known words, shape (n, dim)."""
        found = [self._rows.get(self._fold(word)) for word in words]
        known = zip(words, found, strict=True)
        spelled = [self._spelling(word) if row is None else self.vectors.words[row] for word, row in known]
        return self.vectors.lookup(spelled).astype(np.float64)

    def unit_vectors(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Give the vectors of known words at unit length; those of zeros stay."""
        return unit_rows(self.lookup(words), np.float64)


def lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers, without empty ones and comments, which start with ``#``."""
    for number, line in enumerate(read_plain_text(path).split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.rstrip("\r")


def columns(line: str) -> list[str]:
    """Cut a line at its tabs, else its semicolons, else its commas, else its spaces."""
    separator = next((mark for mark in "\t;," if mark in line), None)
    return [column.strip().strip('"') for column in line.split(separator)]
