"""Self-training: a classifier learns from its own confident predictions."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from unlabeled.data.text.text_columns import as_texts, first_given
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.fewlabels.calibration import at_temperature, fit_temperature, out_of_fold
from unlabeled.methods.fewlabels.few_labels import Codes, FewLabels, Floats, fitted
from unlabeled.setting_checks import check_whole_number, check_whole_settings


class SelfTraining(FewLabels):
    r"""A classifier labels the rows it is surest of, and learns again with them, round after round.

    Split: x is a row, y its class. A round fits p(y | x) to the labelled rows and gives the class of greatest
    probability to

    .. math:: \{x : \max_c p(c \mid x) > \text{threshold}\}

    or to the `k_best` rows of greatest probability. A label once given stays.

    Parameters
    ----------
    base : classifier, optional
        Any classifier of scikit-learn with `predict_proba`, which may be a pipeline that takes texts; by default
        logistic regression.
    criterion : {"threshold", "k_best"}, default "threshold"
        Which rows get a label in a round.
    threshold : float, default 0.75
        For ``"threshold"``.
    k_best : int, default 10
        For ``"k_best"``: rows a round.
    calibrate : bool, default False
        Divide log-probabilities by a temperature first, fitted in each round by cross-validation on the given labels.
    max_rounds : int, optional
        Rounds at most; by default until no row is sure enough or none is left.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        The classes.
    base_ : classifier
        Fitted to given and added labels.
    transduction_ : ndarray, shape (n,)
        The label of each row that has one in the end; −1 or the empty string for the others.
    labeled_round_ : ndarray of int, shape (n,)
        The round in which each row got its label; 0 for given labels, −1 for none.
    rounds_ : list of dict
        For each round how many rows were added, of which classes, and their least probability.
    stopped_ : str
        Why it ended: ``"all labelled"``, ``"none is sure enough"`` or ``"max_rounds"``.

    See Also
    --------
    CoTraining : Two classifiers that see different columns teach each other.

    References
    ----------
    .. [1] Yarowsky, Unsupervised Word Sense Disambiguation Rivaling Supervised Methods, ACL 1995.

    Examples
    --------
    >>> X = np.array([[-6.0], [-5.0], [-3.0], [3.0], [5.0], [6.0]])
    >>> SelfTraining().fit(X, [0, -1, -1, -1, -1, 1]).transduction_
    array([0, 0, 0, 1, 1, 1])
    """

    principle: ClassVar[str] = "few labels"

    base: Any = None
    criterion: Literal["threshold", "k_best"] = "threshold"
    threshold: float = 0.75
    k_best: int = 10
    calibrate: bool = False
    max_rounds: int | None = None

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from labelled and unlabelled rows.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d), or n texts where `base` takes texts
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
        X = self._rows(X, reset=True)
        labels = self._read_labels(y, X.shape[0])
        given, codes = labels.codes, labels.codes.copy()
        rounds = np.where(given >= 0, 0, -1)
        self.rounds_: list[dict[str, Any]] = []
        self.base_ = self._fitted_base(X, codes)
        while True:
            hidden = np.flatnonzero(codes < 0)
            if len(hidden) == 0:
                self.stopped_ = "all labelled"
                break
            if self.max_rounds is not None and len(self.rounds_) >= self.max_rounds:
                self.stopped_ = "max_rounds"
                break
            shares = self.base_.predict_proba(X[hidden])
            if self.calibrate:
                shares = at_temperature(shares, self._temperature(X, codes, given))
            best = shares.max(axis=1)
            if self.criterion == "threshold":
                sure = np.flatnonzero(best > self.threshold)
            else:
                sure = np.argsort(-best, kind="stable")[: self.k_best]
            if len(sure) == 0:
                self.stopped_ = "none is sure enough"
                break
            codes[hidden[sure]] = shares[sure].argmax(axis=1)
            rounds[hidden[sure]] = len(self.rounds_) + 1
            self._record_round(codes[hidden[sure]], float(best[sure].min()))
            self.base_ = self._fitted_base(X, codes)
        self.transduction_, self.labeled_round_ = labels.names(codes), rounds
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each class by the last classifier, shape (m, c)."""
        check_is_fitted(self)
        shares: Floats = self.base_.predict_proba(self._rows(X, reset=False))
        return shares

    def _rows(self, X: Any, *, reset: bool) -> Any:
        """Check rows as scikit-learn does; texts are for `base` to read, and stay as they are."""
        listed = isinstance(X, list | tuple) or getattr(X, "ndim", None) == 1
        if not listed or not isinstance(first_given(X), str):
            return super()._rows(X, reset=reset)
        if self.base is None:
            raise UnlabeledError(
                "these are texts, and logistic regression, the default, takes vectors; give a classifier of texts, "
                "such as base=make_pipeline(TfidfVectorizer(), LogisticRegression()), or vectors of the texts"
            )
        return np.array(as_texts(list(X), f"the {type(X).__name__}"), dtype=object)

    def _fitted_base(self, X: Any, codes: Codes) -> Any:
        known = codes >= 0
        return fitted(default_base(self.base), X[known], codes[known])

    def _temperature(self, X: Any, codes: Codes, given: Codes) -> float:
        """Fit the temperature to given labels, each predicted without itself; added labels help to predict."""
        added = np.where(given < 0, codes, -1)

        def fit(shown: Codes) -> Any:
            base = self._fitted_base(X, np.where(shown >= 0, shown, added))
            return lambda rows: base.predict_proba(X[rows])

        rows, shares = out_of_fold(fit, given)
        if len(rows) == 0:
            raise UnlabeledError("calibrate=True needs a class with at least two given labels; label more rows")
        return fit_temperature(shares, given[rows])

    def _record_round(self, added: Codes, least: float) -> None:
        counts = np.bincount(added, minlength=len(self.classes_)).tolist()
        self.rounds_.append({"added": len(added), "per_class": counts, "least_probability": least})

    def _check(self) -> None:
        if self.criterion not in ("threshold", "k_best"):
            raise unknown_name("criterion", self.criterion, ["threshold", "k_best"])
        if not 0 <= self.threshold < 1:
            raise UnlabeledError(f"threshold is a probability from 0 up to but not 1, got {self.threshold!r}")
        check_whole_number("k_best", self.k_best)
        check_whole_settings(self, "max_rounds", least=0)


def default_base(base: Any) -> Any:
    """Give a copy of the classifier that was asked for, or logistic regression."""
    if base is None:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    if not hasattr(base, "predict_proba"):
        raise UnlabeledError(
            f"{type(base).__name__} has no predict_proba, which tells its confidence; take another classifier, or "
            "wrap it in scikit-learn's CalibratedClassifierCV"
        )
    return clone(base)
