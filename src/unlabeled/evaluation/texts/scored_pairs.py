"""Pairs of texts with scores, as in STS and SICK: are vectors as near as people find the texts alike?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unlabeled.evaluation.sentence_similarity import paired_columns, similarity_of_vectors
from unlabeled.evaluation.texts.text_baselines import TextEvaluation, representations


def scored_pairs(
    encoder: Any,
    pairs: Sequence[tuple[str, str]],
    scores: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    word_vectors: Any = None,
    seed: int = 0,
) -> TextEvaluation:
    """Correlate the cosines of pairs with people's scores, beside the same on baselines; nothing is learnt from them.

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of texts.
    pairs : sequence of (str, str)
    scores : sequence of float
        Larger is more alike.
    groups : sequence of str, optional
        The part of the collection that each pair is from.
    word_vectors, seed
        As in `text_classification`.

    Returns
    -------
    TextEvaluation
        With ``spearman``, over all pairs, and with groups ``mean of groups``; see `SentenceSimilarity`.

    Raises
    ------
    UnlabeledError
        If there are fewer than two pairs, or one has no score.

    Examples
    --------
    >>> from unlabeled import GPT
    >>> texts = ["a dog", "a dog runs", "it rains"] * 4
    >>> model = GPT(dim=32, layers=1, heads=2, length=16, epochs=1, random_state=0, progress=False).fit(texts)
    >>> pairs = [("a dog", "a dog runs"), ("a dog", "it rains"), ("a dog", "a dog")]
    >>> found = scored_pairs(model.encoder_, pairs, [3, 0, 5])
    >>> found.figures["tf-idf"]
    {'spearman': 1.0}
    """
    first, second = paired_columns(pairs)
    figures = {}
    for name, represent in representations(encoder, [*first, *second], word_vectors, seed).items():
        found = similarity_of_vectors(represent(first), represent(second), scores, groups)
        figures[name] = {"spearman": found.all_pairs}
        if groups is not None:
            figures[name]["mean of groups"] = found.mean_of_groups
    return TextEvaluation(figures, 0, len(first))
