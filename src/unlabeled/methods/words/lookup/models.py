"""What each loss needs to train: the second matrix, the tables of the kernel, and the exact loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.indexing.vocabulary import Vocabulary
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.words.sampling import negatives_table
from unlabeled.methods.words.counting.huffman import HuffmanTree
from unlabeled.methods.words.counting.subwords import Subwords
from unlabeled.methods.words.prediction.likelihood import drawn_negatives, full_loss, hierarchical_loss, negative_loss
from unlabeled.methods.words.prediction.training import Model, Offsets, Tokens, initialised, padded
from unlabeled.methods.words.word_embedding import worker_count

if TYPE_CHECKING:
    from unlabeled.methods.words.word2vec import Word2Vec

LARGEST_FULL = 20_000
"""Words at which a softmax over all of them takes some milliseconds for each word of the text."""

Kernel = Callable[..., int]
Examples = Callable[[NDArray[Any], Tokens, Offsets], tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]]


def make_model(
    method: Word2Vec, vocabulary: Vocabulary, kernels: Mapping[str, Callable[[int], Kernel]], examples: Examples
) -> Model:
    """Make the untrained model of a method.

    Parameters
    ----------
    method : Word2Vec
        Its settings and its seed.
    vocabulary : Vocabulary
        The words.
    kernels : mapping of str to callable
        For each loss what makes the kernel for a padded length of vectors.
    examples : callable
        From the words' vectors, and the tokens and offsets of a text, to what the loss is averaged over: a matrix of
        inputs, the row of it in each example, and the word to be predicted.
    """
    words, counts = len(vocabulary), vocabulary.counts
    tables: tuple[Any, ...] = ()
    measure: Callable[..., float] = full_loss
    outputs = padded(words, method.dim)
    if method.loss == "negative":
        tables = (negatives_table(counts), method.negatives, method.dim)

        @cache
        def drawn(pairs: int) -> NDArray[np.int64]:  # the loss is looked at many times on one text
            return drawn_negatives(counts, pairs, method.negatives, method.seed_ + 1)

        def measure(
            hidden: NDArray[Any], rows: NDArray[np.int64], contexts: NDArray[Any], targets: NDArray[np.int64]
        ) -> float:
            return negative_loss(hidden, rows, contexts, targets, drawn(len(rows)))

    elif method.loss == "hierarchical":
        tree = HuffmanTree.of(counts)
        threads = 1 if method.deterministic else worker_count(method.workers)
        outputs, tables = padded(words - 1, method.dim), (*tree.tables, threads)
        measure = partial(hierarchical_loss, tree=tree)
    elif words > LARGEST_FULL:
        raise UnlabeledError(
            f'loss="full" compares each word of the text with all {words:,} words of the vocabulary and would take '
            f'days; take loss="negative" or "hierarchical", or keep at most {LARGEST_FULL:,} words by max_vocab'
        )
    inputs = initialised(words, method.dim, method.seed_)
    kernel = kernels[method.loss](inputs.shape[1])
    subwords = None
    if method.subwords is not None:
        subwords = Subwords.of(vocabulary.words, *method.subwords)
        inputs, kernel = subwords.extended(inputs), subwords.wrapped(kernel)

    def loss(tokens: Tokens, sentences: Offsets) -> float:
        vectors = inputs if subwords is None else subwords.composed(inputs)
        hidden, rows, targets = examples(vectors, tokens, sentences)
        return measure(hidden, rows, outputs, targets)

    return Model(inputs, outputs, tables, kernel, loss, subwords)
