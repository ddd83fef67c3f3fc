"""Retrieval across two kinds of data: images by their captions, and captions by their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.inputs import check_vectors
from unlabeled.search.metric import unit_rows
from unlabeled.setting_checks import counts_asked

_AT_ONCE = 1024  # queries


@dataclass(frozen=True)
class PairRecall:
    """Recall in both directions, each beside what guessing gives.

    Attributes
    ----------
    images_of_text, texts_of_image : dict of int to float
        For each k the share of captions (images) with one of their own images (captions) among the k nearest.
    images_of_text_chance, texts_of_image_chance : dict of int to float
        The same if all others were ranked at random.
    images, texts : int
        How many different ones there are.
    """

    images_of_text: dict[int, float]
    texts_of_image: dict[int, float]
    images_of_text_chance: dict[int, float]
    texts_of_image_chance: dict[int, float]
    images: int
    texts: int


def pair_recall(
    images: ArrayLike,
    texts: ArrayLike,
    picture: ArrayLike | None = None,
    caption: ArrayLike | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> PairRecall:
    """Look every caption up among all images, and every image among all captions.

    Equal captions are one query, and each of their images is right; so it is with several captions of an image.

    Parameters
    ----------
    images, texts : array, shape (n, d)
        Vectors of n pairs, row by row, in one space; compared by cosine.
    picture, caption : array of int, shape (n,), optional
        Numbers that are equal for equal images, and for equal captions; by default all are different.
    ks : sequence of int, default (1, 5, 10)

    Raises
    ------
    UnlabeledError
        If shapes do not fit or a vector is not finite.

    Examples
    --------
    >>> found = pair_recall(np.eye(4), np.eye(4), ks=[1])
    >>> found.images_of_text, round(found.images_of_text_chance[1], 6)
    ({1: 1.0}, 0.25)
    """
    u, v = (unit_rows(check_vectors(vectors, name)) for vectors, name in ((images, "images"), (texts, "texts")))
    if u.shape != v.shape:
        raise UnlabeledError(f"images {u.shape} and texts {v.shape} must be vectors of the same pairs, of one length")
    n = len(u)
    codes = [np.arange(n) if given is None else np.asarray(given) for given in (picture, caption)]
    if any(code.shape != (n,) for code in codes):
        raise UnlabeledError(f"picture and caption need one number for each of the {n} pairs")
    ks = counts_asked("ks", ks)
    (_, first_image, image), (_, first_text, text) = (
        np.unique(code, return_index=True, return_inverse=True) for code in codes
    )
    u, v = u[first_image], v[first_text]
    by_text, chance_by_text = _recall(v, u, text, image, ks)
    by_image, chance_by_image = _recall(u, v, image, text, ks)
    return PairRecall(by_text, by_image, chance_by_text, chance_by_image, len(u), len(v))


def _recall(
    queries: NDArray[np.float32],
    gallery: NDArray[np.float32],
    query: NDArray[np.int64],
    right: NDArray[np.int64],
    ks: Sequence[int],
) -> tuple[dict[int, float], dict[int, float]]:
    """Give recall and chance; pair i says that gallery item ``right[i]`` answers query ``query[i]``."""
    better = np.empty(len(queries), dtype=np.int64)  # wrong items that are at least as near as the nearest right one
    answers = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        scores = queries[some] @ gallery.T
        inside = (query >= start) & (query < start + len(scores))
        wanted = np.zeros(scores.shape, dtype=bool)
        wanted[query[inside] - start, right[inside]] = True
        best = np.where(wanted, scores, -np.inf).max(1, keepdims=True)
        # Ties count against: vectors that are all alike find nothing.
        better[some] = ((scores >= best) & ~wanted).sum(1)
        answers[some] = wanted.sum(1)
    recall = {k: float((better < k).mean()) for k in ks}
    chance = {k: float(_by_chance(len(gallery), answers, k).mean()) for k in ks}
    return recall, chance


def _by_chance(items: int, answers: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Give the probability that k of `items`, drawn at random, hold one of `answers`: 1 − C(n − m, k) / C(n, k)."""
    if k >= items:
        return np.ones(len(answers))
    left = items - answers
    possible = left >= k
    left = np.where(possible, left, k)
    log_none = gammaln(left + 1) - gammaln(left - k + 1) - gammaln(items + 1) + gammaln(items - k + 1)
    return np.where(possible, -np.expm1(log_none), 1.0)
