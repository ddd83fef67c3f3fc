"""Cutting text into words: the built-in ways.

A tokenizer works in two steps. The first finds runs: letters, marks, digits, emoji and what joins them, up to the next
space or punctuation. The compiled tokenizer finds them in bytes, a regular expression in a string; both read one table
of what every character is. The second step makes words of a run. It is done once for each different run.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.tokenization.segmenters import SEGMENTERS, Segment, segmenter
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.kernels.text.character_kinds import BREAK, JOINER, LETTER, NUL, SEPARATOR

Tokenizer = Callable[[str], Iterable[str]]

RULES = 2  # changes whenever a built-in tokenizer cuts a text otherwise than before: caches of encoded text name it

BUILT_IN = ("words", "whitespace", *SEGMENTERS)

# All letters, marks and numbers are in these planes: beyond lie private use, tags, and variation selectors.
_ASSIGNED = (range(0x40000), range(0xE0020, 0xE0080), range(0xE0100, 0xE01F0))
_APOSTROPHES = "'\u2019"
_NON_JOINER, _ZERO_WIDTH_JOINER = "\u200c\u200d"  # they stand inside words of Persian and of Indic scripts
_VIRAMA = 9  # the combining class of signs after which a joiner at the end of a word shapes its last letter

# Unicode calls these "default ignorable": soft hyphen, marks of direction, word joiner, byte order mark.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")

# Pictures that are words by themselves: faces, things, flags, and the symbols and dingbats before there were emoji.
_PICTURES = (
    "\u231a\u231b\u23e9-\u23fa\u2600-\u26ff\u2701-\u275a\u2761-\u2767\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50"
    "\u2b55\U0001f000-\U0001faff"
)
# Arrows, shapes and signs that are pictures only where a variation selector asks for one.
_SIGNS = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2194-\u2199\u21a9\u21aa\u2328\u23cf\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe"
    "\u27a1\u2934\u2935\u2b05-\u2b07\u3030\u303d\u3297\u3299"
)
_PICTURE_SELECTOR, _KEYCAP = "\ufe0f", "\u20e3"
_SKINS, _FLAG_LETTERS, _TAGS = "\U0001f3fb-\U0001f3ff", "\U0001f1e6-\U0001f1ff", "\U000e0020-\U000e007f"

# Scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana and Chinese characters.
_UNSPACED = (
    "\u0e00-\u0e4f\u0e5a-\u0e7f\u0e80-\u0ecf\u0eda-\u0eff\u1000-\u103f\u104a-\u108f\u109a-\u109f\u1780-\u17df"
    "\u3005-\u3007\u303b\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)


@dataclass(frozen=True)
class LostTokenizer:
    """Stands for a tokenizer of the user's own in a model that was loaded: no file holds one.

    Parameters
    ----------
    name : str
        What it was called.
    """

    name: str

    @classmethod
    def of(cls, saved: str | None) -> LostTokenizer | str | None:
        """Give the tokenizer of a saved name, if it is a built-in one."""
        return saved if saved is None or saved in BUILT_IN else cls(str(saved))

    def __str__(self) -> str:
        return self.name

    def __call__(self, text: str) -> list[str]:
        """Refuse to cut: another tokenizer would give other words."""
        raise UnlabeledError(
            f"this model has words that a tokenizer of your own cut, {self.name}, which is not saved; "
            "give it again by set_params(tokenizer=...)"
        )


def tokenize(text: str, tokenizer: str | Tokenizer | None = None) -> list[str]:
    """Cut one text into words, as `Corpus.encode` and `Documents.count` do.

    Parameters
    ----------
    text : str
    tokenizer : {"words", "whitespace", "jieba", "fugashi", "pythainlp"} or callable, default "words"
        ``"words"``: runs of letters, their marks, digits and underscores, in lower case and in Unicode's form NFC; an
        apostrophe between two of them belongs to the word. An emoji is a word. Soft hyphens and other invisible
        characters vanish. Scripts without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) become
        overlapping pairs of characters. ``"jieba"``, ``"fugashi"`` and ``"pythainlp"`` do the same, but cut Chinese,
        Japanese or Thai into words by the package of that name. ``"whitespace"``: what stands between white space, as
        `str.split` does. A callable gets the text and gives a list of strings.

    Examples
    --------
    >>> tokenize("Don't panic: it's Zoë's 2nd e-mail!")
    ["don't", 'panic', "it's", "zoë's", '2nd', 'e', 'mail']
    >>> tokenize("Don't panic: it's", "whitespace")
    ["Don't", 'panic:', "it's"]
    >>> tokenize("我喜欢你 👍🏽")
    ['我喜', '喜欢', '欢你', '👍🏽']
    """
    tokenizer = checked_tokenizer(tokenizer)
    if callable(tokenizer):
        return list(tokenizer(text))
    if tokenizer == "whitespace":
        return text.split()
    split = run_splitter(tokenizer)
    return [word for run in _run_pattern().findall(text) for word in split(run)]


def checked_tokenizer(tokenizer: str | Tokenizer | None) -> str | Tokenizer:
    """Give the tokenizer, or "words" for None; refuse what is none, or needs a package that is not installed."""
    if tokenizer is None:
        return "words"
    if isinstance(tokenizer, str):
        if tokenizer not in BUILT_IN:
            raise unknown_name("tokenizer", tokenizer, BUILT_IN)
        if tokenizer in SEGMENTERS:
            segmenter(tokenizer)
    elif not callable(tokenizer):
        raise UnlabeledError(f"a tokenizer is one of {', '.join(BUILT_IN)} or a callable, not {tokenizer!r:.60}")
    return tokenizer


def run_splitter(tokenizer: str) -> Callable[[str], list[str]]:
    """Give the second step of a built-in tokenizer: from a run to its words, of which there may be none."""
    if tokenizer == "whitespace":
        return lambda run: [run]
    name, segment = segmenter(tokenizer) if tokenizer in SEGMENTERS else ("", character_pairs)

    def split(run: str) -> list[str]:
        if run.isascii():
            return [run.lower()] if run.strip("_'") else []
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", run).lower())
        if not _several_pattern().search(text):
            return _one_word(text)
        found: list[str] = []
        for piece in _piece_pattern().finditer(text):
            part = piece.group()
            if piece.lastgroup == "emoji":
                found.append(part)
            elif piece.lastgroup == "unspaced":
                found += _segmented(part, name, segment)
            else:
                found += _one_word(part)
        return found

    return split


def is_unspaced(character: str) -> bool:
    """Say whether a character is of a script without spaces between words."""
    return re.match(f"[{_UNSPACED}]", character) is not None


def character_pairs(text: str) -> list[str]:
    """Give the overlapping pairs of characters of a text without spaces, each with its marks.

    Examples
    --------
    >>> character_pairs("深度学习")
    ['深度', '度学', '学习']
    """
    characters = re.findall(rf".{_marks()}*", text)
    return [a + b for a, b in pairwise(characters)] or characters


def _segmented(text: str, name: str, segment: Segment) -> list[str]:
    """Cut a text of scripts without spaces; the parts that the segmenter does not know become pairs of characters."""
    if not name:
        return character_pairs(text)
    found: list[str] = []
    for part in re.finditer(f"(?P<known>[{SEGMENTERS[name].script}]+)|[^{SEGMENTERS[name].script}]+", text):
        cut = segment(part.group()) if part.lastgroup else character_pairs(part.group())
        found += [word for word in cut if word.strip()]
    return found


def _one_word(text: str) -> list[str]:
    """Take off marks and joiners that belong to no letter; give no word if there is neither letter nor digit."""
    if not any(unicodedata.category(character)[0] in "LN" for character in text):
        return []
    text = text.strip(_NON_JOINER)
    text = text[next(place for place, character in enumerate(text) if not _is_mark(character)) :]
    if text.endswith(_ZERO_WIDTH_JOINER) and unicodedata.combining(text[-2:-1] or " ") != _VIRAMA:
        text = text.rstrip(_ZERO_WIDTH_JOINER)
    return [text]


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or character == _ZERO_WIDTH_JOINER


@cache
def kinds_of_characters(tokenizer: str) -> NDArray[np.uint8]:
    """Say what each of Unicode's characters is to the first step of a built-in tokenizer: one byte a code point."""
    kinds = np.full(sys.maxunicode + 1, LETTER if tokenizer == "whitespace" else SEPARATOR, dtype=np.uint8)
    if tokenizer == "whitespace":
        kinds[[code for code in range(0x3001) if chr(code).isspace()]] = SEPARATOR
    else:
        kinds[[code for span in _ASSIGNED for code in span if _in_run(chr(code))]] = LETTER
        kinds[[ord(character) for character in _APOSTROPHES]] = JOINER
    kinds[ord("\n")] = BREAK
    kinds[0] = NUL
    kinds.flags.writeable = False
    return kinds


def _in_run(character: str) -> bool:
    # Python's \w leaves out combining marks, which would cut words of many scripts to pieces.
    category = unicodedata.category(character)
    if category[0] in "LMN" or category == "Pc" or character in (_NON_JOINER, _ZERO_WIDTH_JOINER):
        return True
    return _IN_EMOJI.match(character) is not None or _INVISIBLE.match(character) is not None


_IN_EMOJI = re.compile(f"[{_PICTURES}{_SIGNS}{_TAGS}]")


@cache
def _run_pattern() -> re.Pattern[str]:
    letters = "".join(_ranges(kinds_of_characters("words") == LETTER))
    return re.compile(f"[{letters}]+(?:[{_APOSTROPHES}][{letters}]+)*")


@cache
def _several_pattern() -> re.Pattern[str]:
    """Find what makes more than one word of a run, or another than the run."""
    return re.compile(f"[{_PICTURES}{_SIGNS}{_TAGS}{_UNSPACED}{_KEYCAP}]")


@cache
def _piece_pattern() -> re.Pattern[str]:
    """Cut a run into emoji, stretches of scripts without spaces, and words."""
    picture = f"(?:[{_PICTURES}]|[{_SIGNS}](?={_PICTURE_SELECTOR}))"
    dressed = f"[\ufe0e{_PICTURE_SELECTOR}{_SKINS}{_TAGS}]*"
    joined = f"(?:{_ZERO_WIDTH_JOINER}[{_PICTURES}{_SIGNS}]{dressed})*"
    emoji = f"[{_FLAG_LETTERS}]{{2}}|[0-9]{_PICTURE_SELECTOR}?{_KEYCAP}|{picture}{dressed}{joined}"
    kinds = kinds_of_characters("words") == LETTER
    others = re.compile(f"[{_PICTURES}{_SIGNS}{_TAGS}{_UNSPACED}]")
    kinds[[code for code in np.flatnonzero(kinds).tolist() if others.match(chr(code))]] = False
    letters = "".join(_ranges(kinds))
    unspaced = f"(?:[{_UNSPACED}]{_marks()}*)+"
    word = f"[{letters}]+(?:[{_APOSTROPHES}][{letters}]+)*"
    return re.compile(f"(?P<emoji>{emoji})|(?P<unspaced>{unspaced})|(?P<word>{word})")


@cache
def _marks() -> str:
    """Write the class of combining marks as a regular expression."""
    marks = np.zeros(sys.maxunicode + 1, bool)
    marks[[code for span in _ASSIGNED for code in span if _is_mark(chr(code))]] = True
    return f"[{''.join(_ranges(marks))}]"


def _ranges(chosen: NDArray[np.bool_]) -> Iterator[str]:
    """Write a set of characters as the ranges of a regular expression."""
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield f"{re.escape(chr(first))}-{re.escape(chr(end - 1))}"
