"""Sentence vectors: a text as the weighted mean of its words' vectors."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.document_texts import read_texts
from unlabeled.data.text.tokenization.tokenizers import LostTokenizer, Tokenizer, checked_tokenizer, tokenize
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.estimator import Estimator, described
from unlabeled.files import folder_written_aside, load_arrays, read_json, refuses_damage, save_arrays, write_json
from unlabeled.methods.words.lookup.opened_vectors import opened_vectors
from unlabeled.methods.words.lookup.saved_unseen import unseen_of, unseen_parts
from unlabeled.methods.words.word_vectors import WordVectors

MODEL, ARRAYS, VECTORS = "model.json", "arrays.safetensors", "vectors.safetensors"
BUILT_IN_SETTINGS = ("weighting", "smoothing", "tokenizer")


class SentenceVectors(Estimator):
    r"""Texts become vectors: the mean of their words' vectors, or the smooth inverse frequency mean, which is better.

    .. math:: v_s = \frac{1}{|s|} \sum_{w \in s} \frac{a}{a + p(w)} v_w, \qquad v_s \leftarrow v_s - u u^\top v_s

    p(w) is the word's share of the texts that `fit` sees. u is the first singular vector of their vectors: the
    direction that all texts have in common. With ``weighting="mean"`` every word weighs 1 and nothing is taken off.

    Parameters
    ----------
    vectors : WordVectors, path, or fitted word method
        The vectors of words. A path is what `WordVectors.load` or `unlabeled.load` opens.
    weighting : {"sif", "mean"}, default "sif"
        ``"sif"``: smooth inverse frequency, as in the equations. ``"mean"``: all words weigh the same.
    smoothing : float, default 1e-3
        a. The smaller it is, the less frequent words count.
    tokenizer : str or callable, optional
        How a text becomes words: as for the vectors. By default that of the word method, or "words".

    Attributes
    ----------
    shares_ : dict of str to float
        p(w) of each word of the texts.
    component_ : ndarray of float32, shape (dim,), or None
        u.

    References
    ----------
    .. [1] Arora, Liang & Ma, A Simple but Tough-to-Beat Baseline for Sentence Embeddings, ICLR 2017.

    Examples
    --------
    >>> vectors = WordVectors(["cat", "dog", "car", "the"], [[3, 1], [3, 2], [-1, 3], [1, 1]])
    >>> texts = ["the cat", "the dog", "the car", "the cat, the dog"]
    >>> SentenceVectors(vectors=vectors, weighting="mean").fit(texts).transform(["the cat"])
    array([[2., 1.]], dtype=float32)
    >>> SentenceVectors(vectors=vectors).fit(texts).transform(texts).shape
    (4, 2)
    """

    principle: ClassVar[str] = "words"

    modalities: ClassVar[tuple[str, ...]] = ("text",)

    vectors: Any = None
    weighting: Literal["sif", "mean"] = "sif"
    smoothing: float = 1e-3
    tokenizer: str | Callable[[str], Iterable[str]] | None = None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count the words of texts, and find the direction that all texts have in common.

        Parameters
        ----------
        X : list of strings, path, or list of paths
            Texts, as `Documents.count` takes them.
        y : ignored
            There for scikit-learn's sake.

        Raises
        ------
        UnlabeledError
            If there are no texts, a setting is out of range, or no word of the texts has a vector.
        """
        self._check()
        self._open()
        texts = self._cut(X)
        counts = Counter(word for text in texts for word in text)
        total = counts.total()
        self.shares_ = {word: count / total for word, count in counts.items()}
        self.component_: NDArray[np.float32] | None = None
        rows = self._means(texts)
        if not rows.any():
            raise UnlabeledError(
                "no word of the texts has a vector; are they of the same language, and cut into words alike?"
            )
        if self.weighting == "sif":
            self.component_ = np.linalg.svd(rows[rows.any(axis=1)], full_matrices=False)[2][0].astype(np.float32)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Give the vectors of texts.

        Parameters
        ----------
        X : as in `fit`, n texts

        Returns
        -------
        ndarray of float32, shape (n, dim)
            Zeros for a text of which no word has a vector.
        """
        self._check_is_fitted()
        means = self._means(self._cut(X))
        if self.component_ is not None:
            means -= np.outer(means @ self.component_, self.component_)
        return means.astype(np.float32)

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[np.float32]:
        """Fit, and give the vectors of the same texts."""
        return self.fit(X).transform(X)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder of safetensors and JSON, with the vectors of words, and the n-grams of a subword model.

        A tokenizer of your own is not saved, nor a function of your own that makes vectors of unseen words: what is
        loaded must be given the tokenizer again, and takes words without a vector for unknown.
        """
        self._check_is_fitted()
        with folder_written_aside(folder) as aside:
            self._vectors.save(aside / VECTORS)
            component = {} if self.component_ is None else {"component": self.component_}
            shares = np.array(list(self.shares_.values()))
            unseen, ngrams = unseen_parts(self._vectors.oov)
            save_arrays({"shares": shares, **component, **ngrams}, aside / ARRAYS)
            cut = self._cutter()
            settings = {
                "weighting": self.weighting,
                "smoothing": float(self.smoothing),
                "tokenizer": cut if isinstance(cut, str) else None,
                "own_tokenizer": None if isinstance(cut, str) else described(cut),
            }
            about = {"method": "sentence_vectors", **settings, "unseen": unseen, "words": list(self.shares_)}
            write_json(aside / MODEL, about)

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote."""
        folder = Path(folder)
        saved, arrays = read_json(folder / MODEL), load_arrays(folder / ARRAYS)
        vectors = WordVectors.load(folder / VECTORS)
        try:
            if saved["unseen"]:  # of a subword model
                oov = unseen_of(saved["unseen"], arrays)
                vectors = WordVectors(vectors.words, vectors.vectors, vectors.counts, oov=oov)
            self = cls(vectors=vectors, **{name: saved[name] for name in BUILT_IN_SETTINGS})
            self.shares_ = dict(zip(saved["words"], arrays["shares"].tolist(), strict=True))
        except (KeyError, TypeError, ValueError) as error:
            raise UnlabeledError(f"{folder} is damaged ({error})") from error
        self._check()
        own = saved.get("own_tokenizer")
        self._vectors = vectors
        self._tokenizer = checked_tokenizer(self.tokenizer) if own is None else LostTokenizer(str(own))
        self.component_ = arrays.get("component")
        return self

    def __sklearn_clone__(self) -> Self:
        """Copy the settings, and keep the fitted vectors, which a clone of them would not be."""
        return type(self)(**self.get_params(deep=False))

    def _check(self) -> None:
        if self.weighting not in ("sif", "mean"):
            raise unknown_name("weighting", str(self.weighting), ["sif", "mean"])
        if not (isinstance(self.smoothing, Real) and 0 < self.smoothing < np.inf):
            raise UnlabeledError(f"smoothing must be above 0, got {self.smoothing!r}")

    def _open(self) -> None:
        """Open the vectors of words, and find out how texts are cut."""
        self._vectors, method = opened_vectors(self.vectors)
        self._tokenizer = checked_tokenizer(self.tokenizer or getattr(method, "tokenizer", None))

    def _cut(self, X: Any) -> list[list[str]]:
        cutter = self._cutter()
        return [tokenize(text, cutter) for text in read_texts(X)[0]]

    def _cutter(self) -> str | Tokenizer:
        """Give what cuts texts: as the vectors' words were cut, or what was set in place of a lost tokenizer."""
        lost = isinstance(self._tokenizer, LostTokenizer) and self.tokenizer is not None
        return checked_tokenizer(self.tokenizer) if lost else self._tokenizer

    def _means(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Give the weighted mean of the known words of each text."""
        weight = self._weight if self.weighting == "sif" else lambda word: 1.0
        return weighted_means(self._vectors, texts, weight)

    def _weight(self, word: str) -> float:
        return self.smoothing / (self.smoothing + self.shares_.get(word, 0.0))

    def _check_is_fitted(self) -> None:
        if not hasattr(self, "shares_"):
            from sklearn.utils.validation import check_is_fitted

            check_is_fitted(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "shares_")


def weighted_means(
    vectors: WordVectors, texts: Sequence[Sequence[str]], weight: Callable[[str], float] = lambda word: 1.0
) -> NDArray[np.float64]:
    """Give the mean of the weighted vectors of each text's known words; zeros, with a warning, where there are none.

    Parameters
    ----------
    vectors : WordVectors
    texts : sequence of sequences of str, length n
        Texts as words.
    weight : callable
        From a word to its weight.

    Returns
    -------
    ndarray of float64, shape (n, dim)
    """
    found = np.zeros((len(texts), vectors.dim))
    without = 0
    for row, text in enumerate(texts):
        counts = Counter(word for word in text if word in vectors)
        if not counts:
            without += 1
            continue
        words = list(counts)
        weights = np.array([counts[word] * weight(word) for word in words])
        found[row] = weights @ vectors.lookup(words).astype(np.float64) / counts.total()
    if without:
        warnings.warn(
            f"{without:,} of {len(texts):,} texts have no word with a vector; their vectors are zeros", stacklevel=3
        )
    return found
