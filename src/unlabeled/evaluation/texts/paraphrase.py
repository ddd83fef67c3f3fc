"""Paraphrase: do two sentences say the same? As in MRPC, from frozen vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.classes import class_name
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.probes.linear_probe import linear_probe
from unlabeled.evaluation.sentence_similarity import paired_columns
from unlabeled.evaluation.texts.text_baselines import Represent, TextEvaluation, Vectors, representations

Pairs = Sequence[tuple[str, str]]


def paraphrase(
    encoder: Any,
    pairs: Pairs,
    labels: Sequence[int],
    test_pairs: Pairs,
    test_labels: Sequence[int],
    *,
    word_vectors: Any = None,
    seed: int = 0,
) -> TextEvaluation:
    """Judge frozen vectors of sentences by a linear classifier of pairs, beside the same on baselines.

    The classifier sees ``|x − y|`` and x ⊙ y of the two vectors, as SentEval's does, so it does not matter which
    sentence comes first.

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of texts.
    pairs, test_pairs : sequence of (str, str)
        To learn the classifier from, and to judge on.
    labels, test_labels : sequence of int
        1 for a paraphrase, 0 for none; −1, None, NaN and the empty string for unknown.
    word_vectors, seed
        As in `text_classification`.

    Returns
    -------
    TextEvaluation
        With ``accuracy`` and ``f1`` of the paraphrases. The representation "always yes" calls every pair a paraphrase.

    References
    ----------
    .. [1] Dolan & Brockett, Automatically Constructing a Corpus of Sentential Paraphrases, 2005.
    .. [2] Conneau & Kiela, SentEval: An Evaluation Toolkit for Universal Sentence Representations, 2018.
    """
    truth, truth_of_test = _numbers(labels, pairs, ""), _numbers(test_labels, test_pairs, "test ")
    known = [text for column in paired_columns(pairs) for text in column]
    judged = truth_of_test >= 0
    figures, counts = {}, (0, 0)
    for name, represent in representations(encoder, known, word_vectors, seed).items():
        train, test = _features(represent, pairs), _features(represent, test_pairs)
        found = linear_probe(train, truth, test, truth_of_test, random_state=seed)
        figures[name] = {"accuracy": found.accuracy, "f1": _f1(truth_of_test, np.asarray(found.predictions))}
        counts = found.n_train, found.n_test
    yes = np.where(judged, 1, -1)
    figures["always yes"] = {"accuracy": float((truth_of_test[judged] == 1).mean()), "f1": _f1(truth_of_test, yes)}
    return TextEvaluation(figures, *counts)


def _numbers(labels: Sequence[Any], pairs: Pairs, which: str) -> NDArray[np.int64]:
    """Read the labels of pairs: 1, 0, or −1 for unknown."""
    if len(pairs) != len(labels):
        raise UnlabeledError(f"there are {len(pairs)} {which}pairs but {len(labels)} {which}labels")
    named = {"True": 1, "False": 0, "1": 1, "0": 0, None: -1}
    names = [class_name(label) for label in labels]
    if odd := [name for name in names if name not in named]:
        raise UnlabeledError(f"{which}labels of pairs are 1, 0 or −1 for unknown, got {odd[0]}")
    return np.array([named[name] for name in names], dtype=np.int64)


def _features(represent: Represent, pairs: Pairs) -> Vectors:
    first, second = (represent(texts) for texts in paired_columns(pairs))
    return np.concatenate([np.abs(first - second), first * second], axis=1)


def _f1(truth: Any, predicted: Any) -> float:
    right = int(((truth == 1) & (predicted == 1)).sum())
    wrong = int(((truth == 0) & (predicted == 1)).sum()) + int(((truth == 1) & (predicted == 0)).sum())
    return 2 * right / max(2 * right + wrong, 1)
