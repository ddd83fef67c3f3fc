"""Classification of texts from frozen vectors, as in TREC, movie reviews or newsgroups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from unlabeled.evaluation.probes.linear_probe import linear_probe
from unlabeled.evaluation.texts.text_baselines import TextEvaluation, representations


def text_classification(
    encoder: Any,
    texts: Sequence[str],
    labels: ArrayLike,
    test_texts: Sequence[str],
    test_labels: ArrayLike,
    *,
    word_vectors: Any = None,
    seed: int = 0,
) -> TextEvaluation:
    """Judge frozen vectors of texts by a linear classifier, beside the same classifier on baselines.

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of texts.
    texts, test_texts : sequence of str
        To learn the classifier from, and to judge on.
    labels, test_labels : sequence of int or str
        Their classes; −1 and the empty string mean unlabelled, and such texts are left out.
    word_vectors : WordVectors or what can be opened as such, optional
        For the baseline "word vectors", the mean over a text's words; see `opened_vectors`.
    seed : int, default 0
        Of the untrained encoder and of the cross-validation that chooses the regularisation.

    Returns
    -------
    TextEvaluation
        With the figure ``accuracy``.

    Examples
    --------
    >>> from unlabeled import GPT
    >>> texts, labels = ["a good day", "a bad day", "so good", "so bad"] * 4, ["+", "-", "+", "-"] * 4
    >>> model = GPT(dim=32, layers=1, heads=2, length=16, epochs=1, random_state=0, progress=False).fit(texts)
    >>> found = text_classification(model.encoder_, texts, labels, ["good"], ["+"])
    >>> list(found.figures)
    ['learnt', 'untrained', 'tf-idf']
    """
    figures, judged = {}, (0, 0)
    for name, represent in representations(encoder, texts, word_vectors, seed).items():
        found = linear_probe(represent(texts), labels, represent(test_texts), test_labels, random_state=seed)
        figures[name] = {"accuracy": found.accuracy}
        judged = found.n_train, found.n_test
    return TextEvaluation(figures, *judged)
