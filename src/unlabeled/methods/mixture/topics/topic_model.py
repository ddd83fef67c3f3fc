"""What topic models share: text or counts come in, shares of topics go out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from unlabeled.data.text.document_texts import is_text
from unlabeled.data.text.documents import Documents, check_not_empty, check_whole, tidy_counts
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.topics.expected_counts import by_document
from unlabeled.kernels.topics.fold_in import fold_in
from unlabeled.memory import check_memory
from unlabeled.methods.mixture.base import Mixture
from unlabeled.methods.mixture.threads import threads
from unlabeled.methods.mixture.topics.word_counts import WordCounts, padded_rows

FOLD_IN_STEPS, FOLD_IN_TOL = 200, 1e-4
COPIES, INDEX = 2, 4  # of a sparse matrix while it is made; bytes of a column's number


class TopicModel(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Mixture, ABC):
    r"""Base of the methods in which each word of a document came from one of k topics.

    .. math:: p(w \mid d) = \sum_z \theta_{dz} \, \beta_{zw}

    Parameters
    ----------
    n_components : int, default 10
        k, the number of topics. It may be given without its name: ``PLSA(20)``.
    tokenizer : str or callable, default "words"
        How a text becomes words: see `unlabeled.data.tokenize`. This and the next four are for texts; counts are taken
        as they are.
    stop_words : str, list of str or None, default "english"
        Words left out of texts: those of a language, such as "german", or of a list.
    min_df, max_df : int or float
        Leave out words that are in fewer, or more, documents than this: a number of them if int, a share if float.
    max_features : int, optional
        Keep only so many words, the most frequent ones.
    """

    principle: ClassVar[str] = "mixture"

    modalities: ClassVar[tuple[str, ...]] = ("text", "vector")
    takes_sparse: ClassVar[bool] = True
    takes_fractions: ClassVar[bool] = True

    n_components: int = field(default=10, kw_only=False)
    tokenizer: str | Callable[[str], Iterable[str]] | None = "words"
    stop_words: str | Sequence[str] | None = "english"
    min_df: int | float = 1
    max_df: int | float = 1.0
    max_features: int | None = None

    @abstractmethod
    def _prior(self) -> Any:
        """Give what is added to each expected count of a topic in a document: a number, or one for each topic."""

    def _power(self) -> float:
        """Give the exponent of the posterior."""
        return 1.0

    def transform(self, X: Any) -> NDArray[Any]:
        """Give the shares of the topics in documents, θ; the topics stay as they are (fold-in).

        Parameters
        ----------
        X : list of strings, path, `Documents`, or matrix of shape (n, words)
            Documents, as in `fit`. Words that `fit` has not seen do not count.

        Returns
        -------
        ndarray, shape (n, k)
            Rows add up to 1. A document in which no known word is has equal shares.
        """
        check_is_fitted(self)
        return self._fold_in(WordCounts(self._counts(X, reset=False)))

    def top_words(self, n: int = 10) -> list[list[str]]:
        """Give the n most probable words of each topic, the first the most probable.

        Where `fit` was given counts without words, they are called by the names of the data frame's columns, or by
        the columns' numbers.
        """
        check_is_fitted(self)
        names: Any = self.vocabulary_ or getattr(self, "feature_names_in_", None)
        order = np.argsort(-self.components_, axis=1, kind="stable")[:, :n]
        return [[str(i) if names is None else str(names[i]) for i in topic] for topic in order.tolist()]

    def reorder(self, order: NDArray[np.int64]) -> None:
        """Number the topics anew: topic i becomes what was topic ``order[i]``."""
        check_is_fitted(self)
        for array in (self.components_, self.weights_):
            array[:] = array[order]

    def score(self, X: Any, y: Any = None) -> float:
        """Give the mean log-likelihood of a word, with θ found on the same words; words never seen are left out."""
        check_is_fitted(self)
        matrix = self._counts(X, reset=False)
        return self._log_likelihood(matrix, self._fold_in(WordCounts(matrix)))

    def perplexity(self, X: Any, random_state: Any = 0) -> float:
        """Measure how well the words of documents are predicted by the other words of the same documents.

        Each word is held out with a chance of one half. θ is found on the rest (document completion, Wallach et al.
        2009), and the held-out words are scored.

        Parameters
        ----------
        X : as in `transform`
            Documents that `fit` has not seen. Words it has not seen do not count.
        random_state : int or RandomState, default 0
            Which words are held out; the same for every model that has the same words.

        Returns
        -------
        float
            exp(−mean log p(w | d)): as many words, equally probable, would be as hard to foretell. Lower is better.
        """
        check_is_fitted(self)
        matrix = self._counts(X, reset=False)
        check_whole(matrix)
        shown, hidden = matrix.copy(), matrix.copy()
        shown.data = check_random_state(random_state).binomial(matrix.data.astype(np.int64), 0.5).astype(matrix.dtype)
        hidden.data = matrix.data - shown.data
        shown.eliminate_zeros()
        hidden.eliminate_zeros()
        theta = self._predictive(self._fold_in(WordCounts(shown)))
        return float(np.exp(-self._log_likelihood(hidden, theta)))

    def _predictive(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Give the shares of topics with which further words of a document are predicted."""
        return theta

    def _counts(self, X: Any, *, reset: bool) -> sp.csr_matrix:
        """Open documents: count or check words, and set or compare what `fit` has seen."""
        if not isinstance(X, Documents) and not is_text(X):
            matrix = self._matrix(X, reset=reset)
            if reset:
                self.vocabulary_ = None
            return matrix
        if not reset and self.vocabulary_ is None:
            raise UnlabeledError(
                f"this {type(self).__name__} was fitted to counts without words, so text cannot be counted for it; "
                "fit it to text, or to Documents.of_counts(counts, words)"
            )
        documents = Documents.count(
            X,
            tokenizer=self.tokenizer,
            stop_words=self.stop_words,
            min_df=self.min_df,
            max_df=self.max_df,
            max_features=self.max_features,
            vocabulary=None if reset else self.vocabulary_,
        )
        if reset:
            self.vocabulary_, self.n_features_in_ = list(documents.words), len(documents.words)
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif documents.words != self.vocabulary_:
            raise UnlabeledError(
                f"the documents count {len(documents.words)} words that are not the {len(self.vocabulary_ or ())} of "
                "the model, in the same order; count them with vocabulary=model.vocabulary_"
            )
        return tidy_counts(documents.counts.astype(np.float32))

    def _matrix(self, X: Any, *, reset: bool) -> sp.csr_matrix:
        """Make a matrix of any kind sparse, block by block."""
        blocks = self._open(X, reset=reset)
        stored = sum(int(block.rows.nnz if blocks.sparse else np.count_nonzero(block.rows)) for block in blocks)
        check_memory(
            COPIES * stored * (blocks.dtype.itemsize + INDEX),
            f"counts of {stored:,} entries that are not 0",
            "leave out rare and very frequent words, or fit a sample of the documents",
        )
        matrix = tidy_counts(sp.vstack([sp.csr_matrix(block.rows) for block in blocks], format="csr"))
        if not self.takes_fractions:
            check_whole(matrix)
        return matrix

    def _check_documents(self, matrix: sp.csr_matrix) -> None:
        """Refuse what no topics can be found in; count the empty documents."""
        check_not_empty(matrix)
        if matrix.shape[0] < self.n_components:
            raise UnlabeledError(
                f"n_samples={matrix.shape[0]} should be >= n_components={self.n_components}: there cannot be more "
                "topics than documents"
            )
        self.empty_ = int((np.diff(matrix.indptr) == 0).sum())

    def _fold_in(self, counts: WordCounts) -> NDArray[Any]:
        k, dtype = len(self.components_), counts.dtype.type
        powered = padded_rows(self.components_.T ** self._power(), dtype)
        theta = padded_rows(np.zeros((counts.shape[0], k)), dtype)

        def shares(piece: tuple[int, int]) -> None:
            workspace = padded_rows(np.zeros((2, k)), dtype)
            known = (powered, k, np.full(k, self._prior(), dtype), dtype(self._power()))
            limits = (FOLD_IN_STEPS, dtype(FOLD_IN_TOL), np.finfo(dtype).tiny)
            fold_in(counts.pointers, counts.words, counts.counts, *known, *piece, *limits, theta, workspace)

        with threads(self.workers) as pool:
            for _ in pool.map(shares, counts.pieces):
                pass
        return np.ascontiguousarray(theta[:, :k])

    def _log_likelihood(self, matrix: sp.csr_matrix, theta: NDArray[Any]) -> float:
        """Give the mean log p(w | d), without the words that no topic knows."""
        known = self.components_.any(axis=0)
        counts = WordCounts(sp.csr_matrix(matrix[:, known]))
        if counts.total == 0:
            raise UnlabeledError("there is no word to score: the documents hold none that the model knows")
        dtype = counts.dtype.type
        rows, beta = padded_rows(theta, dtype), padded_rows(self.components_.T[known], dtype)
        ratios, expected = np.empty_like(counts.counts), np.empty_like(rows)

        def likelihood(piece: tuple[int, int]) -> float:
            sparse = (counts.pointers, counts.words, counts.counts)
            return float(by_document(*sparse, rows, beta, *piece, np.finfo(dtype).tiny, ratios, expected))

        with threads(self.workers) as pool:
            return sum(pool.map(likelihood, counts.pieces)) / counts.total

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.categorical = not self.takes_fractions  # its word for whole numbers
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
