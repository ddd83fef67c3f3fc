"""Co-training: two classifiers that see different columns teach each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.few_labels import Codes, FewLabels, Floats, fitted, normalised
from unlabeled.methods.fewlabels.self_training import default_base
from unlabeled.setting_checks import check_whole_settings


class CoTraining(FewLabels):
    r"""Two classifiers, each of its own half of the features, label for each other the rows they are surest of.

    Split: x = (x₁, x₂) are two descriptions of an instance, each enough to tell its class, y. In a round each
    classifier picks its surest rows of each class, as many as the class's share of the labels asks for, and both then
    learn from all labels. The prediction is their product,

    .. math:: p(c \mid x) \propto p_1(c \mid x_1)\, p_2(c \mid x_2)

    Rows for which the two give different classes in one round get no label.

    Parameters
    ----------
    views : pair of sequences of int, optional
        The columns of each view. Where X is a pair of arrays, these are the views. By default the columns are parted
        at random into two halves, which works when many columns say the same.
    base : classifier, optional
        Any classifier of scikit-learn with `predict_proba`; by default logistic regression. Each view has its own copy.
    rounds : int, default 30
        Rounds at most.
    per_class : int, default 1
        Rows that each classifier labels in a round of the rarest class; of others in proportion.
    pool_size : int, optional
        Rows drawn at random from which a round chooses; by default all that have no label.
    random_state : int, RandomState or None, default None
        Of halves and pools.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        The classes.
    views_ : pair of ndarray of int
        The columns of each view; of a pair of arrays, all of each.
    bases_ : pair of classifiers
        Fitted to given and added labels.
    transduction_ : ndarray, shape (n,)
        The label of each row that has one in the end; −1 or the empty string for the others.
    labeled_round_, labeled_by_ : ndarray of int, shape (n,)
        The round in which each row got its label, 0 for given ones; and the view that gave it, 0 or 1; −1 for none.
    rounds_ : list of dict
        For each round the rows added, the conflicts, and `disagreement`: the share of unlabelled rows that the two
        classifiers put into different classes.

    References
    ----------
    .. [1] Blum & Mitchell, Combining Labeled and Unlabeled Data with Co-Training, COLT 1998.
    .. [2] Nigam & Ghani, Analyzing the Effectiveness and Applicability of Co-Training, CIKM 2000 (random halves).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = 4 * y[:, None] + rng.normal(size=(40, 4))
    >>> model = CoTraining(views=([0, 1], [2, 3])).fit(X, np.where(np.arange(40) < 4, y, -1))
    >>> model.score(X, y)
    1.0
    """

    principle: ClassVar[str] = "few labels"

    views: tuple[Sequence[int], Sequence[int]] | None = None
    base: Any = None
    rounds: int = 30
    per_class: int = 1
    pool_size: int | None = None
    random_state: Any = None

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from labelled and unlabelled rows.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d), or a pair of them
            Rows, or the two descriptions of each row.
        y : array-like, shape (n,)
            Classes, −1 where unknown.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If rows, views, labels or settings are not usable.
        """
        check_whole_settings(self, "rounds", "per_class", "pool_size")
        rng = check_random_state(self.random_state)
        both = self._both(X, rng)
        labels = self._read_labels(y, both[0].shape[0])
        codes = labels.codes.copy()
        rounds = np.where(codes >= 0, 0, -1)
        by = np.full(len(codes), -1)
        shares = np.bincount(labels.codes[labels.codes >= 0])
        wanted = np.maximum(1, np.round(self.per_class * shares / shares.min())).astype(int)
        self.rounds_: list[dict[str, Any]] = []
        self.bases_ = self._fitted_bases(both, codes)
        for number in range(1, self.rounds + 1):
            hidden = np.flatnonzero(codes < 0)
            if len(hidden) == 0:
                break
            pool = hidden
            if self.pool_size is not None and len(hidden) > self.pool_size:
                pool = np.sort(rng.choice(hidden, self.pool_size, replace=False))
            said = [base.predict_proba(view[pool]) for base, view in zip(self.bases_, both, strict=True)]
            picks = [_most_certain(shares, wanted) for shares in said]
            (first, second), conflicts = picks, 0
            for place, code in (second | first).items():
                if place in first and place in second and first[place] != second[place]:
                    conflicts += 1
                    continue
                codes[pool[place]], rounds[pool[place]] = code, number
                by[pool[place]] = 0 if place in first else 1
            added = int((rounds == number).sum())
            different = float((said[0].argmax(1) != said[1].argmax(1)).mean())
            self.rounds_.append({"added": added, "conflicts": conflicts, "disagreement": different})
            if added == 0:
                break
            self.bases_ = self._fitted_bases(both, codes)
        self.transduction_, self.labeled_round_, self.labeled_by_ = labels.names(codes), rounds, by
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Give the product of both classifiers' probabilities, scaled to sum one, shape (m, c)."""
        first, second = self.predict_proba_by_view(X)
        return normalised(first * second)

    def predict_proba_by_view(self, X: Any) -> tuple[Floats, Floats]:
        """Give the probabilities of each classifier alone."""
        check_is_fitted(self)
        first, second = self._both(X)
        return self.bases_[0].predict_proba(first), self.bases_[1].predict_proba(second)

    def _fitted_bases(self, both: tuple[Any, Any], codes: Codes) -> tuple[Any, Any]:
        known = codes >= 0
        first, second = (fitted(default_base(self.base), view[known], codes[known]) for view in both)
        return first, second

    def _both(self, X: Any, rng: np.random.RandomState | None = None) -> tuple[Any, Any]:
        """Give the two views of rows; in `fit`, which brings `rng`, also settle on their columns."""
        if isinstance(X, tuple | list) and len(X) == 2 and all(getattr(view, "ndim", 0) == 2 for view in X):
            first, second = (check_array(view, accept_sparse="csr") for view in X)
            if first.shape[0] != second.shape[0]:
                raise UnlabeledError(f"the two views have {first.shape[0]} and {second.shape[0]} rows")
            widths = first.shape[1], second.shape[1]
            if rng is not None:
                self.views_ = np.arange(widths[0]), np.arange(widths[1])
                self.n_features_in_ = sum(widths)
            elif widths != (len(self.views_[0]), len(self.views_[1])):
                before = len(self.views_[0]), len(self.views_[1])
                raise UnlabeledError(f"the views have {widths} columns, and in fit they had {before}")
            return first, second
        X = self._rows(X, reset=rng is not None)
        if rng is not None:
            self.views_ = self._columns(X.shape[1], rng)
        return X[:, self.views_[0]], X[:, self.views_[1]]

    def _columns(self, count: int, rng: np.random.RandomState) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self.views is None:
            if count < 2:
                raise UnlabeledError(f"two views need at least two columns; X has {count} feature(s)")
            order = rng.permutation(count)
            return np.sort(order[: count // 2]), np.sort(order[count // 2 :])
        if len(self.views) != 2:
            raise UnlabeledError(f"views holds {len(self.views)} lists of columns; there must be two")
        first, second = (np.asarray(list(columns), dtype=np.int64) for columns in self.views)
        for columns in (first, second):
            if len(columns) == 0 or columns.min() < 0 or columns.max() >= count:
                raise UnlabeledError(f"each view needs columns from 0 to {count - 1}, got {columns.tolist()}")
        return first, second


def _most_certain(shares: Floats, wanted: NDArray[Any]) -> dict[int, int]:
    """Give the places of the surest rows of each class, of those that are put into it, with the class."""
    best = shares.argmax(axis=1)
    found: dict[int, int] = {}
    for code, count in enumerate(wanted.tolist()):
        members = np.flatnonzero(best == code)
        order = np.argsort(-shares[members, code], kind="stable")[:count]
        found |= dict.fromkeys(members[order].tolist(), code)
    return found
