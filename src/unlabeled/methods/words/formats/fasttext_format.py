"""Vectors as fastText's own binary model: words, their counts, and a table of rows for words and hashed n-grams.

The vector of a word is the mean of its own row and those of its character n-grams, which share rows by a hash modulo
the number of buckets. The table stays on disk, mapped, since it has millions of rows more than there are words.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnknownWordError, UnlabeledError
from unlabeled.methods.words.formats.word_table import Content, Selection, decoded

MAGIC = (793712314).to_bytes(4, "little")
VERSIONS = (11, 12)
AT_ONCE = 1 << 14  # words put together at a time
END_OF_SENTENCE = "</s>"  # has no n-grams
WORD = 0  # the type of an entry that is no label


class Sizes(NamedTuple):
    """What the header says."""

    dim: int
    buckets: int
    shortest: int
    longest: int
    entries: int
    words: int
    pruned: int


@dataclass(frozen=True)
class MeanOfNgrams:
    """Makes the vector of a word from the rows of its n-grams, as fastText does.

    Parameters
    ----------
    table : array of float32, shape (rows, dim)
        Rows of words, and then those of the buckets.
    words : int
        How many rows are of words.
    shortest, longest : int
        Characters of an n-gram.
    """

    table: NDArray[np.float32]
    words: int
    shortest: int
    longest: int

    def rows(self, words: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give where the n-grams of each word end, and the rows of all."""
        buckets = len(self.table) - self.words
        if not buckets or not self.longest:
            return np.zeros(len(words), np.int64), np.zeros(0, np.int64)
        # Imported here, because it is compiled, and reading vectors of whole words needs no compiler.
        from unlabeled.methods.words.counting.ngram_hashes import ngram_hashes

        ends, hashes = ngram_hashes(words, self.shortest, self.longest, buckets)
        return ends, self.words + hashes.astype(np.int64)

    def __call__(self, word: str) -> NDArray[np.float32]:
        """Give the vector of a word that is not among the model's.

        Raises
        ------
        UnknownWordError
            If the word is too short to have an n-gram.
        """
        _, rows = self.rows([word])
        if not len(rows):
            raise UnknownWordError(f"{word!r} is not in the vocabulary, and is too short to have an n-gram")
        return np.asarray(self.table[rows].mean(axis=0))


def read_fasttext(path: Path, file: IO[bytes], size: int | None, selection: Selection) -> Content:
    """Read a model of fastText, version 0.1 or later.

    Parameters
    ----------
    path : path
        The file.
    file : binary file
        Its content, at its beginning.
    size : int, optional
        Its length in bytes; None if the file is compressed, which cannot be mapped.
    selection : Selection
        Which words to keep. Vectors of other words are still made from n-grams.
    """
    if size is None:
        raise UnlabeledError(f"{path}: a model of fastText is read uncompressed; unpack it first")
    try:
        sizes = _header(path, file)
        words, counts = _words(path, file, sizes, selection.errors)
        if sizes.pruned > 0 or file.read(1) != b"\0":
            raise UnlabeledError(f"{path} is a quantised model of fastText (.ftz), which is not read")
        rows, dim = struct.unpack("<qq", file.read(16))
    except struct.error:
        raise UnlabeledError(f"{path} is a model of fastText that was cut short") from None
    start = file.tell()
    if dim != sizes.dim or len(words) != sizes.words or not sizes.words <= rows or start + 4 * rows * dim > size:
        raise UnlabeledError(f"{path} is a model of fastText that was cut short or is damaged")
    table = np.memmap(path, "<f4", "r", start, (rows, dim))
    unseen = MeanOfNgrams(table, sizes.words, sizes.shortest, sizes.longest)
    chosen = selection.of(Content(words, np.arange(len(words)), counts))
    vectors = np.empty((len(chosen.words), dim), np.float32)
    for first in range(0, len(vectors), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        vectors[part] = _composed(unseen, chosen.words[part], chosen.vectors[part])
    return Content(chosen.words, vectors, chosen.counts, unseen if sizes.longest else "raise")


def _header(path: Path, file: IO[bytes]) -> Sizes:
    magic, version, dim, *_ = struct.unpack("<4si3i", file.read(20))
    if magic != MAGIC or version not in VERSIONS:
        raise UnlabeledError(f"{path} is a model of fastText in version {version}, which is not read")
    _, _, _, _, _, buckets, shortest, longest, _ = struct.unpack("<9i", file.read(36))
    file.read(8)  # the threshold of subsampling
    entries, words, _, _, pruned = struct.unpack("<iiiqq", file.read(28))
    if not 0 < dim <= 1 << 20 or not 0 < words <= entries or not 0 <= shortest <= max(longest, 64) <= 64:
        raise UnlabeledError(f"{path} is a model of fastText whose header is damaged")
    return Sizes(dim, buckets, shortest, longest, entries, words, pruned)


def _words(path: Path, file: IO[bytes], sizes: Sizes, errors: str) -> tuple[list[str], NDArray[np.int64]]:
    """Read the entries that are words, which come before labels."""
    words: list[str] = []
    counts: list[int] = []
    data, place = b"", 0
    for entry in range(sizes.entries):
        end = data.find(b"\0", place)
        while end < 0 or end + 10 > len(data):
            more = file.read(1 << 20)
            if not more or len(data) - place > 1 << 21:
                raise UnlabeledError(f"{path} is a model of fastText that was cut short in entry {entry + 1:,}")
            data, place = data[place:] + more, 0
            end = data.find(b"\0")
        count, entry_type = struct.unpack_from("<qb", data, end + 1)
        if entry_type == WORD:
            words.append(decoded(path, f"entry {entry + 1}", data[place:end], errors))
            counts.append(count)
        place = end + 10
    file.seek(place - len(data), 1)
    return words, np.array(counts, np.int64)


def _composed(unseen: MeanOfNgrams, words: list[str], own: NDArray[np.int64]) -> NDArray[Any]:
    """Give the means of the words' own rows and those of their n-grams."""
    ends, rows = unseen.rows(words)
    sums = np.asarray(unseen.table[own], np.float64)
    sizes = np.diff(ends, prepend=0)
    sizes[[word == END_OF_SENTENCE for word in words]] = 0
    place = 0
    for i, end in enumerate(ends.tolist()):
        if sizes[i]:
            sums[i] += unseen.table[rows[place:end]].sum(axis=0, dtype=np.float64)
        place = end
    return np.asarray(sums / (1 + sizes)[:, None])
