"""Clusters: groups found without labels, numbered by size, and how many of them there are."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.counted import counted
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.explore.comparable import comparable
from unlabeled.search.metric import checked_vectors, unit_rows
from unlabeled.setting_checks import check_whole_number

if TYPE_CHECKING:
    from unlabeled.methods.mixture.gaussian_mixture import GaussianMixture
    from unlabeled.methods.mixture.k_means import KMeans
    from unlabeled.methods.mixture.kmeans.elbow import Elbow
    from unlabeled.methods.mixture.mini_batch_k_means import MiniBatchKMeans
    from unlabeled.methods.mixture.mixed_mixture import MixedMixture

    Grouping: TypeAlias = KMeans | MiniBatchKMeans | GaussianMixture | MixedMixture

Method = Literal["kmeans", "minibatch", "mixture"]
Form = Literal["full", "diagonal"]
Fit = Callable[[NDArray[Any], int], Any]
"""From rows and the number of components to a mixture."""

SAMPLE = 2000  # rows by which the number of clusters is chosen: silhouettes need all their distances
STARTS = 3
WEAK = 0.25  # silhouettes below this are taken for no structure (Kaufman & Rousseeuw 1990)
TIGHT = 0.65  # silhouette of the parts of one cluster from which on they are groups of their own; halves have about 0.4
PARTS = (2, 3, 4, 6)  # numbers of parts that are tried
WORSE = 3  # numbers of components that in a row have a higher BIC than the best before the search ends
RIDGE = 1e-3  # share of the mean variance that is added to every variance of a component


@dataclass(frozen=True)
class Clusters:
    """Groups of rows.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        Cluster of each row; 0 is the largest, and so on down. None is empty.
    centres : ndarray, shape (k, d)
        Their means; of columns of categories, the most probable code.
    distances : ndarray of float32, shape (n,)
        Euclidean distance of each row to the mean of its cluster; with categories, see `MixedMixture.distances`.
    probabilities : ndarray of float32, shape (n,), or None
        Of a mixture, how probable each row's cluster is for it.
    sizes : ndarray of int64, shape (k,)
        Rows of each cluster.
    chosen : str
        A sentence on where the number of clusters comes from.
    model : KMeans, MiniBatchKMeans, GaussianMixture or MixedMixture
        The fit; its clusters have the same numbers.
    """

    labels: NDArray[np.int64]
    centres: NDArray[Any]
    distances: NDArray[np.float32]
    probabilities: NDArray[np.float32] | None
    chosen: str
    model: Grouping

    @property
    def k(self) -> int:
        """The number of clusters."""
        return len(self.centres)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each cluster."""
        return np.bincount(self.labels, minlength=self.k)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Give the cluster of other rows; one of a mixture's that was empty has a number from `k` up."""
        rows = X if hasattr(self.model, "level_probabilities_") else comparable(X)
        return np.asarray(self.model.predict(rows), dtype=np.int64)

    def nearest(self, cluster: int, m: int) -> NDArray[np.int64]:
        """Give the m rows of a cluster that are nearest to its mean, nearest first."""
        rows = np.flatnonzero(self.labels == cluster)
        return rows[np.argsort(self.distances[rows], kind="stable")[:m]]


def clusters(
    X: ArrayLike,
    k: int | Literal["auto"] = "auto",
    method: Method = "kmeans",
    random_state: int = 0,
    categorical: Sequence[int] | None = None,
) -> Clusters:
    """Group rows, and choose how many groups there are if that is not said.

    For k-means, whole or in mini-batches, ``k="auto"`` takes the number with the largest mean silhouette (see
    `unlabeled.elbow`); for a mixture, the number with the lowest BIC and, of Gaussians, the form of the covariance
    (full or diagonal) too. Both are found on a sample of 2000 rows. A method finds groups in anything: look at the
    figure in `chosen`, and at the groups.

    Parameters
    ----------
    X : array-like, shape (n, d)
        Rows, as they are to be compared: columns in comparable units, or rows of unit length.
    k : int or "auto"
        The number of clusters. There are fewer if there are fewer different rows.
    method : {"kmeans", "minibatch", "mixture"}
        `unlabeled.KMeans`, `unlabeled.MiniBatchKMeans`, or `unlabeled.GaussianMixture`; with `categorical`,
        `unlabeled.MixedMixture`.
    random_state : int, default 0
        Of the sample and of the starts.
    categorical : sequence of int, optional
        Columns that hold codes of categories, for a mixture. If it is given, even empty, NaN is a missing value.

    Returns
    -------
    Clusters

    Raises
    ------
    UnlabeledError
        For NaN, k below 1 or above the number of rows, or an unknown method.

    Examples
    --------
    >>> found = clusters([[0, 0], [9, 9], [0, 1], [9, 8], [1, 0]], k=2)
    >>> found.labels.tolist(), found.sizes.tolist()
    ([0, 1, 0, 1, 0], [3, 2])
    """
    if method not in get_args(Method):
        raise unknown_name("method", method, get_args(Method))
    if categorical is not None and method != "mixture":
        raise UnlabeledError(f"method {method} takes no codes of categories; give 0 and 1 for each value, or mixture")
    if k != "auto":
        check_whole_number("k", k)
    array = comparable(X) if categorical is None else np.asarray(X, np.float64)
    if k != "auto" and k > len(array):
        raise UnlabeledError(f"there cannot be {k} clusters of only {counted(len(array), 'row')}; take a smaller k")
    if len(array) == 0:
        raise UnlabeledError("there are no rows to cluster")
    if method == "mixture":
        return _by_mixture(array, k, random_state, categorical)
    return _by_k_means(array, k, method, random_state)


def cluster_labels(vectors: ArrayLike, k: int | Literal["auto"] = "auto", random_state: int = 0) -> NDArray[np.int64]:
    """Group vectors by direction with k-means on the unit sphere.

    Parameters
    ----------
    vectors : array-like, shape (n, d)
        They are scaled to unit length first, so that groups are made by angle.
    k : int or "auto"
        The number of clusters, as in `clusters`. Never more than there are distinct rows.
    random_state : int, default 0
        Of the sample and of k-means.

    Returns
    -------
    ndarray of int64, shape (n,)
        Cluster of each row; 0 is the largest cluster, and so on down.

    Raises
    ------
    UnlabeledError
        For vectors with NaN, or k below 1.

    Examples
    --------
    >>> cluster_labels([[1, 0], [0, 1], [2, 0.1], [3, 0], [0.1, 2]]).tolist()
    [0, 1, 0, 0, 1]
    """
    if k != "auto":
        check_whole_number("k", k)
    array = unit_rows(checked_vectors(vectors))
    return clusters(array, k if k == "auto" else min(k, len(array)), random_state=random_state).labels


def _by_k_means(array: NDArray[Any], k: int | Literal["auto"], method: Method, random_state: int) -> Clusters:
    from sklearn.exceptions import ConvergenceWarning

    from unlabeled.methods.mixture.k_means import KMeans
    from unlabeled.methods.mixture.mini_batch_k_means import MiniBatchKMeans

    kind = MiniBatchKMeans if method == "minibatch" else KMeans
    count, chosen = _silhouette_count(array, random_state) if k == "auto" else (k, f"k = {k}, as given")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters, which is said below
        model = kind(count, n_init=STARTS, random_state=random_state).fit(array)
    return _sorted(array, model, model.labels_, model.cluster_centers_, None, chosen)


def _silhouette_count(array: NDArray[Any], random_state: int) -> tuple[int, str]:
    """Choose the number of clusters with the largest mean silhouette."""
    from unlabeled.methods.mixture.kmeans.elbow import KS, elbow

    sample = _sample(array, random_state)
    distinct = len(np.unique(sample, axis=0))
    tried = [count for count in KS if count <= distinct and count < len(sample)]
    if not tried:
        return 1, "k = 1: there are too few different rows to choose by"
    found = elbow(sample, tried, random_state=random_state, n_init=STARTS)
    largest = np.nanmax(found.silhouettes)
    of = "" if len(sample) == len(array) else f" on a sample of {len(sample):,} rows"
    if found.suggested_k == tried[-1] and len(tried) > 1:
        of += ", and is the last one tried: there may be no clear number"
    return (
        found.suggested_k,
        f"k = {found.suggested_k} has the largest mean silhouette, {largest:.2f}, of {', '.join(map(str, tried))}{of}"
        + "".join(f"; {doubt}" for doubt in _doubts(sample, found, random_state)),
    )


def _doubts(sample: NDArray[Any], found: Elbow, random_state: int) -> list[str]:
    """Say why the number with the largest silhouette may not be the one that is wanted."""
    from unlabeled.methods.mixture.kmeans.elbow import elbow

    best = found.ks.index(found.suggested_k)
    model, doubts = found.models[best], []
    if np.nanmax(found.silhouettes) < WEAK:
        doubts.append(f"below {WEAK} nothing stands apart, and the clusters may be cuts through one cloud")
    if found.distortions[best] <= 1e-12 * float(sample.var(axis=0, dtype=np.float64).sum()):
        doubts.append(
            "the rows of a cluster are all the same, so the clusters are only the different rows that there are"
        )
        return doubts
    parted = []
    for cluster in range(found.suggested_k):
        rows = sample[model.labels_ == cluster]
        parts = [count for count in PARTS if count <= len(np.unique(rows, axis=0)) and count < len(rows) / 5]
        if parts and np.nanmax(elbow(rows, parts, random_state=random_state, n_init=STARTS).silhouettes) >= TIGHT:
            parted.append(cluster)
    if parted:
        doubts.append(
            f"{counted(len(parted), 'cluster')} of them {'falls' if len(parted) == 1 else 'fall'} into tight groups, "
            "which the distance between clusters hides from the silhouette: look at a larger -k too"
        )
    return doubts


def _by_mixture(
    array: NDArray[Any], k: int | Literal["auto"], random_state: int, categorical: Sequence[int] | None
) -> Clusters:
    if len(array) < 2:
        raise UnlabeledError("a mixture needs at least 2 rows; there is one")
    counts = list(range(1, 31)) if k == "auto" else [k]
    if categorical is not None:
        fits: dict[str, Fit] = {"": lambda rows, count: _mixed_mixture(rows, count, categorical, random_state)}
    else:
        fits = {
            f" with {form} covariance": partial(_gaussian_mixture, form=form, random_state=random_state)
            for form in get_args(Form)
        }
    how, count, chosen = _lowest_bic(array, counts, fits, random_state)
    model: Any = fits[how](array, count)
    shares = model.predict_proba(array)
    if k != "auto":
        chosen = f"k = {k}, as given" + (f";{how.removeprefix(' with')} has the lower BIC" if how else "")
    distances = None
    if categorical is not None:
        distances = model.distances(array)[np.arange(len(array)), shares.argmax(axis=1)]
    return _sorted(array, model, shares.argmax(axis=1), _centres(model), shares.max(axis=1), chosen, distances)


def _centres(model: GaussianMixture | MixedMixture) -> NDArray[Any]:
    """Give the means of components; of categories, the most probable level."""
    if not hasattr(model, "level_probabilities_"):
        return np.asarray(model.means_)
    found = np.empty((len(model.means_), model.n_features_in_))
    found[:, model.numeric_] = model.means_
    for place, levels, shares in zip(model.categorical_, model.levels_, model.level_probabilities_, strict=True):
        found[:, place] = np.array(levels)[shares.argmax(axis=1)]
    return found


def _lowest_bic(
    array: NDArray[Any], counts: list[int], fits: dict[str, Fit], random_state: int
) -> tuple[str, int, str]:
    """Choose the kind of mixture and the number of components with the lowest BIC."""
    sample = _sample(array, random_state)
    best: tuple[float, str, int] | None = None
    for how, fit in fits.items():
        lowest, worse = np.inf, 0
        for count in counts:
            if worse == WORSE or (count >= len(sample) and len(counts) > 1):
                break
            try:
                figure = fit(sample, min(count, len(sample))).bic(sample)
            except UnlabeledError:  # a component collapsed
                figure = np.inf
            worse = 0 if figure < lowest else worse + 1
            lowest = min(lowest, figure)
            if best is None or figure < best[0]:
                best = (figure, how, count)
    if best is None:
        return next(reversed(fits)), 1, "k = 1: there are too few rows to choose by"
    _, how, count = best
    of = "" if len(sample) == len(array) else f", on a sample of {len(sample):,} rows"
    return how, count, f"k = {count}{how} has the lowest BIC{of}"


def _gaussian_mixture(array: NDArray[Any], count: int, form: Form, random_state: int) -> GaussianMixture:
    from sklearn.exceptions import ConvergenceWarning

    from unlabeled.methods.mixture.gaussian_mixture import GaussianMixture

    ridge = RIDGE * float(array.var(axis=0, dtype=np.float64).mean()) or 1e-12  # of rows that are all the same
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few steps more would not change the groups
        return GaussianMixture(count, covariance=form, reg_covar=ridge, random_state=random_state).fit(array)


def _mixed_mixture(array: NDArray[Any], count: int, categorical: Sequence[int], random_state: int) -> MixedMixture:
    from sklearn.exceptions import ConvergenceWarning

    from unlabeled.methods.mixture.mixed_mixture import MixedMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MixedMixture(count, categorical=list(categorical), n_init=STARTS, random_state=random_state)
        return model.fit(array)


def _sample(array: NDArray[Any], random_state: int) -> NDArray[Any]:
    if len(array) <= SAMPLE:
        return array
    return array[np.random.default_rng(random_state).choice(len(array), SAMPLE, replace=False)]


def _sorted(
    array: NDArray[Any],
    model: Grouping,
    labels: NDArray[Any],
    centres: NDArray[Any],
    probabilities: NDArray[Any] | None,
    chosen: str,
    distances: NDArray[Any] | None = None,
) -> Clusters:
    """Number the clusters by size, and leave out empty ones."""
    sizes = np.bincount(labels, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    filled = np.count_nonzero(sizes)
    if filled < len(centres):
        chosen += f"; only {filled} of them hold rows"
    distances = np.linalg.norm(array - centres[labels], axis=1) if distances is None else distances
    numbers, centres = np.argsort(order)[labels], centres[order[:filled]]
    model.reorder(order)
    shares = None if probabilities is None else probabilities.astype(np.float32)
    return Clusters(numbers, centres, distances.astype(np.float32), shares, chosen, model)
