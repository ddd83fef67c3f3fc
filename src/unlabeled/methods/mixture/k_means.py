"""K-means: clusters by nearest mean."""

from __future__ import annotations

import warnings
from dataclasses import field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from unlabeled.data.arrays import numbers_given
from unlabeled.data.blocks import Block, Blocks, mean_and_variance
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.mixture.base import Mixture
from unlabeled.methods.mixture.expectation_maximisation import expectation_maximisation
from unlabeled.methods.mixture.kmeans.centre_distances import distances_to_centres
from unlabeled.methods.mixture.kmeans.k_means_start import k_means_plus_plus, random_rows
from unlabeled.methods.mixture.kmeans.lloyd import Lloyd
from unlabeled.methods.mixture.kmeans.nearest_centres import Centres, mean_of_sparse, middle_of
from unlabeled.methods.mixture.kmeans.quantised_centres import quantising_is_faster
from unlabeled.methods.mixture.threads import Threads, threads
from unlabeled.setting_checks import check_whole_settings

STARTS = ("k-means++", "random")


class NearestCentre(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, Mixture):
    """Base of the methods whose clusters are the rows nearest to each of k centres.

    Parameters
    ----------
    init : {"k-means++", "random"}, array of shape (n_clusters, d) or callable, default "k-means++"
        Where to start: rows drawn far from each other, rows drawn at random, these centres, or what
        ``init(X, n_clusters, random_state=...)`` gives, as in scikit-learn.
    n_init : int or "auto", default "auto"
        Starts, of which the best is kept. From given centres there is only one.
    """

    takes_sparse: ClassVar[bool] = True
    squares_rows: ClassVar[bool] = True

    init: Any = "k-means++"
    n_init: int | str = "auto"

    def predict(self, X: Any) -> NDArray[np.int32]:
        """Give the nearest centre of each row.

        Parameters
        ----------
        X : array or CSR matrix of shape (n, d), memmap, path of a ``.npy`` file, or stream

        Returns
        -------
        ndarray of int32, shape (n,)
        """
        return self._assign(X)[0]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Give minus the inertia of rows: −Σ weight · ‖x − c‖²."""
        return -self._assign(X, sample_weight)[1]

    def transform(self, X: Any) -> NDArray[Any]:
        """Give the Euclidean distance of each row to each centre, shape (n, k)."""
        check_is_fitted(self)
        blocks = self._open(X, reset=False)
        distances = np.empty((blocks.shape[0], len(self.cluster_centers_)), blocks.dtype)

        def measure(block: Block) -> None:
            distances[block.start : block.stop] = distances_to_centres(block.rows, self.cluster_centers_)

        with threads(self.workers, blas=True) as pool:
            for _ in pool.map(measure, blocks):
                pass
        return distances

    def reorder(self, order: NDArray[np.int64]) -> None:
        """Number the clusters anew: cluster i becomes what was cluster ``order[i]``."""
        check_is_fitted(self)
        self.cluster_centers_[:] = self.cluster_centers_[order]
        self.labels_[:] = np.argsort(order)[self.labels_]

    def _assign(self, X: Any, sample_weight: Any = None) -> tuple[NDArray[np.int32], float]:
        check_is_fitted(self)
        blocks = self._open(X, reset=False)
        weights = self._weights(sample_weight, blocks.shape[0])
        with threads(self.workers) as pool:
            return assign_blocks(blocks, self.cluster_centers_, weights, pool)

    def _check_start(self, blocks: Blocks, k: int) -> None:
        """Refuse a start that cannot be meant."""
        n, d = blocks.shape
        if n < k:
            raise UnlabeledError(f"n_samples={n} should be >= n_clusters={k}: there cannot be more clusters than rows")
        if isinstance(self.init, str):
            if self.init not in STARTS:
                raise unknown_name("init", self.init, STARTS)
        elif not callable(self.init):
            _check_centres(self.init, (k, d))

    def _starts(self, at_random: int) -> int:
        """Give the number of starts that `n_init` means; `at_random` is what "auto" means for random starts."""
        n_init = self.n_init
        if not isinstance(self.init, str) and not callable(self.init):
            if n_init != "auto" and n_init != 1:
                raise UnlabeledError(f"n_init={n_init!r} starts from the same centres would end alike; leave it out")
            return 1
        if n_init == "auto":
            return at_random if isinstance(self.init, str) and self.init == "random" else 1
        check_whole_settings(self, "n_init")
        return int(n_init)

    def _first_centres(
        self, blocks: Blocks, k: int, weights: NDArray[np.float64] | None, random: np.random.RandomState, pool: Threads
    ) -> NDArray[Any]:
        """Give the centres from which to start."""
        if callable(self.init):
            rows = blocks.take(np.arange(blocks.shape[0]), dense=False)
            found = self.init(rows, k, random_state=random)
            _check_centres(found, (k, blocks.shape[1]))
            return np.asarray(found, dtype=blocks.dtype)
        if not isinstance(self.init, str):
            return np.asarray(self.init, dtype=blocks.dtype)
        if self.init == "random":
            drawn = random_rows(blocks.shape[0], k, weights, random)
        else:
            drawn = k_means_plus_plus(blocks, k, weights, random, pool)
        centres: NDArray[Any] = blocks.take(drawn)
        return centres

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _check_centres(centres: Any, shape: tuple[int, int]) -> None:
    """Refuse centres to start from that are not of the shape (k, d), or not finite."""
    given = numbers_given("init", centres)
    if given.shape != shape:
        raise UnlabeledError(f"init has shape {given.shape}, but the centres' is {shape}")
    if not np.isfinite(given).all():
        raise UnlabeledError("init holds NaN or infinity")


class KMeans(NearestCentre):
    r"""Every row belongs to the nearest of k centres, and every centre is the mean of its rows.

    Split: x is the row, y the number of its cluster, which nobody wrote down. Loss, the inertia:

    .. math:: \sum_i w_i \min_j \lVert x_i - c_j \rVert^2

    It is hard EM: see `unlabeled.methods.mixture.expectation_maximisation`. Each step assigns rows to centres and
    moves the centres to the means of their rows (Lloyd's algorithm); inertia never rises, and where it ends depends
    on the start.

    Parameters
    ----------
    n_clusters : int, default 8
        k. It may be given without its name: ``KMeans(10)``.
    init : {"k-means++", "random"}, array of shape (n_clusters, d) or callable, default "k-means++"
        Where to start: rows drawn far from each other, rows drawn at random, these centres, or what
        ``init(X, n_clusters, random_state=...)`` gives, as in scikit-learn.
    n_init : int or "auto", default "auto"
        Starts, of which the best end is kept. ``"auto"`` is 10 for ``init="random"`` and 1 otherwise.
    max_iter : int, default 300
        Steps of one start.
    tol : float, default 1e-4
        A fit ends when the squared moves of the centres add up to no more than this times the columns' mean variance.

    Attributes
    ----------
    cluster_centers_ : ndarray, shape (k, d)
        Of the type of the rows.
    labels_ : ndarray of int32, shape (n,)
        Cluster of each row.
    inertia_ : float
        Sum of weighted squared distances of the rows to their centres.
    history_ : list of float
        Inertia at each step; the last is `inertia_`.
    n_iter_ : int
        Steps made.
    n_features_in_ : int
        d.

    See Also
    --------
    unlabeled.MiniBatchKMeans : For rows too many for whole passes.
    unlabeled.elbow : How many clusters?
    unlabeled.merge_clusters : From many small clusters to few large ones.

    Notes
    -----
    Where there are many rows, clusters and columns, and the processor multiplies bytes (AVX-512 VNNI), rows and centres
    are first rounded to 8 bits, and the centres that are too far from a row by more than the rounding can account for
    are ruled out; the distances to the one or two that are left are computed in the type of the rows. So labels are
    those of a full search, but for rows whose distances to two centres are equal within the rounding of that type. The
    rounded rows are kept for the length of a fit if they take no more than 256 MB (d + 12 bytes a row).

    References
    ----------
    .. [1] Lloyd, Least Squares Quantization in PCM, IEEE Transactions on Information Theory 1982.

    Examples
    --------
    >>> model = KMeans(2, random_state=0).fit([[0, 0], [0, 1], [9, 9], [9, 8]])
    >>> bool(model.labels_[0] == model.labels_[1] != model.labels_[2])
    True
    >>> model.inertia_
    1.0
    """

    principle: ClassVar[str] = "mixture"

    n_clusters: int = field(default=8, kw_only=False)
    max_iter: int = 300
    tol: float = 1e-4

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find clusters.

        Parameters
        ----------
        X : array or CSR matrix of shape (n, d), memmap, path of a ``.npy`` file, or stream
            float32 and float64 are worked on as they are; files and streams are read in blocks, see
            `unlabeled.data.blocks.Blocks`.
        y : ignored
            There for scikit-learn's sake.
        sample_weight : array of shape (n,), optional
            How much each row counts.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If the rows or a setting are not usable.

        Warns
        -----
        ConvergenceWarning
            If there are fewer different rows than clusters; some clusters are then empty.
        """
        check_whole_settings(self, "n_clusters", "max_iter", "workers")
        self._check_not_negative("tol")
        blocks = self._open(X, reset=True)
        self._check_start(blocks, self.n_clusters)
        weights = self._weights(sample_weight, blocks.shape[0])
        mean, variance = mean_and_variance(blocks)
        if blocks.sparse:
            mean = mean_of_sparse(mean, float(variance.sum()), blocks.dtype)
        mean = mean.astype(blocks.dtype).astype(np.float64)
        with threads(self.workers) as pool:
            lloyd = Lloyd(
                lambda random: self._first_centres(blocks, self.n_clusters, weights, random, pool),
                mean,
                weights,
                pool,
                self.tol * float(variance.mean()),
                float(np.sqrt(variance.max())),
            )
            ascent = expectation_maximisation(
                lloyd,
                blocks,
                max_iter=self.max_iter,
                n_init=self._starts(at_random=10),
                random_state=self.random_state,
                has_converged=lloyd.has_converged,
                last_e_step=True,
                title="KMeans",
                progress=self.progress,
            )
        self.cluster_centers_ = (ascent.theta + mean).astype(blocks.dtype)
        self.labels_ = ascent.q.labels
        self.history_ = [-value for value in ascent.history]
        self.inertia_ = self.history_[-1]
        self.n_iter_ = ascent.n_iter
        distinct = np.count_nonzero(np.bincount(self.labels_, minlength=self.n_clusters))
        if distinct < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({distinct}) found smaller than n_clusters ({self.n_clusters}). "
                "Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self


def assign_blocks(
    blocks: Blocks, centres: NDArray[Any], weights: NDArray[np.float64] | None, pool: Threads
) -> tuple[NDArray[np.int32], float]:
    """Give the nearest centre of each row, and the inertia."""
    # The middle of the centres stands in for the mean of the data, which keeps the rounding of far-away data small too.
    mean = middle_of(centres, blocks.dtype, blocks.sparse)
    quantise = quantising_is_faster(blocks.shape[0], centres.shape, blocks.dtype)
    packed = Centres(centres - mean, mean, blocks.dtype, blocks.sparse, quantise=quantise)
    labels = np.full(blocks.shape[0], -1, np.int32)

    def assign(block: Block) -> float:
        here = slice(block.start, block.stop)
        return packed.assign(block.rows, labels[here], None if weights is None else weights[here], add=False).inertia

    return labels, sum(pool.map(assign, blocks))
