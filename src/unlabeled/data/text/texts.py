"""Texts that wait to be learnt from: read from wherever they are, one, two or three an instance."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.labels import labels_of
from unlabeled.data.paths import existing
from unlabeled.data.tabular.tables import column_names, listed
from unlabeled.data.text.document_texts import read_texts
from unlabeled.data.text.text_columns import TextColumns, as_texts, chosen_columns, first_given, read_text_columns
from unlabeled.data.text.text_files import refuse_names_of_files
from unlabeled.data.text.text_tables import TABLES_OF_TEXT
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokenized import TokenizedTexts
from unlabeled.errors import UnlabeledError, unknown_name

Unit = Literal["line", "paragraph", "file"]


class Texts:
    """A collection of texts, or of pairs or triples of texts.

    Parameters
    ----------
    source : path, list, data frame, series or dataset
        A folder, whose text files are one text each; a ``.csv``, ``.tsv``, ``.parquet`` or ``.jsonl`` table, one text a
        row; a text file, see `unit`; a list of strings, of pairs or of triples of strings; a list of `pathlib.Path`,
        one text each; a pandas column or frame; a Hugging Face dataset. Bytes that are not UTF-8 become U+FFFD, and a
        missing value the empty text.
    column : str or sequence of str, optional
        Which columns of a table hold the texts, see `chosen_columns`.
    unit : {"line", "paragraph", "file"}, default "line"
        What is one text in a text file: a line that is not blank, what stands between blank lines, or all of it.
    labels : path, LabelTable or sequence of length n, optional
        Labels in place of the source's own, as in `Images`.

    Attributes
    ----------
    columns : tuple of lists of str
        The texts: one list, or for pairs and triples two or three.
    ids : list of str
    labels : ndarray of int64 or None
        Class numbers; −1 is unlabelled.
    classes : list of str or None
    scores : ndarray of float64 or None
        What a table says about the likeness of its pairs.
    groups : list of str or None
        What a table says about the part of a collection that each pair is from.

    Raises
    ------
    UnlabeledError
        If there is no text, or something else where texts belong.

    Examples
    --------
    >>> Texts(["A dog barks.", "It rains."])
    Texts(2 from the list)
    >>> Texts([("A dog barks.", "A dog is loud."), ("It rains.", "It is wet.")]).width
    2
    """

    kind: ClassVar[str] = "text"

    def __init__(
        self,
        source: Any,
        *,
        column: str | Sequence[str] | None = None,
        unit: Unit = "line",
        labels: Any = None,
    ) -> None:
        if unit not in ("line", "paragraph", "file"):
            raise unknown_name("unit", unit, ["line", "paragraph", "file"])
        self.source = str(source) if isinstance(source, (str, os.PathLike)) else f"the {type(source).__name__}"
        if unit != "line" and not is_text_file(source):
            raise UnlabeledError(f"unit={unit!r} is for text files, and {self.source} is none; leave it out")
        found = _read(source, column, unit, self.source)
        self.columns, self.ids = found.texts, found.ids
        if not self.ids:
            raise UnlabeledError(f"there are no texts in {self.source}")
        given = found.labels if labels is None else labels
        self.labels: NDArray[np.int64] | None
        self.classes: list[str] | None
        self.labels, self.classes = (None, None) if given is None else labels_of(given, self.ids)
        self.scores = None if found.scores is None else np.array(found.scores, dtype=np.float64)
        self.groups = found.groups

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        what = {1: "", 2: " pairs", 3: " triples"}[self.width]
        return f"Texts({len(self):,}{what} from {self.source})"

    @property
    def width(self) -> int:
        """How many texts an instance has: 1, 2 or 3."""
        return len(self.columns)

    @property
    def texts(self) -> list[str]:
        """The texts; of pairs and triples the first ones."""
        return self.columns[0]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all texts."""
        return fingerprint(text for row in zip(*self.columns, strict=True) for text in row)

    def train_tokenizer(self, kind: Literal["wordpiece", "bpe", "characters"], size: int) -> SubwordTokenizer:
        """Learn a vocabulary from these texts, see `SubwordTokenizer.train`."""
        return SubwordTokenizer.train((text for column in self.columns for text in column), kind=kind, size=size)

    def tokenize(self, tokenizer: SubwordTokenizer, length: int) -> TokenizedTexts:
        """Cut the texts into tokens, ready for learning.

        Parameters
        ----------
        tokenizer : SubwordTokenizer
        length : int
            Most tokens of a text that a network is shown, special tokens included; what is beyond is cut off.
        """
        return TokenizedTexts(self.columns, tokenizer, length, self.ids, self.labels, self.classes)

    def part(self, rows: Sequence[int] | NDArray[np.integer]) -> Texts:
        """Give some of the texts, with their ids and labels."""
        chosen = object.__new__(Texts)
        places = [int(row) for row in rows]
        chosen.source = self.source
        chosen.columns = tuple([column[place] for place in places] for column in self.columns)
        chosen.ids = [self.ids[place] for place in places]
        chosen.labels = None if self.labels is None else self.labels[places]
        chosen.classes = self.classes
        chosen.scores = None if self.scores is None else self.scores[places]
        chosen.groups = None if self.groups is None else [self.groups[place] for place in places]
        return chosen


def is_text_file(source: Any) -> bool:
    """Tell a file of plain text, which may hold several texts, from tables, folders and what is no file."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    # Path.is_dir fails where a name has too many characters.
    return Path(source).suffix.lower() not in TABLES_OF_TEXT and not os.path.isdir(source)  # noqa: PTH112


def _read(source: Any, column: str | Sequence[str] | None, unit: Unit, name: str) -> TextColumns:
    if isinstance(source, (str, os.PathLike)):
        path = existing(os.fspath(source)) if _may_be_path(source) else None
        if path is None:
            raise UnlabeledError(
                f"a string is taken for the path of a file, and {str(source)[:40]!r}... cannot be one; for text in "
                "memory, give a list of strings: [text]"
            )
        if path.is_file() and path.suffix.lower() in TABLES_OF_TEXT:
            return read_text_columns(path, column)
        if column is not None:
            raise UnlabeledError(f"column={column!r} is for tables ({', '.join(TABLES_OF_TEXT)}), and {path} is none")
        if path.is_file() and unit != "line":
            return _whole(path, unit)
        texts, ids = read_texts(path)
        return TextColumns((texts,), ids)
    if (names := column_names(source)) is not None:
        if twice := [key for key, count in Counter(map(str, names)).items() if count > 1]:
            raise UnlabeledError(f"{name} has several columns called {twice[0]!r}; rename or drop all but one")
        columns = {str(key): source[key] for key in names}
        for key, values in columns.items():
            if isinstance(values, str) or not hasattr(values, "__len__"):
                raise UnlabeledError(f"column {key!r} of {name} is {values!r:.60} and no list of values")
        return chosen_columns({key: listed(values) for key, values in columns.items()}, name, column)
    if column is not None:
        raise UnlabeledError(f"column={column!r} is for tables, and {name} is none")
    if not hasattr(source, "__len__"):
        raise UnlabeledError(f"texts come as a path, a list of strings, a table or a dataset, not as {name}")
    items = listed(source)
    if items and isinstance(items[0], os.PathLike):
        texts, ids = read_texts(items)
        return TextColumns((texts,), ids)
    if isinstance(first := first_given(items), (tuple, list)):
        return _rows(items, len(first), name)
    texts = as_texts(items, name)
    if texts:
        refuse_names_of_files(texts[0])
    return TextColumns((texts,), [str(i) for i in range(len(texts))])


def _rows(items: list[Any], width: int, name: str) -> TextColumns:
    """Read pairs and triples given as tuples."""
    if width not in (2, 3):
        hint = "; of columns, give their rows: list(zip(first, second))" if len(items) in (2, 3) else ""
        raise UnlabeledError(
            f"an instance is a text, a pair or a triple of texts, and {name} has rows of {width} values{hint}"
        )
    for place, item in enumerate(items):
        if not isinstance(item, (tuple, list)) or len(item) != width:
            raise UnlabeledError(f"row {place} of {name} is {item!r:.60}, not {width} texts as others are")
    columns = tuple(as_texts([item[i] for item in items], f"place {i} of {name}") for i in range(width))
    return TextColumns(columns, [str(i) for i in range(len(items))])


def _whole(path: Path, unit: Unit) -> TextColumns:
    texts, _ = read_texts([path])
    if unit == "file":
        return TextColumns((texts,), [path.name])
    parts = [part.strip() for part in re.split(r"\n[ \t\r]*\n", texts[0]) if part.strip()]
    return TextColumns((parts,), [f"paragraph {i + 1}" for i in range(len(parts))])


def _may_be_path(source: Any) -> bool:
    name = os.fspath(source)
    return isinstance(name, str) and len(name) < 4096 and "\n" not in name and "\0" not in name
