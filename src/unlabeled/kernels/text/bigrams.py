"""The compiled parts of phrase finding: counting pairs of neighbours, and joining them.

A pair of words (a, b) is the number a · 2³² + b.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio, odd: multiplying by it spreads the bits
NOTHING = np.int64(-1)

Ids = NDArray[np.int32]
Integers = NDArray[np.int64]


@compiled
def count_pairs(
    ids: Ids, offsets: Integers, low: int, high: int, frequent: int, pairs: Integers, counts: Integers
) -> None:  # pragma: no cover - compiled
    """Count the pairs of neighbours within sentences whose first word is one of ``low, ..., high - 1``.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
    offsets : ndarray of int64, shape (sentences + 1,)
    low, high : int
    frequent : int
        Pairs whose second word is not below this are passed over.
    pairs, counts : ndarray of int64, shape (m,)
        A hash table of open addressing, full of `NOTHING` and zeros at the start. m is a power of two, greater than
        the number of pairs there may be.
    """
    bits = np.uint64(0)
    while np.uint64(1) << bits < np.uint64(len(pairs)):
        bits += np.uint64(1)
    shift = np.uint64(64) - bits
    mask = np.uint64(len(pairs) - 1)
    for s in range(len(offsets) - 1):
        for i in range(offsets[s], offsets[s + 1] - 1):
            first = np.int64(ids[i])
            second = np.int64(ids[i + 1])
            if first < low or first >= high or second >= frequent:
                continue
            pair = (first << 32) | second
            slot = (np.uint64(pair) * GOLDEN) >> shift
            while pairs[slot] != pair and pairs[slot] != NOTHING:
                slot = (slot + np.uint64(1)) & mask
            pairs[slot] = pair
            counts[slot] += 1


@compiled
def join_pairs(
    ids: Ids, offsets: Integers, starts: Integers, seconds: Ids, words: int, numbers: Ids, out: Ids, ends: Integers
) -> int:  # pragma: no cover - compiled
    """Join pairs of neighbours from left to right; a word that was joined is not joined again.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
    offsets : ndarray of int64, shape (sentences + 1,)
        Of some sentences; the first need not be 0.
    starts, seconds : ndarray of int64 and int32, shapes (words + 1,) and (phrases,)
        Word a forms phrases with the words ``seconds[starts[a] : starts[a + 1]]``, which are in ascending order. The
        number of a phrase is `words` plus its place in `seconds`.
    words : int
        How many words there are besides phrases.
    numbers : ndarray of int32, shape (words + phrases + 1,)
        The number given to each word or phrase by its first appearance, or -1; in the last place how many have one.
        Changed in place.
    out : ndarray of int32
        Receives the sentences with their phrases joined.
    ends : ndarray of int64, shape (sentences,)
        Receives the end of each sentence in `out`.

    Returns
    -------
    int
        How many entries of `out` were written.
    """
    written = 0
    last = len(numbers) - 1
    for s in range(len(offsets) - 1):
        i = offsets[s]
        while i < offsets[s + 1]:
            word = np.int64(ids[i])
            i += 1
            if i < offsets[s + 1]:
                low, high = starts[word], starts[word + 1]
                while low < high:
                    middle = (low + high) // 2
                    if seconds[middle] < ids[i]:
                        low = middle + 1
                    else:
                        high = middle
                if low < starts[word + 1] and seconds[low] == ids[i]:
                    word = words + low
                    i += 1
            if numbers[word] < 0:
                numbers[word] = numbers[last]
                numbers[last] += 1
            out[written] = numbers[word]
            written += 1
        ends[s] = written
    return written
