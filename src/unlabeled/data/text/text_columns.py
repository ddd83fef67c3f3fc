"""Columns of texts: which columns of a table hold them, and what else the table says about its rows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unlabeled.data.classes import is_missing
from unlabeled.data.tabular.columns import ID_COLUMNS, LABEL_COLUMNS, find_column
from unlabeled.data.tabular.tables import row_names
from unlabeled.data.text.text_tables import read_columns
from unlabeled.errors import UnlabeledError, nearest_name

TEXT_COLUMNS = ("text", "document", "content", "body", "abstract", "review", "message", "sentence")
PAIR_COLUMNS = (
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("sentence_a", "sentence_b"),
    ("text1", "text2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("anchor", "positive"),
    ("first", "second"),
)
THIRD_COLUMNS = ("negative", "third")
SCORE_COLUMNS = ("score", "similarity", "relatedness", "similarity_score", "relatedness_score")
GROUP_COLUMNS = ("group", "subset", "genre", "dataset")

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class TextColumns:
    """One, two or three texts a row, and what is known of the row.

    Attributes
    ----------
    texts : tuple of lists of str
        One list of texts, or two or three of the same length.
    ids : list of str
    labels : list, optional
        A class a row, as found; None, −1 and the empty cell mean unlabelled.
    scores : list of float, optional
        NaN where there is none.
    groups : list of str, optional
        The part of a collection that a pair is from.
    """

    texts: tuple[list[str], ...]
    ids: list[str]
    labels: list[Any] | None = None
    scores: list[float] | None = field(default=None)
    groups: list[str] | None = None


def read_text_columns(path: Path, column: str | Sequence[str] | None = None, *, pairs: bool = True) -> TextColumns:
    """Read the texts of a table in a file, and what it says about its rows; see `chosen_columns`."""
    asked = [] if column is None else [column] if isinstance(column, str) else list(column)
    columns = read_columns(path, [*asked, *TEXT_COLUMNS, *ID_COLUMNS, *LABEL_COLUMNS, *SCORE_COLUMNS, *GROUP_COLUMNS])
    return chosen_columns(columns, str(path), column, pairs=pairs)


def chosen_columns(
    columns: dict[str, list[Any]], name: str, column: str | Sequence[str] | None, *, pairs: bool = True
) -> TextColumns:
    """Take the texts out of a table.

    Parameters
    ----------
    columns : dict of lists
    name : str
        What to call the table in messages.
    column : str or sequence of str, optional
        The column of texts, or two or three for pairs and triples. By default the one called ``text`` or the like,
        the two called ``sentence1`` and ``sentence2`` or the like, or the only one that holds strings.
    pairs : bool, default True
        Whether two or three columns may be taken where none was asked for.

    Raises
    ------
    UnlabeledError
        If the columns are not there (the nearest name is suggested), not clear, or hold no text.
    """
    names = list(columns)
    described = {names[i] for wanted in (ID_COLUMNS, LABEL_COLUMNS) if (i := find_column(names, wanted)) is not None}
    if column is None:
        chosen = _text_columns_of(columns, described, name, pairs)
    else:
        chosen = [column] if isinstance(column, str) else list(column)
        for wanted in chosen:
            if wanted not in columns:
                hint = nearest_name(wanted, names) or "."
                raise UnlabeledError(f"there is no column {wanted!r} in {name}{hint} {_told(_strings(columns))}")
    texts = tuple(as_texts(columns[wanted], f"column {wanted!r} of {name}") for wanted in chosen)
    rest = [wanted for wanted in names if wanted not in chosen]
    identity, label, score, group = (
        find_column(rest, wanted) for wanted in (ID_COLUMNS, LABEL_COLUMNS, SCORE_COLUMNS, GROUP_COLUMNS)
    )
    return TextColumns(
        texts,
        [str(i) for i in range(len(texts[0]))] if identity is None else row_names(columns[rest[identity]]),
        None if label is None else columns[rest[label]],
        None if score is None else _numbers(columns[rest[score]]),
        None if group is None else ["" if is_missing(value) else str(value) for value in columns[rest[group]]],
    )


def _text_columns_of(columns: dict[str, list[Any]], described: set[str], name: str, pairs: bool) -> list[str]:
    strings = _strings(columns)
    found = find_column(strings, TEXT_COLUMNS)
    if found is not None:
        return [strings[found]]
    for pair in PAIR_COLUMNS if pairs else ():
        places = [find_column(strings, (wanted,)) for wanted in pair]
        if None not in places:
            third = find_column(strings, THIRD_COLUMNS)
            return [strings[place] for place in (*places, third) if place is not None]
    others = [key for key in strings if key not in described]
    if len(others) == 1:
        return others
    raise UnlabeledError(
        f"it is not clear which column of {name} holds the texts. {_told(strings)}. Choose one with column=..."
    )


def _strings(columns: dict[str, list[Any]]) -> list[str]:
    return [key for key, values in columns.items() if any(isinstance(value, str) for value in values)]


def _told(strings: list[str]) -> str:
    return f"Its columns of text: {', '.join(strings) or 'none'}"


def as_texts(values: Sequence[Any], name: str) -> list[str]:
    """Check that values are texts; a missing one becomes the empty text, and half a character U+FFFD.

    Raises
    ------
    UnlabeledError
        If one is a number, bytes or anything else.
    """
    texts = []
    for place, value in enumerate(values):
        if isinstance(value, str):
            texts.append(whole_characters(value))
        elif getattr(value, "ndim", 0) == 0 and is_missing(value):
            texts.append("")
        else:
            raise UnlabeledError(f"{name} holds {value!r:.60} in row {place}, where a text belongs")
    return texts


def first_given(items: Iterable[Any]) -> Any:
    """Give the first item that is not missing, or None; pictures and arrays are not compared to find that out.

    Examples
    --------
    >>> first_given([None, float("nan"), "a", "b"])
    'a'
    """
    given = (item for item in items if hasattr(item, "getbbox") or getattr(item, "ndim", 0) > 0 or not is_missing(item))
    return next(given, None)


def whole_characters(text: str) -> str:
    """Put U+FFFD in place of a surrogate without its other half, which JSON and the names of files can hold.

    Examples
    --------
    >>> print(ascii(whole_characters("caf\\udce9")))
    'caf\\ufffd'
    """
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _numbers(values: list[Any]) -> list[float] | None:
    """Give scores as numbers; a column of something else holds no scores."""
    try:
        return [math.nan if value is None or value == "" else float(value) for value in values]
    except (TypeError, ValueError):
        return None
