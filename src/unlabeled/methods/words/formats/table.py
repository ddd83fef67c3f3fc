"""What every reader fills and returns: words and a table of their vectors, of a size not known before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError


class Content(NamedTuple):
    """What a file of word vectors holds."""

    words: list[str]
    vectors: NDArray[Any]
    counts: NDArray[np.int64] | None = None


class GrowingTable:
    """Words and vectors that come in block by block.

    Memory is reserved for as many rows as are expected and grows by half if there are more. What is reserved and never
    written to costs nothing, so a guess may be generous.

    Parameters
    ----------
    dim : int
        Length of a vector.
    expected : int
        Rows to reserve memory for.
    """

    def __init__(self, dim: int, expected: int) -> None:
        self.words: list[str] = []
        self._rows = np.empty((max(1, expected), dim), np.float32)

    def extend(self, words: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Add some rows at the end."""
        start, end = len(self.words), len(self.words) + len(words)
        if end > len(self._rows):
            larger = np.empty((max(end, len(self._rows) * 3 // 2), self._rows.shape[1]), np.float32)
            larger[:start] = self._rows[:start]
            self._rows = larger
        self._rows[start:end] = vectors
        self.words.extend(words)

    def content(self) -> Content:
        """Give what has come in."""
        return Content(self.words, self._rows[: len(self.words)])


def check_words(path: Path, words: Sequence[str], place: str, first: int) -> None:
    """Refuse an empty or a repeated word.

    Parameters
    ----------
    path : path
        The file.
    words : sequence of str
        Its words, in order.
    place : str
        What a row is called in that file: "line" or "row".
    first : int
        The number of the first row.
    """
    if len(set(words)) == len(words) and "" not in words:
        return
    seen: dict[str, int] = {}
    for number, word in enumerate(words, first):
        if not word:
            raise UnlabeledError(f"{path}, {place} {number}: there is no word before the numbers")
        if word in seen:
            raise UnlabeledError(
                f"{path}, {place} {number}: the word {word!r} was already in {place} {seen[word]}; "
                "keep the one that is right"
            )
        seen[word] = number
