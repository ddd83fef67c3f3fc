"""Checks of what `WordVectors` is given, with messages that name the word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.data.finite import NotFinite, first_not_finite
from unlabeled.data.text.indexing.vocabulary import check_words
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.words.lookup.nearest_words import AnalogyMethod
from unlabeled.setting_checks import check_whole_number

OOV = Literal["raise", "zero", "skip"] | Callable[[str], ArrayLike]


def checked_index(words: Sequence[str]) -> dict[str, int]:
    """Give the row of each word; refuse what is no word, or occurs twice."""
    check_words(words)
    index = {word: row for row, word in enumerate(words)}
    if len(index) < len(words):
        twice = next(word for row, word in enumerate(words) if index[word] != row)
        raise UnlabeledError(f"the word {twice!r} occurs more than once; each word has one vector")
    return index


def checked_vectors(vectors: ArrayLike, words: Sequence[str]) -> NDArray[Any]:
    """Give the vectors as a read-only table of finite float32 or float16 numbers, copied only if they are neither."""
    table = vectors if isinstance(vectors, np.memmap) else np.asarray(vectors)
    if table.dtype not in (np.float32, np.float16):
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
            table = table.astype(np.float32)
    if table.ndim != 2 or table.size == 0 or len(table) != len(words):
        raise UnlabeledError(
            f"vectors must be a table with a row for each of the {len(words):,} words, and at least one word and one "
            f"column; the shape is {table.shape}"
        )
    if not isinstance(table, np.memmap):
        refuse(first_not_finite(table), words)
    return read_only(table)


def checked_counts(counts: ArrayLike, words: int) -> NDArray[np.int64]:
    """Give the counts as a read-only array, one a word."""
    array = np.asarray(counts)
    if array.shape != (words,) or array.dtype.kind not in "iu" or array.min() < 0:
        raise UnlabeledError(f"counts must be one integer from 0 up for each of the {words:,} words")
    return read_only(array.astype(np.int64, copy=False))


def checked_policy(oov: OOV) -> OOV:
    """Give the policy for unknown words, if there is such a one."""
    known = ["raise", "zero", "skip"]
    if not callable(oov) and oov not in known:
        raise unknown_name("policy for unknown words (oov)", str(oov), known)
    return oov


def check_method(method: str) -> None:
    """Refuse a way to solve analogies that does not exist."""
    if method not in get_args(AnalogyMethod):
        raise unknown_name("method of analogies", method, get_args(AnalogyMethod))


def check_k(k: int) -> None:
    """Refuse to look for less than one word."""
    check_whole_number("k", k)


def check_restrict(restrict: int | None) -> None:
    """Refuse to look among less than one word."""
    if restrict is not None:
        check_whole_number("restrict", restrict)


def refuse(found: NotFinite | None, words: Sequence[str]) -> None:
    """Name the first word whose vector is wrong, if one is."""
    if found is not None:
        raise UnlabeledError(f"the vector of {words[found.row]!r} holds NaN, infinity or too large a number")


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Give a view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
