"""Classes as a mixture whose component is known for a few rows: naive Bayes and Gaussians, fitted by EM."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from sklearn.utils.validation import check_is_fitted

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.fewlabels.calibration import out_of_fold
from unlabeled.methods.fewlabels.class_densities import DENSITIES, Densities
from unlabeled.methods.fewlabels.few_labels import Codes, FewLabels, Floats, known_shares, one_hot
from unlabeled.setting_checks import check_whole_number

LAMBDAS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Weights of unlabelled rows that ``"auto"`` chooses from."""


class SemiSupervisedEM(FewLabels):
    r"""Each class is a distribution; unlabelled rows belong to all classes, each to the share that fits them.

    Split: x is a row, y its class, which is known for few rows L and hidden for the others U. Expectation–maximisation
    raises, with the weight λ of an unlabelled row,

    .. math:: \log p(\theta) + \sum_{i \in L} \log p(y_i)\, p(x_i \mid y_i)
              + \lambda \sum_{i \in U} \log \sum_c p(c)\, p(x_i \mid c)

    The E step gives every unlabelled row its responsibilities p(c | x); those of labelled rows stay as given. The M
    step counts words (or weighs rows) by them. It starts from the labelled rows alone.

    Parameters
    ----------
    model : {"multinomial", "gaussian"}, default "multinomial"
        Naive Bayes on counts, such as those of words, sparse or not; or a Gaussian a class.
    unlabelled_weight : float or "auto", default 1.0
        λ, from 0 (labelled rows alone) to 1. ``"auto"`` takes the best of six by cross-validation on the labelled rows.
    alpha : float, default 1.0
        Multinomial: added to every count of a word, and 1 to every count of a class. Both are the Dirichlet priors.
    row_length : float, optional
        Multinomial: scale every row to this sum first, so that long documents do not count more.
    covariance : {"diagonal", "full"}, default "diagonal"
        Gaussian: the form of a class.
    var_smoothing : float, default 1e-9
        Gaussian: this share of the largest variance of a column is added to all variances.
    class_prior : array-like, shape (c,), optional
        Known shares of the classes; by default they are fitted.
    max_iter : int, default 100
        Rounds of EM at most.
    tol : float, default 1e-5
        It has converged when the objective changes by less than this share.
    random_state : int, default 0
        Of the parts of the cross-validation.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        The classes.
    class_log_prior_ : ndarray, shape (c,)
        Log shares of the classes.
    parameters_ : dict of ndarray
        Multinomial: ``log_probability`` of each word in each class, (c, d). Gaussian: ``mean`` (c, d) and ``variance``
        (c, d) or (c, d, d).
    history_ : list of float
        The objective before each round. It never falls (with `var_smoothing` above 0, hardly).
    unlabelled_weight_ : float
        λ as used.
    responsibilities_ : ndarray, shape (n, c)
        Of all rows of `fit`.
    n_iter_ : int
        Rounds made.
    converged_ : bool
        Whether it converged.

    References
    ----------
    .. [1] Nigam, McCallum, Thrun & Mitchell, Text Classification from Labeled and Unlabeled Documents Using EM,
       Machine Learning 2000.

    Examples
    --------
    >>> X = np.array([[5, 0, 0], [0, 5, 0], [3, 0, 3], [0, 3, 0], [0, 0, 4]])
    >>> SemiSupervisedEM().fit(X, [0, 1, -1, -1, -1]).predict([[0, 0, 2]])
    array([0])
    """

    principle: ClassVar[str] = "few labels"

    model: Literal["multinomial", "gaussian"] = "multinomial"
    unlabelled_weight: float | Literal["auto"] = 1.0
    alpha: float = 1.0
    row_length: float | None = None
    covariance: Literal["diagonal", "full"] = "diagonal"
    var_smoothing: float = 1e-9
    class_prior: ArrayLike | None = None
    max_iter: int = 100
    tol: float = 1e-5
    random_state: int = 0

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from labelled and unlabelled rows.

        Parameters
        ----------
        X : array-like, or for ``"multinomial"`` sparse matrix, shape (n, d)
            Counts, not negative, for ``"multinomial"``; any numbers for ``"gaussian"``.
        y : array-like, shape (n,)
            Classes, −1 where unknown.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If rows, labels or settings are not usable.
        """
        self._check()
        X = self._prepared(X, reset=True)
        labels = self._read_labels(y, X.shape[0])
        weight = self.unlabelled_weight
        self.unlabelled_weight_ = self._best_weight(X, labels.codes) if weight == "auto" else float(weight)
        found = self._run(X, labels.codes, self.unlabelled_weight_)
        self.class_log_prior_, self.parameters_, self.responsibilities_ = found[:3]
        self.history_, self.converged_ = found[3], found[4]
        self.n_iter_ = len(self.history_)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Give the posterior probability of each class, shape (m, c)."""
        check_is_fitted(self)
        joint = self.class_log_prior_ + self._densities().log(self._prepared(X, reset=False), self.parameters_)
        shares: Floats = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        return shares

    def _run(self, X: Any, codes: Codes, weight: float) -> tuple[Floats, dict[str, Floats], Floats, list[float], bool]:
        """Run EM from the labelled rows alone; give prior, parameters, responsibilities, history, convergence."""
        densities, count = self._densities(), len(self.classes_)
        known, hidden = codes >= 0, codes < 0
        R = one_hot(codes, count)
        rows = np.where(known, 1.0, weight)
        history: list[float] = []
        prior, parameters = self._maximise(densities, X, R)
        while True:
            joint = prior + densities.log(X, parameters)
            evidence = logsumexp(joint, axis=1)
            R[hidden] = np.exp(joint[hidden] - evidence[hidden, None])
            objective = densities.log_prior(parameters) + (prior.sum() if self.model == "multinomial" else 0.0)
            objective += float(joint[known, codes[known]].sum() + weight * evidence[hidden].sum())
            history.append(float(objective))
            still = len(history) > 1 and abs(history[-1] - history[-2]) <= self.tol * abs(history[-1])
            if still or weight == 0 or not hidden.any() or len(history) >= self.max_iter:
                return prior, parameters, R, history, still or weight == 0 or not hidden.any()
            prior, parameters = self._maximise(densities, X, R * rows[:, None])

    def _maximise(self, densities: Densities, X: Any, R: Floats) -> tuple[Floats, dict[str, Floats]]:
        """Fit shares and densities to rows that belong to the classes by the weights R."""
        if self.class_prior is not None:
            shares = known_shares(self.class_prior, R.shape[1])
        else:
            shares = R.sum(axis=0) + (1.0 if self.model == "multinomial" else 0.0)
        return np.log(shares / shares.sum()), densities.fit(X, R)

    def _best_weight(self, X: Any, codes: Codes) -> float:
        """Choose λ by cross-validation on the labelled rows; of equals the smaller."""
        right = {}
        for weight in LAMBDAS:

            def fit(shown: Codes, weight: float = weight) -> Any:
                R = self._run(X, shown, weight)[2]
                return R.__getitem__

            rows, shares = out_of_fold(fit, codes, folds=5, seed=self.random_state)
            right[weight] = float((shares.argmax(axis=1) == codes[rows]).mean()) if len(rows) else 0.0
        return max(right, key=lambda weight: right[weight])

    def _fitted(self) -> dict[str, Any]:
        fitted = super()._fitted()
        parameters = fitted.pop("parameters_")
        return fitted | {f"parameters.{name}": array for name, array in parameters.items()}

    def _restore(self, fitted: dict[str, Any]) -> None:
        prefix = "parameters."
        own = {name.removeprefix(prefix): fitted.pop(name) for name in list(fitted) if name.startswith(prefix)}
        super()._restore(fitted | {"parameters_": own})

    def _densities(self) -> Densities:
        return DENSITIES[self.model](self.alpha, self.covariance, self.var_smoothing)

    def _prepared(self, X: Any, *, reset: bool) -> Any:
        rows: Any = self._rows(X, reset=reset)
        sparse = bool(sp.issparse(rows))
        if self.model == "gaussian":
            return rows.toarray() if sparse else rows
        if (rows.data if sparse else rows).min(initial=0) < 0:
            raise UnlabeledError(
                "Negative values in data passed to SemiSupervisedEM: multinomial counts cannot be below 0"
            )
        if self.row_length is not None:
            sums = np.asarray(rows.sum(axis=1), dtype=np.float64).ravel()
            scale = self.row_length / np.where(sums > 0, sums, 1)
            rows = sp.diags_array(scale) @ rows if sparse else scale[:, None] * rows
        return rows

    def _check(self) -> None:
        for name, known in (("model", DENSITIES), ("covariance", ("diagonal", "full"))):
            if getattr(self, name) not in known:
                raise unknown_name(name, str(getattr(self, name)), known)
        weight = self.unlabelled_weight
        if weight != "auto" and not (isinstance(weight, int | float) and 0 <= weight <= 1):
            raise UnlabeledError(f"unlabelled_weight lies between 0 and 1, or is 'auto'; got {weight!r}")
        check_whole_number("max_iter", self.max_iter)
        if not self.alpha > 0 or self.var_smoothing < 0:
            raise UnlabeledError("alpha must be above 0, and var_smoothing not negative")
        if self.row_length is not None and not self.row_length > 0:
            raise UnlabeledError(f"row_length must be above 0, got {self.row_length!r}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.model == "multinomial"
        tags.classifier_tags.poor_score = self.model == "multinomial"
        return tags
