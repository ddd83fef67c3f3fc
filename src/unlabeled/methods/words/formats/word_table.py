"""What every reader fills and returns: words and a table of their vectors, of a size not known before."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError

LONGEST_WORD = 1 << 16  # bytes


class Content(NamedTuple):
    """What a file of word vectors holds."""

    words: list[str]
    vectors: NDArray[Any]
    counts: NDArray[np.int64] | None = None
    oov: Any = "raise"
    """What a look-up of another word does, see `WordVectors`; a function where the file holds a model that can make
    its vector."""


@dataclass(frozen=True)
class Selection:
    """Which words of a file are read, and how they are decoded.

    Parameters
    ----------
    limit : int, optional
        Keep the first so many words, and read no further.
    words : frozenset of str, optional
        Keep these words only.
    errors : {"strict", "replace"}
        What to do about words that are not UTF-8.
    """

    limit: int | None = None
    words: frozenset[str] | None = None
    errors: Literal["strict", "replace"] = "strict"

    def of(self, content: Content) -> Content:
        """Keep the selected rows of what has been read whole."""
        rows = [row for row, word in enumerate(content.words) if self.words is None or word in self.words][: self.limit]
        if len(rows) == len(content.words):
            return content
        counts = None if content.counts is None else content.counts[rows]
        words = [content.words[row] for row in rows]
        return Content(words, content.vectors[rows], counts, content.oov)


class GrowingTable:
    """Words and vectors that come in block by block. Of a word that comes twice, the first vector is kept.

    Memory is reserved for as many rows as are expected and grows by half if there are more. What is reserved and never
    written to costs nothing, so a guess may be generous.

    Parameters
    ----------
    dim : int
        Length of a vector.
    expected : int
        Rows to reserve memory for.
    selection : Selection
        What to keep.
    """

    def __init__(self, dim: int, expected: int, selection: Selection) -> None:
        self.rows: dict[str, int] = {}
        self.read = 0
        self.repeated: list[str] = []
        self._selection = selection
        self._table = np.empty((max(1, min(expected, selection.limit or expected)), dim), np.float32)

    @property
    def full(self) -> bool:
        """Whether no further row can be selected."""
        wanted = self._selection.words
        return len(self.rows) == self._selection.limit or (wanted is not None and len(self.rows) == len(wanted))

    def extend(self, words: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Take in some rows."""
        self.read += len(words)
        chosen: list[int] = []
        for row, word in enumerate(words):
            if self.full:
                break
            if self._selection.words is not None and word not in self._selection.words:
                continue
            if word in self.rows:
                self.repeated.append(word)
            else:
                self.rows[word] = len(self.rows)
                chosen.append(row)
        start, end = len(self.rows) - len(chosen), len(self.rows)
        if end > len(self._table):
            larger = np.empty((max(end, len(self._table) * 3 // 2), self._table.shape[1]), np.float32)
            larger[:start] = self._table[:start]
            self._table = larger
        self._table[start:end] = vectors if len(chosen) == len(words) else vectors[chosen]

    def content(self, path: Path) -> Content:
        """Give what has come in; warn of words that came twice."""
        if self.repeated:
            warnings.warn(
                f"{path}: {len(self.repeated):,} rows repeat a word that was there before, such as "
                f"{self.repeated[0]!r}; the first vector of each word is kept",
                stacklevel=2,
            )
        return Content(list(self.rows), self._table[: len(self.rows)])


def check_words(path: Path, words: Sequence[str], place: str, first: int) -> None:
    """Refuse an empty word.

    Parameters
    ----------
    path : path
        The file.
    words : sequence of str
        Some of its words, in order.
    place : str
        What a row is called in that file: "line" or "row".
    first : int
        The number of the first row.
    """
    if "" in words:
        raise UnlabeledError(f"{path}, {place} {first + list(words).index('')}: there is no word before the numbers")


def decoded(path: Path, place: str, word: bytes, errors: str) -> str:
    """Decode a word; `place` says where in the file it is."""
    try:
        return word.decode("utf-8", errors)
    except UnicodeDecodeError:
        shown = repr(word[:40].decode("utf-8", "backslashreplace"))
        raise UnlabeledError(
            f"{path}, {place}: the word {shown} is not valid UTF-8. The file is of another encoding, or the word was "
            "cut within a character; errors='replace' puts U+FFFD there"
        ) from None
