"""Counting which words stand near each other, in bounded memory."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from unlabeled.data.spool import Spool
from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.kernels.words import cooccurrence_counts as kernels
from unlabeled.methods.words.word_embedding import worker_count
from unlabeled.setting_checks import check_whole_number
from unlabeled.training.control.progress import ProgressBar

Weighting = Literal["inverse", "flat"]
Integers = NDArray[np.int64]
Words = NDArray[np.int32]
Block = tuple[Integers, Words, NDArray[Any]]  # of consecutive rows: how long they are, their columns, their values

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
ENTRY = 8  # bytes of an entry of the inverted index
NONZERO = 12  # bytes of a nonzero: its column and its value
WIDE = 1 << 31  # nonzeros that 32 bits cannot number
COUNTS = "the counts of words near each other"


def cooccurrence(
    corpus: Any,
    *,
    window: int = 10,
    symmetric: bool = True,
    weighting: Weighting = "inverse",
    memory: str | int = "1GB",
    workers: int | None = None,
    progress: bool | None = None,
) -> csr_array:
    r"""Count how often word j stands near word i.

    .. math:: X_{ij} = \sum_{s,t:\; w_s = i,\; w_t = j,\; 0 < |s - t| \le \text{window}} \omega(|s - t|)

    where s and t are places in the same sentence, and :math:`\omega(d)` is 1/d or 1. What is left out of the
    vocabulary is taken out of the sentences first, so the words around it move together.

    The counts are exact: they are made in whole multiples of 1/lcm(1, …, window) (from a window of 23 words on, in
    multiples of about 2⁻³²), and rounded once, to float64. They do not depend on `workers` or `memory`.

    Parameters
    ----------
    corpus : Corpus, or what `Corpus.encode` takes
        The text.
    window : int, default 10
        Words on each side that count as near.
    symmetric : bool, default True
        Count the words on both sides of i; otherwise only those to its left.
    weighting : {"inverse", "flat"}, default "inverse"
        Weight of a neighbour at distance d: 1/d, or 1.
    memory : str or int, default "1GB"
        Memory to use, in bytes or as ``"500MB"``. A corpus that needs more is counted in parts, which are kept in
        temporary files and then merged. A large result is mapped from such a file, and so does not count.
    workers : int, optional
        Threads; by default one a processor.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (words, words)
        X, in the order of the vocabulary, its column indices sorted.

    Raises
    ------
    UnlabeledError
        If the text or a setting is not usable.

    References
    ----------
    .. [1] Pennington, Socher & Manning, GloVe: Global Vectors for Word Representation, EMNLP 2014.

    Examples
    --------
    >>> X = cooccurrence([["I", "like", "NLP", "."], ["I", "enjoy", "flying", "."]], window=1)
    >>> X.toarray()[0].tolist()  # I: beside like and enjoy, once each
    [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    """
    if weighting not in get_args(Weighting):
        raise unknown_name("weighting", weighting, get_args(Weighting))
    check_whole_number("window", window, most=kernels.WIDEST)
    corpus = Corpus.encode(corpus, progress=progress)
    counter = _Counter(corpus, window, symmetric, weighting, bytes_of(memory), worker_count(workers))
    with ProgressBar("counting neighbours", counter.steps, show=progress) as bar:
        return counter.matrix(bar)


def bytes_of(memory: str | int) -> int:
    """Read an amount of memory.

    Examples
    --------
    >>> bytes_of("1.5GB"), bytes_of(1000)
    (1610612736, 1000)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", str(memory), re.IGNORECASE)
    if found is None or not float(found[1]):
        raise UnlabeledError(f"memory must be a number of bytes or an amount such as '500MB' or '2GB', got {memory!r}")
    return int(float(found[1]) * UNITS[found[2].upper()])


def _weights(window: int, weighting: Weighting, most: int) -> tuple[int, Integers]:
    """Give the unit of the sums as a fraction of 1, and the weight of each distance in that unit.

    With the least common multiple of all distances as the denominator every weight is whole. Where it is so large that
    the sum over `most` neighbours might not fit into 63 bits, a power of two takes its place.
    """
    if weighting == "flat":
        return 1, np.ones(window + 1, np.int64)
    unit = math.lcm(*range(1, window + 1))
    if unit > 1 << 32 or unit * most >= 1 << 63:
        unit = min(1 << 32, 1 << ((1 << 63) // max(1, most)).bit_length() - 2)
    return unit, np.array([0, *((unit + d // 2) // d for d in range(1, window + 1))], np.int64)


class _Counter:
    """One count: its settings, and the plan by which it stays within its memory.

    Half of the memory is for the inverted index, half for the rows that are being counted.
    """

    def __init__(
        self, corpus: Corpus, window: int, symmetric: bool, weighting: Weighting, memory: int, workers: int
    ) -> None:
        self.ids, self.offsets, self.words = corpus.ids, corpus.offsets, len(corpus.vocabulary)
        self.before, self.after, self.workers = window, window if symmetric else 0, workers
        self.part = max(1, memory // 2 // ENTRY)
        self.block = max(1, memory // 2 // NONZERO // (workers + 2))
        self.counts: Integers = corpus.vocabulary.counts
        most = int(np.max(self.counts)) * (self.before + self.after)
        self.unit, self.weights = _weights(window, weighting, most)
        self.whole = len(self.ids) <= self.part
        self.steps = len(self.ids) if self.whole else 2 * len(self.ids)  # words counted, and again when merged

    def matrix(self, bar: ProgressBar) -> csr_array:
        """Count, in one part or in several that are then merged."""
        if self.whole:
            blocks = self.count(0, len(self.ids), bar)
        else:
            starts = np.arange(0, len(self.ids), self.part)
            columns, sums = Spool(np.int32, COUNTS), Spool(np.int64, COUNTS)
            bounds = np.zeros((len(starts), self.words + 1), np.int64)
            for bound, start in zip(bounds, starts.tolist(), strict=True):
                bound[0] = len(columns)
                lengths = _gather(self.count(start, min(start + self.part, len(self.ids)), bar), columns, sums)
                bound[1:] = bound[0] + np.cumsum(lengths)
            blocks = self.merge(bounds, columns.finish(), sums.finish(), bar)
        columns, values = Spool(np.int32, COUNTS), Spool(np.float64, COUNTS)
        lengths = _gather(((n, places, sums / self.unit) for n, places, sums in blocks), columns, values)
        ends, places = np.concatenate([[0], np.cumsum(lengths)]), columns.finish()
        # SciPy wants both index arrays of one type; where they differ, it would copy the longer one into memory.
        if len(places) < WIDE:
            ends = ends.astype(np.int32)
        else:
            places = _widened(places)
        return csr_array((values.finish(), places, ends), shape=(self.words, self.words))

    def count(self, begin: int, end: int, bar: ProgressBar) -> Iterator[Block]:
        """Count the part of the corpus from `begin` to `end`."""
        counts = np.bincount(self.ids[begin:end], minlength=self.words)
        ends = np.concatenate([[0], np.cumsum(counts)])
        entries = np.empty(end - begin, np.uint64)
        sentences = self.offsets[np.searchsorted(self.offsets, begin, side="right") - 1 :]
        kernels.invert(self.ids, sentences, begin, end, self.before, self.after, ends[:-1].copy(), entries)

        def rows(rows: slice, columns: Words, sums: Integers) -> Integers:
            some = ends[rows.start : rows.stop + 1]
            lengths: Integers = kernels.count(self.ids, some, entries, self.weights, self.words, columns, sums)
            return lengths

        return self.in_blocks(rows, counts * (self.before + self.after), begin + ends, bar)

    def merge(self, bounds: Integers, some_columns: Words, some_sums: Integers, bar: ProgressBar) -> Iterator[Block]:
        """Add up what was counted in several parts."""

        def rows(rows: slice, columns: Words, sums: Integers) -> Integers:
            some = bounds[:, rows.start : rows.stop + 1].copy()
            lengths: Integers = kernels.merge(some, some_columns, some_sums, self.words, columns, sums)
            return lengths

        done = len(self.ids) + np.concatenate([[0], np.cumsum(self.counts)])
        return self.in_blocks(rows, np.diff(bounds, axis=1).sum(axis=0), done, bar)

    def in_blocks(
        self, rows: Callable[[slice, Words, Integers], Integers], most: Integers, done: Integers, bar: ProgressBar
    ) -> Iterator[Block]:
        """Make all rows, a block of consecutive ones at a time, by several threads; give the blocks in order.

        `most` is an upper bound of each row's nonzeros, by which the buffers are sized; ``done[row]`` is where the bar
        stands before a row. Blocks are so small that each thread gets several and all end at about the same time.
        """
        capacity = np.concatenate([[0], np.cumsum(np.minimum(most, self.words))])
        step = min(self.block, int(capacity[-1]) // (8 * self.workers) + 1)
        inner = np.searchsorted(capacity, np.arange(step, capacity[-1], step))
        cuts = np.unique([0, *inner.tolist(), self.words])

        def block(rows_: slice) -> Block:
            space = int(capacity[rows_.stop] - capacity[rows_.start])
            columns, sums = np.empty(space, np.int32), np.empty(space, np.int64)
            lengths = rows(rows_, columns, sums)
            n = int(lengths.sum())
            return lengths, columns[:n], sums[:n]

        ahead: deque[tuple[int, Future[Block]]] = deque()

        def finished() -> Block:
            end, future = ahead.popleft()
            made = future.result()
            bar.advance(int(done[end]))
            return made

        with ThreadPoolExecutor(self.workers) as pool:
            for first, last in pairwise(cuts.tolist()):
                ahead.append((last, pool.submit(block, slice(first, last))))
                if len(ahead) > self.workers:
                    yield finished()
            while ahead:
                yield finished()


def _gather(blocks: Iterator[Block], columns: Spool, values: Spool) -> Integers:
    """Put blocks one behind the other; give the lengths of all rows."""
    lengths = []
    for some_lengths, some_columns, some_values in blocks:
        lengths.append(some_lengths)
        columns.append(some_columns)
        values.append(some_values)
    return np.concatenate(lengths)


def _widened(columns: Words) -> Integers:
    """Copy to 64 bits, a piece at a time and into a file if they are many."""
    wide = Spool(np.int64, COUNTS)
    for start in range(0, len(columns), 1 << 20):
        wide.append(columns[start : start + (1 << 20)])
    return wide.finish()
