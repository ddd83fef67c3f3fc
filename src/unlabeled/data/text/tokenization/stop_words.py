"""Stop words: the commonest words of a language, which say nothing of what a text is about."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence

from unlabeled.errors import UnlabeledError, unknown_name

LANGUAGES = {
    "arabic": "ar",
    "chinese": "zh",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "norwegian": "no",
    "persian": "fa",
    "polish": "pl",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "spanish": "es",
    "swedish": "sv",
    "thai": "th",
    "turkish": "tr",
    "ukrainian": "uk",
    "vietnamese": "vi",
}


def stop_words(chosen: str | Sequence[str] | None, tokenize: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """Give the words to leave out, spelt as a tokenizer gives them.

    Parameters
    ----------
    chosen : str, sequence of str or None
        A language, by its English name or its code of ISO 639-1: English is scikit-learn's list with contractions
        such as "don't"; the others come from the package ``stopwordsiso``. Or the words themselves. None gives none.
    tokenize : callable
        From a text to its words. A word that it cuts into several cannot be left out: a warning names it.

    Examples
    --------
    >>> sorted(stop_words(["The", "AND"], lambda text: text.lower().split()))
    ['and', 'the']
    """
    if chosen is None:
        return frozenset()
    if not isinstance(chosen, Iterable):
        raise UnlabeledError(f"stop_words is a language, a list of words or None, not {chosen!r:.60}")
    listed = _of_language(chosen) if isinstance(chosen, str) else list(chosen)
    found: set[str] = set()
    cut: list[str] = []
    for word in listed:
        if not isinstance(word, str):
            raise UnlabeledError(f"stop words are strings, got {word!r:.60}")
        words = list(tokenize(word))
        found.update(words if len(words) == 1 else ())
        if len(words) > 1:
            cut.append(f"{word!r} ({' '.join(words)})")
    if cut and not isinstance(chosen, str):
        warnings.warn(
            f"{len(cut)} of the stop words cannot be left out, because the tokenizer cuts them: {', '.join(cut[:3])}"
            f"{', ...' * (len(cut) > 3)}; give their parts, or a tokenizer that keeps them whole",
            stacklevel=3,
        )
    return frozenset(found | {word.replace("'", "\u2019") for word in found})


def _of_language(name: str) -> list[str]:
    import stopwordsiso

    code = LANGUAGES.get(name.lower(), name.lower())
    if code == "en":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        contractions = (word for word in stopwordsiso.stopwords("en") if "'" in word.strip("'"))
        return sorted({*ENGLISH_STOP_WORDS, *contractions})
    if not stopwordsiso.has_lang(code):
        raise unknown_name("language of stop words", name, [*LANGUAGES, *stopwordsiso.langs()])
    return sorted(stopwordsiso.stopwords(code))
