"""What labels that were hidden in cross-validation say of a method, of the classes, and of the labels themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.methods.fewlabels.calibration import at_temperature, fit_temperature
from unlabeled.runs.grouping.feature_matrix import Rows
from unlabeled.runs.labelling.given_labels import GivenLabels
from unlabeled.runs.labelling.label_candidates import CrossValidated, mean_interval
from unlabeled.runs.labelling.label_precision import Precision
from unlabeled.search import ExactStore, NeighbourGraph

FEW = 5
"""Labels of a class below which the report says that there are too few."""
DRAWS = 200
"""Of labels, to choose a method by and to judge it on the others."""
SURE, UNLIKELY = 0.8, 0.1
"""A given label looks wrong if another class is at least so probable when it is hidden, and itself at most so."""


def calibrate(found: CrossValidated) -> tuple[float, NDArray[np.float64]]:
    """Fit the temperature on hidden labels; give it, and the confidences at it, shape (repeats, m)."""
    flat = found.probabilities.reshape(-1, found.probabilities.shape[2])
    truth = np.tile(found.truth, len(found.probabilities))
    reached = flat.sum(axis=1) > 0
    temperature = fit_temperature(flat[reached], truth[reached]) if reached.any() else 1.0
    shares = np.where(reached[:, None], at_temperature(flat, temperature), 0.0)
    return temperature, shares.max(axis=1).reshape(found.right.shape)


def expect_precision(compared: Sequence[CrossValidated], seed: int) -> Precision | None:
    """Relate confidence to rightness for the most accurate of several methods; None where no label can be hidden.

    The method that is best on some labels looks better on these than it is. So labels are drawn with replacement, the
    best method on those drawn is taken, and what counts are its predictions of the labels that were not drawn;
    over and over.

    References
    ----------
    .. [1] Tsamardinos, Greasidou & Borboudakis, Bootstrapping the out-of-sample predictions for efficient and accurate
       cross-validation, Machine Learning 2018.
    """
    count = len(compared[0].rows)
    if count < 2:
        return None
    generator = np.random.default_rng(seed)
    right = np.stack([found.right.mean(axis=0) for found in compared])
    weights = np.zeros_like(right)
    for _ in range(DRAWS):
        drawn = np.bincount(generator.integers(count, size=count), minlength=count)
        weights[(right @ drawn).argmax(), drawn == 0] += 1
    weights /= np.maximum(weights.sum(axis=0), 1)
    parts = [
        (calibrate(found)[1], found.right, np.broadcast_to(weight / len(found.right), found.right.shape))
        for found, weight in zip(compared, weights, strict=True)
        if weight.any()
    ]
    return Precision.of(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def tell_what_helped(compared: Sequence[CrossValidated]) -> list[dict[str, Any]]:
    """Compare the best that uses unlabelled instances with its twin that does not, label by label."""
    best: dict[str, CrossValidated] = {}
    for found in compared:
        kind = found.candidate.approach
        if len(found.rows) and (kind not in best or found.accuracy > best[kind].accuracy):
            best[kind] = found
    said = []
    for question, ours, twin in (
        ("the representation, learnt from all instances, beside the raw input", "supervised", "raw input"),
        ("the graph of all instances, beside a classifier of the labelled ones", "semi-supervised", "supervised"),
        ("self-training on all instances, beside a classifier of the labelled ones", "self-training", "supervised"),
        ("EM on all texts, beside naive Bayes on the labelled ones", "semi-supervised EM", "naive Bayes"),
        ("FixMatch on all instances, beside the same fine-tuning on the labelled ones", "consistency", "fine-tuned"),
    ):
        if ours in best and twin in best:
            difference = best[ours].right.mean(axis=0) - best[twin].right.mean(axis=0)
            mean, low, high = mean_interval(difference)
            verdict = "helped" if low > 0 else "hurt" if high < 0 else "no evidence of help"
            said.append(
                {
                    "question": question,
                    "ours": best[ours].candidate.name,
                    "twin": best[twin].candidate.name,
                    "accuracy": best[ours].accuracy,
                    "twin_accuracy": best[twin].accuracy,
                    "difference": mean,
                    "interval": [low, high] if np.isfinite(low) else None,
                    "verdict": verdict,
                }
            )
    return said


def precision_table(curve: Precision | None, confidence: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Give the expected precision at some confidences, and the share of the instances that reach each."""
    if curve is None:
        return []
    return [
        {**step, "coverage": float((confidence >= step["threshold"]).mean()) if len(confidence) else 0.0}
        for step in curve.table()
    ]


def by_class(
    chosen: CrossValidated, given: GivenLabels, codes: NDArray[np.int64], known: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Give for each class the labels given and made, and how hidden labels of it were told."""
    predicted = chosen.predicted
    found = []
    for code, name in enumerate(given.classes):
        own, said = chosen.truth == code, predicted == code
        count = int((given.codes == code).sum())
        found.append(
            {
                "class": name,
                "given": count,
                "few": count < FEW,
                "labelled": int(((codes == code) & ~known).sum()),
                "recall": float(chosen.right[:, own].mean()) if own.any() else None,
                "precision": float(np.broadcast_to(own, said.shape)[said].mean()) if said.any() else None,
            }
        )
    return found


def count_confusions(chosen: CrossValidated, classes: int) -> list[list[float]]:
    """Count hidden labels by given class (rows) and predicted class (columns), as a mean over the repeats."""
    counts = np.zeros((classes, classes))
    predicted = chosen.predicted
    for repeat in predicted:
        told = repeat >= 0
        np.add.at(counts, (chosen.truth[told], repeat[told]), 1 / len(predicted))
    return counts.round(2).tolist()


def find_suspicious(chosen: CrossValidated, given: GivenLabels, rows: Rows, temperature: float) -> list[dict[str, Any]]:
    """List given labels that the others contradict when they are hidden, the most contradicted first.

    Each comes with the labelled instances that are nearest to it.
    """
    if not len(chosen.rows):
        return []
    reached = chosen.probabilities.sum(axis=2) > 0
    flat = at_temperature(chosen.probabilities.reshape(-1, len(given.classes)), temperature)
    shares = np.where(reached[..., None], flat.reshape(chosen.probabilities.shape), 0.0).mean(axis=0)
    own = shares[np.arange(len(chosen.truth)), chosen.truth]
    other = shares.max(axis=1)
    odd = np.flatnonzero((other >= SURE) & (own <= UNLIKELY))
    odd = odd[np.argsort(own[odd] - other[odd], kind="stable")]
    near = nearest_labelled(rows, given, chosen.rows[odd])
    return [
        {
            "id": rows.ids[chosen.rows[i]],
            "given": given.classes[chosen.truth[i]],
            "looks_like": given.classes[shares[i].argmax()],
            "confidence": float(other[i]),
            "neighbours": [{"id": rows.ids[row], "label": given.classes[given.codes[row]]} for row in neighbours],
        }
        for i, neighbours in zip(odd.tolist(), near, strict=True)
    ]


def nearest_labelled(rows: Rows, given: GivenLabels, wanted: NDArray[np.int64], k: int = 3) -> list[list[int]]:
    """Give the k labelled rows nearest to each of some rows, itself not among them."""
    if not len(wanted):
        return []
    known = np.flatnonzero(given.codes >= 0)
    store = ExactStore.build([str(row) for row in known], rows.array[known], metric="euclidean")
    found = known[store.query(rows.array[wanted], min(k + 1, len(known))).indices].tolist()
    return [[other for other in others if other != row][:k] for row, others in zip(wanted, found, strict=True)]


def find_contradictions(graph: NeighbourGraph, given: GivenLabels, ids: Sequence[str]) -> list[str]:
    """Point out copies that have different labels."""
    names = given.names
    return [
        f"{ids[a]!r} and {ids[b]!r} are copies of each other, and labelled {names[a]!r} and {names[b]!r}"
        for a, b in graph.copies(1e-6).tolist()
        if names[a] is not None and names[b] is not None and names[a] != names[b]
    ]
