"""Synonyms: which of some words means the same as a given one?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.words.lexicon import Lexicon, columns, lines
from unlabeled.methods.words.word_vectors import WordVectors


class SynonymQuestion(NamedTuple):
    """A word, the choice that means the same, and those that do not."""

    word: str
    right: str
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class SynonymsResult:
    """How the choice of synonyms went."""

    name: str
    """Of the file."""
    accuracy: float
    """Share of the questions asked that were answered rightly. Where n choices are equally near, the right one among
    them, the question counts 1/n."""
    interval: tuple[float, float]
    """95 % Wilson interval of the accuracy."""
    chance: float
    """Accuracy of guessing."""
    n_asked: int
    """Questions of which all words have a vector."""
    n_questions: int
    """All questions."""

    @property
    def coverage(self) -> float:
        """Share of the questions that were asked."""
        return self.n_asked / self.n_questions

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values that JSON can hold."""
        return asdict(self) | {"coverage": self.coverage}

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.accuracy:.1%} [{self.interval[0]:.1%}, {self.interval[1]:.1%}] of {self.n_asked} "
            f"questions ({self.n_questions} in all), chance {self.chance:.1%}"
        )


def synonyms(
    vectors: WordVectors,
    questions: str | os.PathLike[str] | Iterable[Sequence[str]],
    *,
    ignore_case: bool = True,
) -> SynonymsResult:
    """Choose, among some words, the one nearest to a given one, and count how often it is the right one.

    Parameters
    ----------
    vectors : WordVectors
        What to judge.
    questions : path or iterable of sequences of str
        The word, **its synonym**, and then the wrong choices. A file has a line a question, so written, with tabs,
        semicolons, commas or spaces between; lines that start with ``#`` are passed over. The order of the choices
        plays no part in the answer.
    ignore_case : bool, default True
        Let "Levied" find the vector of "levied".

    Returns
    -------
    SynonymsResult

    Raises
    ------
    UnlabeledError
        If the file or a question is malformed, or no question has all its words among the vectors.

    References
    ----------
    .. [1] Landauer & Dumais, A Solution to Plato's Problem, Psychological Review 1997: the TOEFL test.

    Examples
    --------
    >>> vectors = WordVectors(["big", "large", "red", "far"], [[3, 1], [2, 1], [-1, 3], [1, 3]])
    >>> synonyms(vectors, [("big", "large", "red", "far")]).accuracy
    1.0
    """
    if isinstance(questions, str | os.PathLike):
        name, asked = Path(questions).name, read_synonyms(questions)
    else:
        name, asked = "questions", [_checked(place, words) for place, words in enumerate(questions)]
    if not asked:
        raise UnlabeledError(f"{name}: there are no questions to ask")
    lexicon = Lexicon(vectors, ignore_case)
    known = [q for q in asked if all(map(lexicon.knows, (q.word, q.right, *q.wrong)))]
    if not known:
        raise UnlabeledError(
            f"{name}: not one of {len(asked)} questions has all its words among the {len(vectors):,} of the vectors; "
            "are they of the same language and spelling?"
        )
    accuracy = float(np.mean([_credit(lexicon, question) for question in known]))
    return SynonymsResult(
        name=name,
        accuracy=accuracy,
        interval=wilson_interval(accuracy, len(known)),
        chance=float(np.mean([1 / (1 + len(question.wrong)) for question in known])),
        n_asked=len(known),
        n_questions=len(asked),
    )


def _credit(lexicon: Lexicon, question: SynonymQuestion) -> float:
    word, *choices = lexicon.unit_vectors([question.word, question.right, *question.wrong])
    cosines = np.round(np.array(choices) @ word, 9)  # rounding must not decide between equals
    nearest = cosines == cosines.max()
    return float(nearest[0] / nearest.sum())


def read_synonyms(path: str | os.PathLike[str]) -> list[SynonymQuestion]:
    """Read a file of synonym questions; see `synonyms` for the format."""
    found = []
    for number, line in lines(path):
        words = [word for word in columns(line) if word]
        if len(words) < 3:
            raise UnlabeledError(
                f"{path}, line {number}: expected a word, its synonym and at least one wrong choice, "
                f"found {len(words)} words"
            )
        found.append(SynonymQuestion(words[0], words[1], tuple(words[2:])))
    return found


def _checked(place: int, question: Any) -> SynonymQuestion:
    """Make a question of what was given for one."""
    words = tuple(question) if isinstance(question, Iterable) and not isinstance(question, str) else ()
    if len(words) < 3 or not all(isinstance(word, str) for word in words):
        raise UnlabeledError(
            f"question {place} must be a word, its synonym and at least one wrong choice, not {question!r:.80}"
        )
    return SynonymQuestion(words[0], words[1], words[2:])
