"""The steps of a mixture of mixed columns: within a component, columns are independent.

Every component is of the exponential family, so log p(x, k) is a product of the row's sufficient statistics and the
component's natural parameters, and the M step is the same product turned around. What is missing has no statistics, and
so no say: this is the likelihood of what is known, with the rest integrated out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import logsumexp

from unlabeled.methods.mixture.mixed.mixed_columns import Floats, MixedRows
from unlabeled.methods.mixture.threads import Threads

LOG_TAU = float(np.log(2 * np.pi))
SMALLEST = 1e-300  # stands for a weight of 0, whose logarithm there is none


@dataclass(frozen=True)
class MixedParameters:
    """θ: weights (k,), means and variances (k, numeric columns), probabilities of all levels (k, levels)."""

    weights: Floats
    means: Floats
    variances: Floats
    probabilities: Floats

    def joint(self, statistics: Floats, levels: sp.csr_matrix) -> Floats:
        """Give log p(x, k) of rows, shape (n, k)."""
        precision = 1 / self.variances
        natural = np.hstack(
            [
                -0.5 * (LOG_TAU + np.log(self.variances) + self.means**2 * precision),
                self.means * precision,
                -0.5 * precision,
            ]
        )
        found = statistics @ natural.T + np.log(np.maximum(self.weights, SMALLEST))
        return np.asarray(found + levels @ np.log(self.probabilities).T)


@dataclass(frozen=True)
class MixedData:
    """Rows, their weights (or None), and the threads to work with."""

    rows: MixedRows
    weights: Floats | None
    threads: Threads

    @property
    def total(self) -> float:
        """The weight of all rows."""
        return float(len(self.rows)) if self.weights is None else float(self.weights.sum())


@dataclass(frozen=True)
class MixedExpectation:
    """What the E step leaves: the responsibilities' sums, those of the statistics, and the bound for a row."""

    masses: Floats
    numbers: Floats
    levels: Floats
    bound: float


@dataclass(frozen=True)
class MixedEM:
    """A Gaussian × categorical mixture as `expectation_maximisation` wants it.

    Parameters
    ----------
    n_components : int
    smoothing : ndarray, shape (levels,)
        Rows that every component is taken to have seen of each level beforehand.
    floor : ndarray, shape (numeric columns,)
        The least variance of a component.
    sizes : list of int
        Levels of each categorical column.
    labels : callable
        From the data and a random state to the component of each row, from which the first θ is estimated.
    """

    n_components: int
    smoothing: Floats
    floor: Floats
    sizes: list[int]
    labels: Callable[[MixedData, np.random.RandomState], NDArray[np.int64]]

    def start(self, data: MixedData, random: np.random.RandomState) -> MixedParameters:
        """Estimate the first θ from groups of rows."""
        shares = np.eye(self.n_components)[self.labels(data, random)]
        d, levels = len(self.floor), len(self.smoothing)
        nothing = MixedParameters(
            np.ones(self.n_components),
            np.zeros((self.n_components, d)),
            np.ones((self.n_components, d)),
            np.ones((self.n_components, levels)),
        )
        return self.m_step(self._expect(data, lambda rows, *_: (shares[rows], 0.0), nothing), nothing)

    def e_step(self, data: MixedData, theta: MixedParameters) -> MixedExpectation:
        """Find responsibilities r_nk ∝ w_k ∏_j p(x_nj | θ_kj), and add up the statistics that they weigh."""

        def posterior(rows: slice, statistics: Floats, levels: sp.csr_matrix) -> tuple[Floats, float]:
            joint = theta.joint(statistics, levels)
            density = logsumexp(joint, axis=1)
            weights = 1.0 if data.weights is None else data.weights[rows]
            return np.exp(joint - density[:, None]), float((density * weights).sum())

        return self._expect(data, posterior, theta)

    def m_step(self, q: MixedExpectation, theta: MixedParameters) -> MixedParameters:
        """Give each component the moments and the shares of levels of its part of the rows.

        The variance that is best among those of at least the floor is the larger of the sample's and the floor.
        """
        known, first, second = np.split(q.numbers, 3, axis=1)
        seen = known > 0
        mass = np.where(seen, known, 1.0)
        means = np.where(seen, first / mass, theta.means)
        variances = np.maximum(np.where(seen, second / mass - means**2, theta.variances), self.floor)
        counts = q.levels + self.smoothing
        probabilities = np.hstack(
            [part / part.sum(axis=1, keepdims=True) for part in np.split(counts, np.cumsum(self.sizes)[:-1], axis=1)]
        )
        return replace(
            theta, weights=q.masses / q.masses.sum(), means=means, variances=variances, probabilities=probabilities
        )

    def log_likelihood(self, q: MixedExpectation) -> float:
        """Give the mean log-likelihood of a row, with the logarithm of the prior."""
        return q.bound

    def _expect(
        self,
        data: MixedData,
        posterior: Callable[[slice, Floats, sp.csr_matrix], tuple[Floats, float]],
        theta: MixedParameters,
    ) -> MixedExpectation:
        def part(rows: slice) -> tuple[Floats, Floats, Floats, float]:
            statistics, levels = data.rows.statistics(rows)
            shares, likelihood = posterior(rows, statistics, levels)
            if data.weights is not None:
                shares = shares * data.weights[rows, None]
            return shares.sum(axis=0), shares.T @ statistics, (levels.T @ shares).T, likelihood

        masses, numbers, counts, likelihoods = zip(*data.threads.map(part, data.rows.chunks()), strict=True)
        prior = float((self.smoothing * np.log(theta.probabilities)).sum())
        bound = (sum(likelihoods) + prior) / data.total
        return MixedExpectation(np.sum(masses, axis=0), np.sum(numbers, axis=0), np.sum(counts, axis=0), bound)
