"""What the classifiers of vectors share: some rows have a label, and all rows are learnt from."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin

from unlabeled.array_model import ArrayModel
from unlabeled.data.arrays import numbers_given, unmasked
from unlabeled.data.tabular.validated_rows import validated_rows
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.blas_threads import one_blas_thread
from unlabeled.methods.fewlabels.partial_labels import PartialLabels

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


class FewLabels(ClassifierMixin, ArrayModel, ABC):
    """Base of the classifiers of vectors that learn from few labels.

    In `fit`, y holds a class for each row and −1 (or NaN, None, the empty string) where none is known.
    """

    principle: ClassVar[str] = "few labels"

    modalities: ClassVar[tuple[str, ...]] = ("vector",)
    takes_sparse: ClassVar[bool] = True

    @abstractmethod
    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each class, shape (m, c), in the order of `classes_`."""

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the most probable class of each row."""
        shares = self.predict_proba(X)
        named: NDArray[Any] = self.classes_[shares.argmax(axis=1)]
        return named

    def _rows(self, X: Any, *, reset: bool) -> Any:
        """Check rows as scikit-learn does."""
        return validated_rows(
            self,
            unmasked(X),
            reset=reset,
            accept_sparse="csr" if self.takes_sparse else False,
            dtype=[np.float64, np.float32],
        )

    def _read_labels(self, y: Any, rows: int) -> PartialLabels:
        """Read y, and take down the classes."""
        if y is None:
            raise UnlabeledError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: give one class for each "
                "row, −1 where unknown"
            )
        labels = PartialLabels.read(y, rows)
        self.classes_ = labels.classes
        return labels

    def _restore(self, fitted: dict[str, Any]) -> None:
        """Take back what `_fitted` gave."""
        for name, value in fitted.items():
            texts = isinstance(value, list) and bool(value) and isinstance(value[0], str)
            setattr(self, name, np.array(value) if texts else value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.takes_sparse
        tags.target_tags.required = True
        return tags


def fitted(model: Any, X: Any, codes: Codes) -> Any:
    """Fit a classifier of scikit-learn, which takes classes of hardly two rows each for numbers, and warns of it."""
    from sklearn.linear_model import LogisticRegression

    small = isinstance(model, LogisticRegression)  # another may have threads of its own, which want BLAS
    with warnings.catch_warnings(), one_blas_thread(X.size) if small else nullcontext():
        warnings.filterwarnings("ignore", message="The number of unique classes")
        return model.fit(X, codes)


def one_hot(codes: Codes, classes: int) -> Floats:
    """Give a 1 in the column of each row's class, and nothing in rows with −1.

    Examples
    --------
    >>> one_hot(np.array([1, -1]), 2)
    array([[0., 1.],
           [0., 0.]])
    """
    table = np.zeros((len(codes), classes))
    known = np.flatnonzero(codes >= 0)
    table[known, codes[known]] = 1.0
    return table


def normalised(scores: Floats) -> Floats:
    """Scale each row of numbers that are not negative to sum 1; a row of zeros becomes uniform."""
    sums = scores.sum(axis=1, keepdims=True)
    return np.where(sums > 0, scores / np.where(sums > 0, sums, 1), 1 / scores.shape[1])


def softmax(scores: Floats) -> Floats:
    """Give each row's exponentials, scaled to sum 1."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = odds / odds.sum(axis=1, keepdims=True)
    return shares


def known_shares(class_prior: ArrayLike, classes: int) -> Floats:
    """Check the known shares of the classes, and scale them to sum 1.

    Raises
    ------
    UnlabeledError
        If there is not one for each class, or one is not above 0.
    """
    prior = numbers_given("class_prior", class_prior)
    if prior.shape != (classes,) or not (prior > 0).all() or not np.isfinite(prior).all():
        raise UnlabeledError(f"class_prior must hold a share above 0 for each of the {classes} classes")
    shares: Floats = prior / prior.sum()
    return shares
