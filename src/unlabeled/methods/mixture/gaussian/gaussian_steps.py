"""The steps of a Gaussian mixture: partial(block) → statistics, merged in the order of the blocks, then an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.blocks import Block, Blocks
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.gaussian.gaussian_covariance import Covariance, SingularError
from unlabeled.methods.mixture.gaussian.gaussian_densities import (
    Densities,
    Gaussians,
    Statistics,
    choose_densities,
    ill_conditioned,
)
from unlabeled.methods.mixture.gaussian.gaussian_expanded import Floats
from unlabeled.methods.mixture.gaussian.gaussian_whitening import Whitening
from unlabeled.methods.mixture.threads import Threads

FAINT = 1e-10  # rows' worth of responsibility below which a component learns nothing, and stays what it was
NARROWEST = np.finfo(np.float64).eps ** 2  # of the variance of all data: below it is rounding, and a single row

Responsibilities = Callable[[Block], NDArray[Any]]
"""From a block to the responsibilities of its rows, shape (k, rows)."""


class CollapsedError(UnlabeledError):
    """A component holds too few rows, or rows too much alike, for a covariance of its form."""


@dataclass(frozen=True)
class Data:
    """Rows, their weights (or None), the threads to work with, and the mean and covariance of all of it."""

    blocks: Blocks
    weights: Floats | None
    threads: Threads
    mean: Floats
    scatter: Floats

    def weights_of(self, block: Block) -> Floats | None:
        """Give the weights of a block's rows."""
        return None if self.weights is None else self.weights[block.start : block.stop]


@dataclass(frozen=True)
class Expectation:
    """What the E step leaves for the M step: the rows' statistics, and what they make of each component."""

    statistics: Statistics
    best: Gaussians | CollapsedError


@dataclass(frozen=True)
class GaussianEM:
    """A mixture of Gaussians as `expectation_maximisation` wants it.

    Parameters
    ----------
    form : Covariance
        The form of the covariances.
    n_components : int
        k.
    reg_covar : float
        Added to every variance.
    given : mapping
        Fields of the first θ that are known.
    responsibilities : callable
        From data and a random state to the responsibilities from which the others are estimated.
    """

    form: Covariance
    n_components: int
    reg_covar: float
    given: Mapping[str, Floats]
    responsibilities: Callable[[Data, np.random.RandomState], Responsibilities]

    def start(self, data: Data, random: np.random.RandomState) -> Gaussians:
        """Give the first θ: what is given, and the rest by an M step from the first responsibilities."""
        if len(self.given) == 4:
            return Gaussians(**self.given)
        k = self.n_components
        covariances = self.form.with_ridge(self.form.whole(data.scatter, k), self.reg_covar)
        alike = Gaussians(np.full(k, 1 / k), np.tile(data.mean, (k, 1)), covariances, self._roots(covariances))
        first = self.m_step(self._expect(data, alike, self.responsibilities(data, random)), alike)
        return replace(first, **self.given)

    def e_step(self, data: Data, theta: Gaussians) -> Expectation:
        """Find responsibilities r_nk = w_k N(x_n; μ_k, Σ_k) / Σ_j w_j N(x_n; μ_j, Σ_j), and add up what they weigh."""
        return self._expect(data, theta, None)

    def m_step(self, q: Expectation, theta: Gaussians) -> Gaussians:
        """Give each component the weight, the mean and the covariance of its share of the rows."""
        if isinstance(q.best, CollapsedError):
            raise q.best
        return q.best

    def log_likelihood(self, q: Expectation) -> float:
        """Give the mean of log Σ_k w_k N(x; μ_k, Σ_k) over the rows."""
        return q.statistics.log_likelihood / q.statistics.weight

    def _expect(self, data: Data, theta: Gaussians, given: Responsibilities | None) -> Expectation:
        """Collect statistics; once more with care, should they turn out to have lost too many digits.

        Whether the expansion is safe for θ is known beforehand. But the M step subtracts, too, and how much is known
        only when it is done: a component may have become narrow from one step to the next.
        """
        densities = choose_densities(self.form, theta, data.mean, data.scatter, data.blocks.dtype)
        while True:
            statistics = self._collect(data, densities, given)
            counts, centres, second = statistics.about_means()
            best = self._estimate(counts, centres, second, densities.whitening, data, theta)
            imprecise = self._imprecise(best, densities) & (counts > FAINT)
            exact = densities.whitening.dtype == np.float64
            if not (imprecise & ~densities.one_by_one if exact else imprecise).any():
                return Expectation(statistics, best)
            # Under given responsibilities θ only says from where to look at the components: from their means.
            seen = theta if given is None or isinstance(best, CollapsedError) else best
            whitening = self.form.whitening(data.mean, data.scatter, seen.roots, np.float64)
            densities = Densities(self.form, seen, whitening, densities.one_by_one | (imprecise & exact))

    def _imprecise(self, best: Gaussians | CollapsedError, densities: Densities) -> NDArray[np.bool_]:
        """Say of which components the M step, if their statistics were expanded, lost too many digits."""
        if isinstance(best, CollapsedError):
            return np.ones_like(densities.one_by_one)
        if not self.form.apart:
            return np.zeros_like(densities.one_by_one)  # no second moments were taken
        return ill_conditioned(self.form, best, densities.whitening)

    def _collect(self, data: Data, densities: Densities, given: Responsibilities | None) -> Statistics:
        def partial(block: Block) -> Statistics:
            if given is None:
                return densities.expect(block.rows, data.weights_of(block))
            return densities.collect(block.rows, given(block), data.weights_of(block))

        whole = densities.statistics()
        for statistics in data.threads.map(partial, data.blocks):
            whole.merge(statistics)
        return whole

    def _estimate(
        self, counts: Floats, centres: Floats, second: Floats, whitening: Whitening, data: Data, theta: Gaussians
    ) -> Gaussians | CollapsedError:
        """Estimate θ from moments about the means in whitened coordinates; a component without rows keeps its own."""
        means = whitening.unwhiten_points(centres)
        covariances = self.form.estimate(second, counts, means - data.mean, whitening, data.scatter)
        covariances = self.form.with_ridge(covariances, self.reg_covar)
        faint = counts < FAINT
        means[faint] = theta.means[faint]
        if self.form.apart:
            covariances[faint] = theta.covariances[faint]
        narrow = (self.form.variances(covariances, whitening, len(counts)) <= NARROWEST).any(axis=1) & ~faint
        if narrow.any():
            return CollapsedError(self._advice(int(narrow.argmax()), counts))
        try:
            return Gaussians(counts / counts.sum(), means, covariances, self._roots(covariances, counts))
        except CollapsedError as error:
            return error

    def _roots(self, covariances: Floats, counts: Floats | None = None) -> Floats:
        try:
            return self.form.roots(covariances)
        except SingularError as error:
            raise CollapsedError(self._advice(error.component, counts)) from None

    def _advice(self, component: int | None, counts: Floats | None) -> str:
        where = "the covariance of the components" if component is None else f"the covariance of component {component}"
        holds = "" if counts is None or component is None else f"; it holds {counts[component]:.3g} rows"
        return (
            f"{where} has become singular{holds}. Rows that are alike, columns that do not vary or depend on one "
            f"another, and too many components do that: raise reg_covar (now {self.reg_covar:g}), take fewer "
            "components, or a simpler covariance such as 'diagonal'"
        )


def survey(blocks: Blocks, weights: Floats | None, threads: Threads, matrix: bool) -> tuple[Floats, Floats]:
    """Measure the mean of all data and their covariance, as a matrix or as variances only.

    Blocks are merged by the formula of Chan, Golub and LeVeque (1983), in float64.
    """

    def partial(block: Block) -> tuple[float, Floats, Floats]:
        rows = block.rows.astype(np.float64)
        w = np.ones(len(rows)) if weights is None else weights[block.start : block.stop]
        weight = w.sum()
        mean = w @ rows / weight if weight > 0 else rows[0]
        rows -= mean
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused below
            return weight, mean, (rows.T * w) @ rows if matrix else w @ (rows * rows)

    whole, mean, scatter = 0.0, np.zeros(blocks.shape[1]), np.zeros((blocks.shape[1],) * (2 if matrix else 1))
    for weight, block_mean, block_scatter in threads.map(partial, blocks):
        if weight == 0:
            continue
        step = block_mean - mean
        share = np.sqrt(whole / (whole + weight) * weight)
        scatter += block_scatter + (np.outer(share * step, share * step) if matrix else (share * step) ** 2)
        mean += step * (weight / (whole + weight))
        whole += weight
    scatter /= whole
    if not np.isfinite(scatter).all():
        column = int(np.argmin(np.isfinite(scatter if scatter.ndim == 1 else np.diag(scatter))))
        raise UnlabeledError(
            f"the numbers in column {column} are too large to be squared; divide the column by something"
        )
    return mean, scatter
