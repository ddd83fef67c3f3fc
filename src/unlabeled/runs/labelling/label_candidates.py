"""Classifiers that a few labels might justify, and what repeated cross-validation on these labels says of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.fewlabels.calibration import out_of_fold
from unlabeled.methods.fewlabels.few_labels import softmax
from unlabeled.methods.fewlabels.graph.label_propagation import LabelPropagation
from unlabeled.methods.fewlabels.graph.label_spreading import LabelSpreading
from unlabeled.methods.fewlabels.graph.poisson_learning import PoissonLearning
from unlabeled.methods.fewlabels.self_training import SelfTraining
from unlabeled.methods.fewlabels.semi_supervised_em import SemiSupervisedEM
from unlabeled.methods.fewlabels.softmax_regression import SoftmaxRegression, Span, column_scale, scaled, solve
from unlabeled.search import NeighbourGraph

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Predict = Callable[[Codes], Floats]

STRENGTHS = (0.003, 0.03, 0.3, 3.0)
FOLDS = 5
MAX_ITER = 1_000
TOLERANCE = 1e-4
"""Of probes in cross-validation: hidden labels cannot tell finer ones apart."""
ROUNDS = 10
"""Rounds of self-training at most, so that it takes as long as ten fits of the probe, and no longer."""
NAIVE_BAYES = ((0.0, 1.0), (0.0, 0.1), (0.1, 0.1), (1.0, 1.0))
"""Weights λ of a text without a label, each with the α that is added to the counts of words."""
TEXT_LENGTH = 100.0
"""To which naive Bayes scales the words of a text, so that long texts do not count more."""
ALWAYS = ("softmax_regression", "poisson_learning", "label_spreading", "label_propagation")
"""Methods that are compared on all data."""
ON_REQUEST = ("self_training", "semi_supervised_em")
"""Methods that are compared only if they are asked for: each takes time, and of many methods the best is the best by
chance more often than of few."""


@dataclass(frozen=True)
class Candidate:
    """A classifier with its settings, on certain features.

    Attributes
    ----------
    name : str
        For people.
    approach : str
        How it learns from unlabelled rows: not at all, from the "raw input" or, by "naive Bayes", from counts of words;
        through the representation alone, with a classifier on it ("supervised") or all of it "fine-tuned"; or through
        the classifier too, by a graph ("semi-supervised"), "self-training", "semi-supervised EM" or "consistency".
    fit : callable
        From labels, −1 where hidden, to a function from row numbers to probabilities.
    make : callable
        From all labels to the fitted estimator and the probabilities of all rows; zeros for those it cannot reach.
    """

    name: str
    approach: str
    fit: Callable[[Codes], Predict]
    make: Callable[[Codes], tuple[Any, Floats]]

    @property
    def quick(self) -> bool:
        """Whether it takes seconds, so that it can be fitted over and over."""
        return self.approach not in ("fine-tuned", "consistency")

    @property
    def features(self) -> str:
        """What the fitted estimator takes: "representation", "raw input", "counts" of words, or "instances"."""
        if not self.quick:
            return "instances"
        if self.approach in ("naive Bayes", "semi-supervised EM"):
            return "counts"
        return "raw input" if self.approach == "raw input" else "representation"


def check_candidates(names: Sequence[str], counted: bool) -> None:
    """Refuse methods that cannot be compared.

    Parameters
    ----------
    names : sequence of str
        Methods, by their names on the command line.
    counted : bool
        Whether the instances are texts whose words are counted.
    """
    known = (*ALWAYS, *ON_REQUEST)
    for name in names:
        if name not in known:
            raise unknown_name("method to compare", name, known)
    if "semi_supervised_em" in names and not counted:
        raise UnlabeledError(
            "semi_supervised_em learns from counts of words, and these data are no texts whose words are counted; "
            "leave it out, or give a folder of texts, a .txt file, or a table and its column of text"
        )


def candidates(
    features: Any,
    raw: Any,
    graph: NeighbourGraph,
    known: Codes,
    also: Sequence[str] = (),
    counts: sp.csr_matrix | None = None,
) -> list[Candidate]:
    """List the classifiers to compare that are quick to train.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        The representation.
    raw : ndarray or sparse matrix, shape (n, p), optional
        The input in its simplest form.
    graph : NeighbourGraph
        Of the representation.
    known : ndarray of int, shape (m,)
        The labelled rows; of these alone labels are hidden and predicted.
    also : sequence of str
        Methods that are compared on request.
    counts : CSR matrix, shape (n, words), optional
        Of the words of texts, which ``"semi_supervised_em"`` needs.
    """
    found = _linear(features, known, "supervised", "linear probe")
    if raw is not None:
        found += _linear(raw, known, "raw input", "linear probe of the raw input")
    for cls, words in (
        (PoissonLearning, "Poisson learning"),
        (LabelSpreading, "label spreading"),
        (LabelPropagation, "label propagation"),
    ):
        found.append(_on_graph(cls, words, features, graph))
    if "self_training" in also:
        found += _self_trained(features)
    if "semi_supervised_em" in also:
        found += _naive_bayes(counts)
    return found


def _linear(X: Any, known: Codes, kind: str, words: str) -> list[Candidate]:
    """Give a probe of each strength; all of them share the coordinates of the labelled rows."""
    coordinates = Span.of(scaled(X[known], *column_scale(X))).coordinates

    def candidate(C: float) -> Candidate:
        def fit(codes: Codes) -> Predict:
            shown = codes[known] >= 0
            coef, intercept, _ = solve(coordinates[shown], codes[known][shown], C, MAX_ITER, TOLERANCE)

            def predict(rows: Codes) -> Floats:
                places = np.searchsorted(known, rows)
                return softmax(np.asarray(coordinates[places] @ coef.T + intercept))

            return predict

        def make(codes: Codes) -> tuple[Any, Floats]:
            model = SoftmaxRegression(C=C, max_iter=MAX_ITER).fit(X, codes)
            return model, model.predict_proba(X)

        return Candidate(f"{words}, C = {C:g}", kind, fit, make)

    return [candidate(C) for C in STRENGTHS]


def _on_graph(cls: Any, words: str, X: Any, graph: NeighbourGraph) -> Candidate:
    def fitted(codes: Codes) -> tuple[Any, Floats]:
        # A thousandth of a share is far finer than what cross-validation can tell apart.
        model = cls(metric=graph.metric, tol=1e-4).fit(X, codes, graph=graph)
        return model, np.where(model.unreached_[:, None], 0.0, model.label_distributions_)

    def fit(codes: Codes) -> Predict:
        _, shares = fitted(codes)
        return lambda rows: shares[rows]

    return Candidate(words, "semi-supervised", fit, fitted)


def _self_trained(X: Any) -> list[Candidate]:
    """Give self-training of a probe of each strength, beside which the probe of the same strength stands."""
    from sklearn.linear_model import LogisticRegression

    rows_of_all = scaled(X, *column_scale(X))

    def candidate(C: float) -> Candidate:
        base = LogisticRegression(C=C, max_iter=MAX_ITER, tol=TOLERANCE)

        def trained(codes: Codes) -> SelfTraining:
            return SelfTraining(base=base, max_rounds=ROUNDS).fit(rows_of_all, codes)

        def fit(codes: Codes) -> Predict:
            model = trained(codes)
            return lambda rows: model.predict_proba(rows_of_all[rows])

        def make(codes: Codes) -> tuple[Any, Floats]:
            # The last classifier once more, with the scale of the columns in it: only such a one can be saved.
            model = SoftmaxRegression(C=C, max_iter=MAX_ITER).fit(X, trained(codes).transduction_)
            return model, model.predict_proba(X)

        return Candidate(f"self-training, C = {C:g}", "self-training", fit, make)

    return [candidate(C) for C in STRENGTHS]


def _naive_bayes(counts: Any) -> list[Candidate]:
    """Give naive Bayes on the labelled texts alone, and on all texts by EM."""

    def candidate(weight: float, alpha: float) -> Candidate:
        def make(codes: Codes) -> tuple[Any, Floats]:
            model = SemiSupervisedEM(unlabelled_weight=weight, alpha=alpha, row_length=TEXT_LENGTH).fit(counts, codes)
            return model, model.predict_proba(counts)

        def fit(codes: Codes) -> Predict:
            _, shares = make(codes)
            return lambda rows: shares[rows]

        if weight == 0:
            return Candidate(f"naive Bayes, α = {alpha:g}", "naive Bayes", fit, make)
        return Candidate(f"semi-supervised EM, λ = {weight:g}, α = {alpha:g}", "semi-supervised EM", fit, make)

    return [candidate(weight, alpha) for weight, alpha in NAIVE_BAYES]


@dataclass(frozen=True)
class CrossValidated:
    """What a candidate says of labelled rows when their label is hidden.

    Attributes
    ----------
    candidate : Candidate
    rows : ndarray of int, shape (m,)
        The labelled rows of classes with two labels or more; a class with one label stays with the training part.
    probabilities : ndarray, shape (repeats, m, c)
        In each repeat with other parts.
    truth : ndarray of int, shape (m,)
        The given classes.
    """

    candidate: Candidate
    rows: Codes
    probabilities: Floats
    truth: Codes

    @property
    def predicted(self) -> Codes:
        """The class of each row in each repeat, shape (repeats, m); −1 for a row that is not reached."""
        return predicted(self.probabilities)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each row was told rightly in each repeat, shape (repeats, m); a row that is not reached is not."""
        right: NDArray[np.bool_] = self.predicted == self.truth
        return right

    @property
    def accuracy(self) -> float:
        """Mean over rows and repeats."""
        return float(self.right.mean()) if self.right.size else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Describe it in JSON's types, with an interval over rows."""
        mean, low, high = mean_interval(self.right.mean(axis=0))
        return {
            "name": self.candidate.name,
            "kind": self.candidate.approach,
            "repeats": len(self.probabilities),
            "accuracy": mean,
            "interval": [max(0.0, low), min(1.0, high)],
        }


def cross_validate(candidate: Candidate, codes: Codes, repeats: int, seed: int) -> CrossValidated:
    """Hide a fifth of the labels at a time, drawn at random, and predict them; again with other parts."""
    found = []
    rows = np.empty(0, np.int64)
    for repeat in range(repeats):
        rows, shares = out_of_fold(candidate.fit, codes, FOLDS, seed + repeat, by_class=False)
        order = np.argsort(rows)
        rows, shares = rows[order], shares[order]
        found.append(shares)
    return CrossValidated(candidate, rows, np.stack(found), codes[rows])


def learning_curve(
    candidate: Candidate, codes: Codes, shares: tuple[float, ...], repeats: int, seed: int
) -> list[dict[str, Any]]:
    """Measure accuracy on hidden labels with fewer and fewer of the others.

    Returns
    -------
    list of dict
        For each share the mean number of labels learnt from, the accuracy, and its interval over rows.
    """
    points = []
    for share in shares:
        right: list[NDArray[np.bool_]] = []
        used: list[int] = []
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, repeat])

            def fit(shown: Codes, rng: Any = rng, used: list[int] = used, share: float = share) -> Predict:
                kept = shown.copy()
                for label in np.unique(shown[shown >= 0]):
                    members = rng.permutation(np.flatnonzero(shown == label))
                    kept[members[max(1, round(share * len(members))) :]] = -1
                used.append(int((kept >= 0).sum()))
                return candidate.fit(kept)

            rows, shares_of = out_of_fold(fit, codes, FOLDS, seed + repeat, by_class=False)
            order = np.argsort(rows)
            right.append((predicted(shares_of) == codes[rows])[order])
        mean, low, high = mean_interval(np.mean(right, axis=0))
        points.append({"labels": float(np.mean(used)), "accuracy": mean, "interval": [max(0.0, low), min(1.0, high)]})
    return points


def predicted(probabilities: Floats) -> Codes:
    """Give the likeliest class along the last axis; −1 where all are zero, for what is not reached."""
    return np.where(probabilities.any(axis=-1), probabilities.argmax(axis=-1), -1)


def mean_interval(values: NDArray[Any]) -> tuple[float, float, float]:
    """Give the mean of independent values and its 95 % interval by Student's t."""
    from scipy.stats import t

    values = np.asarray(values, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, -np.inf, np.inf
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def rows_as_array(X: Any) -> Any:
    """Give dense rows as float64 and sparse ones as CSR, as classifiers take them."""
    return X.tocsr() if bool(sp.issparse(X)) else np.asarray(X, dtype=np.float64)
