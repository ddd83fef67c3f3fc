"""Softmax regression: a linear classifier of the labelled rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.few_labels import Codes, FewLabels, Floats, fitted, softmax

TOLERANCE = 1e-6
"""Of the solver: small enough that sparse rows, which are not centred, give the same probabilities to four digits."""
SPAN = 2_000
"""Labelled rows up to which the space that they span is computed, whose cost grows with the cube of their number."""


class SoftmaxRegression(FewLabels):
    r"""A linear classifier learns from the labelled rows alone: what the unlabelled ones must beat.

    Split: x is a labelled row, y its class. Columns are scaled to mean 0 and variance 1 over all rows, labelled or not
    (those of a sparse matrix to variance 1 alone). Loss:

    .. math:: L = \tfrac12 \lVert W \rVert^2 - C \sum_i \log \mathrm{softmax}(W^\top x_i + b)_{y_i}

    The best W lies in the space that the labelled rows span. Where they are fewer than the columns, as with pixels or
    words, it is looked for in coordinates of that space.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the errors against the size of W: the smaller, the smoother.
    max_iter : int, default 1000
        Steps of the optimiser at most.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        The classes.
    coef_ : ndarray, shape (c, d)
        W, for scaled columns.
    intercept_ : ndarray, shape (c,)
        b.
    mean_, scale_ : ndarray, shape (d,)
        Of the columns.
    n_iter_ : int
        Steps made.

    See Also
    --------
    SelfTraining, LabelSpreading, PoissonLearning : Learn from the unlabelled rows too.

    References
    ----------
    .. [1] Cox, The Regression Analysis of Binary Sequences, JRSS B 1958.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]]
    >>> SoftmaxRegression().fit(X, ["low", "", "", "", "", "high"]).predict([[3.0], [9.0]]).tolist()
    ['low', 'high']
    """

    principle: ClassVar[str] = "few labels"

    C: float = 1.0
    max_iter: int = 1000

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from the labelled rows.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
        y : array-like, shape (n,)
            Classes, −1 where unknown.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If rows, labels or settings are not usable.
        """
        if not self.C > 0:
            raise UnlabeledError(f"C must be above 0, got {self.C!r}")
        X = self._rows(X, reset=True)
        labels = self._read_labels(y, X.shape[0])
        self.mean_, self.scale_ = column_scale(X)
        known = np.flatnonzero(labels.codes >= 0)
        rows = scaled(X[known], self.mean_, self.scale_)
        span = Span.of(rows)
        coef, self.intercept_, self.n_iter_ = solve(span.coordinates, labels.codes[known], self.C, self.max_iter)
        self.coef_ = coef if span.combination is None else (coef @ span.combination) @ rows
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each class, shape (m, c)."""
        check_is_fitted(self)
        rows = scaled(self._rows(X, reset=False), self.mean_, self.scale_)
        return softmax(np.asarray(rows @ self.coef_.T + self.intercept_))


def column_scale(X: Any) -> tuple[Floats, Floats]:
    """Give the mean of each column, 0 for sparse rows, and its standard deviation, 1 where that is 0."""
    from sklearn.preprocessing import StandardScaler

    sparse = bool(sp.issparse(X))
    scaler = StandardScaler(with_mean=not sparse).fit(X)
    return np.zeros(X.shape[1]) if sparse else scaler.mean_, scaler.scale_


def scaled(X: Any, mean: Floats, scale: Floats) -> Any:
    """Scale the columns of rows; sparse rows stay sparse."""
    if bool(sp.issparse(X)):
        return (X @ sp.diags_array(1 / scale)).tocsr()
    return (X - mean) / scale


@dataclass(frozen=True)
class Span:
    """Rows in orthonormal coordinates of the space that they span.

    Attributes
    ----------
    coordinates : ndarray, shape (m, r)
        With the same inner products as the rows; the rows themselves where that saves nothing.
    combination : ndarray, shape (r, m), or None
        What makes the r directions out of the rows, ``combination @ rows``; None where the coordinates are the rows.

    Examples
    --------
    >>> rows = np.array([[3.0, 0.0, 4.0], [6.0, 0.0, 8.0]])
    >>> span = Span.of(rows)
    >>> span.coordinates.shape, np.allclose(span.coordinates @ (span.combination @ rows), rows)
    ((2, 1), True)
    """

    coordinates: Any
    combination: Floats | None = None

    @classmethod
    def of(cls, rows: Any) -> Self:
        """Find the coordinates of dense or sparse rows, shape (m, d)."""
        m, d = rows.shape
        if m >= d or m > SPAN:
            return cls(rows)
        gram = rows @ rows.T
        values, vectors = np.linalg.eigh(gram.toarray() if bool(sp.issparse(gram)) else gram)
        kept = values > 1e-12 * values[-1]  # the others are rounding errors of 0
        if not kept.any():
            return cls(rows)
        roots = np.sqrt(values[kept])
        return cls(vectors[:, kept] * roots, (vectors[:, kept] / roots).T)


def solve(rows: Any, codes: Codes, C: float, max_iter: int, tol: float = TOLERANCE) -> tuple[Floats, Floats, int]:
    """Minimise the loss over W and b.

    Parameters
    ----------
    rows : ndarray or sparse matrix, shape (m, d)
    codes : ndarray of int, shape (m,)
        Their classes, none of them −1.
    C : float
    max_iter : int
    tol : float, default 1e-6
        Largest component of the gradient at which it ends.

    Returns
    -------
    (coef, intercept, n_iter)
        Shapes (c, d) and (c,), for the c classes that occur, in rising order; and the steps made.
    """
    from sklearn.linear_model import LogisticRegression

    model = fitted(LogisticRegression(C=C, max_iter=max_iter, tol=tol), rows, codes)
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:  # of two classes scikit-learn keeps one score; half of it for and against is the same
        coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return coef, intercept, int(model.n_iter_.max())
