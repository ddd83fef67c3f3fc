"""What a class looks like: a distribution over words, or a Gaussian, fitted to weighted rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.few_labels import Floats


@dataclass(frozen=True)
class Densities:
    """The distribution of each class; `fit` weighs rows, `log` gives each row's log-density in each class."""

    alpha: float
    covariance: str
    var_smoothing: float

    def fit(self, X: Any, R: Floats) -> dict[str, Floats]:
        """Fit the parameters to rows X, shape (n, d), that belong to the classes by the weights R, shape (n, c)."""
        raise NotImplementedError

    def log(self, X: Any, parameters: dict[str, Floats]) -> Floats:
        """Give log p(x | c), shape (n, c)."""
        raise NotImplementedError

    def log_prior(self, parameters: dict[str, Floats]) -> float:
        """Give the log-density of the parameters themselves, up to a constant."""
        raise NotImplementedError


class Multinomial(Densities):
    """Words are drawn one by one from the class's distribution over words."""

    def fit(self, X: Any, R: Floats) -> dict[str, Floats]:
        """Count words by class, with alpha added."""
        counts = np.asarray((X.T @ R).T, dtype=np.float64) + self.alpha
        return {"log_probability": np.log(counts) - np.log(counts.sum(axis=1, keepdims=True))}

    def log(self, X: Any, parameters: dict[str, Floats]) -> Floats:
        """Sum the log-probabilities of a row's words."""
        return np.asarray(X @ parameters["log_probability"].T, dtype=np.float64)

    def log_prior(self, parameters: dict[str, Floats]) -> float:
        """Give the Dirichlet prior that alpha stands for."""
        return float(self.alpha * parameters["log_probability"].sum())


class Gaussian(Densities):
    """Rows are scattered around the class's mean."""

    def fit(self, X: Any, R: Floats) -> dict[str, Floats]:
        """Weigh means and variances."""
        total = np.maximum(R.sum(axis=0), 1e-300)
        mean = (R.T @ X) / total[:, None]
        floor = self.var_smoothing * float(np.var(X, axis=0).max())
        if self.covariance == "diagonal":
            variance = np.stack([R[:, c] @ np.square(X - mean[c]) / total[c] for c in range(len(mean))]) + floor
        else:
            centred = (X - centre for centre in mean)
            variance = np.stack([(R[:, c, None] * rows).T @ rows / total[c] for c, rows in enumerate(centred)])
            variance += floor * np.eye(X.shape[1])
        return {"mean": mean, "variance": variance}

    def log(self, X: Any, parameters: dict[str, Floats]) -> Floats:
        """Give the Gaussian's logarithm."""
        columns = []
        for mean, variance in zip(parameters["mean"], parameters["variance"], strict=True):
            if self.covariance == "diagonal":
                if not (variance > 0).all():
                    raise _flat()
                squares, size = (np.square(X - mean) / variance).sum(axis=1), np.log(variance).sum()
            else:
                try:
                    L = cholesky(variance, lower=True)
                except np.linalg.LinAlgError:
                    raise _flat() from None
                squares = np.square(solve_triangular(L, (X - mean).T, lower=True)).sum(axis=0)
                size = 2 * np.log(np.diag(L)).sum()
            columns.append(-(squares + size + X.shape[1] * np.log(2 * np.pi)) / 2)
        return np.stack(columns, axis=1)

    def log_prior(self, parameters: dict[str, Floats]) -> float:
        """Give nothing: means and variances have no prior."""
        return 0.0


def _flat() -> UnlabeledError:
    return UnlabeledError(
        "a class has no spread in some direction (too few labelled rows, or a constant column); "
        "raise var_smoothing, or take covariance='diagonal'"
    )


DENSITIES: dict[str, type[Densities]] = {"multinomial": Multinomial, "gaussian": Gaussian}
