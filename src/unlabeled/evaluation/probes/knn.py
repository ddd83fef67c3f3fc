"""k nearest neighbours: is a row of the same class as the rows that lie near it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation.accuracy import accuracy_by_class, balanced_accuracy, wilson_interval
from unlabeled.evaluation.inputs import Labels, Vectors, check_some_labelled, check_vectors, class_labels
from unlabeled.evaluation.label_free.neighbours import Metric, nearest
from unlabeled.setting_checks import check_whole_number

Weighting = Literal["similarity", "uniform"]
VOTES = 2**22
"""Queries times classes that are counted at a time: 32 MiB."""


@dataclass(frozen=True, eq=False)
class KnnResult:
    """What a kNN probe found."""

    accuracy: float
    """Share of the judged rows whose class was predicted."""
    interval: tuple[float, float]
    """95 % Wilson interval of the accuracy."""
    per_class: dict[int | str, float]
    """Accuracy on each class among the judged rows."""
    predictions: NDArray[Any]
    """Predicted class of every row of the test set (without one, of `vectors`), as a number or a name, whichever the
    labels were; −1 or None for rows that were not judged."""
    k_used: int
    """Neighbours that voted: k, or all there were."""
    n_bank: int
    """Labelled rows to choose neighbours from; a row is never its own neighbour."""
    n_test: int
    """Rows that were judged."""
    unseen: tuple[int | str, ...]
    """Classes among the judged rows that no other row of the bank has; they count as wrong."""

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the classes' accuracies; guessing gives one over the number of classes, however uneven they are."""
        return balanced_accuracy(self.per_class)


def knn(
    vectors: ArrayLike,
    labels: ArrayLike,
    test_vectors: ArrayLike | None = None,
    test_labels: ArrayLike | None = None,
    k: int = 20,
    temperature: float = 0.07,
    weighting: Weighting = "similarity",
    metric: Metric = "cosine",
) -> KnnResult:
    """Predict each row's class by a vote of its k nearest labelled neighbours.

    With a test set, its rows are predicted from `vectors`; without one, each labelled row of `vectors` from the others.
    A neighbour of similarity s votes with weight exp(s/τ), or 1 if `weighting` is "uniform"; of classes with the same
    votes the lowest wins. Neighbours are exact, and found in bounded memory.

    Parameters
    ----------
    vectors : array, shape (n, d)
        The bank.
    labels : array of int or str, shape (n,)
        Its classes; rows with −1, or without a name, are ignored.
    test_vectors, test_labels : array, shape (m, d) and (m,), optional
        The rows to judge; those without a label are ignored.
    k : int, default=20
        Neighbours that vote; fewer if the bank is smaller (see `KnnResult.k_used`).
    temperature : float, default=0.07
        τ of the weights. The smaller, the more the nearest count.
    weighting : {"similarity", "uniform"}, default="similarity"
        How neighbours vote.
    metric : {"cosine", "euclidean"}, default="cosine"
        What near means; for "euclidean" the similarity is −‖a − b‖²/2.

    Returns
    -------
    KnnResult

    Raises
    ------
    UnlabeledError
        If shapes do not fit, a vector is not finite, no row is labelled (or only one, without a test set), or a setting
        is out of range.

    References
    ----------
    .. [1] Wu, Xiong, Yu, Lin. Unsupervised Feature Learning via Non-Parametric Instance Discrimination. CVPR 2018.
       https://arxiv.org/abs/1805.01978

    Examples
    --------
    >>> vectors = [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]]
    >>> knn(vectors, [0, 0, 1, 1], k=1).accuracy
    1.0
    """
    check_whole_number("k", k)
    if not temperature > 0:
        raise UnlabeledError(f"temperature must be above 0, not {temperature}")
    if weighting not in ("similarity", "uniform"):
        raise unknown_name("weighting", weighting, ["similarity", "uniform"])
    table = check_vectors(vectors)
    if test_vectors is None and test_labels is None:
        known = class_labels((labels, len(table), "labels"))
    elif test_vectors is not None and test_labels is not None:
        test = check_vectors(test_vectors, "test vectors")
        known = class_labels((labels, len(table), "labels"), (test_labels, len(test), "test labels"))
    else:
        raise UnlabeledError("give both test_vectors and test_labels, or neither")
    bank, bank_labels, judged = _labelled(table, known.parts[0], "")
    queries, truth, own = bank, bank_labels, np.arange(len(bank)) if test_vectors is None else None
    if own is None:
        queries, truth, judged = _labelled(test, known.parts[1], "test ")
    if queries.shape[1] != bank.shape[1]:
        raise UnlabeledError(f"test vectors have {queries.shape[1]} columns, vectors have {bank.shape[1]}")
    k_used = min(k, len(bank) - (own is not None))
    if k_used == 0:
        raise UnlabeledError(
            "only one row is labelled and it cannot be its own neighbour; label more or give a test set"
        )

    classes, codes = np.unique(bank_labels, return_inverse=True)
    predicted = np.empty(len(queries), dtype=np.int64)
    for found in nearest(queries, bank, k_used, metric, own):
        weights = np.ones_like(found.similarities)
        if weighting == "similarity":
            # Relative to the nearest: a common factor does not change the vote, and exp cannot overflow.
            weights = np.exp((found.similarities - found.similarities[:, :1]) / temperature)
        predicted[found.queries] = classes[_voted(codes[found.indices], weights, len(classes))]

    predictions = np.full(len(judged), -1, dtype=np.int64)
    predictions[judged] = predicted
    accuracy = float((predicted == truth).mean())
    counts = dict(zip(*np.unique(bank_labels, return_counts=True), strict=True))
    needed = 1 if own is None else 2  # a class of one row has no second to be recognised by
    return KnnResult(
        accuracy=accuracy,
        interval=wilson_interval(accuracy, len(truth)),
        per_class={known.named(label): share for label, share in accuracy_by_class(truth, predicted).items()},
        predictions=known.restored(predictions),
        k_used=k_used,
        n_bank=len(bank),
        n_test=len(truth),
        unseen=tuple(known.named(label) for label in np.unique(truth) if counts.get(label, 0) < needed),
    )


def _labelled(table: Vectors, classes: Labels, which: str) -> tuple[Vectors, Labels, NDArray[np.bool_]]:
    """Give the labelled rows, their labels, and where they are."""
    check_some_labelled(classes, f"{which}labels")
    judged = classes >= 0
    return table[judged], classes[judged], judged


def _voted(codes: Labels, weights: Vectors, classes: int) -> Labels:
    """Give the class with the most votes of each query; some queries at a time, for there may be many classes."""
    chosen = np.empty(len(codes), dtype=np.int64)
    step = max(1, VOTES // classes)
    for start in range(0, len(codes), step):
        part = slice(start, start + step)
        votes = np.zeros((len(codes[part]), classes))
        np.add.at(votes, (np.arange(len(votes))[:, None], codes[part]), weights[part])
        chosen[part] = votes.argmax(axis=1)
    return chosen
