"""Cutting text into words: the two built-in ways, written down once as a table of what every character is.

The table serves both the compiled tokenizer, which reads bytes, and the regular expression, which reads a string, so
the two cannot disagree about a character.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError, unknown_name

Tokenizer = Callable[[str], Iterable[str]]

SEPARATOR, LETTER, JOINER, BREAK, NUL = range(5)

BUILT_IN = ("words", "whitespace")

# All letters, marks and numbers are in these planes: beyond lie private use and, in plane 14, variation selectors.
_ASSIGNED = (range(0x40000), range(0xE0100, 0xE01F0))
_APOSTROPHES = "'\u2019"
_NO_BREAK_JOINERS = "\u200c\u200d"  # the zero-width joiners stand inside words of Persian and of Indic scripts


def tokenize(text: str, tokenizer: str | Tokenizer | None = None) -> list[str]:
    """Cut one text into words, as `Corpus.encode` does.

    Parameters
    ----------
    text : str
    tokenizer : {"words", "whitespace"} or callable, default "words"
        ``"words"``: runs of letters, their marks, digits and underscores, lower-cased; an apostrophe between two of
        them belongs to the word. ``"whitespace"``: what stands between white space, as `str.split` does. A callable
        gets the text and gives a list of strings.

    Examples
    --------
    >>> tokenize("Don't panic: it's Zoë's 2nd e-mail!")
    ["don't", 'panic', "it's", "zoë's", '2nd', 'e', 'mail']
    >>> tokenize("Don't panic: it's", "whitespace")
    ["Don't", 'panic:', "it's"]
    """
    tokenizer = checked_tokenizer(tokenizer)
    if callable(tokenizer):
        return list(tokenizer(text))
    if tokenizer == "whitespace":
        return text.split()
    return [word.lower() for word in _word_pattern().findall(text)]


def checked_tokenizer(tokenizer: str | Tokenizer | None) -> str | Tokenizer:
    """Give the tokenizer, or "words" for None; refuse what is none."""
    if tokenizer is None:
        return "words"
    if isinstance(tokenizer, str):
        if tokenizer not in BUILT_IN:
            raise unknown_name("tokenizer", tokenizer, BUILT_IN)
    elif not callable(tokenizer):
        raise UnlabeledError(f"a tokenizer is one of {', '.join(BUILT_IN)} or a callable, not {tokenizer!r:.60}")
    return tokenizer


@cache
def kinds_of_characters(tokenizer: str) -> NDArray[np.uint8]:
    """Say what each of Unicode's characters is to a built-in tokenizer: one byte for each code point."""
    kinds = np.full(sys.maxunicode + 1, LETTER if tokenizer == "whitespace" else SEPARATOR, dtype=np.uint8)
    if tokenizer == "whitespace":
        kinds[[code for code in range(0x3001) if chr(code).isspace()]] = SEPARATOR
    else:
        kinds[[code for span in _ASSIGNED for code in span if _in_word(chr(code))]] = LETTER
        kinds[[ord(character) for character in _APOSTROPHES]] = JOINER
    kinds[ord("\n")] = BREAK
    kinds[0] = NUL
    kinds.flags.writeable = False
    return kinds


def _in_word(character: str) -> bool:
    # Python's \w leaves out combining marks, which would cut words of many scripts to pieces.
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "Pc" or character in _NO_BREAK_JOINERS


@cache
def _word_pattern() -> re.Pattern[str]:
    letters = "".join(_ranges(kinds_of_characters("words") == LETTER))
    return re.compile(f"[{letters}]+(?:[{_APOSTROPHES}][{letters}]+)*")


def _ranges(chosen: NDArray[np.bool_]) -> Iterator[str]:
    """Write a set of characters as the ranges of a regular expression."""
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield f"{re.escape(chr(first))}-{re.escape(chr(end - 1))}"
