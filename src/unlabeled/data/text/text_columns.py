"""Columns of texts: which columns of a table hold them, and what else the table says about its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unlabeled.data.tabular.columns import ID_COLUMNS, LABEL_COLUMNS, find_column
from unlabeled.data.text.documents import TEXT_COLUMNS, open_table
from unlabeled.data.text.json_lines import LINES_OF_JSON, read_json_lines
from unlabeled.errors import UnlabeledError, nearest_name

PAIR_COLUMNS = (
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("text1", "text2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("anchor", "positive"),
    ("first", "second"),
)
THIRD_COLUMNS = ("negative", "third")
SCORE_COLUMNS = ("score", "similarity", "relatedness")


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
    """

    texts: tuple[list[str], ...]
    ids: list[str]
    labels: list[Any] | None = None
    scores: list[float] | None = field(default=None)


def read_columns(path: Path) -> dict[str, list[Any]]:
    """Read a table, all of it, as lists.

    Raises
    ------
    UnlabeledError
        If it cannot be read, or has no rows.
    """
    if path.suffix.lower() in LINES_OF_JSON:
        columns = read_json_lines(path)
    elif path.suffix.lower() == ".parquet":
        from unlabeled.data.tabular.parquet import read_parquet  # here, for CSV needs no parquet

        columns = read_parquet(path).to_pydict()
    else:
        columns = open_table(path).to_pydict()
    if not columns or not next(iter(columns.values())):
        raise UnlabeledError(f"there are no texts: {path} has no rows")
    return columns


def chosen_columns(columns: dict[str, list[Any]], name: str, column: str | Sequence[str] | None) -> TextColumns:
    """Take the texts out of a table.

    Parameters
    ----------
    columns : dict of lists
    name : str
        What to call the table in messages.
    column : str or sequence of str, optional
        The column of texts, or two or three for pairs and triples. By default the one called ``text`` or the like,
        the two called ``sentence1`` and ``sentence2`` or the like, or the only one that holds strings.

    Raises
    ------
    UnlabeledError
        If the columns are not there (the nearest name is suggested), not clear, or hold no text.
    """
    names = list(columns)
    described = {names[i] for wanted in (ID_COLUMNS, LABEL_COLUMNS) if (i := find_column(names, wanted)) is not None}
    if column is None:
        chosen = _text_columns_of(columns, described, name)
    else:
        chosen = [column] if isinstance(column, str) else list(column)
        for wanted in chosen:
            if wanted not in columns:
                hint = nearest_name(wanted, names) or "."
                raise UnlabeledError(f"there is no column {wanted!r} in {name}{hint} Its columns: {', '.join(names)}")
    texts = tuple(as_texts(columns[wanted], f"column {wanted!r} of {name}") for wanted in chosen)
    rest = [wanted for wanted in names if wanted not in chosen]
    identity, label, score = (find_column(rest, wanted) for wanted in (ID_COLUMNS, LABEL_COLUMNS, SCORE_COLUMNS))
    return TextColumns(
        texts,
        [str(i) for i in range(len(texts[0]))] if identity is None else [str(v) for v in columns[rest[identity]]],
        None if label is None else columns[rest[label]],
        None if score is None else _numbers(columns[rest[score]]),
    )


def _text_columns_of(columns: dict[str, list[Any]], described: set[str], name: str) -> list[str]:
    strings = [key for key, values in columns.items() if any(isinstance(value, str) for value in values)]
    found = find_column(strings, TEXT_COLUMNS)
    if found is not None:
        return [strings[found]]
    for pair in PAIR_COLUMNS:
        places = [find_column(strings, (wanted,)) for wanted in pair]
        if None not in places:
            third = find_column(strings, THIRD_COLUMNS)
            return [strings[place] for place in (*places, third) if place is not None]
    others = [key for key in strings if key not in described]
    if len(others) == 1:
        return others
    raise UnlabeledError(
        f"it is not clear which column of {name} holds the texts; its columns are {', '.join(columns)}. "
        "Choose one: column=..., on the command line --column"
    )


def as_texts(values: Sequence[Any], name: str) -> list[str]:
    """Check that values are texts; a missing one becomes the empty text.

    Raises
    ------
    UnlabeledError
        If one is a number, bytes or anything else.
    """
    texts = []
    for place, value in enumerate(values):
        if isinstance(value, str):
            texts.append(value)
        elif value is None or (isinstance(value, float) and math.isnan(value)):
            texts.append("")
        else:
            raise UnlabeledError(f"{name} holds {value!r:.60} in row {place}, where a text belongs")
    return texts


def _numbers(values: list[Any]) -> list[float] | None:
    """Give scores as numbers; a column of something else holds no scores."""
    try:
        return [math.nan if value is None or value == "" else float(value) for value in values]
    except (TypeError, ValueError):
        return None
