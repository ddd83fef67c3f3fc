"""Subword vectors: hash n-grams, put the vectors of words together, give the words' changes back to their parts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.simd import L1
from unlabeled.kernels.words.rows.row_operations import add_row, copy_row, prefetch_row, scale_row

Integers = NDArray[np.int64]
Words = NDArray[np.int32]
Vectors = NDArray[np.float32]

OFFSET, PRIME = np.uint32(2166136261), np.uint32(16777619)


@compiled
def hash_ngrams(
    text: NDArray[np.uint8],
    bounds: Integers,
    shortest: int,
    longest: int,
    ends: Integers,
    hashes: NDArray[np.uint32],
) -> int:  # pragma: no cover - compiled
    """Fill `hashes` with those of all n-grams, and `ends` with where each word's end; give their number.

    The hash is the 32-bit FNV-1a of the UTF-8 bytes, each taken as a signed number, as in fastText. A word's first or
    last character alone, which is only its mark, is no n-gram.
    """
    found = 0
    for w in range(len(bounds) - 1):
        start, end = bounds[w], bounds[w + 1]
        for i in range(start, end):
            if text[i] & 0xC0 == 0x80:  # inside a character
                continue
            h, j, length = OFFSET, i, 0
            while j < end and length < longest:
                h = np.uint32((h ^ np.uint32(np.int8(text[j]))) * PRIME)
                j += 1
                if j < end and text[j] & 0xC0 == 0x80:
                    continue
                length += 1
                if length >= shortest and not (length == 1 and (i == start or j == end)):
                    hashes[found] = h
                    found += 1
        ends[w] = found
    return found


@compiled
def distinct_words(tokens: Words, met: NDArray[np.bool_]) -> Words:  # pragma: no cover - compiled
    """List the words of a piece once each; `met`, a place for each word there is, is False before and after."""
    words, count = np.empty_like(tokens), 0
    for word in tokens:
        if not met[word]:
            met[word] = True
            words[count] = word
            count += 1
    met[words[:count]] = False
    return words[:count]


@compiled
def compose(
    matrix: Vectors, words: Words, starts: Integers, rows: Words, vectors: Vectors
) -> None:  # pragma: no cover - compiled
    """Set vectors[w], for each w of `words`, to the sum of the parts of the word over the root of their number."""
    dim = matrix.shape[1]
    for w in words:
        first, last = starts[w], starts[w + 1]
        for k in range(first, last):
            prefetch_row(matrix, rows[k], dim, L1)
        copy_row(vectors, w, matrix, rows[first], dim)
        for k in range(first + 1, last):
            add_row(vectors, w, matrix, rows[k], dim)
        scale_row(vectors, w, np.float32(1 / math.sqrt(last - first)), dim)


@compiled
def copy_rows(vectors: Vectors, words: Words, out: Vectors) -> None:  # pragma: no cover - compiled
    """Set out[i] to vectors[words[i]]."""
    for i in range(len(words)):
        copy_row(out, i, vectors, words[i], vectors.shape[1])


@compiled
def distribute(
    before: Vectors, vectors: Vectors, words: Words, starts: Integers, rows: Words, matrix: Vectors
) -> None:  # pragma: no cover - compiled
    """Give each part of words[i] its share of what vectors[words[i]] has moved by since it was before[i].

    The share is ∂v/∂z, one over the root of the number of parts. `before` is used up.
    """
    dim = matrix.shape[1]
    for i in range(len(words)):
        first, last = starts[words[i]], starts[words[i] + 1]
        for k in range(first, last):
            prefetch_row(matrix, rows[k], dim, L1)
        scale_row(before, i, np.float32(-1), dim)
        add_row(before, i, vectors, words[i], dim)
        scale_row(before, i, np.float32(1 / math.sqrt(last - first)), dim)
        for k in range(first, last):
            add_row(matrix, rows[k], before, i, dim)
