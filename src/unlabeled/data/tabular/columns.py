"""The names by which a table's columns are known, whatever their case."""

from __future__ import annotations

from collections.abc import Sequence

ID_COLUMNS = ("path", "id", "file", "filename", "image")
LABEL_COLUMNS = ("label", "class", "category", "target")


def find_column(columns: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Give the position of the first of the `wanted` names that is a column.

    Examples
    --------
    >>> find_column(["Class", "Path"], ID_COLUMNS)
    1
    """
    folded = [column.strip().lower() for column in columns]
    return next((folded.index(name) for name in wanted if name in folded), None)
