"""Segmenters: packages that cut the scripts without spaces into words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from unlabeled.errors import require

Segment = Callable[[str], list[str]]

_KANA = "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HAN = "\u3005-\u3007\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"


@dataclass(frozen=True)
class Segmenter:
    """A package that segments one language.

    Parameters
    ----------
    script : str
        The characters it knows, as in a regular expression's brackets.
    extra : str
        What installs it: ``pip install 'unlabeled[extra]'``.
    make : callable
        Loads the package, and gives the function that cuts a text into words.
    """

    script: str
    extra: str
    make: Callable[[str], Segment]


def _jieba(extra: str) -> Segment:
    import logging
    import warnings

    with warnings.catch_warnings():  # its source has escapes that newer versions of Python warn of
        warnings.simplefilter("ignore")
        jieba = require("jieba", extra)
    jieba.setLogLevel(logging.WARNING)
    cut: Segment = jieba.lcut
    return cut


def _fugashi(extra: str) -> Segment:
    fugashi = require("fugashi", extra)
    require("unidic_lite", extra)
    tagger = fugashi.Tagger()
    return lambda text: [word.surface for word in tagger(text)]


def _pythainlp(extra: str) -> Segment:
    tokenize = require("pythainlp.tokenize", extra)
    return lambda text: list(tokenize.word_tokenize(text, keep_whitespace=False))


SEGMENTERS = {
    "jieba": Segmenter(_HAN, "chinese", _jieba),
    "fugashi": Segmenter(_HAN + _KANA, "japanese", _fugashi),
    "pythainlp": Segmenter("\u0e00-\u0e7f", "thai", _pythainlp),
}


@cache
def segmenter(name: str) -> tuple[str, Segment]:
    """Load a segmenter once; give its name and its function.

    Raises
    ------
    MissingExtraError
        If the package is not installed; the message says how to install it.
    """
    chosen = SEGMENTERS[name]
    return name, chosen.make(chosen.extra)
