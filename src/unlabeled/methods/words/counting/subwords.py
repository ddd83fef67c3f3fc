"""Words made of their character n-grams, so that rare words learn from their parts and unseen words have vectors too.

The vector of a word is

    v = (1/√n) Σ z,

over n parts: the word itself, and all runs of 3 to 6 characters (or as set) of the word between ``<`` and ``>``.
FastText takes the mean, 1/n, but then gives each part the whole gradient, as if the factor were not there. With 1/√n it
is in both places, as the gradient wants it, and a step moves v exactly as far as if the word had one vector of its own:
n · (1/√n)² = 1.

N-grams are known by a hash, FNV-1a modulo 2²¹, and have a row for each hash that occurs in the vocabulary. The rows
start at zero.

Training goes through the text in pieces of some hundred words. The vectors of a piece's words are put together, trained
by the same kernel as whole words are, and what each has moved by is given to its parts. Two words of one piece that
share an n-gram learn of each other only after it; nothing else differs from moving the parts at every step.

References
----------
.. [1] Bojanowski, Grave, Joulin & Mikolov, Enriching Word Vectors with Subword Information, TACL 2017.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.words.ngrams import compose, copy_rows, distinct_words, distribute
from unlabeled.methods.words.counting.ngram_hashes import ngram_hashes
from unlabeled.methods.words.counting.unseen_words import BUCKETS, Unseen
from unlabeled.methods.words.prediction.training import Floats, Offsets, Tokens, block_bounds, padded

PIECE = 1000
"""Words of a piece: shorter ones cost time, in longer ones more changes of one n-gram meet only at the end."""

Hashes = NDArray[np.uint32]


@dataclass(frozen=True)
class Subwords:
    """Which rows make up each word of a vocabulary: its own, and those of its n-grams, which follow all words.

    Parameters
    ----------
    shortest, longest : int
        Characters of an n-gram.
    starts : ndarray of int64, shape (words + 1,)
        The rows of word w are ``rows[starts[w]:starts[w + 1]]``.
    rows : ndarray of int32
        Row w itself and then those of the n-grams.
    hashes : ndarray of uint32, shape (n-grams,)
        Of the n-grams, rising: in the order of their rows.
    """

    shortest: int
    longest: int
    starts: Offsets
    rows: Tokens
    hashes: Hashes

    @classmethod
    def of(cls, words: Sequence[str], shortest: int, longest: int) -> Subwords:
        """Cut the words of a vocabulary into n-grams."""
        ends, hashes = ngram_hashes(words, shortest, longest, BUCKETS)
        distinct, ranks = np.unique(hashes, return_inverse=True)
        starts = np.concatenate(([0], ends + np.arange(1, len(words) + 1)))
        rows, own = np.empty(starts[-1], np.int32), np.zeros(starts[-1], bool)
        own[starts[:-1]] = True
        rows[own], rows[~own] = np.arange(len(words)), len(words) + ranks
        return cls(shortest, longest, starts, rows, distinct)

    def extended(self, vectors: Floats) -> Floats:
        """Add rows of zeros for the n-grams."""
        matrix = padded(len(vectors) + len(self.hashes), vectors.shape[1])
        matrix[: len(vectors)] = vectors
        return matrix

    def composed(self, matrix: Floats) -> Floats:
        """Put the vectors of all words together."""
        vectors = padded(len(self.starts) - 1, matrix.shape[1])
        compose(matrix, np.arange(len(vectors), dtype=np.int32), self.starts, self.rows, vectors)
        return vectors

    def unseen(self, matrix: Floats, dim: int) -> Unseen:
        """Give what makes vectors of words outside the vocabulary."""
        return Unseen(self.shortest, self.longest, self.hashes, matrix[len(self.starts) - 1 :, :dim].copy())

    def wrapped(self, kernel: Callable[..., int]) -> Callable[..., int]:
        """Make of a kernel that trains the vectors of words one that trains those of their parts."""

        own = threading.local()  # each thread puts words together in a matrix of its own

        def train(
            tokens: Tokens, sentences: Offsets, inputs: Floats, outputs: Floats, tables: Any, window: int, rate: Any,
            state: Any,
        ) -> int:  # fmt: skip
            if not hasattr(own, "vectors"):
                own.vectors = padded(len(self.starts) - 1, inputs.shape[1])
                own.before = padded(PIECE, inputs.shape[1])
                own.met = np.zeros(len(own.vectors), bool)
            bounds = block_bounds(sentences, PIECE)
            for start, end in pairwise(bounds.tolist()):
                piece = tokens[start:end]
                words = distinct_words(piece, own.met)
                compose(inputs, words, self.starts, self.rows, own.vectors)
                copy_rows(own.vectors, words, own.before)
                first, last = np.searchsorted(sentences, start, "right") - 1, np.searchsorted(sentences, end)
                offsets = np.clip(sentences[first : last + 1], start, end) - start
                kernel(piece, offsets, own.vectors, outputs, tables, window, rate, state)
                distribute(own.before, own.vectors, words, self.starts, self.rows, inputs)
            return len(tokens)

        return train
