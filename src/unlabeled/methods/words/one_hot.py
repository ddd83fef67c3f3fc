"""One-hot vectors: the baseline, in which no word is like any other."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.word_embedding import WordEmbedding
from unlabeled.methods.words.word_vectors import WordVectors

LIMIT = 20_000  # words; their file is 1.6 GB


class OneHot(WordEmbedding):
    r"""Every word gets a direction of its own: a 1 in its place and 0 in all others.

    .. math:: v_w = e_w, \qquad \cos(v_a, v_b) = [a = b]

    Nothing is learnt beyond which words there are, so this is what learnt vectors must beat.

    Parameters
    ----------
    max_vocab : int, optional
        Keep only so many words, the most frequent ones. Without it a text with more than 20,000 words is refused: in
        memory the vectors share their zeros, but a file of n words takes 4n² bytes.

    Examples
    --------
    >>> model = OneHot(min_count=1).fit([["to", "be", "or", "not", "to", "be"]])
    >>> model.transform(["be", "not"])
    array([[0., 1., 0., 0.],
           [0., 0., 0., 1.]], dtype=float32)
    """

    principle: ClassVar[str] = "words"

    def _learn(self, corpus: Corpus, resume: bool = False) -> WordVectors:
        words, counts = corpus.vocabulary.words, corpus.vocabulary.counts
        n = len(words)
        if n > LIMIT and self.max_vocab is None:
            raise UnlabeledError(
                f"{n:,} words are seen at least {self.min_count} times, and each would be a dimension; "
                f"keep the most frequent with max_vocab={LIMIT}, or raise min_count"
            )
        # Row i of the identity is a window onto n − 1 zeros, a one and n − 1 zeros, so all rows share 2n − 1 numbers.
        line = np.zeros(2 * n - 1, np.float32)
        line[n - 1] = 1
        identity = np.lib.stride_tricks.sliding_window_view(line, n)[::-1]
        return WordVectors(words, identity, counts)
