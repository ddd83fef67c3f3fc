"""Latent Dirichlet allocation: topics with priors, found by drawing the topic of every word again and again."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from unlabeled.data.text.documents import check_not_empty
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.expectation_maximisation import DelayedBar
from unlabeled.methods.mixture.threads import threads
from unlabeled.methods.mixture.topics.gibbs import Gibbs
from unlabeled.methods.mixture.topics.topic_model import TopicModel
from unlabeled.methods.mixture.topics.word_counts import WordCounts
from unlabeled.setting_checks import check_whole_settings

ALPHA_APART = 10  # sweeps between two changes of α
SWEEPS_APART = 5  # between two samples that are averaged; neighbours are nearly the same


class LatentDirichletAllocation(TopicModel):
    r"""Documents are mixtures of topics, as in `PLSA`, and both are drawn from Dirichlet distributions.

    Split: x is the document and the word, y the topic z of the word. The model,

    .. math:: \theta_d \sim \mathrm{Dir}(\alpha), \quad \beta_z \sim \mathrm{Dir}(\eta), \quad
              z \sim \theta_d, \quad w \sim \beta_z,

    is fitted by collapsed Gibbs sampling: θ and β are integrated out, and each word's topic is drawn given the topics
    of all other words, in sweeps over the whole text:

    .. math:: p(z \mid \text{the rest}) \propto (n_{dz} + \alpha) \frac{n_{zw} + \eta}{n_z + V \eta}

    β is the mean over samples after `burn_in`. Large collections are parted, and the partitions' counts merged after
    every sweep (Newman et al. 2009); how they are parted depends on the documents only, so results do not depend on the
    number of threads.

    Parameters
    ----------
    doc_topic_prior : float or "auto", optional
        α of each topic; 1 / k by default, as in scikit-learn. Smaller ones make documents of fewer topics. Griffiths
        and Steyvers take 50 / k, for long documents. ``"auto"`` learns one for each topic during `burn_in` (Minka's
        fixed point), so that some topics can be common and others rare (Wallach, Mimno & McCallum 2009).
    topic_word_prior : float, optional
        η of each word; 1 / k by default.
    max_iter : int, default 200
        Sweeps.
    burn_in : int, optional
        Sweeps before samples are averaged; half of them by default.

    Attributes
    ----------
    components_ : ndarray, shape (k, words)
        β, the words' probabilities in each topic. Rows add up to 1.
    weights_ : ndarray, shape (k,)
        Share of all words that each topic has.
    vocabulary_ : list of str or None
        The words, where text was given.
    history_ : list of float
        The mean of log p(word | all other words and their topics) in each sweep. It rises at first, then wavers.
    n_iter_ : int
        Sweeps made.
    doc_topic_prior_ : float, or ndarray of shape (k,) if it was learnt
        α.
    topic_word_prior_ : float
        η.
    n_words_ : float
        Words of all documents seen.
    empty_ : int
        Documents without any word.
    n_features_in_ : int
        Words.

    See Also
    --------
    PLSA : Without priors; quicker, and closer to the documents it has seen.

    References
    ----------
    .. [1] Griffiths & Steyvers, Finding Scientific Topics, PNAS 2004.
    .. [2] Blei, Ng & Jordan, Latent Dirichlet Allocation, JMLR 2003.
    .. [3] Wallach, Mimno & McCallum, Rethinking LDA: Why Priors Matter, NeurIPS 2009.
    .. [4] Newman, Asuncion, Smyth & Welling, Distributed Algorithms for Topic Models, JMLR 2009.

    Examples
    --------
    >>> texts = ["cats purr and cats sleep", "dogs bark, dogs run", "a cat: cats purr", "the dog and dogs that bark"]
    >>> model = LatentDirichletAllocation(2, random_state=0, topic_word_prior=0.1).fit(texts)
    >>> sorted(words[0] for words in model.top_words(1))
    ['cats', 'dogs']
    """

    principle: ClassVar[str] = "mixture"

    modalities: ClassVar[tuple[str, ...]] = ("text",)
    takes_fractions: ClassVar[bool] = False

    doc_topic_prior: float | Literal["auto"] | None = None
    topic_word_prior: float | None = None
    max_iter: int = 200
    burn_in: int | None = None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find topics.

        Parameters
        ----------
        X : list of strings, path, `Documents`, or matrix of shape (n, words)
            Text, as `Documents.count` reads it, or counts: whole numbers in an array or sparse matrix.
        y : ignored
            There for scikit-learn's sake.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If the documents or a setting are not usable.
        """
        alpha, eta = self._check()
        matrix = self._counts(X, reset=True)
        self._check_documents(matrix)
        return self._sample(matrix, alpha, eta, None)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Add documents: their words draw topics among those of all documents before, whose topics stay as they are.

        Parameters
        ----------
        X : as in `fit`
            The first call sets the vocabulary; other words do not count later. It is like `fit` for these documents.
        y : ignored
            There for scikit-learn's sake.

        Returns
        -------
        self
        """
        if not hasattr(self, "components_"):
            return self.fit(X)
        _, eta = self._check()
        matrix = self._counts(X, reset=False)
        check_not_empty(matrix)
        self.empty_ = int((np.diff(matrix.indptr) == 0).sum())
        sizes = self.weights_.astype(np.float64) * self.n_words_
        known = self.components_.T * (sizes + eta * self.components_.shape[1]) - eta
        return self._sample(matrix, self.doc_topic_prior_, eta, np.maximum(known, 0))

    def _sample(self, matrix: Any, alpha: Any, eta: float, known: NDArray[Any] | None) -> Self:
        """Draw topics in sweeps, and average the counts of those after `burn_in`."""
        burn_in, learns = self._burn_in(), known is None and self.doc_topic_prior == "auto"
        random = check_random_state(self.random_state)
        gibbs = Gibbs(WordCounts(matrix), self.n_components, alpha, eta, random, known=known)
        sums, samples = np.zeros(gibbs.of_words.shape), 0
        history: list[float] = []
        with threads(self.workers) as pool, DelayedBar("LDA", self.max_iter, self.progress) as bar:
            for sweep in range(self.max_iter):
                history.append(gibbs.sweep(pool))
                bar.step(-history[-1])
                if learns and sweep < burn_in and sweep % ALPHA_APART == ALPHA_APART - 1:
                    gibbs.learn_alpha()
                if sweep >= burn_in and (self.max_iter - 1 - sweep) % SWEEPS_APART == 0:
                    sums += gibbs.of_words
                    samples += 1
        of_words = sums[:, : self.n_components] / samples
        sizes = of_words.sum(axis=0)
        self.components_ = np.ascontiguousarray(((of_words + eta) / (sizes + eta * len(of_words))).T, matrix.dtype)
        self.weights_ = (sizes / sizes.sum()).astype(matrix.dtype)
        self.n_words_ = float(sizes.sum())
        self.doc_topic_prior_, self.topic_word_prior_ = (gibbs.alpha if learns else alpha), eta
        self.history_, self.n_iter_ = history, self.max_iter
        return self

    def reorder(self, order: NDArray[np.int64]) -> None:
        """Number the topics anew: topic i becomes what was topic ``order[i]``."""
        super().reorder(order)
        if isinstance(self.doc_topic_prior_, np.ndarray):
            self.doc_topic_prior_[:] = self.doc_topic_prior_[order]

    def _check(self) -> tuple[float, float]:
        """Refuse settings that cannot be meant; give α, from which learning starts, and η."""
        check_whole_settings(self, "n_components", "max_iter", "workers")
        self._burn_in()
        alpha = 1 / self.n_components if self.doc_topic_prior == "auto" else self._prior_of("doc_topic_prior")
        return alpha, self._prior_of("topic_word_prior")

    def _prior(self) -> Any:
        return self.doc_topic_prior_

    def _prior_of(self, name: str) -> float:
        """Give a prior, 1 / k if it is not said."""
        value = getattr(self, name)
        if value is None:
            return 1 / self.n_components
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 1e-9 <= value <= 1e9:
            raise UnlabeledError(f"{name} must be a number above 0 (from 1e-9 to 1e9), got {value!r}")
        return float(value)

    def _burn_in(self) -> int:
        if self.burn_in is None:
            return self.max_iter // 2
        self._check_not_negative("burn_in")
        if self.burn_in >= self.max_iter:
            raise UnlabeledError(f"burn_in={self.burn_in} leaves none of the {self.max_iter} sweeps of max_iter")
        return int(self.burn_in)
