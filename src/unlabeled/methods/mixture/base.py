"""What all mixtures share: opening rows, checks of settings, saving and loading.

The first hyper-parameter of a mixture may be given without its name, as in ``KMeans(10)``. `Estimator` makes every
field keyword-only; a field that is to be positional says so itself, and nothing else is needed:

    class KMeans(Mixture):
        n_clusters: int = field(default=8, kw_only=False)
        max_iter: int = 300                                   # keyword-only, as everywhere
"""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import DensityMixin
from sklearn.exceptions import ConvergenceWarning

from unlabeled.array_model import ArrayModel
from unlabeled.data.arrays import numbers_given, unmasked
from unlabeled.data.blocks import Blocks, is_stream
from unlabeled.data.tabular.validated_rows import validated_rows
from unlabeled.errors import UnlabeledError
from unlabeled.memory import check_memory


class Mixture(ArrayModel):
    """Base of the mixtures: groups nobody named, one of which each instance came from.

    Parameters
    ----------
    random_state : int, RandomState or None, default None
        With an int, a fit is repeatable bit for bit on one machine, whatever the number of threads.
    workers : int, optional
        Threads; by default one a processor.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook, when a fit takes longer than two seconds.
    """

    modalities: ClassVar[tuple[str, ...]] = ("vector",)
    takes_sparse: ClassVar[bool] = False
    squares_rows: ClassVar[bool] = False
    """Whether distances are squared in the type of the rows, so that large numbers overflow."""

    random_state: Any = None
    workers: int | None = None
    progress: bool | None = None

    def _open(self, X: Any, *, reset: bool) -> Blocks:
        """Open rows: check them, and set or compare `n_features_in_`.

        Arrays, lists and data frames are checked as scikit-learn checks them. Mapped files, paths of ``.npy`` files and
        streams are read block by block and never held whole.
        """
        X = getattr(X, "array", X) if type(X).__module__.startswith("unlabeled.data") else X
        X = unmasked(X)
        if not _out_of_core(X):
            self._check_fits_memory(X)
            X = validated_rows(
                self,
                X,
                reset=reset,
                accept_sparse="csr" if self.takes_sparse else False,
                dtype=[np.float64, np.float32],
                order="C",
                ensure_all_finite=False,  # Blocks does it, and names the row
            )
            return Blocks(X, squared=self.squares_rows)
        blocks = X if isinstance(X, Blocks) else Blocks(X, squared=self.squares_rows)
        if reset:
            self.n_features_in_ = blocks.shape[1]
        elif blocks.shape[1] != self.n_features_in_:
            raise UnlabeledError(
                f"X has {blocks.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )
        return blocks

    def _check_fits_memory(self, X: Any) -> None:
        """Refuse sparse rows that would have to be dense, and dense ones of which no copy fits that must be made."""
        if sp.issparse(X) and not self.takes_sparse:
            matrix: Any = X
            size = matrix.shape[0] * matrix.shape[1] * matrix.dtype.itemsize
            raise UnlabeledError(
                f"{type(self).__name__} takes no sparse matrix. Made dense by X.toarray(), this one needs "
                f"{size / 1e9:,.3g} GB of memory; reduce its columns first, for example "
                "by scikit-learn's TruncatedSVD, or take KMeans, which reads sparse rows"
            )
        if not isinstance(X, np.ndarray) or X.ndim != 2:
            return
        if X.dtype not in (np.float32, np.float64) or not X.flags.c_contiguous:
            wide = 4 if X.dtype == np.float32 else 8
            check_memory(
                X.size * wide,
                f"a copy of X, {len(X):,} rows of {X.shape[1]:,} columns as float{8 * wide},",
                "save the rows as float32 with np.save and give the path of the file, which is read block by block",
            )

    def _weights(self, sample_weight: Any, n: int) -> NDArray[np.float64] | None:
        """Check the weights of the rows: None, or one number a row, none negative, not all zero."""
        if sample_weight is None:
            return None
        weights = numbers_given("sample_weight", sample_weight)
        if weights.ndim == 0:
            weights = np.full(n, weights)
        if weights.shape != (n,):
            raise UnlabeledError(f"sample_weight.shape == {weights.shape}, expected {(n,)}: one weight for each row")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise UnlabeledError("sample_weight must hold finite numbers, none below 0")
        if not weights.any():
            raise UnlabeledError("every sample_weight is zero; some rows must count")
        return weights

    def _check_not_negative(self, *names: str) -> None:
        """Refuse a setting that is not a number of at least 0."""
        for name in names:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value >= 0:
                raise UnlabeledError(f"{name} must be a number of at least 0, got {value!r}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.takes_sparse
        return tags


class LatentMixture(DensityMixin, Mixture):
    """Base of the mixtures that give each row a probability of each component, and so a density."""

    max_iter: int

    @abstractmethod
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to rows."""

    @abstractmethod
    def predict(self, X: Any) -> NDArray[np.int64]:
        """Give each row's most probable component, shape (n,)."""

    @abstractmethod
    def score_samples(self, X: Any) -> NDArray[Any]:
        """Give the log-density log p(x) of each row, shape (n,)."""

    @abstractmethod
    def _free(self) -> int:
        """Count the free parameters."""

    def fit_predict(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.int64]:
        """Fit, and give each row's most probable component, shape (n,)."""
        return self.fit(X, y, sample_weight).predict(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Give the mean of `score_samples`."""
        return float(self.score_samples(X).mean(dtype=np.float64))

    def bic(self, X: Any) -> float:
        """Give the Bayesian information criterion, −2 log p(X) + (free parameters) · log n: the lower the better."""
        scores = self.score_samples(X)
        return float(-2 * scores.sum(dtype=np.float64) + self._free() * np.log(len(scores)))

    def aic(self, X: Any) -> float:
        """Give Akaike's information criterion, −2 log p(X) + 2 · (free parameters): the lower the better."""
        return float(-2 * self.score_samples(X).sum(dtype=np.float64) + 2 * self._free())

    def _warn_unless(self, converged: bool) -> None:
        if not converged:
            warnings.warn(
                f"the mixture did not converge in {self.max_iter} iterations: raise max_iter or tol, or n_init",
                ConvergenceWarning,
                stacklevel=3,  # where `fit` was called
            )


def _out_of_core(X: Any) -> bool:
    return isinstance(X, str | os.PathLike | np.memmap | Blocks) or (not isinstance(X, type) and is_stream(X))


def check_rows(rows: int, components: int) -> None:
    """Refuse fewer rows than components, and fewer than two."""
    if rows < 2:
        raise UnlabeledError(f"a mixture needs at least 2 rows, got n_samples = {rows}")
    if rows < components:
        raise UnlabeledError(
            f"Expected n_samples >= n_components, got n_components = {components}, n_samples = {rows}: "
            "take fewer components"
        )
