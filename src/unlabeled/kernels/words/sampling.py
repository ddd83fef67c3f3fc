"""Subsampling of frequent words, and drawing of negatives.

**Subsampling.** A word whose share of the text is f is kept with probability min(1, √(t/f) + t/f), as in word2vec.c and
gensim. (The paper's text has 1 − √(t/f) for the probability of leaving out; its code has this.) Words left out vanish
before windows are formed, so what remains moves nearer.

**Negatives** are drawn from counts to the power 3/4 by Walker's alias method. A table of n columns has space for the
probability 1/n in each; a column is shared by at most two words, its own and its alias. One draw of 64 bits chooses the
column by its upper half and one of the two words by its lower half. Both are packed into one number, so a draw
touches one cache line.

References
----------
.. [1] Mikolov, Sutskever, Chen, Corrado & Dean, Distributed representations of words and phrases, NIPS 2013.
.. [2] Walker, An efficient method for generating discrete random variables, ACM TOMS 1977; Vose, IEEE TSE 1991.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.random import draw

POWER = 0.75

u = np.uint64


def keep_probabilities(counts: NDArray[np.int64], subsample: float | None) -> NDArray[np.float64]:
    """Give for each word the probability that one of its occurrences is kept."""
    if subsample is None:
        return np.ones(len(counts))
    ratio: NDArray[np.float64] = subsample * counts.sum() / np.maximum(counts, 1)
    kept: NDArray[np.float64] = np.minimum(1, np.sqrt(ratio) + ratio)
    return kept


def keep_thresholds(counts: NDArray[np.int64], subsample: float | None) -> NDArray[np.uint64]:
    """Give the same out of 2⁶³, for comparison with a draw; what is certain is certain."""
    return (keep_probabilities(counts, subsample) * 2.0**63).astype(np.uint64)


@compiled
def _subsample(
    tokens: NDArray[np.int32],
    sentences: NDArray[np.int64],
    keep: NDArray[np.uint64],
    first: int,
    every: int,
    held_out: bool,
    state: NDArray[np.uint64],
    kept: NDArray[np.int32],
    bounds: NDArray[np.int64],
) -> tuple[Any, int]:  # pragma: no cover - compiled
    """Fill `kept` and `bounds`; give the numbers of words and sentences in them."""
    words, count = np.int64(0), 0
    bounds[0] = 0
    for s in range(len(sentences) - 1):
        if every and ((first + s) % every == every // 2) != held_out:
            continue
        for i in range(max(sentences[s], 0), min(sentences[s + 1], len(tokens))):
            kept[words] = tokens[i]
            words += np.int64((draw(state) >> u(1)) < keep[tokens[i]])
        if words > bounds[count]:
            count += 1
            bounds[count] = words
    return words, count


def subsampled(
    tokens: NDArray[np.int32],
    sentences: NDArray[np.int64],
    keep: NDArray[np.uint64],
    first: int,
    every: int,
    held_out: bool,
    state: NDArray[np.uint64],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Subsample a block.

    Parameters
    ----------
    tokens : ndarray of int32
        The block.
    sentences : ndarray of int64
        Offsets of its sentences. The first may begin before the block and the last end after it.
    keep : ndarray of uint64
        See `keep_thresholds`.
    first : int
        Number of the first sentence within the text.
    every : int
        One sentence in so many is held out of training; 0 for none.
    held_out : bool
        Take the sentences held out, instead of the others.
    state : ndarray of uint64, shape (1,)
        The random state, see `random.seeded`.

    Returns
    -------
    tokens : ndarray of int32
        What is kept.
    sentences : ndarray of int64
        Offsets of the sentences in it; empty ones are left out.
    """
    kept, bounds = np.empty(len(tokens) + 1, np.int32), np.empty(len(sentences), np.int64)
    words, count = _subsample(tokens, sentences, keep, first, every, held_out, state, kept, bounds)
    return kept[:words], bounds[: count + 1]


@compiled
def _fill_columns(filled: NDArray[np.float64], aliases: NDArray[np.uint64]) -> None:  # pragma: no cover - compiled
    """Fill up each column that is not full with a word that overflows its own; then `filled` is a column's own part."""
    n = len(filled)
    # Words whose column is not full are stacked from the left, others from the right.
    stack, small, large = np.empty(n, np.int64), 0, n
    for i in range(n):
        if filled[i] < 1:
            stack[small] = i
            small += 1
        else:
            large -= 1
            stack[large] = i
    while small > 0 and large < n:
        poor, rich = stack[small - 1], stack[large]
        aliases[poor] = rich
        filled[rich] -= 1 - filled[poor]
        small -= 1
        if filled[rich] < 1:
            stack[small] = rich
            small += 1
            large += 1
    for k in range(small):  # what is left over differs from 1 by rounding only
        filled[stack[k]] = 1


def alias_table(weights: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Make the table that `draw_word` reads: in each entry a threshold out of 2³² and below it the alias.

    Parameters
    ----------
    weights : ndarray of float64, shape (n,)
        Not negative and not all zero; n below 2³².
    """
    filled, aliases = weights / weights.sum() * len(weights), np.arange(len(weights), dtype=np.uint64)
    _fill_columns(filled, aliases)
    thresholds = np.minimum(np.round(np.clip(filled, 0, 1) * 2.0**32), 2.0**32 - 1).astype(np.uint64)
    table: NDArray[np.uint64] = (thresholds << u(32)) | aliases
    return table


def negatives_table(counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Make the table of counts to the power 3/4."""
    return alias_table(np.maximum(counts, 1).astype(np.float64) ** POWER)


@inlined
def column(bits: np.uint64, table: NDArray[np.uint64]) -> Any:  # pragma: no cover - compiled
    """Give the column of an alias table that a draw falls into."""
    return np.int64(((bits >> u(32)) * u(len(table))) >> u(32))


@inlined
def word_of(bits: np.uint64, table: NDArray[np.uint64]) -> Any:  # pragma: no cover - compiled
    """Give the word that a draw means."""
    place = column(bits, table)
    entry = table[place]
    own = (bits & u(0xFFFFFFFF)) < (entry >> u(32))
    return place if own else np.int64(entry & u(0xFFFFFFFF))


@inlined
def draw_word(table: NDArray[np.uint64], state: NDArray[np.uint64]) -> Any:  # pragma: no cover - compiled
    """Draw a word from an alias table."""
    return word_of(draw(state), table)
