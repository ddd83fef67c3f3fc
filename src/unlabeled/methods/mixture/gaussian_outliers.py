"""Outliers by density: the rows that a mixture of Gaussians finds least likely."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OutlierMixin

from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.gaussian_mixture import GaussianMixture


class GaussianOutliers(OutlierMixin, GaussianMixture):
    r"""Rows that a mixture of Gaussians, fitted to all of them, finds least likely are outliers.

    Split: as in `GaussianMixture`, of which this is one. A row x is an outlier if its log-density is below a threshold,

    .. math:: \log \sum_k w_k \, N(x; \mu_k, \Sigma_k) < t,

    and t is such that the stated share of the rows it was fitted to are outliers. With one component this is the
    distance from the mean in units of the spread, Mahalanobis' distance.

    Parameters
    ----------
    contamination : float, default 0.1
        The share of outliers among the rows, by their weights, above 0 and at most 0.5. It sets the threshold only; the
        order of the rows does not depend on it. Rows of the same density as the last outlier are outliers too, unless
        more than half of the rows would be.
    least_share : float, default 0.0
        A component that holds less than this share of the rows is no norm but a group of outliers, or a single one: its
        rows are left out and the mixture is fitted again, until there is no such component or half of the rows would
        be gone. Below 0.5; with 0 all rows count, and an outlier that has a component to itself is likely.

    Attributes
    ----------
    offset_ : float
        The threshold t: the quantile `contamination` of the log-densities of the rows, see `threshold`.
    weights_, means_, covariances_, precisions_, precisions_cholesky_ : ndarray
        The mixture, as in `GaussianMixture`.
    converged_, n_iter_, lower_bound_, history_, n_features_in_
        As in `GaussianMixture`.

    Raises
    ------
    UnlabeledError
        If `contamination` is out of range, and wherever `GaussianMixture` raises it.

    See Also
    --------
    GaussianMixture : The density itself; its `predict` gives components.
    unlabeled.explore.outliers : By distance to neighbours, which needs no model of the density.

    References
    ----------
    .. [1] Bishop, Novelty Detection and Neural Network Validation, IEE Proceedings 1994.

    Examples
    --------
    >>> X = np.concatenate([np.random.default_rng(0).normal(size=(99, 2)), [[9, 9]]])
    >>> model = GaussianOutliers(1, contamination=0.01).fit(X)
    >>> np.flatnonzero(model.predict(X) == -1)
    array([99])
    >>> model.predict([[0, 0], [-7, 3]])
    array([ 1, -1])
    """

    principle: ClassVar[str] = "mixture"

    contamination: float = 0.1
    least_share: float = 0.0

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to rows, and set the threshold; the parameters are those of `GaussianMixture.fit`."""
        share = self.contamination
        if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 < share <= 0.5:
            raise UnlabeledError(f"contamination must be a number above 0 and at most 0.5, got {share!r}")
        self._check_not_negative("least_share")
        if self.least_share >= 0.5:
            raise UnlabeledError(f"least_share must be below 0.5, got {self.least_share!r}")
        super().fit(X, sample_weight=sample_weight)
        if self.least_share:
            self._leave_out(X, sample_weight)
        scores = self.score_samples(X)
        weights = None if sample_weight is None else np.broadcast_to(np.asarray(sample_weight), len(scores))
        self.offset_ = threshold(scores, share, weights)
        return self

    def _leave_out(self, X: Any, sample_weight: ArrayLike | None) -> None:
        """Fit again without the rows of small components, until there are none."""
        while (small := self.weights_ < self.least_share).any():
            components = super().predict(X)
            weights = np.ones(len(components)) if sample_weight is None else np.asarray(sample_weight, np.float64)
            left = np.where(small[components], 0, weights)
            if left.sum() == weights.sum() or np.count_nonzero(left) < len(left) / 2:
                return
            super().fit(X, sample_weight=left)
            sample_weight = left

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Give the log-density of each row less the threshold, shape (n,): below 0 for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Give −1 for outliers and 1 for all other rows, shape (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.int64]:
        """Fit, and give −1 for outliers and 1 for all other rows, shape (n,)."""
        return self.fit(X, y, sample_weight).predict(X)


def threshold(scores: NDArray[Any], share: float, weights: NDArray[Any] | None = None) -> float:
    """Set the threshold below which a share of the scores lies: their quantile, moved off scores that are equal to it.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        The lower, the more of an outlier.
    share : float
        Which quantile.
    weights : ndarray, shape (n,), optional
        How often each row counts; numbers that are not whole count in proportion.

    Returns
    -------
    float
        Where several rows have the score of the quantile, they are all below the threshold, unless more than half of
        the weight would then be below it; in that case they are all above.

    Examples
    --------
    >>> threshold(np.array([1.0, 2, 3, 4]), 0.5), threshold(np.array([1.0, 1, 1, 4, 5, 6]), 0.2)
    (2.5, 2.5)
    """
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    counted = np.flatnonzero(counts > 0)
    order = counted[np.argsort(np.asarray(scores)[counted], kind="stable")]
    found, counts = np.asarray(scores, np.float64)[order], counts[order]
    if (counts != np.rint(counts)).any():
        counts = counts * (len(counts) / counts.sum())
    cumulative = np.cumsum(counts)
    place = share * max(cumulative[-1] - 1, 0)
    low, high = np.minimum(np.searchsorted(cumulative, [place // 1, place // 1 + 1], side="right"), len(found) - 1)
    quantile = float(found[low] + (found[high] - found[low]) * (place % 1))
    equal, up_to = counts[found == quantile].sum(), counts[found <= quantile].sum()
    if equal > 1 and up_to <= cumulative[-1] / 2:
        return (quantile + float(found[found > quantile][0])) / 2
    return quantile
