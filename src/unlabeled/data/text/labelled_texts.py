"""Texts with labels, from a table: what a classifier of texts learns from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.classes import UNLABELLED, class_name, class_order
from unlabeled.data.paths import existing
from unlabeled.data.tabular.columns import LABEL_COLUMNS
from unlabeled.data.text.text_columns import read_text_columns
from unlabeled.data.text.text_tables import TABLES_OF_TEXT
from unlabeled.errors import UnlabeledError


@dataclass(frozen=True)
class LabelledTexts:
    """Texts and the names of their classes.

    Attributes
    ----------
    texts : list of str
    labels : list of str or None
        None for a text without a label.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "reviews.csv"
    >>> _ = path.write_text("text,label\\nI liked it,good\\nDreadful,bad\\n")
    >>> LabelledTexts.read(path)
    LabelledTexts(texts=['I liked it', 'Dreadful'], labels=['good', 'bad'])
    """

    texts: list[str]
    labels: list[str | None]

    @classmethod
    def read(cls, path: str | os.PathLike[str], column: str | None = None) -> LabelledTexts:
        """Read a ``.csv``, ``.tsv``, ``.parquet`` or ``.jsonl`` table.

        Parameters
        ----------
        path : path
        column : str, optional
            The column of text; by default the one called ``text``, ``document`` or the like, or the only one that
            holds strings beside the labels. Labels are in a column ``label``, ``class``, ``category`` or ``target``.

        Raises
        ------
        UnlabeledError
            If it cannot be read, or has no such columns.
        """
        path = existing(path)
        if path.suffix.lower() not in TABLES_OF_TEXT:
            raise UnlabeledError(f"{path}: texts with labels are read from tables ({', '.join(TABLES_OF_TEXT)})")
        found = read_text_columns(path, column, pairs=False)
        if found.labels is None:
            raise UnlabeledError(
                f"{path} has no column of labels: one called {', '.join(LABEL_COLUMNS[:-1])} or {LABEL_COLUMNS[-1]}"
            )
        return cls(found.texts[0], [class_name(value) for value in found.labels])

    @property
    def classes(self) -> list[str]:
        """The different classes, in order."""
        return class_order(name for name in self.labels if name is not None)

    def codes(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """Number the labels by their place in `classes`; −1 stands for none."""
        number: dict[str | None, int] = {name: i for i, name in enumerate(classes)} | {None: UNLABELLED}
        return np.array([number[name] for name in self.labels], dtype=np.int64)

    def part(self, rows: NDArray[np.int64]) -> LabelledTexts:
        """Give some of the texts."""
        return LabelledTexts([self.texts[row] for row in rows], [self.labels[row] for row in rows])
