"""Linear classifiers for dense vectors: multinomial logistic regression and the support vector machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.evaluation.inputs import Labels, Vectors
from unlabeled.kernels.blas_threads import one_blas_thread

Float = NDArray[np.float64]
Loss = Literal["logistic", "svm"]
RAISED = 1e-3  # share of the mean square of a column by which the diagonal is raised
TOLERANCE = 1e-8  # relative; products are in float32, and their errors hide anything finer


@dataclass
class LinearClassifier:
    r"""Scores f(x) = Wᵀx + b, fitted by L-BFGS in the metric of the features' covariance.

    .. math:: \min_{W, b} \tfrac12 \lVert W \rVert^2 + C \sum_i \ell(f(x_i), y_i)

    with ℓ the softmax cross-entropy ("logistic", the optimum of scikit-learn's `LogisticRegression`; with two classes,
    where it has one weight vector for our two, that of twice the C) or the squared hinge of each class against the rest
    ("svm", the optimum of its `LinearSVC` but for the bias, which is free here).

    Features of images are strongly correlated, which makes the objective a long valley where plain L-BFGS takes
    hundreds of steps. With A = I + C κ XᵀX, about the objective's curvature, and its Cholesky factor A = LLᵀ, the
    weights are written W = L⁻ᵀV, and V has a round bowl to descend: some twenty steps, whatever the features. Of
    orthogonal features A is diagonal but for the bias, and so is L.

    Parameters
    ----------
    loss : {"logistic", "svm"}, default="logistic"
        ℓ.
    C : float, default=1.0
        Weight of the errors against the size of W.
    max_iter : int, default=500
        Steps at most.
    orthogonal : bool, default=False
        Whether the columns of X are orthogonal to each other, as principal components are. The optimum is the same
        either way; each step costs less.
    """

    loss: Loss = "logistic"
    C: float = 1.0
    max_iter: int = 500
    orthogonal: bool = False
    classes_: Labels = field(init=False, repr=False)
    weights_: Float = field(init=False, repr=False)
    """Shape (d + 1, classes); the last row is the bias."""
    n_iter_: int = field(init=False, repr=False)

    def fit(self, X: Vectors, y: Labels, start: Float | None = None) -> LinearClassifier:
        """Find the weights for the rows of `X`, which should be standardised, and their classes `y`.

        `start` are weights to begin with, such as those of another C; by default zeros.
        """
        from scipy.optimize import fmin_l_bfgs_b

        self.classes_, codes = np.unique(y, return_inverse=True)
        errors, curvature = LOSSES[self.loss]
        members = (codes[:, None] == np.arange(len(self.classes_))).astype(np.float32)
        X = _with_ones(X)
        penalty = np.ones((X.shape[1], 1))
        penalty[-1] = 0  # the bias is free
        strength = self.C * curvature(len(self.classes_))
        preconditioner = (_Diagonal if self.orthogonal else _Cholesky)(X, penalty, strength)
        shape = (X.shape[1], len(self.classes_))

        def objective(flat: Float) -> tuple[float, Float]:
            W = preconditioner.weights(flat.reshape(shape))
            value, slope = errors(X @ W.astype(np.float32), members)
            gradient = penalty * W + self.C * (X.T @ slope)
            return float((penalty * W**2).sum() / 2 + self.C * value), preconditioner.gradient(gradient).ravel()

        precision = TOLERANCE / np.finfo(np.float64).eps
        first = np.zeros(shape) if start is None else preconditioner.coordinates(start)
        with one_blas_thread(X.size):
            flat, _, outcome = fmin_l_bfgs_b(objective, first.ravel(), maxiter=self.max_iter, factr=precision, pgtol=0)
        self.weights_ = preconditioner.weights(flat.reshape(shape))
        self.n_iter_ = outcome["nit"]
        return self

    def predict(self, X: Vectors) -> Labels:
        """Give each row the class of the highest score."""
        scores = _with_ones(X) @ self.weights_.astype(np.float32)
        predicted: Labels = self.classes_[scores.argmax(axis=1)]
        return predicted


def _with_ones(X: Vectors) -> Vectors:
    return np.column_stack([X, np.ones(len(X), dtype=np.float32)])


class _Cholesky:
    """Changes variables from weights W to V = LᵀW, where LLᵀ is the penalty plus `strength` times XᵀX."""

    def __init__(self, X: Vectors, penalty: Float, strength: float) -> None:
        from scipy.linalg import cholesky

        gram = (X.T @ X).astype(np.float64) * strength
        # In float32 XᵀX may have eigenvalues just below zero. Any near metric will do, so the diagonal is raised a bit.
        gram[np.diag_indices_from(gram)] += penalty[:, 0] + RAISED * strength * len(X)
        self._L: Float = cholesky(gram, lower=True)

    def weights(self, V: Float) -> Float:
        """Give W from V."""
        from scipy.linalg import solve_triangular

        found: Float = solve_triangular(self._L, V, lower=True, trans="T", check_finite=False)
        return found

    def gradient(self, of_weights: Float) -> Float:
        """Give the gradient by V from the one by W."""
        from scipy.linalg import solve_triangular

        found: Float = solve_triangular(self._L, of_weights, lower=True, check_finite=False)
        return found

    def coordinates(self, weights: Float) -> Float:
        """Give V from W."""
        found: Float = self._L.T @ weights
        return found


class _Diagonal:
    """The same for orthogonal columns of X: L is taken as diagonal, which is near enough for the column of ones too."""

    def __init__(self, X: Vectors, penalty: Float, strength: float) -> None:
        squares = np.einsum("nd,nd->d", X, X, dtype=np.float64)[:, None]
        self._lengths = np.sqrt(penalty + strength * (squares + RAISED * len(X)))

    def weights(self, V: Float) -> Float:
        """Give W from V."""
        found: Float = V / self._lengths
        return found

    def gradient(self, of_weights: Float) -> Float:
        """Give the gradient by V from the one by W."""
        found: Float = of_weights / self._lengths
        return found

    def coordinates(self, weights: Float) -> Float:
        """Give V from W."""
        found: Float = self._lengths * weights
        return found


def _cross_entropy(scores: Vectors, members: Vectors) -> tuple[float, Vectors]:
    scores = scores - scores.max(axis=1, keepdims=True)
    odds = np.exp(scores)
    sums = odds.sum(axis=1, keepdims=True)
    value = np.log(sums).sum(dtype=np.float64) - (scores * members).sum(dtype=np.float64)
    return float(value), odds / sums - members


def _squared_hinge(scores: Vectors, members: Vectors) -> tuple[float, Vectors]:
    signs = 2 * members - 1
    slack = np.maximum(0, 1 - signs * scores)
    return float(np.square(slack).sum(dtype=np.float64)), -2 * signs * slack


# Of each loss: its sum with the slope at every score, and its mean curvature at the start, where all scores are 0.
LOSSES: dict[str, tuple[Callable[[Vectors, Vectors], tuple[float, Vectors]], Callable[[int], float]]] = {
    "logistic": (_cross_entropy, lambda classes: (1 - 1 / classes) / classes),
    "svm": (_squared_hinge, lambda classes: 2.0),
}
