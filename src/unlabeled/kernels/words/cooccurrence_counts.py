"""Co-occurrence counting by an inverted index and a dense row of sums, without hashing or sorting.

To count what stands near word i, look up where i stands (the index), and add each neighbour's weight to a dense row of
sums, one for each word of the vocabulary. A word whose sum was zero is noted in a list, so that a row costs time by
what it holds and not by the size of the vocabulary. Every row is counted on its own; threads share nothing.

Weights are whole multiples of one unit, so sums are exact: they do not depend on the order in which they are made, and
so neither on the number of threads nor on how the work was cut to fit into memory.

An entry of the index is one 64-bit number: the place in the corpus, and how many of the window's words before and after
it belong to the same sentence, twelve bits each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.simd import L1, lowest_bit, prefetch

WIDEST = (1 << 12) - 1  # the longest reach of a window that an entry can hold
AHEAD = 16  # entries by which the corpus is prefetched ahead; the places of a rare word lie far apart

Integers = NDArray[np.int64]
Words = NDArray[np.int32]
Bits = NDArray[np.uint64]

u = np.uint64


@compiled
def workspace(vocabulary: int) -> tuple[Integers, Words, Bits, Bits]:  # pragma: no cover - compiled
    """Make the dense row, the list of its nonzeros (with room for one write too many), and two levels of marks."""
    marks = (vocabulary + 63) // 64
    return (
        np.zeros(vocabulary, np.int64),
        np.empty(vocabulary + 1, np.int32),
        np.zeros(marks, np.uint64),
        np.zeros((marks + 63) // 64, np.uint64),
    )


@compiled
def add(row: Integers, touched: Words, n: int, word: np.uint64, weight: int) -> np.int64:  # pragma: no cover - compiled
    """Add to one sum; note the word if it is new, without a branch, and give how many have been noted."""
    before = row[word]
    touched[u(n)] = np.int32(word)
    row[word] = before + weight
    return n + np.int64(before == 0)


@compiled
def emit(
    row: Integers, touched: Words, n: int, marks: Bits, blocks: Bits, columns: Words, sums: Integers, filled: int
) -> None:  # pragma: no cover - compiled
    """Write the nonzeros of a row in rising order of their columns, and make the row zero again.

    Words are put in order by setting one bit for each, in `marks`, and one in `blocks` for each 64 of those, and
    walking through the bits.
    """
    for t in range(u(n)):
        word = u(touched[t])
        marks[word >> u(6)] |= u(1) << (word & u(63))
        blocks[word >> u(12)] |= u(1) << (word >> u(6) & u(63))
    out = u(filled)
    for b in range(u(len(blocks))):
        while blocks[b]:
            m = b << u(6) | lowest_bit(blocks[b])
            bits = marks[m]
            while bits:
                word = m << u(6) | lowest_bit(bits)
                columns[out] = np.int32(word)
                sums[out] = row[word]
                row[word] = 0
                out += u(1)
                bits &= bits - u(1)
            marks[m] = 0
            blocks[b] &= blocks[b] - u(1)


@compiled
def invert(
    ids: Words,
    offsets: Integers,
    begin: int,
    end: int,
    before: int,
    after: int,
    places: Integers,
    entries: Bits,
) -> None:  # pragma: no cover - compiled
    """List where each word stands, by counting sort, for the tokens from `begin` to `end`.

    Parameters
    ----------
    ids : ndarray of int32
        The corpus.
    offsets : ndarray of int64
        Where its sentences begin, from the one that holds `begin` on, and where the last one ends.
    begin, end : int
        The part of the corpus to list. A window may reach beyond it, but not beyond its sentence.
    before, after : int
        Reach of the window.
    places : ndarray of int64, shape (words,)
        Where each word's entries begin in `entries`; on return, where they end.
    entries : ndarray of uint64, shape (end − begin,)
        Filled.
    """
    place, sentence = begin, 0
    while place < end:
        first, behind = offsets[sentence], offsets[sentence + 1]
        sentence += 1
        for p in range(place, min(behind, end)):
            word = ids[p]
            left, right = min(before, p - first), min(after, behind - 1 - p)
            entries[places[word]] = u(p) << u(24) | u(left) << u(12) | u(right)
            places[word] += 1
        place = max(place, min(behind, end))


@compiled
def count(
    ids: Words,
    ends: Integers,
    entries: Bits,
    weights: Integers,
    vocabulary: int,
    columns: Words,
    sums: Integers,
) -> Integers:  # pragma: no cover - compiled
    """Count the neighbours of some consecutive words.

    Parameters
    ----------
    ids : ndarray of int32
        The corpus.
    ends : ndarray of int64, shape (rows + 1,)
        Where the entries of each of the words begin and end: ``entries[ends[r] : ends[r + 1]]`` are those of row r.
    entries : ndarray of uint64
        The index.
    weights : ndarray of int64
        Weight of a neighbour by its distance, in units.
    vocabulary : int
        How many words there are.
    columns, sums : ndarray of int32 and int64
        Filled with the rows one after the other, the columns of a row in rising order; long enough for all of them.

    Returns
    -------
    ndarray of int64, shape (rows,)
        Number of nonzeros in each row.
    """
    row, touched, marks, blocks = workspace(vocabulary)
    lengths = np.empty(len(ends) - 1, np.int64)
    last = ends[len(lengths)] - 1
    filled = 0
    for r in range(len(lengths)):
        n = 0
        for e in range(ends[r], ends[r + 1]):
            prefetch(ids, (np.int64(entries[min(e + AHEAD, last)] >> u(24)),), L1)
            entry = entries[e]
            p = np.int64(entry >> u(24))
            left, right = np.int64(entry >> u(12)) & WIDEST, np.int64(entry) & WIDEST
            for distance in range(1, left + 1):
                n = add(row, touched, n, u(ids[u(p - distance)]), weights[distance])
            for distance in range(1, right + 1):
                n = add(row, touched, n, u(ids[u(p + distance)]), weights[distance])
        emit(row, touched, n, marks, blocks, columns, sums, filled)
        filled += n
        lengths[r] = n
    return lengths


@compiled
def merge(
    bounds: Integers,
    some_columns: Words,
    some_sums: Integers,
    vocabulary: int,
    columns: Words,
    sums: Integers,
) -> Integers:  # pragma: no cover - compiled
    """Add up rows that were counted in several parts of the corpus.

    Parameters
    ----------
    bounds : ndarray of int64, shape (parts, rows + 1)
        Row r of part k is ``some_columns[bounds[k, r] : bounds[k, r + 1]]``, and `some_sums` likewise.

    The rest as in `count`.
    """
    row, touched, marks, blocks = workspace(vocabulary)
    lengths = np.empty(bounds.shape[1] - 1, np.int64)
    filled = 0
    for r in range(len(lengths)):
        n = 0
        for part in range(len(bounds)):
            for e in range(bounds[part, r], bounds[part, r + 1]):
                n = add(row, touched, n, u(some_columns[e]), some_sums[e])
        emit(row, touched, n, marks, blocks, columns, sums, filled)
        filled += n
        lengths[r] = n
    return lengths
