"""Collapsed Gibbs sampling of topics: the state, one sweep, and the merging of counts that several threads change.

Documents are dealt to partitions. Within a sweep each partition works on counts of its own, and afterwards all changes
are added up (approximate distributed LDA, Newman et al. 2009). With one partition it is the exact sampler.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from unlabeled.errors import UnlabeledError
from unlabeled.kernels.layout import aligned
from unlabeled.kernels.topics.gibbs_sweep import gibbs_sweep
from unlabeled.methods.mixture.threads import Threads
from unlabeled.methods.mixture.topics.word_counts import WordCounts, padded_rows

LARGEST = 1 << 24  # up to here float32 counts without a gap
PARTITIONS = 16
LEAST_ALPHA = 1e-5  # of a topic that no document has; with 0 it could never come back


class Gibbs:
    """The topics of all words, and their counts.

    Parameters
    ----------
    counts : WordCounts
        Whole numbers.
    k : int
        Topics.
    alpha : float or array of shape (k,)
        The priors of topics in documents.
    eta : float
        The prior of words in topics.
    random : RandomState
        Draws the first topics and the seeds of sweeps.
    partitions : int, optional
        By default so few that merging costs little beside sampling, and never more than 16. It does not depend on the
        number of threads, so neither does what is drawn.
    known : ndarray of shape (words, k), optional
        Counts of words in topics of documents seen before; they are added to those of these documents.

    Attributes
    ----------
    of_words : ndarray of float32, shape (words, K)
        n_zw: whole numbers, and zeros beyond the k topics.
    of_topics : ndarray of float64, shape (K,)
        n_z.
    topics : ndarray of int32, shape (N,)
        The topic of each word.
    """

    def __init__(
        self,
        counts: WordCounts,
        k: int,
        alpha: float | NDArray[Any],
        eta: float,
        random: np.random.RandomState,
        partitions: int | None = None,
        known: NDArray[Any] | None = None,
    ) -> None:
        times = counts.counts.astype(np.int64)
        lengths = np.add.reduceat(np.append(times, 0), counts.pointers[:-1]) * (np.diff(counts.pointers) > 0)
        totals = np.bincount(counts.words, weights=times, minlength=counts.shape[1])
        if max(totals.max(), lengths.max()) > LARGEST:
            raise UnlabeledError(
                f"a word or a document is counted {int(max(totals.max(), lengths.max())):,} times; up to {LARGEST:,} "
                "are possible. Leave out such words with max_df"
            )
        self._k, self._eta, self._random = k, np.float32(eta), random
        self.alpha = np.full(k, alpha, np.float64)
        self._pointers = np.concatenate([[0], np.cumsum(lengths)])
        self.words = np.repeat(counts.words, times)
        self.topics = random.randint(k, size=len(self.words), dtype=np.int32)
        drawn = np.zeros((counts.shape[1], k), np.int64)
        np.add.at(drawn, (self.words, self.topics), 1)
        self.of_words = padded_rows(drawn if known is None else drawn + known, np.float32)
        self.of_topics = self.of_words.sum(axis=0, dtype=np.float64)
        few = 2 * len(self.words) // self.of_words.size
        count = partitions or min(PARTITIONS, max(1, few))
        cuts = np.searchsorted(self._pointers, len(self.words) * np.arange(1, count) / count).tolist()
        self.partitions = list(pairwise([0, *cuts, len(lengths)]))
        self._own = [aligned(self.of_words.shape, np.float32) for _ in self.partitions] if count > 1 else []

    def sweep(self, pool: Threads) -> float:
        """Draw the topic of every word anew.

        Returns
        -------
        float
            The mean of log p(word | all others and their topics).
        """
        seed = np.uint64(self._random.randint(2**32, dtype=np.uint64))
        if not self._own:
            likelihood = self._draw((0, len(self._pointers) - 1), self.of_words, self.of_topics, seed)
            return likelihood / len(self.words)

        def part(number: int) -> float:
            own = self._own[number]
            own[...] = self.of_words
            return self._draw(self.partitions[number], own, self.of_topics.copy(), seed)

        likelihood = sum(pool.map(part, range(len(self.partitions))))
        changed = self._own[0]
        for own in self._own[1:]:  # whole numbers, so that the order does not matter
            changed += own
            changed -= self.of_words
        self._own[0], self.of_words = self.of_words, changed
        self.of_topics = self.of_words.sum(axis=0, dtype=np.float64)
        return likelihood / len(self.words)

    def learn_alpha(self, steps: int = 20) -> None:
        """Move α to where the topics of the documents are more probable, by fixed-point steps (Minka 2000, eq. 55).

        α_z ← α_z · Σ_d [ψ(n_dz + α_z) − ψ(α_z)] / Σ_d [ψ(N_d + Σα) − ψ(Σα)]
        """
        lengths = np.diff(self._pointers)
        documents = np.repeat(np.arange(len(lengths)), lengths)
        cells, counts = np.unique(documents * self._k + self.topics, return_counts=True)
        for _ in range(steps):
            alpha, whole = self.alpha, self.alpha.sum()
            gain = digamma(counts + alpha[cells % self._k]) - digamma(alpha[cells % self._k])  # 0 where n_dz is 0
            up = np.bincount(cells % self._k, weights=gain, minlength=self._k)
            self.alpha = np.maximum(alpha * up / (digamma(lengths + whole) - digamma(whole)).sum(), LEAST_ALPHA)

    def _draw(self, piece: tuple[int, int], of_words: Any, of_topics: NDArray[np.float64], seed: np.uint64) -> float:
        workspace = aligned((4, of_words.shape[1]), np.float32)
        tokens = (self._pointers, self.words, self.topics)
        priors = (self._k, self.alpha.astype(np.float32), self._eta)
        return float(gibbs_sweep(*tokens, *piece, *priors, of_words, of_topics, seed, workspace))
