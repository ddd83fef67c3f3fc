"""The densities of a mixture's components at some rows, and the sums that the M step needs of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from unlabeled.kernels.gaussian.responsibilities import normalise
from unlabeled.kernels.layout import aligned
from unlabeled.methods.mixture.gaussian import gaussian_direct as direct
from unlabeled.methods.mixture.gaussian.gaussian_covariance import Covariance
from unlabeled.methods.mixture.gaussian.gaussian_expanded import Expansion, Floats, WhitenedGaussians, loses_precision
from unlabeled.methods.mixture.gaussian.gaussian_whitening import Whitening


@dataclass(frozen=True)
class Gaussians:
    """The parameters θ of a mixture, in float64: weights (k,), means (k, d), covariances and their roots."""

    weights: Floats
    means: Floats
    covariances: Floats
    roots: Floats


@dataclass
class Statistics:
    """What some rows say about the components: Σ r, Σ r y and Σ r yyᵀ, and their log-likelihood.

    Those of expanded components are about 0 in whitened coordinates, and packed as they come out of the matrix product;
    those of the other components are about their centres.
    """

    densities: Densities
    expanded: Floats
    counts: Floats
    first: Floats
    second: Floats
    weight: float = 0.0
    log_likelihood: float = 0.0

    def merge(self, other: Statistics) -> None:
        """Add the statistics of other rows."""
        self.expanded += other.expanded
        self.counts += other.counts
        self.first += other.first
        self.second += other.second
        self.weight += other.weight
        self.log_likelihood += other.log_likelihood

    def about_means(self) -> tuple[Floats, Floats, Floats]:
        """Give Σ r, the means in whitened coordinates, and the second moments about them."""
        plain, alone, whitened = self.densities.plain, self.densities.alone, self.densities.whitened
        unpacked = self.densities.form.expansion.unpack(self.expanded, len(plain), whitened.centres.shape[1])
        centres = whitened.centres.copy()
        centres[plain] = 0
        counts, first, second = (
            _joined(plain, some, alone, others)
            for some, others in zip(unpacked, (self.counts, self.first, self.second), strict=True)
        )
        counts += 10 * np.finfo(np.float64).eps  # scikit-learn's, so that an empty component divides by something
        step = first / counts[:, None]
        second = (second.T / counts).T
        if second.ndim == 3:
            second -= step[:, :, None] * step[:, None, :]
        else:
            second -= step**2 if second.ndim == 2 else np.einsum("kd,kd->k", step, step)
        return counts, centres + step, second


class Densities:
    """log w_k N(x; μ_k, Σ_k) of every component, for some rows at a time.

    Parameters
    ----------
    form : Covariance
        The form of the covariances.
    theta : Gaussians
        The mixture.
    whitening : Whitening
        Coordinates to compute in; rows are worked on in its precision.
    doubted : ndarray of bool, shape (k,), optional
        Components that are to be computed one by one in any case, besides those which float64 rounds too much.

    Attributes
    ----------
    ill : ndarray of bool, shape (k,)
        Components that are rounded too much if they are expanded.
    one_by_one : ndarray of bool, shape (k,)
        Components that are not expanded; their numbers are in `alone`, and those of the others in `plain`.
    """

    def __init__(
        self, form: Covariance, theta: Gaussians, whitening: Whitening, doubted: NDArray[np.bool_] | None = None
    ) -> None:
        self.form, self.whitening = form, whitening
        self.whitened = whitened(form, theta, whitening)
        packed, size = form.expansion.pack(self.whitened)
        self.ill = loses_precision(size, whitening.dtype)
        self.one_by_one = np.full(len(size), not form.expansion.is_faster(*theta.means.shape))
        if whitening.dtype == np.float64:
            self.one_by_one |= self.ill
        if doubted is not None:
            self.one_by_one |= doubted
        self.plain, self.alone = np.flatnonzero(~self.one_by_one), np.flatnonzero(self.one_by_one)
        self._theta = form.expansion.kernel_layout(packed[self.plain], whitening.dtype)

    def statistics(self) -> Statistics:
        """Give the statistics of no rows."""
        d, expansion = self.whitened.centres.shape[1], self.form.expansion
        parts = expansion.unpack(expansion.zero_sums(0, d), 0, d)
        counts, first, second = (np.zeros((len(self.alone), *part.shape[1:])) for part in parts)
        return Statistics(self, expansion.zero_sums(len(self.plain), d), counts, first, second)

    def expect(self, rows: NDArray[Any], weights: Floats | None) -> Statistics:
        """Find the responsibilities of some rows, and what they add up to."""
        found = self.statistics()
        for part, expansion, y in self._expanded(rows):
            responsibilities, evidence = self._posterior(expansion, y)
            w = None if weights is None else weights[part]
            found.log_likelihood += float(evidence.sum(dtype=np.float64) if w is None else evidence @ w)
            self._collect(found, expansion, y, responsibilities, w)
        return found

    def collect(self, rows: NDArray[Any], responsibilities: NDArray[Any], weights: Floats | None) -> Statistics:
        """Add up rows under responsibilities, shape (k, rows), that are given."""
        found = self.statistics()
        for part, expansion, y in self._expanded(rows):
            given = responsibilities[:, part].astype(self.whitening.dtype)
            self._collect(found, expansion, y, given, None if weights is None else weights[part])
        return found

    def posterior(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give responsibilities, shape (rows, k), and log-densities, shape (rows,)."""
        responsibilities = np.empty((len(rows), len(self.one_by_one)), self.whitening.dtype)
        evidence = np.empty(len(rows), self.whitening.dtype)
        with np.errstate(
            over="ignore", invalid="ignore", divide="ignore"
        ):  # rows far away; who calls looks whether all is finite
            for part, expansion, y in self._expanded(rows):
                shares, evidence[part] = self._posterior(expansion, y)
                responsibilities[part] = shares.T
        return responsibilities, evidence

    def _expanded(self, rows: NDArray[Any]) -> Iterator[tuple[slice, Expansion, NDArray[Any]]]:
        """Yield parts of the rows, expanded, and their coordinates."""
        expansion = self.form.expansion(self.whitened.centres.shape[1], len(self.plain), self.whitening.dtype)
        for start in range(0, len(rows), expansion.rows):
            part = slice(start, min(start + expansion.rows, len(rows)))
            y = expansion.coordinates(part.stop - start)
            self.whitening.whiten_rows(rows[part], y)
            expansion.load()
            yield part, expansion, y

    def _posterior(self, expansion: Expansion, y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give responsibilities, shape (k, count), and log Σ_k w_k N(y), shape (count,)."""
        k, count = len(self.one_by_one), y.shape[1]
        expansion.scores(self._theta)
        joint = expansion.shares
        if len(self.alone):
            joint = aligned((k, expansion.rows), self.whitening.dtype)
            joint[self.plain] = expansion.shares[: len(self.plain)]
            for component in self.alone.tolist():
                joint[component, :count] = direct.scores(y, self.whitened, component)
        largest, total = aligned((2, 1, expansion.rows), self.whitening.dtype)
        normalise(joint, k, count, largest, total)
        return joint[:k, :count], largest[0, :count] + np.log(total[0, :count])

    def _collect(
        self, found: Statistics, expansion: Expansion, y: NDArray[Any], r: NDArray[Any], weights: Floats | None
    ) -> None:
        if weights is not None:
            r *= weights.astype(r.dtype)
        found.weight += y.shape[1] if weights is None else float(weights.sum())
        plain = expansion.shares[: len(self.plain), : y.shape[1]]
        if not np.shares_memory(plain, r):
            plain[:] = r[self.plain]
        expansion.collect(found.expanded)
        for place, k in enumerate(self.alone.tolist()):
            found.counts[place] += r[k].sum(dtype=np.float64)
            direct.collect(y, r[k], self.whitened.centres[k], found.first[place], found.second[place, ...])


def _joined(plain: NDArray[Any], some: Floats, alone: NDArray[Any], others: Floats) -> Floats:
    """Put together what belongs to the components `plain` and what belongs to the components `alone`."""
    whole = np.empty((len(plain) + len(alone), *some.shape[1:]))
    whole[plain], whole[alone] = some, others
    return whole


def whitened(form: Covariance, theta: Gaussians, whitening: Whitening) -> WhitenedGaussians:
    """See a mixture in whitened coordinates."""
    k, d = theta.means.shape
    centres = whitening.whiten_points(theta.means)
    with np.errstate(divide="ignore"):  # a component given the weight 0 has the density 0
        constants = np.log(theta.weights) + form.log_roots(theta.roots, d) - d / 2 * np.log(2 * np.pi)
    squares = centres**2 + form.variances(theta.covariances, whitening, k)
    return WhitenedGaussians(centres, form.whitened_roots(theta.roots, whitening, k), constants, squares)


def ill_conditioned(form: Covariance, theta: Gaussians, whitening: Whitening) -> NDArray[np.bool_]:
    """Say which components are rounded too much when they are expanded in these whitened coordinates."""
    return loses_precision(form.expansion.pack(whitened(form, theta, whitening))[1], whitening.dtype)


def choose_densities(form: Covariance, theta: Gaussians, mean: Floats, scatter: Floats, dtype: DTypeLike) -> Densities:
    """Choose how to compute a mixture for data of this mean and covariance.

    In the precision of the data, if no component is then rounded too much; otherwise in float64.
    """
    densities = Densities(form, theta, form.whitening(mean, scatter, theta.roots, dtype))
    if densities.ill.any() and np.dtype(dtype) != np.float64:
        densities = Densities(form, theta, form.whitening(mean, scatter, theta.roots, np.float64))
    return densities
