"""Mini-batch k-means: centres that move with every few rows drawn."""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from unlabeled.data.blocks import Blocks
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.k_means import NearestCentre, assign_blocks
from unlabeled.methods.mixture.kmeans.nearest_centres import Assigned, Centres, middle_of
from unlabeled.methods.mixture.kmeans.quantised_centres import quantising_is_faster
from unlabeled.methods.mixture.threads import Threads, threads
from unlabeled.setting_checks import check_whole_settings


class MiniBatchKMeans(NearestCentre):
    r"""K-means from a few rows at a time: each centre is the mean of all rows that were ever nearest to it.

    Split: as in `KMeans`, x is the row and y the number of its cluster. A step draws a batch, assigns its rows to the
    nearest centres, and moves each centre by the rows it received:

    .. math:: c \leftarrow c + \frac{1}{n_c} \sum_{x \text{ nearest to } c} (x - c)

    with n_c the rows the centre has received until now, these included. The inertia it ends at is a little above that
    of `KMeans`, for a small part of its work.

    Parameters
    ----------
    n_clusters : int, default 8
        k. It may be given without its name: ``MiniBatchKMeans(10)``.
    init : {"k-means++", "random"} or array of shape (n_clusters, d), default "k-means++"
        Where to start, as in `KMeans`; drawn from `init_size` rows.
    n_init : int or "auto", default "auto"
        Starts that are tried; the one with the smallest inertia on `init_size` rows is taken. ``"auto"`` is 3 for
        ``init="random"`` and 1 otherwise.
    max_iter : int, default 100
        Steps, counted in passes: batches of as many rows as there are.
    batch_size : int, default 1024
        Rows in a batch.
    tol : float, default 0
        A fit ends when the squared moves of the centres in a step add up to no more than this times the columns' mean
        variance; 0 leaves this out.
    max_no_improvement : int or None, default 10
        A fit ends when the smoothed inertia has not become smaller for so many steps; None leaves this out.
    init_size : int, optional
        Rows to start from; by default 3 batches, and at least 3 rows a cluster.
    reassignment_ratio : float, default 0.01
        Centres that received fewer rows than this share of the busiest centre's are moved to rows drawn at random.

    Attributes
    ----------
    cluster_centers_ : ndarray, shape (k, d)
        Of the type of the rows.
    counts_ : ndarray of float64, shape (k,)
        Weight that each centre has received.
    labels_ : ndarray of int32, shape (n,)
        Cluster of each row of `fit`, or of the last `partial_fit`.
    inertia_ : float
        Sum of weighted squared distances of these rows to their centres.
    history_ : list of float
        Inertia of each batch, a row, before the step it brought about.
    n_iter_ : int
        Passes begun.
    n_steps_ : int
        Steps made.
    n_features_in_ : int
        d.

    See Also
    --------
    unlabeled.KMeans : Whole passes, to the nearest minimum.

    References
    ----------
    .. [1] Sculley, Web-Scale K-Means Clustering, WWW 2010.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = np.concatenate([rng.normal(0, 1, (500, 2)), rng.normal(9, 1, (500, 2))])
    >>> MiniBatchKMeans(2, random_state=0).fit(rows).predict([[1, 1], [8, 8]]).tolist() in ([0, 1], [1, 0])
    True
    """

    principle: ClassVar[str] = "mixture"

    n_clusters: int = field(default=8, kw_only=False)
    max_iter: int = 100
    batch_size: int = 1024
    tol: float = 0.0
    max_no_improvement: int | None = 10
    init_size: int | None = None
    reassignment_ratio: float = 0.01

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find clusters.

        Parameters
        ----------
        X : array or CSR matrix of shape (n, d), memmap, or path of a ``.npy`` file
            Of a mapped file only the rows drawn are read, but for a check of all and for the labels at the end.
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
            If the rows or a setting are not usable; a stream is not, because rows cannot be drawn from it: call
            `partial_fit` with each of its blocks.
        """
        self._check()
        blocks = self._open(X, reset=True)
        if blocks.stream:
            raise UnlabeledError("rows cannot be drawn from a stream; call partial_fit with each of its blocks")
        self._check_start(blocks, self.n_clusters)
        weights = self._weights(sample_weight, blocks.shape[0])
        random = check_random_state(self.random_state)
        n, size = blocks.shape[0], min(self.batch_size, blocks.shape[0])
        with threads(self.workers) as pool:
            self._begin(self._best_start(blocks, weights, random, pool), random)
            rule = _Rule(self, n, self._variance(blocks, random) if self.tol else 0.0)
            for _ in range(max(1, self.max_iter * n // size)):
                drawn = random.randint(0, n, size)
                rows = blocks.take(drawn, dense=False)
                inertia, moved = self._step(rows, None if weights is None else weights[drawn])
                if rule.ends(inertia, moved):
                    break
            self.cluster_centers_ = self._centres.astype(blocks.dtype)
            self.labels_, self.inertia_ = assign_blocks(blocks, self.cluster_centers_, weights, pool)
        self.n_iter_ = -(-self.n_steps_ * size // n)
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Make one step with these rows as the batch; the first call starts from them.

        Parameters
        ----------
        X : array or CSR matrix of shape (n, d)
            The first time at least as many rows as clusters.
        y : ignored
            There for scikit-learn's sake.
        sample_weight : array of shape (n,), optional
            How much each row counts.

        Returns
        -------
        self
        """
        self._check()
        first = not hasattr(self, "counts_")
        blocks = self._open(X, reset=first)
        weights = self._weights(sample_weight, blocks.shape[0])
        with threads(self.workers) as pool:
            if first:
                self._check_start(blocks, self.n_clusters)
                random = check_random_state(self.random_state)
                self._begin(self._best_start(blocks, weights, random, pool), random)
            elif not hasattr(self, "_centres"):  # loaded from files
                self._place(self.cluster_centers_, check_random_state(self.random_state))
            self._step(blocks.take(np.arange(blocks.shape[0]), dense=False), weights)
            self.cluster_centers_ = self._centres.astype(blocks.dtype)
            self.labels_, self.inertia_ = assign_blocks(blocks, self.cluster_centers_, weights, pool)
        return self

    def reorder(self, order: NDArray[np.int64]) -> None:
        """Number the clusters anew: cluster i becomes what was cluster ``order[i]``."""
        super().reorder(order)
        for array in (self.counts_, getattr(self, "_centres", None)):  # the latter not after loading
            if array is not None:
                array[:] = array[order]

    def _check(self) -> None:
        check_whole_settings(self, "n_clusters", "max_iter", "batch_size", "max_no_improvement", "init_size", "workers")
        self._check_not_negative("tol", "reassignment_ratio")

    def _begin(self, centres: NDArray[Any], random: np.random.RandomState) -> None:
        self._place(centres, random)
        self.counts_: NDArray[np.float64] = np.zeros(self.n_clusters)
        self.history_: list[float] = []
        self.n_steps_: int = 0

    def _place(self, centres: NDArray[Any], random: np.random.RandomState) -> None:
        self._centres: NDArray[np.float64] = centres.astype(np.float64)
        self._random = random
        self._since = 0  # rows since centres were last moved to rows drawn at random

    def _best_start(
        self, blocks: Blocks, weights: NDArray[np.float64] | None, random: np.random.RandomState, pool: Threads
    ) -> NDArray[Any]:
        """Try some starts on some rows, and give the best."""
        n, starts = blocks.shape[0], self._starts(at_random=3)
        wanted = max(self.init_size or 3 * self.batch_size, 3 * self.n_clusters)
        best, lowest = None, np.inf
        for _ in range(starts):
            some, own = blocks, weights
            if wanted < n:
                there = np.arange(n) if weights is None else np.flatnonzero(weights)
                drawn = np.sort(random.choice(there, min(wanted, len(there)), replace=False))
                some = Blocks(blocks.take(drawn, dense=False), check=False)
                own = None if weights is None else weights[drawn]
            centres = self._first_centres(some, self.n_clusters, own, random, pool)
            inertia = assign_blocks(some, centres, own, pool)[1] if starts > 1 else 0.0
            if best is None or inertia < lowest:
                best, lowest = centres, inertia
        assert best is not None
        return best

    def _step(self, rows: Any, weights: NDArray[np.float64] | None) -> tuple[float, float]:
        """Move the centres by one batch; give the inertia a row and the sum of the squared moves."""
        before = self._centres
        batch = self._partial(rows, weights)
        self.counts_ = self.counts_ + batch.counts
        received = batch.counts > 0
        moves = np.zeros_like(before)
        moves[received] = (batch.sums - batch.counts[:, None] * self._relative)[received]
        moves[received] /= self.counts_[received, None]
        self._centres = before + moves
        self._reassign(rows)
        self.n_steps_ += 1
        total = float(batch.counts.sum())
        self.history_.append(batch.inertia / total if total else 0.0)
        return self.history_[-1], float(((self._centres - before) ** 2).sum())

    def _partial(self, rows: Any, weights: NDArray[np.float64] | None) -> Assigned:
        sparse = hasattr(rows, "toarray")
        middle = middle_of(self._centres, rows.dtype, sparse)
        self._relative = self._centres - middle
        quantise = quantising_is_faster(rows.shape[0], self._relative.shape, rows.dtype)
        packed = Centres(self._relative, middle, rows.dtype, sparse, quantise=quantise)
        return packed.assign(rows, np.full(rows.shape[0], -1, np.int32), weights)

    def _reassign(self, rows: Any) -> None:
        """Move centres that hardly receive rows to rows of the batch, now and then."""
        size = rows.shape[0]
        self._since += size
        if not ((self.counts_ == 0).any() or self._since >= 10 * self.n_clusters) or not self.reassignment_ratio:
            return
        self._since = 0
        idle = np.flatnonzero(self.counts_ < self.reassignment_ratio * self.counts_.max())
        idle = idle[np.argsort(self.counts_[idle], kind="stable")][: size // 2]
        if not len(idle) or len(idle) == self.n_clusters:
            return
        chosen = rows[self._random.choice(size, len(idle), replace=False)]
        self._centres[idle] = chosen.toarray() if hasattr(chosen, "toarray") else chosen
        self.counts_[idle] = np.delete(self.counts_, idle).min()

    def _variance(self, blocks: Blocks, random: np.random.RandomState) -> float:
        """Measure the columns' mean variance on some rows."""
        some = random.choice(blocks.shape[0], min(10_000, blocks.shape[0]), replace=False)
        return float(blocks.take(np.sort(some)).var(axis=0, dtype=np.float64).mean())


class _Rule:
    """When a fit ends: the centres hardly move, or the inertia, smoothed over about a pass, gets no smaller."""

    def __init__(self, model: MiniBatchKMeans, n: int, variance: float) -> None:
        self._tol, self._patience = model.tol * variance, model.max_no_improvement
        self._share = min(1.0, 2 * model.batch_size / (n + 1))
        self._steps, self._smooth, self._lowest, self._waited = 0, 0.0, np.inf, 0

    def ends(self, inertia: float, moved: float) -> bool:
        self._steps += 1
        if self._steps == 1:  # the inertia of the start, which has not seen the rows yet
            return False
        self._smooth = inertia if self._steps == 2 else self._smooth + (inertia - self._smooth) * self._share
        if self._tol and moved <= self._tol:
            return True
        self._waited = 0 if self._smooth < self._lowest else self._waited + 1
        self._lowest = min(self._lowest, self._smooth)
        return self._patience is not None and self._waited >= self._patience
