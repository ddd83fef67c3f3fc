"""Probabilistic latent semantic analysis: documents are mixtures of topics, topics are distributions of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.kernels.topics.expected_counts import by_document, by_word
from unlabeled.methods.mixture.expectation_maximisation import expectation_maximisation
from unlabeled.methods.mixture.threads import Threads, threads
from unlabeled.methods.mixture.topics.topic_model import TopicModel
from unlabeled.methods.mixture.topics.word_counts import WordCounts, padded_rows
from unlabeled.setting_checks import check_whole_settings

SMOOTHING = 0.01  # share of a prediction that is the whole collection's


class PLSA(TopicModel):
    r"""Each word of a document came from a topic that nobody wrote down; a topic is a distribution of words.

    Split: x is the document and the word, y the topic z of the word. Loss, minus the log-likelihood:

    .. math:: -\sum_{d, w} c_{dw} \log \sum_z \theta_{dz} \, \beta_{zw}

    It is fitted by expectation–maximisation, with c the counts:

    .. math:: p(z \mid w, d) \propto \beta_{zw} \theta_{dz}, \qquad
              \theta_{dz} \propto \sum_w c_{dw} \, p(z \mid w, d), \qquad
              \beta_{zw} \propto \sum_d c_{dw} \, p(z \mid w, d)

    The posterior p(z | w, d) is never stored. Up to the length of documents, the steps are those of non-negative matrix
    factorisation under the Kullback–Leibler loss.

    Parameters
    ----------
    init : "random" or array of shape (k, words), default "random"
        Topics to start from. From an array, documents start with equal shares.
    max_iter : int, default 200
        Steps of one start.
    tol : float, default 1e-5
        A fit ends when the mean log-likelihood of a word rises by less.
    n_init : int, default 1
        Starts, of which the one with the greatest likelihood is kept.
    tempering : float, default 1.0
        The exponent b in p(z | w, d) ∝ (β_zw θ_dz)ᵇ, above 0 and at most 1. Below 1 posteriors are less certain, and
        the topics fit the documents less closely (Hofmann 2001). What never falls is then
        Σ c log(Σ_z (β_zw θ_dz)ᵇ) / b, of which the log-likelihood is the case b = 1.

    Attributes
    ----------
    components_ : ndarray, shape (k, words)
        β, the words' probabilities in each topic. Rows add up to 1.
    weights_ : ndarray, shape (k,)
        Share of all words that each topic has.
    vocabulary_ : list of str or None
        The words, where text was given.
    history_ : list of float
        The mean log-likelihood of a word at each step; it never falls.
    n_iter_ : int
        Steps made.
    converged_ : bool
        Whether the likelihood rose by less than `tol` in the end.
    empty_ : int
        Documents without any word; they teach nothing.
    n_features_in_ : int
        Words.

    See Also
    --------
    LatentDirichletAllocation : The same with priors on θ and β.

    References
    ----------
    .. [1] Hofmann, Unsupervised Learning by Probabilistic Latent Semantic Analysis, Machine Learning 2001.

    Examples
    --------
    >>> texts = ["cats purr and cats sleep", "dogs bark, dogs run", "a cat: cats purr", "the dog and dogs that bark"]
    >>> model = PLSA(2, random_state=0).fit(texts)
    >>> sorted(words[0] for words in model.top_words(1))
    ['cats', 'dogs']
    >>> model.transform(["cats purr", "dogs bark"]).max(axis=1).round(2).tolist()
    [1.0, 1.0]
    """

    principle: ClassVar[str] = "mixture"

    init: Any = "random"
    max_iter: int = 200
    tol: float = 1e-5
    n_init: int = 1
    tempering: float = 1.0

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find topics.

        Parameters
        ----------
        X : list of strings, path, `Documents`, or matrix of shape (n, words)
            Text, as `Documents.count` reads it, or counts: an array or sparse matrix of numbers that are not negative.
            Text is worked on in float32, counts in float32 or float64 as they are.
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
        check_whole_settings(self, "n_components", "max_iter", "n_init", "workers")
        self._check_not_negative("tol")
        if not isinstance(self.tempering, int | float | np.number) or not 0 < self.tempering <= 1:
            raise UnlabeledError(f"tempering must be above 0 and at most 1, got {self.tempering!r}")
        matrix = self._counts(X, reset=True)
        self._check_documents(matrix)
        counts = WordCounts(matrix)
        with threads(self.workers) as pool:
            ascent = expectation_maximisation(
                PLSAModel(self.n_components, float(self.tempering), self._first_topics(counts), pool),
                counts,
                max_iter=self.max_iter,
                tol=self.tol,
                n_init=self.n_init,
                random_state=self.random_state,
                title="PLSA",
                progress=self.progress,
                slack=1e-9 if counts.dtype == np.float64 else 1e-5,
            )
        k = self.n_components
        self.components_ = np.ascontiguousarray(ascent.theta.beta[:, :k].T)
        shares = ascent.q.of_words[:, :k].sum(axis=0, dtype=np.float64)
        self.weights_ = (shares / shares.sum()).astype(counts.dtype)
        self.history_, self.n_iter_, self.converged_ = ascent.history, ascent.n_iter, ascent.converged
        return self

    def _prior(self) -> Any:
        return 0.0

    def _power(self) -> float:
        return float(self.tempering)

    def _predictive(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Mix in a little of the whole collection.

        A word of a topic of which the shown words have nothing would be impossible otherwise, and one such word makes
        perplexity infinite.
        """
        mixed: NDArray[Any] = (1 - SMOOTHING) * theta + SMOOTHING * self.weights_
        return mixed

    def _first_topics(self, counts: WordCounts) -> NDArray[Any] | None:
        """Check and normalise the topics that are given."""
        if isinstance(self.init, str):
            if self.init != "random":
                raise unknown_name("init", self.init, ["random"])
            return None
        topics = np.array(self.init, dtype=np.float64)
        shape = (self.n_components, counts.shape[1])
        if topics.shape != shape:
            raise UnlabeledError(f"init has shape {topics.shape}, but the topics' is {shape}")
        if not np.isfinite(topics).all() or (topics < 0).any() or not topics.any(axis=1).all():
            raise UnlabeledError("init must hold finite numbers, none negative, and no topic without words")
        normalised: NDArray[Any] = topics / topics.sum(axis=1, keepdims=True)
        return normalised


@dataclass(frozen=True)
class Topics:
    """The parameters, with topics side by side and zeros up to a whole number of registers."""

    theta: NDArray[Any]
    """Shape (documents, K); rows add up to 1."""
    beta: NDArray[Any]
    """Shape (words, K); columns add up to 1."""


@dataclass(frozen=True)
class ExpectedCounts:
    """What the E step leaves: how many words each topic is expected to have made."""

    of_documents: NDArray[Any]
    of_words: NDArray[Any]
    objective: float
    """The mean log-likelihood of a word, or its tempered kin."""


class PLSAModel:
    """The model that `expectation_maximisation` fits.

    Parameters
    ----------
    k : int
        Topics.
    power : float
        The exponent of posteriors.
    first : ndarray, shape (k, words), optional
        Topics to start from; by default random ones.
    pool : Threads
        Who works.
    """

    def __init__(self, k: int, power: float, first: NDArray[Any] | None, pool: Threads) -> None:
        self._k, self._power, self._first, self._pool = k, power, first, pool

    def start(self, data: WordCounts, random: np.random.RandomState) -> Topics:
        """Draw θ and β evenly among all distributions, or take those given."""
        documents, words = data.shape
        theta = np.ones((documents, self._k))
        if self._first is not None:
            beta = self._first.T
        else:
            theta, beta = random.standard_exponential(theta.shape), random.standard_exponential((words, self._k))
        theta /= theta.sum(axis=1, keepdims=True)
        return Topics(padded_rows(theta, data.dtype), padded_rows(beta / beta.sum(axis=0), data.dtype))

    def e_step(self, data: WordCounts, theta: Topics) -> ExpectedCounts:
        """Add up the posteriors by document and by word."""
        shares, topics = theta.theta, theta.beta
        if self._power != 1:
            shares, topics = shares**self._power, topics**self._power
        ratios = np.empty_like(data.counts)
        of_documents, of_words = np.empty_like(shares), np.empty_like(topics)
        least = np.finfo(data.dtype).tiny

        def documents(piece: tuple[int, int]) -> float:
            sparse = (data.pointers, data.words, data.counts)
            return float(by_document(*sparse, shares, topics, *piece, least, ratios, of_documents))

        def words(piece: tuple[int, int]) -> None:
            by_word(*data.by_word, ratios, shares, topics, *piece, of_words)

        objective = sum(self._pool.map(documents, data.pieces))
        for _ in self._pool.map(words, data.word_pieces):
            pass
        return ExpectedCounts(of_documents, of_words, objective / (data.total * self._power))

    def m_step(self, q: ExpectedCounts, theta: Topics) -> Topics:
        """Normalise the expected counts; documents and topics without any stay as they are."""
        lengths = q.of_documents.sum(axis=1, keepdims=True)
        sizes = q.of_words.sum(axis=0, dtype=np.float64).astype(q.of_words.dtype)
        return Topics(
            np.where(lengths > 0, q.of_documents / np.where(lengths > 0, lengths, 1), theta.theta),
            np.where(sizes > 0, q.of_words / np.where(sizes > 0, sizes, 1), theta.beta),
        )

    def log_likelihood(self, q: ExpectedCounts) -> float:
        """Give the mean log-likelihood of a word (of b < 1, its tempered kin)."""
        return q.objective
