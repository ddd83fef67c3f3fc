"""Likeness of sentences: do vectors find two sentences as near as people do?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from unlabeled.data.arrays import numbers_given
from unlabeled.data.text.texts import Texts
from unlabeled.encoders.embed import embed
from unlabeled.encoders.make import trained_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import open_instances


@dataclass(frozen=True)
class SentenceSimilarity:
    """Spearman's correlation of cosines with people's scores.

    Attributes
    ----------
    all_pairs : float
        Over all pairs together, as most papers since 2019 report.
    mean_of_groups : float
        Mean of the correlations within each group, as SentEval's ``mean``; higher, as a rule. Equal to `all_pairs`
        without groups.
    groups : dict of str to float
    """

    all_pairs: float
    mean_of_groups: float
    groups: dict[str, float]


def sentence_similarity(
    encoder: Any,
    pairs: Sequence[tuple[str, str]],
    scores: Sequence[float],
    groups: Sequence[str] | None = None,
    *,
    batch_size: int = 64,
) -> SentenceSimilarity:
    """Measure an encoder of texts on pairs that people have scored, such as STS and SICK.

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of texts.
    pairs : sequence of (str, str)
    scores : sequence of float
        Larger is more alike.
    groups : sequence of str, optional
        The part of the collection that each pair is from.
    batch_size : int, default 64
    """
    encoder = trained_encoder(encoder)
    device = next(encoder.parameters()).device
    opened = [open_instances(list(texts), preprocessing=encoder.preprocessing)[0] for texts in paired_columns(pairs)]
    first, second = (embed(encoder, each, batch_size=batch_size, device=device) for each in opened)
    return similarity_of_vectors(first, second, scores, groups)


def paired_columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], ...]:
    """Give the first and the second texts of pairs.

    Raises
    ------
    UnlabeledError
        If there are none, or an item is no pair of texts.
    """
    found = Texts([pair if isinstance(pair, str) else tuple(pair) for pair in pairs])
    if found.width != 2:
        raise UnlabeledError(f"pairs of texts are to be judged, and {pairs[0]!r:.60} is none")
    return found.columns


def similarity_of_vectors(
    first: NDArray[Any], second: NDArray[Any], scores: Sequence[float], groups: Sequence[str] | None = None
) -> SentenceSimilarity:
    """Measure vectors of pairs, shape (n, d) each, see `sentence_similarity`.

    Examples
    --------
    >>> one = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    >>> other = np.array([[1.0, 0.1], [1.0, 1.0], [0.0, 1.0]])
    >>> similarity_of_vectors(one, other, [5.0, 3.0, 0.0]).all_pairs
    1.0
    """
    wanted = numbers_given("scores", scores)
    if not len(first) == len(second) == len(wanted):
        raise UnlabeledError(f"there are {len(first)} and {len(second)} vectors but {len(wanted)} scores")
    if len(wanted) < 2 or not np.isfinite(wanted).all():
        raise UnlabeledError("a correlation needs at least two pairs, each with a score")
    if groups is not None and len(groups) != len(wanted):
        raise UnlabeledError(f"there are {len(wanted)} pairs but {len(groups)} groups; give each pair its group")
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = (first * second).sum(1) / np.maximum(norms, 1e-12)
    names = np.asarray(groups if groups is not None else [""] * len(wanted))
    parts = {str(name): names == name for name in dict.fromkeys(names.tolist())}
    found = {name: _spearman(cosines[rows], wanted[rows]) for name, rows in parts.items() if rows.sum() > 1}
    if not found:
        raise UnlabeledError("every group has one pair only, so none has a correlation; leave out groups")
    everything = _spearman(cosines, wanted)
    mean = float(np.mean(list(found.values()))) if groups is not None else everything
    return SentenceSimilarity(everything, mean, found if groups is not None else {})


def _spearman(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Correlate ranks; 0 where one side says the same of all."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)
