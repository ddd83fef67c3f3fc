"""Softmax regression: a linear classifier of the labelled rows alone."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.few_labels import FewLabels, Floats, softmax

TOLERANCE = 1e-6
"""Of the solver: small enough that sparse rows, which are not centred, give the same probabilities to four digits."""


class SoftmaxRegression(FewLabels):
    r"""A linear classifier learns from the labelled rows alone: what the unlabelled ones must beat.

    Split: x is a labelled row, y its class. Columns are scaled to mean 0 and variance 1 over all rows, labelled or not
    (those of a sparse matrix to variance 1 alone). Loss:

    .. math:: L = \tfrac12 \lVert W \rVert^2 - C \sum_i \log \mathrm{softmax}(W^\top x_i + b)_{y_i}

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
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        if not self.C > 0:
            raise UnlabeledError(f"C must be above 0, got {self.C!r}")
        X = self._rows(X, reset=True)
        labels = self._read_labels(y, X.shape[0])
        scaler = StandardScaler(with_mean=not sp.issparse(X)).fit(X)
        self.mean_ = np.zeros(X.shape[1]) if scaler.mean_ is None or sp.issparse(X) else scaler.mean_
        self.scale_ = scaler.scale_
        known = np.flatnonzero(labels.codes >= 0)
        model = LogisticRegression(C=self.C, max_iter=self.max_iter, tol=TOLERANCE)
        model.fit(self._scaled(X[known]), labels.codes[known])
        coef, intercept = model.coef_, model.intercept_
        if len(coef) == 1:  # of two classes scikit-learn keeps one score; half of it for and against is the same
            coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
        self.coef_, self.intercept_, self.n_iter_ = coef, intercept, int(model.n_iter_.max())
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each class, shape (m, c)."""
        check_is_fitted(self)
        return softmax(np.asarray(self._scaled(self._rows(X, reset=False)) @ self.coef_.T + self.intercept_))

    def _scaled(self, X: Any) -> Any:
        if bool(sp.issparse(X)):
            return X @ sp.diags_array(1 / self.scale_)
        return (X - self.mean_) / self.scale_
