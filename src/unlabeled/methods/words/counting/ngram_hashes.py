"""Hashes of the character n-grams of words, as fastText makes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.words.ngrams import hash_ngrams


def ngram_hashes(
    words: Sequence[str], shortest: int, longest: int, buckets: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Hash the runs of `shortest` to `longest` characters of each ``<word>``; those of word w end before ends[w].

    Parameters
    ----------
    words : sequence of str, length n
    shortest, longest : int
        Characters of an n-gram.
    buckets : int
        Hashes are from 0 to below this.

    Returns
    -------
    ends : ndarray of int64, shape (n,)
    hashes : ndarray of uint32
    """
    marked = [f"<{word}>".encode("utf-8", "surrogatepass") for word in words]
    bounds = np.cumsum([0, *map(len, marked)])
    hashes = np.empty(bounds[-1] * (longest - shortest + 1), np.uint32)
    ends = np.empty(len(words), np.int64)
    found = hash_ngrams(np.frombuffer(b"".join(marked), np.uint8), bounds, shortest, longest, ends, hashes)
    return ends, hashes[:found] % np.uint32(buckets)
