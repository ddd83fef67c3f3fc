"""Which words lie nearest to a vector, and which one completes an analogy: cosines by matrix products, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.search.metric import unit_rows

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
AnalogyMethod = Literal["3CosAdd", "3CosMul"]

TILE = 2048  # words compared at a time: their cosines with some hundred others fit in one core's cache
NUMBERS = 1 << 24  # cosines held at a time: 64 MiB
EPSILON = np.float32(0.001)  # of 3CosMul, as in its paper: keeps the quotient finite


def cosines(vectors: NDArray[Any], norms: Floats, queries: Floats) -> Floats:
    """Give the cosine of each query with each row; with a row of zeros it is 0.

    Parameters
    ----------
    vectors : array of float32 or float16, shape (n, d)
    norms : array of float32, shape (n,)
        Their lengths.
    queries : array of float32, shape (q, d)
        At unit length.

    Returns
    -------
    array of float32, shape (q, n)
    """
    found = np.empty((len(queries), len(vectors)), np.float32)
    divisors = _divisors(norms)
    for tile in tiles(len(vectors)):
        # A half-precision tile becomes single precision here, and never the whole table.
        np.matmul(queries, vectors[tile].astype(np.float32, copy=False).T, out=found[:, tile])
        found[:, tile] /= divisors[tile]
    return found


def top(scores: Floats, k: int) -> Rows:
    """Give the places of the k largest scores, largest first and equal ones in their order; −∞ is never among them."""
    k = min(k, int((scores > -np.inf).sum()))
    if k == 0:
        return np.empty(0, np.int64)
    candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    return candidates[np.lexsort((candidates, -scores[candidates]))[:k]]


def nearest(
    vectors: NDArray[Any], norms: Floats, queries: Floats, k: int, excluded: Sequence[Sequence[int]]
) -> Iterator[tuple[Rows, Floats]]:
    """Yield for each query the k rows of largest cosine, without those excluded for it, and these cosines."""
    # Not `search.scanning.exact_search`: it wants rows of unit length in single precision, a copy of the whole table,
    # and squares all of them in double precision first. For one query, as people ask, that takes 7 to 15 times as long;
    # it gains (2.5 times) only from some thousand queries at once.
    step = max(1, NUMBERS // len(vectors))
    for start in range(0, len(queries), step):
        for offset, scores in enumerate(cosines(vectors, norms, queries[start : start + step])):
            scores[list(excluded[start + offset])] = -np.inf
            found = top(scores, k)
            yield found, scores[found]


def analogy_scores(method: AnalogyMethod, word: Floats, minus: Floats, plus: Floats) -> Floats:
    r"""Score candidates x for "minus is to word as plus is to x" by their cosines with the three.

    .. math:: \text{3CosAdd: } \cos(x, w) - \cos(x, m) + \cos(x, p) \qquad
        \text{3CosMul: } \frac{s(x, w)\, s(x, p)}{s(x, m) + \varepsilon}, \quad s = \frac{1 + \cos}{2}
    """
    if method == "3CosAdd":
        return word - minus + plus
    one, two = np.float32(1), np.float32(2)
    return np.asarray(((word + one) / two) * ((plus + one) / two) / ((minus + one) / two + EPSILON))


def solve_analogies(vectors: NDArray[Any], norms: Floats, questions: Rows, method: AnalogyMethod = "3CosAdd") -> Rows:
    """Answer analogies "a is to b as c is to x", with x none of the three.

    The same words come up in many questions, so the cosines of each word that occurs with a tile of candidates are
    made once, by one matrix product, and every question adds or multiplies three rows of them.

    Parameters
    ----------
    vectors : array of float32 or float16, shape (n, d)
        The candidates, and the words of the questions among them.
    norms : array of float32, shape (n,)
        Their lengths.
    questions : array of int64, shape (q, 3)
        Rows of a, b and c.
    method : {"3CosAdd", "3CosMul"}
        How candidates are scored.

    Returns
    -------
    array of int64, shape (q,)
        The row of the best x, the first of equals; −1 where no candidate is left.
    """
    occurring, codes = np.unique(questions, return_inverse=True)
    codes = codes.reshape(questions.shape)
    known = unit_rows(vectors[occurring])
    best = np.full(len(questions), -np.inf, np.float32)
    answers = np.full(len(questions), -1, np.int64)
    for tile in tiles(len(vectors)):
        similarity = cosines(vectors[tile], norms[tile], known)
        step = max(1, NUMBERS // 16 // similarity.shape[1])
        for start in range(0, len(questions), step):
            part = slice(start, start + step)
            a, b, c = (similarity[codes[part, place]] for place in range(3))
            scores = analogy_scores(method, b, a, c)
            own = questions[part] - tile.start
            asked, place = np.nonzero((own >= 0) & (own < scores.shape[1]))
            scores[asked, own[asked, place]] = -np.inf
            found = scores.argmax(axis=1)
            score = scores[np.arange(len(found)), found]
            better = score > best[part]
            best[part][better], answers[part][better] = score[better], found[better] + tile.start
    return answers


def tiles(count: int) -> Iterator[slice]:
    """Cut `count` rows into slices of at most `TILE`."""
    return (slice(start, min(start + TILE, count)) for start in range(0, count, TILE))


def _divisors(norms: NDArray[Any]) -> NDArray[Any]:
    return np.where(norms > 0, norms, norms.dtype.type(1))
