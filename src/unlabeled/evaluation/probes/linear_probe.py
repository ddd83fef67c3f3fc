"""Linear probe: can a linear classifier read the class off the frozen vectors?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation.accuracy import accuracy_by_class, balanced_accuracy, wilson_interval
from unlabeled.evaluation.inputs import Labels, Vectors, check_some_labelled, check_vectors, class_labels
from unlabeled.evaluation.probes.linear_classifier import LOSSES, LinearClassifier, Loss
from unlabeled.evaluation.split import stratified_folds
from unlabeled.setting_checks import check_whole_number

CS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
FOLDS = 3
SELECTION_ROWS = 10_000
SELECTION_CLASSES = 100
SELECTION_WORK = 10**9
"""Most rows, classes, and multiplications in one product of rows and weights while a strength is chosen; without these
bounds the choice takes hours where there are hundreds of classes."""
BEHIND = 3
"""Standard errors of one fold by which a strength must be behind a stronger one for weaker ones not to be tried."""


@dataclass(frozen=True, eq=False)
class LinearProbeResult:
    """What a linear probe found."""

    accuracy: float
    """Share of the test rows whose class was predicted."""
    interval: tuple[float, float]
    """95 % Wilson interval of the accuracy."""
    per_class: dict[int | str, float]
    """Accuracy on each class of the test set."""
    predictions: NDArray[Any]
    """Predicted class of every row of the test set, as a number or a name, whichever the labels were; −1 or None for
    rows that were not judged."""
    c: float
    """Regularisation strength used: the smaller, the stronger."""
    cv_accuracy: dict[float, float]
    """Accuracy of each strength that was tried in cross-validation on training rows; empty if there was no choice."""
    converged: bool
    """Whether the optimiser came to rest within its iterations."""
    n_train: int
    """Labelled rows that the classifier was fitted to."""
    n_test: int
    """Labelled rows that it was judged on."""
    only_in_train: tuple[int | str, ...]
    """Classes that the test set does not have."""
    only_in_test: tuple[int | str, ...]
    """Classes that the training set does not have; their rows count as wrong."""

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the classes' accuracies; guessing gives one over the number of classes, however uneven they are."""
        return balanced_accuracy(self.per_class)


def linear_probe(
    vectors: ArrayLike,
    labels: ArrayLike,
    test_vectors: ArrayLike,
    test_labels: ArrayLike,
    classifier: Loss = "logistic",
    cs: Sequence[float] | None = None,
    random_state: int = 0,
    selection_rows: int = SELECTION_ROWS,
) -> LinearProbeResult:
    """Fit a linear classifier to frozen vectors and judge it on others.

    Features are standardised by the training rows' mean and deviation. The regularisation strength is the one with the
    best accuracy in 3-fold cross-validation on training rows, the stronger of equals; the test rows are looked at once,
    at the end. Strengths are tried from the strongest on. Once the first fold's accuracy is three standard errors
    behind the best so far, the weaker ones, which take the longest, are left out. The choice is made on at most
    `selection_rows` rows of at most 100 classes, drawn at random, and on fewer where vectors are wide, so that its work
    is bounded however many classes there are.

    Parameters
    ----------
    vectors : array, shape (n, d)
        Training rows.
    labels : array of int or str, shape (n,)
        Their classes; rows with −1, or without a name, are ignored.
    test_vectors, test_labels : array, shape (m, d) and (m,)
        Rows to judge on; those without a label are ignored.
    classifier : {"logistic", "svm"}, default="logistic"
        Multinomial logistic regression, or a linear support vector machine (squared hinge, one against the rest).
    cs : sequence of float, optional
        Strengths to choose from, as the factor on the summed errors; by default 10⁻⁴, 10⁻³, … 10².
    random_state : int, default=0
        Seed of the folds.
    selection_rows : int, default=10000
        Most training rows on which a strength is chosen; the classifier itself learns from all.

    Returns
    -------
    LinearProbeResult

    Raises
    ------
    UnlabeledError
        If shapes do not fit, a vector is not finite, no row is labelled, the training rows are all of one class, or a
        setting is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> vectors = rng.normal(size=(60, 4)) + 5 * labels[:, None]
    >>> linear_probe(vectors[:40], labels[:40], vectors[40:], labels[40:]).accuracy
    1.0
    """
    if classifier not in LOSSES:
        raise unknown_name("classifier", classifier, LOSSES)
    strengths = _strengths(CS if cs is None else cs)
    check_whole_number("selection_rows", selection_rows)
    train = check_vectors(vectors)
    test = check_vectors(test_vectors, "test vectors")
    known = class_labels((labels, len(train), "labels"), (test_labels, len(test), "test labels"))
    truth, test_truth = known.parts
    if train.shape[1] != test.shape[1]:
        raise UnlabeledError(f"test vectors have {test.shape[1]} columns, training vectors have {train.shape[1]}")
    check_some_labelled(truth, "training labels")
    check_some_labelled(test_truth, "test labels")
    judged = test_truth >= 0
    train, truth, test, test_truth = train[truth >= 0], truth[truth >= 0], test[judged], test_truth[judged]
    classes, test_classes = set(truth.tolist()), set(test_truth.tolist())
    if len(classes) == 1:
        raise UnlabeledError(
            f"all {len(truth)} labelled training rows are of class {known.named(truth[0])}; "
            "a classifier needs at least two classes"
        )

    train, test = _standardised(train, test)
    wide = train.shape[1] > len(train)
    if wide:  # so that wide input, such as pixels, costs no more than it must
        train, test = _along_principal_axes(train, test)
    cv_accuracy = {}
    if len(strengths) > 1:
        few = _selection_rows(truth, train.shape[1], random_state, selection_rows)
        cv_accuracy = _cross_validate(train[few], truth[few], classifier, strengths, random_state)
    # Python's max takes the first of equals, and the strengths rise: the stronger regularisation wins.
    c = max(cv_accuracy, key=lambda c: cv_accuracy[c]) if cv_accuracy else strengths[len(strengths) // 2]
    model = LinearClassifier(classifier, c, orthogonal=wide).fit(train, truth)
    predicted = model.predict(test)

    predictions = np.full(len(judged), -1, dtype=np.int64)
    predictions[judged] = predicted
    accuracy = float((predicted == test_truth).mean())
    return LinearProbeResult(
        accuracy=accuracy,
        interval=wilson_interval(accuracy, len(test)),
        per_class={known.named(label): share for label, share in accuracy_by_class(test_truth, predicted).items()},
        predictions=known.restored(predictions),
        c=c,
        cv_accuracy=cv_accuracy,
        converged=model.n_iter_ < model.max_iter,
        n_train=len(train),
        n_test=len(test),
        only_in_train=tuple(map(known.named, sorted(classes - test_classes))),
        only_in_test=tuple(map(known.named, sorted(test_classes - classes))),
    )


def _strengths(cs: Any) -> list[float]:
    given = list(cs) if hasattr(cs, "__iter__") else []
    if not given or not all(isinstance(c, Real) and 0 < float(c) < math.inf for c in given):
        raise UnlabeledError(f"cs must be a list of one or more numbers above 0, such as [0.1, 1], not {cs!r:.60}")
    return sorted(map(float, given))


def _standardised(train: Vectors, test: Vectors) -> tuple[Vectors, Vectors]:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    return scaler.transform(train).astype(np.float32), scaler.transform(test).astype(np.float32)


def _selection_rows(labels: Labels, dim: int, seed: int, most: int) -> Labels:
    """Draw the rows on which a strength is chosen."""
    random = np.random.default_rng(seed)
    rows, classes = np.arange(len(labels)), np.unique(labels)
    if len(classes) > SELECTION_CLASSES:
        classes = random.choice(classes, SELECTION_CLASSES, replace=False)
        rows = np.flatnonzero(np.isin(labels, classes))
    share = SELECTION_WORK // len(classes)  # of rows times columns, which are no more than the rows
    most = min(most, max(share // dim, int(share**0.5)))
    return rows if len(rows) <= most else random.choice(rows, most, replace=False)


def _cross_validate(
    vectors: Vectors, labels: Labels, classifier: Loss, strengths: list[float], seed: int
) -> dict[float, float]:
    """Measure each strength on rows held out of the training part, up to the one after which none can be the best."""
    fold = stratified_folds(labels, FOLDS, seed)
    # A fold is passed over if it leaves so few rows that there is a single class to learn from.
    folds = [fold == i for i in np.unique(fold) if len(np.unique(labels[fold != i])) > 1]
    tried, right = strengths, dict[float, list[NDArray[np.bool_]]]()
    for held in folds:
        shown, asked = _along_principal_axes(vectors[~held], vectors[held])
        weights, best = None, 0.0
        for c in tried:  # they rise, and each begins where the one before ended
            model = LinearClassifier(classifier, c, orthogonal=True).fit(shown, labels[~held], weights)
            weights = model.weights_
            right.setdefault(c, []).append(model.predict(asked) == labels[held])
            accuracy = float(right[c][-1].mean())
            best = max(best, accuracy)
            if tried is strengths and accuracy < best - BEHIND * _standard_error(best, len(asked)):
                break
        tried = list(right)
    return {c: float(np.concatenate(right[c]).mean()) for c in right}


def _standard_error(accuracy: float, rows: int) -> float:
    """Give that of a share, which is taken a little towards a half so that all right is not certainty."""
    share = (accuracy * rows + 1) / (rows + 2)
    return float((share * (1 - share) / rows) ** 0.5)


def _along_principal_axes(train: Vectors, test: Vectors) -> tuple[Vectors, Vectors]:
    """Turn the coordinates so that the columns of the training rows are orthogonal, without changing the classifier.

    More columns than training rows become as many as rows: the weights of least norm lie in the span of the training
    rows, so what is orthogonal to it plays no part.
    """
    from scipy.linalg import eigh

    rows = train.astype(np.float64)
    if train.shape[1] <= len(train):
        _, axes = eigh(rows.T @ rows, check_finite=False)
    else:  # by way of the rows' products with each other, which are fewer
        squares, parts = eigh(rows @ rows.T, check_finite=False)
        kept = squares > squares[-1] * len(rows) * np.finfo(np.float64).eps
        if not kept.any():  # all rows are zero, as those of constant columns are once they are standardised
            return train[:, :1], test[:, :1]
        axes = rows.T @ (parts[:, kept] / np.sqrt(squares[kept]))
    return train @ axes.astype(np.float32), test @ axes.astype(np.float32)
