"""Anomalies: the rows least likely under a mixture, a threshold, and for each the nearest row that is normal."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.explore.comparable import comparable
from unlabeled.explore.nearest_others import store_of
from unlabeled.explore.outliers import outliers
from unlabeled.search.metric import checked_vectors

if TYPE_CHECKING:
    from unlabeled.methods.mixture.gaussian_outliers import GaussianOutliers

Method = Literal["mixture", "neighbours"]

COMPONENTS = 5
ROWS_EACH = 10  # rows that a component should at least have
LEAST = 0.25  # of an equal share of the rows: a smaller component is a group of outliers
RIDGE = 0.1  # share of the mean variance that is added to the variance in every direction


@dataclass(frozen=True)
class Anomalies:
    """How normal rows are.

    Attributes
    ----------
    scores : ndarray of float64, shape (n,)
        The lower, the more of an outlier, as in scikit-learn.
    threshold : float
        Rows whose score is below it are outliers; see `unlabeled.methods.mixture.gaussian_outliers.threshold`.
    model : GaussianOutliers or None
        What gave the scores, unless it was the neighbours.
    k : int
        Components, or neighbours.
    rows : ndarray of int64, shape (n,)
        All rows, the most outlying first.
    outlying : ndarray of bool, shape (n,)
        Whether each row is an outlier.
    """

    scores: NDArray[np.float64]
    threshold: float
    model: GaussianOutliers | None
    k: int

    @property
    def rows(self) -> NDArray[np.int64]:
        """All rows, the most outlying first."""
        return np.argsort(self.scores, kind="stable")

    @property
    def outlying(self) -> NDArray[np.bool_]:
        """Whether each row is an outlier."""
        return self.scores < self.threshold


def anomalies(
    X: ArrayLike,
    contamination: float = 0.01,
    method: Method = "mixture",
    k: int | None = None,
    random_state: int = 0,
) -> Anomalies:
    """Say of each row how normal it is.

    ``"mixture"`` fits a mixture of Gaussians, and the score is the log-density (see `unlabeled.GaussianOutliers`). An
    outlier, or a group of them, must not become a component of its own, in which it is normal. So components share one
    covariance, to which a tenth of the mean variance is added, and the rows of those with less than a quarter of an
    equal share are left out of the fit.

    ``"neighbours"`` makes no model: the score is minus the mean Euclidean distance to the ten nearest other rows (see
    `unlabeled.explore.outliers`); its work grows with the square of the number of rows.

    Parameters
    ----------
    X : array-like, shape (n, d)
        Rows, as they are to be compared: columns in comparable units, or rows of unit length.
    contamination : float, default 0.01
        The share of outliers, above 0 and at most 0.5; sets the threshold, not the order.
    method : {"mixture", "neighbours"}
        What normal means.
    k : int, optional
        Components of the mixture, 5 by default and fewer of few rows; or neighbours, 10 by default.
    random_state : int, default 0
        Of the start of the mixture.

    Returns
    -------
    Anomalies

    Raises
    ------
    UnlabeledError
        For NaN, fewer than 2 rows, or a setting out of range.

    Examples
    --------
    >>> X = np.concatenate([np.random.default_rng(0).normal(size=(99, 2)), [[9, 9]]])
    >>> found = anomalies(X)
    >>> int(found.rows[0]), int(found.outlying.sum())
    (99, 1)
    """
    array = comparable(X)
    if method not in get_args(Method):
        raise unknown_name("method", method, get_args(Method))
    if len(array) < 2:
        raise UnlabeledError(f"to tell outliers needs at least 2 rows; there are {len(array)}")
    if not 0 < contamination <= 0.5:
        raise UnlabeledError(f"contamination, the share of outliers, is above 0 and at most 0.5; got {contamination}")
    if k is not None and not 1 <= k < len(array):
        raise UnlabeledError(f"k must be at least 1 and less than the {len(array)} rows; got {k}")
    from unlabeled.methods.mixture.gaussian_outliers import threshold

    if method == "mixture":
        return _by_mixture(array, contamination, k, random_state)
    neighbours = min(10, len(array) - 1) if k is None else k
    rows, distances = outliers(array - array.mean(axis=0), top=len(array), k=neighbours, metric="euclidean")
    scores = np.empty(len(array))
    scores[rows] = -distances.astype(np.float64)
    return Anomalies(scores, threshold(scores, contamination), None, neighbours)


def nearest_normal(
    X: ArrayLike, rows: NDArray[np.int64], outlying: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find for each of some rows the nearest other row that is no outlier.

    Returns
    -------
    neighbours : ndarray of int64, shape of `rows`
        Their numbers in X; −1 for a row that is itself the only normal one.
    distances : ndarray of float32, same shape
        Euclidean.

    Examples
    --------
    >>> neighbours, distances = nearest_normal([[0.0], [1.0], [9.0]], np.array([2]), np.array([False, False, True]))
    >>> neighbours.tolist(), distances.tolist()
    ([1], [8.0])
    """
    array = comparable(X)
    array = checked_vectors(array - array.mean(axis=0))
    normal = np.flatnonzero(~outlying)
    found = store_of(array[normal], "euclidean").query(array[rows], 2)
    candidates, distances = normal[found.indices], found.distances
    if candidates.shape[1] < 2:  # the only normal row has no other
        candidates = np.column_stack([candidates, np.full(len(rows), -1)])
        distances = np.column_stack([distances, np.full(len(rows), np.nan, np.float32)])
    chosen = np.arange(len(rows)), (candidates[:, 0] == rows).astype(np.int64)
    return candidates[chosen], distances[chosen]


def _by_mixture(array: NDArray[Any], contamination: float, k: int | None, random_state: int) -> Anomalies:
    from sklearn.exceptions import ConvergenceWarning

    from unlabeled.methods.mixture.gaussian_outliers import GaussianOutliers

    variance = float(array.var(axis=0, dtype=np.float64).mean())
    if variance == 0:
        raise UnlabeledError("all rows are the same, so none is an outlier")
    components = k or min(COMPONENTS, max(1, len(array) // ROWS_EACH))
    model = GaussianOutliers(
        components,
        least_share=0 if components == 1 else LEAST / components,
        covariance="tied",
        reg_covar=RIDGE * variance,
        contamination=contamination,
        random_state=random_state,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few steps more would not change the order
        scores = model.fit(array).score_samples(array)
    return Anomalies(scores.astype(np.float64), model.offset_, model, components)
