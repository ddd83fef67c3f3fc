"""Mixtures of Gaussians: each row came from one of k components, and which one is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from unlabeled.data.arrays import numbers_given
from unlabeled.data.blocks import Block, Blocks
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.mixture.base import LatentMixture, check_rows
from unlabeled.methods.mixture.expectation_maximisation import expectation_maximisation
from unlabeled.methods.mixture.gaussian.gaussian_covariance import Covariance, SingularError, covariance_form
from unlabeled.methods.mixture.gaussian.gaussian_densities import Gaussians, choose_densities
from unlabeled.methods.mixture.gaussian.gaussian_steps import Data, GaussianEM, Responsibilities, survey
from unlabeled.methods.mixture.threads import threads
from unlabeled.setting_checks import check_whole_number, check_whole_settings

STARTS = ("kmeans", "k-means++", "random")


class GaussianMixture(LatentMixture):
    r"""Each row was drawn from one of k Gaussians; which one is hidden, and is told as a probability.

    Split: x is the row, y its component, which nobody sees. The density

    .. math:: p(x) = \sum_{k} w_k \, N(x; \mu_k, \Sigma_k)

    is fitted by expectation–maximisation: the E step gives every row its responsibilities p(k | x), and the M step
    gives every component the weight, the mean and the covariance of its share of the rows. The likelihood never falls.

    Rows may be in memory, in a mapped file, or a stream of blocks. Results do not depend on the number of threads.

    Parameters
    ----------
    n_components : int, default 1
        k; may be given without its name.
    covariance : {"full", "tied", "diagonal", "spherical"}, default "full"
        scikit-learn calls it ``covariance_type``, and ``"diagonal"`` there is ``"diag"``.
        What a component may look like: any ellipsoid, the same ellipsoid for all, an ellipsoid along the axes, a ball.
    init_params : {"kmeans", "k-means++", "random"}, default "kmeans"
        The first responsibilities: of the nearest centre after k-means, of the nearest seed of k-means++, or random.
    weights_init : array-like, shape (k,), optional
        Weights to start from.
    means_init : array-like, shape (k, d), optional
        Means to start from.
    precisions_init : array-like, optional
        Inverses of the covariances to start from, of the shape of `covariances_`.
    n_init : int, default 1
        Starts, of which the one with the greatest likelihood is kept.
    max_iter : int, default 100
        Iterations at most.
    tol : float, default 1e-3
        The fit has converged when the mean log-likelihood of a row changes by less.
    reg_covar : float, default 1e-6
        Added to every variance, so that a component cannot shrink to a point. It is in the data's units, squared.
    warm_start : bool, default False
        Start a further `fit` from where the last one ended, in place of a new start.

    Attributes
    ----------
    weights_ : ndarray, shape (k,)
        Shares of the components.
    means_ : ndarray, shape (k, d)
        Their means.
    covariances_ : ndarray, shape (k, d, d), (d, d), (k, d) or (k,)
        Their covariances; for ``"tied"`` the one of all, for the last two forms variances.
    precisions_, precisions_cholesky_ : ndarray
        Inverses of the covariances, and upper triangular roots P of them, Σ⁻¹ = P Pᵀ.
    converged_ : bool
        Whether the likelihood changed by less than `tol` in the end.
    n_iter_ : int
        Iterations made.
    lower_bound_ : float
        Mean log-likelihood of a row in the last iteration.
    history_ : list of float
        The same in each iteration.
    n_features_in_ : int
        Columns seen in `fit`.

    Raises
    ------
    UnlabeledError
        If a component collapses, for data with NaN or infinity, and for more components than rows.

    See Also
    --------
    KMeans : Balls of one size, each row in one of them.

    References
    ----------
    .. [1] Dempster, Laird & Rubin, Maximum Likelihood from Incomplete Data via the EM Algorithm, JRSS B 1977.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(6, 1, (100, 2))])
    >>> model = GaussianMixture(2, random_state=0).fit(X)
    >>> np.sort(model.weights_).round(2)
    array([0.25, 0.75])
    >>> model.predict_proba([[6, 6]]).max().round(3)
    np.float64(1.0)
    """

    principle: ClassVar[str] = "mixture"

    n_components: int = field(default=1, kw_only=False)
    covariance: Literal["full", "tied", "diagonal", "spherical"] = "full"
    init_params: Literal["kmeans", "k-means++", "random"] = "kmeans"
    weights_init: ArrayLike | None = None
    means_init: ArrayLike | None = None
    precisions_init: ArrayLike | None = None
    n_init: int = 1
    max_iter: int = 100
    tol: float = 1e-3
    reg_covar: float = 1e-6
    warm_start: bool = False

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to rows.

        Parameters
        ----------
        X : array-like of shape (n, d), memmap, path of a ``.npy`` file, or stream of blocks
            Rows; float32 is computed in float32 where that is safe.
        y : ignored
            There for scikit-learn's sake.
        sample_weight : array-like, shape (n,), optional
            How often each row counts.

        Returns
        -------
        self
        """
        form = self._check()
        blocks = self._open(X, reset=True)
        n, d = blocks.shape
        check_rows(n, self.n_components)
        weights = self._weights(sample_weight, blocks.shape[0])
        given, again = self._given(form, d), self.warm_start and hasattr(self, "means_")
        if again:
            given = self._last(form, d)
        model = GaussianEM(form, self.n_components, self.reg_covar, given, self._responsibilities)
        with threads(self.workers, blas=True) as pool:
            data = Data(blocks, weights, pool, *survey(blocks, weights, pool, form.matrix))
            ascent = expectation_maximisation(
                model,
                data,
                max_iter=self.max_iter,
                tol=self.tol,
                n_init=1 if again else self.n_init,
                random_state=self.random_state,
                title="GaussianMixture",
                progress=self.progress,
                slack=1e-5,  # the ridge on the covariances, and float32
            )
        theta = ascent.theta
        self.weights_, self.means_, self.covariances_ = theta.weights, theta.means, theta.covariances
        self.precisions_cholesky_, self.precisions_ = theta.roots, form.precisions(theta.roots)
        self.converged_, self.n_iter_ = ascent.converged, ascent.n_iter
        self.history_, self.lower_bound_ = ascent.history, ascent.history[-1]
        self._warn_unless(self.converged_)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Give each row's most probable component, shape (n,)."""
        blocks = self._seen(X)
        labels = np.empty(blocks.shape[0], np.int64)
        for block, (responsibilities, _) in self._posteriors(blocks):
            labels[block.start : block.stop] = responsibilities.argmax(axis=1)
        return labels

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Give the responsibilities p(k | x), shape (n, k)."""
        blocks = self._seen(X)
        found = np.empty((blocks.shape[0], len(self.weights_)), blocks.dtype)
        for block, (responsibilities, _) in self._posteriors(blocks):
            found[block.start : block.stop] = responsibilities
        return found

    def score_samples(self, X: Any) -> NDArray[Any]:
        """Give the log-density log p(x) of each row, shape (n,). The lower, the more of an outlier."""
        blocks = self._seen(X)
        found = np.empty(blocks.shape[0], blocks.dtype)
        for block, (_, log_density) in self._posteriors(blocks):
            found[block.start : block.stop] = log_density
        return found

    def sample(self, n_samples: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw rows from the mixture, in the order of components.

        Returns
        -------
        X : ndarray, shape (n_samples, d)
            The rows.
        y : ndarray of int, shape (n_samples,)
            The component each was drawn from.
        """
        check_is_fitted(self)
        check_whole_number("n_samples", n_samples)
        random, form = check_random_state(self.random_state), covariance_form(self.covariance)
        labels = np.repeat(np.arange(len(self.weights_)), random.multinomial(n_samples, self.weights_))
        rows = random.standard_normal((n_samples, self.n_features_in_))
        for k in range(len(self.weights_)):
            rows[labels == k] = form.draw(rows[labels == k], self.precisions_cholesky_, k)
        return rows + self.means_[labels], labels

    def reorder(self, order: NDArray[np.int64]) -> None:
        """Number the components anew: component i becomes what was component ``order[i]``."""
        check_is_fitted(self)
        own = (self.covariances_, self.precisions_, self.precisions_cholesky_) if self.covariance != "tied" else ()
        for array in (self.weights_, self.means_, *own):
            array[:] = array[order]

    def _free(self) -> int:
        k, d = self.means_.shape
        return int(covariance_form(self.covariance).free(k, d) + k * d + k - 1)

    def _seen(self, X: Any) -> Blocks:
        check_is_fitted(self)
        return self._open(X, reset=False)

    def _posteriors(self, blocks: Blocks) -> Iterator[tuple[Block, tuple[NDArray[Any], NDArray[Any]]]]:
        """Yield each block with its rows' responsibilities and log-densities."""
        form = covariance_form(self.covariance)
        theta = Gaussians(self.weights_, self.means_, self.covariances_, self.precisions_cholesky_)
        mean, scatter = form.mixed(theta.weights, theta.means, theta.covariances)
        densities = choose_densities(form, theta, mean, scatter, blocks.dtype)

        def posterior(block: Block) -> tuple[Block, tuple[NDArray[Any], NDArray[Any]]]:
            found = densities.posterior(block.rows)
            if not np.isfinite(found[1]).all():
                found = choose_densities(form, theta, mean, scatter, np.float64).posterior(block.rows)
            wrong = ~np.isfinite(found[1])
            if wrong.any():
                row = block.start + int(wrong.argmax())
                raise UnlabeledError(
                    f"row {row} is so far away from all components that its density cannot be computed"
                )
            return block, found

        with threads(self.workers, blas=True) as pool:
            yield from pool.map(posterior, blocks)

    def _check(self) -> Covariance:
        """Refuse settings that cannot be meant; give the form of the covariances."""
        check_whole_settings(self, "n_components", "n_init", "max_iter", "workers")
        self._check_not_negative("tol", "reg_covar")
        if self.init_params not in STARTS:
            raise unknown_name("init_params", str(self.init_params), STARTS)
        return covariance_form(self.covariance)

    def _given(self, form: Covariance, d: int) -> dict[str, NDArray[np.float64]]:
        """Check the parameters the user starts from."""
        k, given = self.n_components, {}
        if self.weights_init is not None:
            given["weights"] = _checked("weights_init", self.weights_init, (k,))
            if (given["weights"] < 0).any() or not np.isclose(given["weights"].sum(), 1):
                raise UnlabeledError(f"weights_init must hold shares that add up to 1, got {self.weights_init}")
        if self.means_init is not None:
            given["means"] = _checked("means_init", self.means_init, (k, d))
        if self.precisions_init is not None:
            precisions = _checked("precisions_init", self.precisions_init, form.shape(k, d))
            try:
                given["roots"] = form.roots_of_precisions(precisions)
            except SingularError as error:
                where = "" if error.component is None else f" (component {error.component})"
                raise UnlabeledError(f"precisions_init must be positive definite{where}") from None
            given["covariances"] = form.covariances(given["roots"])
        return given

    def _last(self, form: Covariance, d: int) -> dict[str, NDArray[np.float64]]:
        """Give the parameters with which the last fit ended."""
        if self.means_.shape != (self.n_components, d) or self.covariances_.shape != form.shape(self.n_components, d):
            raise UnlabeledError("warm_start goes on with the same n_components, covariance and columns; these changed")
        return {
            "weights": np.asarray(self.weights_, np.float64),
            "means": np.asarray(self.means_, np.float64),
            "roots": np.asarray(self.precisions_cholesky_, np.float64),
            "covariances": np.asarray(self.covariances_, np.float64),
        }

    def _responsibilities(self, data: Data, random: np.random.RandomState) -> Responsibilities:
        """Give the responsibilities from which the first parameters are estimated."""
        k, seed = self.n_components, random.randint(2**31)
        if self.init_params == "random":
            return lambda block: _random_shares(k, block, seed)
        from unlabeled.methods.mixture.k_means import KMeans

        seeding = KMeans(k, n_init=1, random_state=seed, workers=self.workers, progress=False)
        if self.init_params == "k-means++":
            seeding.set_params(max_iter=1)
        labels = seeding.fit(data.blocks, sample_weight=data.weights).labels_
        return lambda block: np.arange(k)[:, None] == labels[block.start : block.stop]


def _random_shares(k: int, block: Block, seed: int) -> NDArray[np.float64]:
    shares = np.random.default_rng([seed, block.start]).random((k, block.stop - block.start))
    return np.asarray(shares / shares.sum(axis=0))


def _checked(name: str, value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = numbers_given(name, value)
    if array.shape != shape:
        raise UnlabeledError(f"{name} must be of shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise UnlabeledError(f"{name} holds NaN or infinity")
    return array
