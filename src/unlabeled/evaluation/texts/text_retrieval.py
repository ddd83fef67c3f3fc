"""Retrieval of texts: does a query bring up the documents that answer it?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.texts.text_baselines import TextEvaluation, representations
from unlabeled.search.metric import unit_rows
from unlabeled.setting_checks import check_whole_number

BLOCK = 256
"""Queries that are ranked at a time."""


def text_retrieval(
    encoder: Any,
    queries: Sequence[str],
    documents: Sequence[str],
    relevant: Sequence[Iterable[int]],
    *,
    k: int = 10,
    word_vectors: Any = None,
    seed: int = 0,
) -> TextEvaluation:
    r"""Rank documents by the cosine of their vectors with a query's, beside the same with baselines.

    With g the rank of a relevant document, R the number of them, and m = min(R, k):

    .. math:: \text{nDCG}@k = \frac{\sum_{g \le k} 1 / \log_2(1 + g)}{\sum_{i=1}^{m} 1 / \log_2(1 + i)}

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of texts.
    queries, documents : sequence of str
    relevant : sequence of iterables of int
        For each query the positions of the documents that answer it.
    k : int, default 10
        Documents that a user looks at.
    word_vectors, seed
        As in `text_classification`.

    Returns
    -------
    TextEvaluation
        With ``ndcg@k``; ``recall@k``, the share of the relevant documents that are among the first k; and ``mrr``, the
        mean of 1 / the rank of the first relevant one. Of equal cosines the earlier document comes first.

    Raises
    ------
    UnlabeledError
        If a query has no relevant document, or one that is not there.

    References
    ----------
    .. [1] Järvelin & Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques, 2002.
    """
    if len(queries) != len(relevant):
        raise UnlabeledError(f"there are {len(queries)} queries, but relevant documents for {len(relevant)}")
    check_whole_number("k", k)
    answers = [_positions(found, place) for place, found in enumerate(relevant)]
    for place, found in enumerate(answers):
        if not len(found) or found[0] < 0 or found[-1] >= len(documents):
            what = "no relevant document" if not len(found) else f"a relevant document number {found[-1]}"
            raise UnlabeledError(f"query {place} has {what}; there are {len(documents)}, numbered from 0")
    figures = {}
    for name, represent in representations(encoder, documents, word_vectors, seed).items():
        asked, there = unit_rows(represent(queries)), unit_rows(represent(documents))
        found = np.array(
            [
                _measured(order, answers[start + row], k)
                for start in range(0, len(asked), BLOCK)
                for row, order in enumerate(
                    np.argsort(-(asked[start : start + BLOCK] @ there.T), axis=1, kind="stable")
                )
            ]
        )
        figures[name] = dict(zip((f"ndcg@{k}", f"recall@{k}", "mrr"), found.mean(axis=0).tolist(), strict=True))
    return TextEvaluation(figures, 0, len(queries))


def _positions(found: Iterable[int], place: int) -> NDArray[np.int64]:
    """Check the relevant documents of a query, and give each once."""
    if isinstance(found, str) or not hasattr(found, "__iter__"):
        raise UnlabeledError(f"query {place} has {found!r:.60} for relevant documents; give a list, such as [0, 3]")
    listed = list(found)
    if odd := [one for one in listed if not isinstance(one, Integral) or isinstance(one, bool)]:
        raise UnlabeledError(f"query {place} has {odd[0]!r:.60} for a relevant document; give positions, such as 3")
    return np.unique(np.array(listed, dtype=np.int64))


def _measured(order: Any, answers: Any, k: int) -> tuple[float, float, float]:
    """Give nDCG, recall and the reciprocal rank of one query."""
    ranks = np.flatnonzero(np.isin(order, answers)) + 1
    seen = ranks[ranks <= k]
    ideal = (1 / np.log2(1 + np.arange(1, min(len(answers), k) + 1))).sum()
    return float((1 / np.log2(1 + seen)).sum() / ideal), len(seen) / len(answers), 1 / int(ranks[0])
