"""The losses of skip-gram and CBOW as they are defined: exact, in float64, averaged over the pairs of a text.

Training looks at none of these. They say how well it went, on text that it did not see or on a sample of what it saw,
and they take the matrices of other libraries just as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.kernels.words.exact_sums import products
from unlabeled.kernels.words.sampling import POWER
from unlabeled.methods.words.counting.huffman import HuffmanTree

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

AT_ONCE = 1 << 22  # numbers held at a time: 32 MiB


def window_pairs(sentences: ArrayLike, window: int, seed: int = 0) -> tuple[Integers, Integers]:
    """List the pairs of centre and context of a text, by their places in it, with a radius drawn for each centre.

    Parameters
    ----------
    sentences : array-like of int, shape (s + 1,)
        Offsets of the sentences.
    window : int
        The largest radius; each centre's is drawn uniformly from 1 to this.
    seed : int
        Of that draw.

    Returns
    -------
    centres, contexts : ndarray of int64, shape (pairs,)

    Examples
    --------
    >>> centres, contexts = window_pairs([0, 3, 4], window=1)
    >>> list(zip(centres.tolist(), contexts.tolist()))
    [(0, 1), (1, 2), (1, 0), (2, 1)]
    """
    offsets = np.asarray(sentences, np.int64)
    n, sentence = int(offsets[-1]), np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    radius = np.random.default_rng(seed).integers(1, window + 1, n)
    centres, contexts = [], []
    for distance in range(1, min(window, max(n - 1, 0)) + 1):
        left = np.flatnonzero(sentence[distance:] == sentence[:-distance])
        for a, b in ((left, left + distance), (left + distance, left)):
            inside = radius[a] >= distance
            centres.append(a[inside])
            contexts.append(b[inside])
    empty = [np.zeros(0, np.int64)]
    return np.concatenate(centres or empty), np.concatenate(contexts or empty)


def scores(a: NDArray[Any], rows: Integers, b: NDArray[Any], columns: Integers) -> Reals:
    """Give a[rows[i]] · b[columns[i]] for every i, exactly but for float64 rounding."""
    out = np.empty(len(rows))
    products(np.asarray(a), rows, np.asarray(b), columns, out)
    return out


def softplus(x: Reals) -> Reals:
    """Give −log σ(−x) = log(1 + eˣ) without overflow."""
    return np.logaddexp(0, x)


def average(losses: Reals, pairs: int) -> float:
    """Give the loss of a pair; NaN if there is none."""
    return float(losses.sum() / pairs) if pairs else float("nan")


def drawn_negatives(counts: Integers, pairs: int, negatives: int, seed: int = 0) -> Integers:
    """Draw words for each pair in proportion to their count to the power 0.75; shape (pairs, negatives)."""
    weights = np.maximum(counts, 1).astype(np.float64) ** POWER
    cumulated = np.cumsum(weights / weights.sum())
    uniform = np.random.default_rng(seed).random((pairs, negatives))
    return np.searchsorted(cumulated, uniform, side="right").clip(max=len(counts) - 1)


def negative_loss(
    inputs: NDArray[Any], rows: Integers, outputs: NDArray[Any], words: Integers, drawn: Integers
) -> float:
    """Average −log σ(h·c) − Σ log σ(−h·n) over pairs of an input row h and a word c, with drawn negatives n for each.

    A negative that is the word itself counts for nothing, as in training.
    """
    total = softplus(-scores(inputs, rows, outputs, words)).sum()
    for column in drawn.T:
        others = column != words
        total += softplus(scores(inputs, rows[others], outputs, column[others])).sum()
    return average(np.array([total]), len(rows))


def hierarchical_loss(
    inputs: NDArray[Any], rows: Integers, outputs: NDArray[Any], words: Integers, tree: HuffmanTree
) -> float:
    """Average −log p(w | h) over pairs of an input row h and a word w found along its path in the tree."""
    lengths = np.diff(tree.starts)[words]
    ends = np.cumsum(lengths)
    steps = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    places = np.repeat(tree.starts[words], lengths) + steps
    signs = 1.0 - 2.0 * tree.turns[places]
    nodes = tree.nodes[places].astype(np.int64)
    return average(softplus(signs * scores(inputs, np.repeat(rows, lengths), outputs, nodes)), len(rows))


def full_loss(inputs: NDArray[Any], rows: Integers, outputs: NDArray[Any], words: Integers) -> float:
    """Average −log p(w | h) over pairs of an input row h and a word w, with the softmax over all words."""
    total, step = 0.0, max(1, AT_ONCE // len(outputs))
    table = np.asarray(outputs, np.float64)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        logits = np.asarray(inputs[rows[part]], np.float64) @ table.T
        highest = logits.max(axis=1)
        log_z = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
        total += float((log_z - logits[np.arange(len(logits)), words[part]]).sum())
    return average(np.array([total]), len(rows))


def negative_sampling_loss(
    inputs: ArrayLike,
    outputs: ArrayLike,
    tokens: ArrayLike,
    sentences: ArrayLike,
    counts: ArrayLike,
    *,
    window: int = 5,
    negatives: int = 5,
    seed: int = 0,
) -> float:
    r"""Measure skip-gram with negative sampling on a text, as a true average in float64.

    .. math:: -\frac{1}{|P|} \sum_{(v, c) \in P} \Big[\log \sigma(c \cdot v) + \sum_{n} \log \sigma(-n \cdot v)\Big]

    over the pairs P of word and context, with a fixed draw of radii and negatives, so that the figures of two models of
    one vocabulary compare.

    Parameters
    ----------
    inputs, outputs : array-like, shape (n, dim)
        The two vectors of each word: `vectors_.vectors` and `context_vectors_` of a `SkipGram`; ``wv.vectors`` and
        ``syn1neg`` of gensim's.
    tokens : array-like of int
        The text, as rows of the two matrices.
    sentences : array-like of int, shape (s + 1,)
        Sentence k is ``tokens[sentences[k] : sentences[k + 1]]``.
    counts : array-like of int, shape (n,)
        Occurrences of each word in the training text: negatives are drawn by their power 0.75.
    window, negatives : int
        As in training.
    seed : int
        Of the draws.

    Returns
    -------
    float
        Nats a pair. Untrained, it is (1 + negatives) ln 2, a little less where a negative was the word itself.

    Examples
    --------
    >>> import numpy as np
    >>> round(negative_sampling_loss(np.ones((3, 2)), np.zeros((3, 2)), [0, 1], [0, 2], [1, 1, 1], negatives=0), 4)
    0.6931
    """
    vectors, contexts = np.asarray(inputs), np.asarray(outputs)
    if vectors.shape != contexts.shape or vectors.ndim != 2:
        raise UnlabeledError(f"the two matrices must have one shape, got {vectors.shape} and {contexts.shape}")
    words, centre, context = np.asarray(tokens, np.int64), *window_pairs(sentences, window, seed)
    drawn = drawn_negatives(np.asarray(counts, np.int64), len(centre), negatives, seed + 1)
    return negative_loss(vectors, words[centre], contexts, words[context], drawn)
