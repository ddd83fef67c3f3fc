"""Analogies: Athens is to Greece as Baghdad is to which word?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.words.lexicon import Lexicon, lines
from unlabeled.methods.words.lookup.checks import check_method, check_restrict
from unlabeled.methods.words.lookup.nearest_words import AnalogyMethod, solve_analogies
from unlabeled.methods.words.word_vectors import WordVectors

Question = tuple[str, str, str, str]


@dataclass(frozen=True)
class AnalogySection:
    """How one kind of question went."""

    name: str
    """Such as "capital-world"."""
    n_right: int
    """Questions answered rightly."""
    n_asked: int
    """Questions of which all four words are among those searched."""
    n_questions: int
    """All questions."""

    @property
    def accuracy(self) -> float | None:
        """Share of the questions asked that were answered rightly; None if none was asked."""
        return self.n_right / self.n_asked if self.n_asked else None


@dataclass(frozen=True)
class AnalogiesResult:
    """How analogies went, by section and in all."""

    sections: tuple[AnalogySection, ...]
    """In the file's order."""
    method: str
    """How candidates were scored: "3CosAdd" or "3CosMul"."""
    n_words: int
    """Words that answers were searched among. Fewer make it easier, so accuracies compare only at the same number."""
    restrict: int | None
    """The restriction that was asked for."""

    @property
    def total(self) -> AnalogySection:
        """All sections together."""
        sums = (sum(getattr(section, count) for section in self.sections) for count in _COUNTS)
        return AnalogySection("total", *sums)

    @property
    def accuracy(self) -> float | None:
        """Share of all questions asked that were answered rightly; None if none was asked."""
        return self.total.accuracy

    @property
    def coverage(self) -> float:
        """Share of all questions that were asked."""
        return self.total.n_asked / self.total.n_questions

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values that JSON can hold."""
        rows = [asdict(section) | {"accuracy": section.accuracy} for section in self.sections]
        return asdict(self) | {"sections": rows, "accuracy": self.accuracy, "coverage": self.coverage}

    def __str__(self) -> str:
        width = max(len(section.name) for section in (*self.sections, self.total))
        rows = [f"analogies by {self.method} among {self.n_words:,} words (restrict={self.restrict})"]
        for section in (*self.sections, self.total):
            accuracy = "–" if section.accuracy is None else f"{section.accuracy:.1%}"
            rows.append(f"{section.name:<{width}}  {accuracy:>6}  {section.n_asked:>6} of {section.n_questions} asked")
        return "\n".join(rows)


_COUNTS = ("n_right", "n_asked", "n_questions")


def analogies(
    vectors: WordVectors,
    questions: str | os.PathLike[str] | Mapping[str, Iterable[Question]],
    *,
    method: AnalogyMethod = "3CosAdd",
    restrict: int | None = 30_000,
    ignore_case: bool = True,
) -> AnalogiesResult:
    """Ask "a is to b as c is to …" and count how often the word nearest to b − a + c is the right one.

    The three words of a question are never its answer. A question is asked if all four words are among those searched.

    Parameters
    ----------
    vectors : WordVectors
        What to judge; the most frequent words first, if `restrict` is used.
    questions : path or mapping of str to iterable of (a, b, c, d)
        Questions by section. A file has four words a line, and sections start with a line ``: name``, as in
        ``questions-words.txt``.
    method : {"3CosAdd", "3CosMul"}, default "3CosAdd"
        How candidates are scored; see `WordVectors.analogy`.
    restrict : int or None, default 30000
        Search among the first so many words only, or all with None.
    ignore_case : bool, default True
        Take words that differ only in case for one, the first of them.

    Returns
    -------
    AnalogiesResult

    Raises
    ------
    UnlabeledError
        If the file or a question is malformed, or a setting is out of range.

    References
    ----------
    .. [1] Mikolov, Chen, Corrado & Dean, Efficient Estimation of Word Representations in Vector Space, ICLR 2013.

    Examples
    --------
    >>> vectors = WordVectors(["king", "queen", "man", "woman"], [[2, 1], [2, 3], [0, 1], [0, 3]])
    >>> print(analogies(vectors, {"royal": [("man", "king", "woman", "queen")]}, restrict=None))
    analogies by 3CosAdd among 4 words (restrict=None)
    royal  100.0%       1 of 1 asked
    total  100.0%       1 of 1 asked
    """
    check_method(method)
    check_restrict(restrict)
    by_section = read_questions(questions) if isinstance(questions, str | os.PathLike) else _given(questions)
    asked_words = [word for section in by_section.values() for question in section for word in question]
    if not asked_words:
        raise UnlabeledError("there are no questions to ask")
    lexicon = Lexicon(vectors, ignore_case, restrict)
    candidates = lexicon.candidates()
    table, norms = vectors.vectors, vectors.lengths
    if len(candidates) < len(vectors):
        # Without a gap, as with lower-case words, this is a view, and nothing is copied.
        chosen = slice(len(candidates)) if candidates[-1] == len(candidates) - 1 else candidates
        table, norms = table[chosen], norms[chosen]
    rows = lexicon.rows(asked_words).reshape(-1, 4)
    asked = np.asarray((rows >= 0).all(axis=1))
    places = np.searchsorted(candidates, rows[asked])
    right = np.zeros(len(rows), bool)
    right[asked] = solve_analogies(table, norms, places[:, :3], method) == places[:, 3]

    sections, start = [], 0
    for name, section in by_section.items():
        part = slice(start, start := start + len(section))
        sections.append(AnalogySection(name, int(right[part].sum()), int(asked[part].sum()), len(section)))
    return AnalogiesResult(tuple(sections), method, len(candidates), restrict)


def read_questions(path: str | os.PathLike[str]) -> dict[str, list[Question]]:
    """Read a file of analogies by section; see `analogies` for the format."""
    found: dict[str, list[Question]] = {}
    section = Path(path).stem
    for number, line in lines(path):
        words = line.split()
        if words[0].startswith(":"):
            section = " ".join(words).removeprefix(":").strip()
        elif len(words) == 4:
            found.setdefault(section, []).append((words[0], words[1], words[2], words[3]))
        else:
            raise UnlabeledError(f"{path}, line {number}: expected four words, found {len(words)}")
    return found


def _given(questions: Mapping[str, Iterable[Question]]) -> dict[str, list[Question]]:
    """Check questions that are in memory."""
    if not isinstance(questions, Mapping):
        raise UnlabeledError(
            f"questions should be a mapping from a section's name to its questions, or a path, not {questions!r:.80}"
        )
    return {
        name: [_checked(name, place, question) for place, question in enumerate(section)]
        for name, section in questions.items()
    }


def _checked(section: str, place: int, question: Any) -> Question:
    """Make a question of what was given for one."""
    words = tuple(question) if isinstance(question, Iterable) and not isinstance(question, str) else ()
    if len(words) != 4 or not all(isinstance(word, str) for word in words):
        raise UnlabeledError(f"question {place} of section {section!r} should be four words, not {question!r:.80}")
    return words
