"""CBOW, continuous bag of words: the words around predict the word."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.indexing.vocabulary import Vocabulary
from unlabeled.kernels.words.exact_sums import means
from unlabeled.kernels.words.full_softmax import full_cbow
from unlabeled.kernels.words.hierarchical_softmax import hierarchical_cbow
from unlabeled.kernels.words.negative_cbow import negative_cbow
from unlabeled.methods.words.lookup.models import make_model
from unlabeled.methods.words.prediction.likelihood import window_pairs
from unlabeled.methods.words.prediction.training import Model, Offsets, Tokens
from unlabeled.methods.words.word2vec import Word2Vec

KERNELS = {"negative": negative_cbow, "hierarchical": hierarchical_cbow, "full": full_cbow}


class CBOW(Word2Vec):
    r"""The words around a word, as one mean vector, predict the word; quick to train.

    Split: y is a word of the text, x the n words within its window. With two vectors a word, v as part of x and c as y,

    .. math:: h = \frac{1}{n} \sum_{x} v_x, \qquad p(y \mid x) = \frac{\exp(c_y \cdot h)}{\sum_w \exp(c_w \cdot h)}

    for ``loss="full"``. With ``loss="negative"`` the word is told from N drawn ones n, by
    −log σ(c·h) − Σ log σ(−n·h), and with ``loss="hierarchical"`` it is found along its path in a Huffman tree.

    Parameters
    ----------
    learning_rate : float, default 0.1
        At the start. The gradient of the mean reaches each of n context words as 1/n of it, so the rate may be larger
        than in skip-gram.

    See Also
    --------
    unlabeled.methods.words.skip_gram.SkipGram : The word predicts the words around it; finer for rare words.

    References
    ----------
    .. [1] Mikolov, Chen, Corrado & Dean, Efficient Estimation of Word Representations in Vector Space, ICLR 2013.

    Examples
    --------
    >>> text = ["the frog swims in the pond", "the toad swims in the lake"] * 50
    >>> model = CBOW(dim=16, min_count=1, epochs=20, subsample=None, random_state=0, progress=False).fit(text)
    >>> model.transform(["frog", "toad"]).shape
    (2, 16)
    """

    principle: ClassVar[str] = "words"

    learning_rate: float = 0.1

    def _model(self, vocabulary: Vocabulary) -> Model:
        return make_model(self, vocabulary, KERNELS, self._examples)

    def _examples(
        self, vectors: NDArray[Any], tokens: Tokens, sentences: Offsets
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Give the mean of each word's context, and the word."""
        centres, contexts = window_pairs(sentences, self.window, self.seed_)
        order = np.argsort(centres, kind="stable")
        places, starts = np.unique(centres[order], return_index=True)
        hidden = np.empty((len(places), vectors.shape[1]))
        means(vectors, tokens[contexts[order]].astype(np.int64), np.append(starts, len(order)), hidden)
        return hidden, np.arange(len(places)), tokens[places].astype(np.int64)
