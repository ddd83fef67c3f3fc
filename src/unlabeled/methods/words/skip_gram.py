"""Skip-gram: a word predicts the words around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.indexing.vocabulary import Vocabulary
from unlabeled.kernels.words.full_softmax import full_skip_gram
from unlabeled.kernels.words.hierarchical_softmax import hierarchical_skip_gram
from unlabeled.kernels.words.negative_skip_gram import CENTRES, negative_skip_gram
from unlabeled.kernels.words.sampling import keep_probabilities
from unlabeled.methods.words.lookup.models import make_model
from unlabeled.methods.words.prediction.likelihood import window_pairs
from unlabeled.methods.words.prediction.training import Model, Offsets, Tokens
from unlabeled.methods.words.word2vec import Word2Vec
from unlabeled.methods.words.word_embedding import worker_count

KERNELS = {"negative": negative_skip_gram, "hierarchical": hierarchical_skip_gram, "full": full_skip_gram}


def places_of(counts: NDArray[np.int64], subsample: float | None) -> int:
    """Give from how many places of a block centres are taken at a time, such that they are mostly different words.

    The steps of centres that are the same word add up. Two words of the text are the same with probability Σ q², where
    q is a word's share of the text after subsampling.
    """
    kept = keep_probabilities(counts, subsample) * counts
    return max(1, min(CENTRES, int(kept.sum() ** 2 / (2 * (kept**2).sum()))))


class SkipGram(Word2Vec):
    r"""Each word predicts the words around it; words with like surroundings get like vectors.

    Split: x is a word of the text, y a word within its window. With two vectors a word, v as x and c as y,

    .. math:: p(c \mid v) = \frac{\exp(c \cdot v)}{\sum_{c'} \exp(c' \cdot v)}

    for ``loss="full"``. With ``loss="negative"`` the sum over all words is replaced by telling the word from k drawn
    ones n:

    .. math:: -\log \sigma(c \cdot v) - \sum_{i=1}^{k} \log \sigma(-n_i \cdot v)

    Thirty-two words of the text share thirty-two drawn ones, with weights by which the gradient is on average the same.

    See Also
    --------
    unlabeled.methods.words.cbow.CBOW : The words around predict the word; quicker, and coarser for rare words.

    References
    ----------
    .. [1] Mikolov, Sutskever, Chen, Corrado & Dean, Distributed Representations of Words and Phrases and their
       Compositionality, NIPS 2013.

    Examples
    --------
    >>> text = ["the frog swims in the pond", "the toad swims in the lake"] * 50
    >>> model = SkipGram(dim=16, min_count=1, epochs=20, subsample=None, random_state=0, progress=False).fit(text)
    >>> model.transform(["frog", "toad"]).shape
    (2, 16)
    """

    principle: ClassVar[str] = "words"

    def _model(self, vocabulary: Vocabulary) -> Model:
        model = make_model(self, vocabulary, KERNELS, self._examples)
        if self.loss != "negative":
            return model
        threads = 1 if self.deterministic else worker_count(self.workers)
        return replace(model, tables=(*model.tables, threads, places_of(vocabulary.counts, self.subsample)))

    def _examples(
        self, vectors: NDArray[Any], tokens: Tokens, sentences: Offsets
    ) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
        """Give each word of a text, and one of its context."""
        centres, contexts = window_pairs(sentences, self.window, self.seed_)
        return vectors, tokens[centres].astype(np.int64), tokens[contexts].astype(np.int64)
