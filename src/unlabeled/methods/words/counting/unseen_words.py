"""Vectors of words that are not in the vocabulary, made from n-grams that its words have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnknownWordError

BUCKETS = 1 << 21
"""Different hashes of n-grams there can be, and so rows for n-grams at most."""


@dataclass(frozen=True)
class Unseen:
    """Makes the vector of a word that is not in the vocabulary from its n-grams.

    Parameters
    ----------
    shortest, longest : int
        Characters of an n-gram.
    hashes : ndarray of uint32, shape (n-grams,)
        Of the n-grams that have a vector, rising.
    table : ndarray of float32, shape (n-grams, dim)
        Their vectors.
    """

    shortest: int
    longest: int
    hashes: NDArray[np.uint32]
    table: NDArray[np.float32]

    def __call__(self, word: str) -> NDArray[np.float32]:
        """Give the vector.

        Raises
        ------
        UnknownWordError
            If the word has no n-gram that occurs in the vocabulary.
        """
        # Imported here, because it is compiled, and sentence vectors need it for unseen words only.
        from unlabeled.methods.words.counting.ngram_hashes import ngram_hashes

        _, hashes = ngram_hashes([word], self.shortest, self.longest, BUCKETS)
        places = np.searchsorted(self.hashes, hashes)
        inside = places < len(self.hashes)
        known = places[inside][self.hashes[places[inside]] == hashes[inside]]
        if len(known) == 0:
            raise UnknownWordError(f"{word!r} is not in the vocabulary, and has no n-gram in common with its words")
        total: NDArray[np.float32] = self.table[known].sum(axis=0)
        return total / np.float32(np.sqrt(len(known)))
