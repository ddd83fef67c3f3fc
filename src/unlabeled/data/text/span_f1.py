"""F1 of stretches of text: entities in tagged sentences, and the words of answers."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Sequence

MARKS = ("B", "I", "E", "S", "L", "U")
"""What the tags of stretches begin with, before a hyphen and the kind; or they stand alone, where there is one kind."""


def marks_stretches(tags: Iterable[str]) -> bool:
    """Tell tags of stretches from others, such as parts of speech.

    Examples
    --------
    >>> marks_stretches(["O", "B-NP"]), marks_stretches(["O", "B", "I"]), marks_stretches(["S", "NOUN"])
    (True, True, False)
    """
    known = set(tags)
    alone = known & {"B", "I"} and known <= {*MARKS, "O"}
    return bool(alone) or any(tag.startswith(tuple(f"{mark}-" for mark in MARKS)) for tag in known)


def chunks_of(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Give the stretches that B-, I-, E- and S- tags mark, or L- and U- in place of the last two: beginning, end, kind.

    A stretch also begins where an I- follows nothing, another kind, or a tag that ends one, as in the evaluation of
    CoNLL.

    Examples
    --------
    >>> sorted(chunks_of(["B-NP", "I-NP", "O", "I-VP", "B-VP"]))
    [(0, 2, 'NP'), (3, 4, 'VP'), (4, 5, 'VP')]
    """
    found: set[tuple[int, int, str]] = set()
    start, ended = 0, False
    kind: str | None = None
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        begins = ended or prefix in ("B", "S", "U") or name != kind
        if kind is not None and (begins or prefix not in MARKS):
            found.add((start, place, kind))
            kind = None
        if prefix in MARKS and begins:
            start, kind = place, name
        ended = prefix in ("E", "S", "L", "U")
    return found


def entity_f1(truth: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """Give the F1 of whole stretches: each counts only with its right beginning, end and kind.

    Examples
    --------
    >>> entity_f1([["B-NP", "I-NP", "O"]], [["B-NP", "O", "O"]])  # two of three tags are right, no stretch is
    0.0
    """
    right = wanted = given = 0
    for one, other in zip(truth, found, strict=True):
        a, b = chunks_of(one), chunks_of(other)
        right, wanted, given = right + len(a & b), wanted + len(a), given + len(b)
    return 2 * right / (wanted + given) if wanted + given else 1.0


def answer_f1(truth: str, found: str) -> float:
    """Give the F1 of the words of two answers, as SQuAD counts: without case, ASCII's punctuation, and articles.

    Examples
    --------
    >>> answer_f1("the Eiffel Tower", "Eiffel tower in Paris")
    0.6666666666666666
    """

    def words(text: str) -> list[str]:
        plain = text.lower().translate(str.maketrans("", "", string.punctuation))
        return [word for word in plain.split() if word not in ("a", "an", "the")]

    one, other = words(truth), words(found)
    if not one or not other:
        return float(one == other)
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))
