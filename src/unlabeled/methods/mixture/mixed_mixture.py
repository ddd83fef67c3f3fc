"""Mixtures of mixed columns: numbers and categories, each row from one of k components, which is hidden."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from unlabeled.data.tabular.tables import categorical_columns, frame_columns, is_frame
from unlabeled.data.tabular.validated_rows import validated_rows
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.base import LatentMixture, check_rows
from unlabeled.methods.mixture.expectation_maximisation import expectation_maximisation
from unlabeled.methods.mixture.mixed.mixed_columns import Floats, MixedColumns, MixedRows
from unlabeled.methods.mixture.mixed.mixed_steps import MixedData, MixedEM, MixedParameters
from unlabeled.methods.mixture.threads import threads
from unlabeled.setting_checks import check_whole_settings

START_SAMPLE = 20_000
"""Rows by which k-means finds the first groups."""
LEVEL_WEIGHT = np.sqrt(0.5)
"""In k-means, rows of different level are as far apart as rows one standard deviation apart in a number."""


class MixedMixture(LatentMixture):
    r"""Each row of numbers and categories came from one of k components, which is hidden; its probability is given.

    Split: x is the row, y its component, which nobody sees. Within a component the columns are independent: a number is
    Gaussian, and a category has a probability for each of its levels,

    .. math:: p(x) = \sum_k w_k \prod_{j \in \text{numbers}} N(x_j; \mu_{kj}, \sigma_{kj}^2)
              \prod_{j \in \text{categories}} \theta_{kj}(x_j).

    A value that is missing has no factor, so a row is judged by what is known of it. It is fitted by
    expectation–maximisation. The levels' probabilities have a Dirichlet prior, which is their share in all rows; the
    likelihood times the prior never falls.

    Parameters
    ----------
    n_components : int, default 1
        k; may be given without its name.
    categorical : sequence of int or str, optional
        Columns of numbers that are codes of categories, by position or name. Columns of text always are categories,
        and so are columns of a data frame that are categorical by their type.
    prior : float, default 1.0
        How many rows each component is taken to have seen beforehand of a column, with levels as they are in all rows.
        Above 0, so that no level is impossible.
    min_variance : float, default 1e-3
        The least variance of a component in a column, as a share of the column's own. It is never below δ²/2π either,
        δ being the smallest difference between two values of the column: a density above 1/δ would make a value more
        than certain.
    n_init : int, default 1
        Starts, of which the best is kept. Each is from groups that k-means finds, categories as 0 and √½.
    max_iter : int, default 100
        Iterations at most.
    tol : float, default 1e-3
        The fit has converged when the mean log-likelihood of a row changes by less.

    Attributes
    ----------
    weights_ : ndarray, shape (k,)
        Shares of the components.
    numeric_, categorical_ : list of int
        Positions of the columns of numbers, and of those of categories.
    means_, variances_ : ndarray, shape (k, numeric columns)
        Of the columns of numbers, in their units.
    levels_ : list of lists
        Of each column of categories, its levels.
    level_probabilities_ : list of ndarray, each of shape (k, levels)
        Of each column of categories, the probabilities of its levels.
    converged_ : bool
        Whether the likelihood changed by less than `tol` in the end.
    n_iter_ : int
        Iterations made.
    lower_bound_ : float
        What is maximised, in the last iteration: the log-likelihood and the logarithm of the prior, for each row.
    history_ : list of float
        The same in each iteration.
    n_features_in_ : int
        Columns seen in `fit`.

    Raises
    ------
    UnlabeledError
        For infinity, for a column without values, and for more components than rows.

    See Also
    --------
    GaussianMixture : For numbers only, which may then depend on each other within a component.

    References
    ----------
    .. [1] Hunt & Jorgensen, Mixture Model Clustering for Mixed Data with Missing Information, Computational Statistics
       & Data Analysis 2003.

    Examples
    --------
    >>> X = np.array([[1.0, "red"], [1.2, "red"], [0.9, None], [8.0, "blue"], [8.3, "blue"], [None, "blue"]], object)
    >>> model = MixedMixture(2, random_state=0).fit(X)
    >>> model.predict(X[:3]) == model.predict([[1.1, "red"]])
    array([ True,  True,  True])
    >>> model.levels_
    [['blue', 'red']]
    """

    principle: ClassVar[str] = "mixture"

    n_components: int = field(default=1, kw_only=False)
    categorical: Sequence[int | str] | None = None
    prior: float = 1.0
    min_variance: float = 1e-3
    n_init: int = 1
    max_iter: int = 100
    tol: float = 1e-3

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to rows.

        Parameters
        ----------
        X : array-like or data frame, shape (n, d)
            Rows. NaN, None and empty text are missing values.
        y : ignored
            There for scikit-learn's sake.
        sample_weight : array-like, shape (n,), optional
            How often each row counts.

        Returns
        -------
        self
        """
        self._check()
        columns, names = self._columns(X, reset=True)
        n = len(columns[0])
        check_rows(n, self.n_components)
        weights = self._weights(sample_weight, n)
        if weights is not None:  # rows that do not count bring no levels either
            columns, weights = [column[weights > 0] for column in columns], weights[weights > 0]
        typed = {f"column {name!r}" for name in categorical_columns(X)} if is_frame(X) else set()
        by_type = {place for place, name in enumerate(names) if name in typed}
        kinds = MixedColumns.of(columns, names, self._places(names) | by_type)
        rows = kinds.rows(columns, names)
        counts = np.asarray((rows.levels if weights is None else rows.levels.multiply(weights[:, None])).sum(axis=0))
        sizes = kinds.sizes
        model = MixedEM(
            self.n_components,
            self.prior * _shares(counts.ravel(), sizes),
            np.maximum(self.min_variance, (kinds.rounding / kinds.scale) ** 2 / (2 * np.pi)),
            sizes,
            self._first_groups,
        )
        with threads(self.workers, blas=True) as pool:
            ascent = expectation_maximisation(
                model,
                MixedData(rows, weights, pool),
                max_iter=self.max_iter,
                tol=self.tol,
                n_init=self.n_init,
                random_state=self.random_state,
                title="MixedMixture",
                progress=self.progress,
            )
        theta = ascent.theta
        self.numeric_, self.categorical_, self.levels_ = kinds.numeric, kinds.categorical, kinds.levels
        self.centre_, self.scale_, self.rounding_ = kinds.centre, kinds.scale, kinds.rounding
        self.weights_ = theta.weights
        self.means_ = theta.means * kinds.scale + kinds.centre
        self.variances_ = theta.variances * kinds.scale**2
        self.level_probabilities_ = np.split(theta.probabilities, np.cumsum(sizes)[:-1], axis=1) if sizes else []
        self.converged_, self.n_iter_ = ascent.converged, ascent.n_iter
        known = np.average(~np.isnan(rows.numbers), axis=0, weights=weights)
        units = float(known @ np.log(kinds.scale))  # densities were of standardised numbers
        self.history_ = [bound - units for bound in ascent.history]
        self.lower_bound_ = self.history_[-1]
        self._warn_unless(self.converged_)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Give each row's most probable component, shape (n,)."""
        return np.asarray(self._joint(X).argmax(axis=1), dtype=np.int64)

    def predict_proba(self, X: Any) -> Floats:
        """Give the responsibilities p(k | x), shape (n, k)."""
        joint = self._joint(X)
        return np.asarray(np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, None]))

    def score_samples(self, X: Any) -> Floats:
        """Give log p(x) of what is known of each row, shape (n,). The lower, the more of an outlier.

        Rows with different values missing are not comparable by it.
        """
        return np.asarray(np.logaddexp.reduce(self._joint(X), axis=1))

    def distances(self, X: Any) -> Floats:
        """Give the distance of each row to each component's mean, shape (n, k).

        Numbers are compared in standard deviations of all rows, and levels by √½ of the difference between 1 and their
        probability; what is missing adds nothing.
        """
        rows, theta = self._seen(X)
        found = np.zeros((len(rows), len(self.weights_)))
        norms = (theta.probabilities**2) @ self._of_column().T
        known = np.asarray(rows.levels @ self._of_column().T)
        found += known @ (1 + norms).T - 2 * np.asarray(rows.levels @ theta.probabilities.T)
        found *= LEVEL_WEIGHT**2
        for k, mean in enumerate(theta.means):
            found[:, k] += np.nansum((rows.numbers - mean) ** 2, axis=1)
        return np.asarray(np.sqrt(np.maximum(found, 0)))

    def reorder(self, order: NDArray[np.int64]) -> None:
        """Number the components anew: component i becomes what was component ``order[i]``."""
        check_is_fitted(self)
        for array in (self.weights_, self.means_, self.variances_, *self.level_probabilities_):
            array[:] = array[order]

    def _free(self) -> int:
        each = 2 * len(self.numeric_) + sum(len(levels) - 1 for levels in self.levels_)
        return len(self.weights_) * (each + 1) - 1

    def _of_column(self) -> Floats:
        """Tell which levels are of which categorical column: 1 or 0, shape (categorical columns, levels)."""
        sizes = [len(levels) for levels in self.levels_]
        return np.repeat(np.eye(len(sizes)), sizes, axis=1)

    def _joint(self, X: Any) -> Floats:
        """Give log p(x, k), shape (n, k), in the units of the data."""
        rows, theta = self._seen(X)
        found = np.empty((len(rows), len(self.weights_)))

        def joint(part: slice) -> None:
            statistics, levels = rows.statistics(part)
            found[part] = (
                theta.joint(statistics, levels) - (~np.isnan(rows.numbers[part]) @ np.log(self.scale_))[:, None]
            )

        with threads(self.workers, blas=True) as pool:
            list(pool.map(joint, rows.chunks()))
        return found

    def _seen(self, X: Any) -> tuple[MixedRows, MixedParameters]:
        """Open rows as those of the fit, and give θ on their scale."""
        check_is_fitted(self)
        columns, names = self._columns(X, reset=False)
        kinds = MixedColumns(
            list(self.numeric_), list(self.categorical_), self.centre_, self.scale_, self.rounding_, self.levels_
        )
        theta = MixedParameters(
            self.weights_,
            (self.means_ - self.centre_) / self.scale_,
            self.variances_ / self.scale_**2,
            np.hstack([np.empty((len(self.weights_), 0)), *self.level_probabilities_]),
        )
        return kinds.rows(columns, names), theta

    def _columns(self, X: Any, *, reset: bool) -> tuple[list[NDArray[Any]], list[str]]:
        """Give the columns of an array or a data frame, and what to call them in messages."""
        if isinstance(X, str | os.PathLike):
            raise UnlabeledError(f"{X!r} is a name; read the table first, for example with pandas.read_csv")
        self._check_fits_memory(X)
        if isinstance(X, list | tuple) and np.issubdtype(np.asarray(X).dtype, np.str_):
            # Numbers among text became text.
            X = np.array(X, dtype=object)
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            named = frame_columns(X)
            if not named or not len(named[0][1]):
                raise UnlabeledError(f"the frame has {len(named)} columns and no rows")
            return [column for _, column in named], [f"column {name!r}" for name, _ in named]
        array = validated_rows(self, X, reset=reset, dtype=None, ensure_all_finite=False)
        if np.issubdtype(array.dtype, np.bytes_):
            array = array.astype(str)
        return list(array.T), [f"column {place}" for place in range(array.shape[1])]

    def _places(self, names: list[str]) -> set[int]:
        """Give the positions of the columns that `categorical` names."""
        known = {name: place for place, name in enumerate(names)}
        found = set()
        for given in self.categorical or ():
            place = known.get(f"column {given!r}")
            if place is None and isinstance(given, int | np.integer) and -len(names) <= given < len(names):
                place = int(given) % len(names)
            if place is None:
                raise UnlabeledError(f"categorical names {given!r}, which is no column; there are {', '.join(names)}")
            found.add(place)
        return found

    def _first_groups(self, data: MixedData, random: np.random.RandomState) -> NDArray[np.int64]:
        """Group rows by k-means, with categories as indicators of their levels."""
        from unlabeled.methods.mixture.k_means import KMeans

        n = len(data.rows)
        encoded = np.hstack([np.nan_to_num(data.rows.numbers), data.rows.levels.toarray() * LEVEL_WEIGHT])
        seen = np.arange(n) if n <= START_SAMPLE else np.sort(random.choice(n, START_SAMPLE, replace=False))
        weights = None if data.weights is None or not data.weights[seen].any() else data.weights[seen]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than components
            seeding = KMeans(
                self.n_components,
                n_init=1,
                random_state=random.randint(2**31),
                workers=self.workers,
                progress=False,
            ).fit(encoded[seen], sample_weight=weights)
        return np.asarray(seeding.predict(encoded), dtype=np.int64)

    def _check(self) -> None:
        """Refuse settings that cannot be meant."""
        check_whole_settings(self, "n_components", "n_init", "max_iter", "workers")
        self._check_not_negative("tol", "min_variance", "prior")
        if not self.prior > 0:
            raise UnlabeledError("prior must be above 0: without it a level can become impossible in a component")

    def _fitted(self) -> dict[str, Any]:
        found = super()._fitted()
        parts = found.pop("level_probabilities_")
        return found | {"probabilities_": np.hstack([np.empty((len(self.weights_), 0)), *parts])}

    def _restore(self, fitted: dict[str, Any]) -> None:
        sizes = [len(levels) for levels in fitted["levels_"]]
        parts = np.split(fitted.pop("probabilities_"), np.cumsum(sizes)[:-1], axis=1) if sizes else []
        super()._restore(fitted | {"level_probabilities_": parts})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def _shares(counts: Floats, sizes: list[int]) -> Floats:
    """Give the share of each level in its column."""
    parts = np.split(counts, np.cumsum(sizes)[:-1]) if sizes else []
    return np.concatenate([np.empty(0), *(part / part.sum() for part in parts)])
