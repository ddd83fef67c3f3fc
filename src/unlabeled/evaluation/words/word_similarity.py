"""Word similarity: do words that people find alike have vectors that point the same way?"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.words.lexicon import Lexicon, columns, lines
from unlabeled.methods.words.word_vectors import WordVectors


class Pair(NamedTuple):
    """Two words, and how alike people find them."""

    first: str
    second: str
    score: float


@dataclass(frozen=True)
class WordSimilarityResult:
    """How well cosines agree with people."""

    name: str
    """Of the file."""
    correlation: float | None
    """Spearman's rank correlation of the cosines with the scores; None if either is the same for all pairs."""
    interval: tuple[float, float] | None
    """95 % interval of the correlation for the number of pairs judged, after Bonett and Wright (2000)."""
    n_judged: int
    """Pairs of which both words have a vector."""
    n_pairs: int
    """All pairs."""
    unknown: tuple[str, ...]
    """Words without a vector."""

    @property
    def coverage(self) -> float:
        """Share of the pairs that were judged."""
        return self.n_judged / self.n_pairs

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values that JSON can hold."""
        return asdict(self) | {"coverage": self.coverage}

    def __str__(self) -> str:
        shown = "undefined" if self.correlation is None else f"{self.correlation:.3f}"
        if self.interval is not None:
            shown += f" [{self.interval[0]:.3f}, {self.interval[1]:.3f}]"
        return f"{self.name}: Spearman {shown} on {self.n_judged} of {self.n_pairs} pairs"


def word_similarity(
    vectors: WordVectors, pairs: str | os.PathLike[str] | Iterable[tuple[str, str, float]], *, ignore_case: bool = True
) -> WordSimilarityResult:
    """Correlate the cosines of word pairs with the similarity that people see in them.

    Spearman's correlation compares ranks, and tied values get the mean of their ranks. Pairs with a word that has no
    vector are left out and counted in the coverage; correlations at different coverage are of different pairs and do
    not compare.

    Parameters
    ----------
    vectors : WordVectors
        What to judge.
    pairs : path or iterable of (str, str, float)
        A file has a line a pair: two words and then, in the first column that is a number, a score; separated by tabs,
        semicolons, commas or spaces. A header and lines that start with ``#`` are passed over. So WordSim-353,
        SimLex-999, MEN and others are read as they come.
    ignore_case : bool, default True
        Let "Jerusalem" find the vector of "jerusalem".

    Returns
    -------
    WordSimilarityResult

    Raises
    ------
    UnlabeledError
        If the file is malformed, or no pair has both its words among the vectors.

    References
    ----------
    .. [1] Finkelstein et al., Placing Search in Context: The Concept Revisited, ACM TOIS 2002.
    .. [2] Hill, Reichart & Korhonen, SimLex-999, Computational Linguistics 2015.

    Examples
    --------
    >>> vectors = WordVectors(["cat", "dog", "car"], [[3, 1], [3, 2], [-1, 3]])
    >>> print(word_similarity(vectors, [("cat", "dog", 8.0), ("dog", "car", 3.0), ("cat", "car", 2.0)]))
    pairs: Spearman 1.000 on 3 of 3 pairs
    """
    if isinstance(pairs, str | os.PathLike):
        name, judged = Path(pairs).name, read_pairs(pairs)
    else:
        name, judged = "pairs", [_checked(place, pair) for place, pair in enumerate(pairs)]
    if not judged:
        raise UnlabeledError(f"{name}: there are no pairs to judge by")
    lexicon = Lexicon(vectors, ignore_case)
    known = [pair for pair in judged if lexicon.knows(pair.first) and lexicon.knows(pair.second)]
    if not known:
        raise UnlabeledError(
            f"{name}: not one of {len(judged)} pairs has both words among the {len(vectors):,} of the vectors; "
            "are they of the same language and spelling?"
        )
    first = lexicon.unit_vectors([pair.first for pair in known])
    second = lexicon.unit_vectors([pair.second for pair in known])
    # Rounding must not tell apart pairs that are equally similar, as all pairs of orthogonal words are.
    cosines = np.round(np.einsum("pd,pd->p", first, second), 9)
    correlation = spearman(cosines, np.array([pair.score for pair in known]))
    return WordSimilarityResult(
        name=name,
        correlation=correlation,
        interval=None if correlation is None else correlation_interval(correlation, len(known)),
        n_judged=len(known),
        n_pairs=len(judged),
        unknown=tuple(sorted({word for pair in judged for word in pair[:2] if not lexicon.knows(word)})),
    )


def read_pairs(path: str | os.PathLike[str]) -> list[Pair]:
    """Read a file of word pairs with scores; see `word_similarity` for the format."""
    found = []
    for place, (number, line) in enumerate(lines(path)):
        first, second, *rest = [*columns(line), "", ""]
        score = next((score for score in map(_number, rest) if score is not None), None)
        if first and second and score is not None:
            found.append(Pair(first, second, score))
        elif place:  # the first line may be a header
            raise UnlabeledError(f"{path}, line {number}: expected two words and a score, found {line!r:.80}")
    return found


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    r"""Correlate two lists by rank, tied values at their mean rank; None if one of them is constant.

    .. math:: \rho = \mathrm{corr}(\mathrm{rank}(a), \mathrm{rank}(b))
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.stack([a, b]), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    deviations = np.sqrt((ranks**2).sum(axis=1))
    return float(ranks[0] @ ranks[1] / deviations.prod()) if deviations.all() else None


def correlation_interval(correlation: float, n: int) -> tuple[float, float] | None:
    r"""95 % interval of Spearman's correlation on n pairs, after Bonett and Wright (2000); None for less than 4.

    .. math:: \tanh\left(\operatorname{artanh} \rho \pm 1.96 \sqrt{\frac{1 + \rho^2/2}{n - 3}}\right)
    """
    if n < 4:
        return None
    centre = math.atanh(min(max(correlation, -1 + 1e-15), 1 - 1e-15))
    half = 1.959963984540054 * math.sqrt((1 + correlation**2 / 2) / (n - 3))
    return math.tanh(centre - half), math.tanh(centre + half)


def _checked(place: int, pair: Any) -> Pair:
    """Make a pair of what was given for one."""
    parts = tuple(pair) if isinstance(pair, Iterable) and not isinstance(pair, str) else ()
    first, second, score = parts if len(parts) == 3 else (None, None, None)
    if not (isinstance(first, str) and isinstance(second, str) and isinstance(score, Real) and math.isfinite(score)):
        raise UnlabeledError(f"pair {place} should be two words and a finite number, not {pair!r:.80}")
    return Pair(first, second, float(score))


def _number(column: str) -> float | None:
    try:
        value = float(column)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
