"""Label files: which class each instance belongs to, for some or all of them."""

from __future__ import annotations

import csv
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.classes import UNLABELLED, class_name, encode, encode_values
from unlabeled.data.paths import existing
from unlabeled.data.plain_text import encoding_of
from unlabeled.data.tabular.columns import ID_COLUMNS, LABEL_COLUMNS, find_column
from unlabeled.data.tabular.spreadsheet_text import unmarked
from unlabeled.data.tabular.tables import column_names, delimiter_of, listed, separator_in
from unlabeled.data.video.clip_names import clip_span
from unlabeled.errors import UnlabeledError


class MatchedLabels(NamedTuple):
    """Labels brought into the order of the instances.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        Index into `classes`, −1 where there is no label.
    classes : list of str
        Every class of the label file, so that the numbers mean the same for any part of the data.
    unmatched : list of str
        Names in the label file that match no instance.
    """

    labels: NDArray[np.int64]
    classes: list[str]
    unmatched: list[str]


@dataclass(frozen=True)
class LabelTable:
    """Names of instances and of their classes, as a label file gives them.

    Attributes
    ----------
    source : str
        The file they came from, for messages.
    ids : list of str
        Names or paths of instances.
    names : list of str or None
        The class of each; None is unlabelled.
    lines : list of int
        The line or row of each, counted from 1.
    unit : str, default "line"
        What `lines` counts.

    Examples
    --------
    >>> table = LabelTable("labels.csv", ["a.jpg", "b.jpg"], ["cat", "dog"], [2, 3])
    >>> labels, classes, unmatched = table.match(["pets/b.jpg", "pets/c.jpg", "pets/a.jpg"])
    >>> labels, classes
    (array([ 1, -1,  0]), ['cat', 'dog'])
    """

    source: str
    ids: list[str]
    names: list[str | None]
    lines: list[int]
    unit: str = "line"

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        for row, name in enumerate(self.ids):
            self._agree(first.setdefault(name, row), row)

    def __len__(self) -> int:
        return len(self.ids)

    def match(self, ids: Sequence[str]) -> MatchedLabels:
        """Find the instance each row names, and give every instance its label.

        A row is matched by the first of these that finds anything: the same id; the same path once both are
        normalised (``\\`` to ``/``, no ``./``); the end of a path, so that ``b.jpg`` names ``a/b.jpg`` and
        ``photos/a/b.jpg`` does too; the end of a path without suffixes, so that ``b`` names ``a/b.jpg``. The name of a
        video names all its clips.

        Parameters
        ----------
        ids : sequence of str
            Names of the instances, as in ``images.ids``.

        Returns
        -------
        MatchedLabels
            ``(labels, classes, unmatched)``.

        Raises
        ------
        UnlabeledError
            If a row names several instances, two rows give one instance different classes, or nothing matches.
        """
        codes, classes = encode(self.names)
        labels = np.full(len(ids), UNLABELLED, dtype=np.int64)
        taken: dict[int, int] = {}
        unmatched = []
        wholes = [clip_span(name)[0] for name in ids]
        finder, clips = _Finder(wholes), {name: i for i, name in enumerate(ids) if name != wholes[i]}
        for row, name in enumerate(self.ids):
            found = [clips[name]] if name in clips else finder.find(name)
            several = sorted({wholes[i] for i in found})
            if len(several) > 1:
                raise UnlabeledError(
                    f"{self._where(row)}: {name!r} could be {several[0]!r} or {several[1]!r}; write the longer path"
                )
            for i in found:
                self._agree(taken.setdefault(i, row), row)
                labels[i] = codes[row]
            if not found:
                unmatched.append(name)
        if not taken:
            raise UnlabeledError(
                f"{self.source} names none of the {len(ids)} instances: it has {_examples(self.ids)}, "
                f"they are called {_examples(ids)}{_about_zeros(self.ids, ids)}"
            )
        return MatchedLabels(labels, classes, unmatched)

    def _where(self, row: int) -> str:
        return f"{self.source}, {self.unit} {self.lines[row]}"

    def _agree(self, first: int, second: int) -> None:
        if self.names[first] != self.names[second]:
            raise UnlabeledError(
                f"{self.source} labels {self.ids[second]!r} twice: {self.names[first]!r} on {self.unit} "
                f"{self.lines[first]}, {self.names[second]!r} on {self.unit} {self.lines[second]}"
            )


def _about_zeros(names: Sequence[str], ids: Sequence[str]) -> str:
    """Give a hint if names are those of instances without their leading zeros, which spreadsheet programs drop."""
    bare = {PurePosixPath(name.replace("\\", "/")).stem.lstrip("0") for name in ids}
    lost = any(PurePosixPath(name).stem.isdigit() and PurePosixPath(name).stem in bare for name in names)
    return ". Leading zeros are missing, as when a spreadsheet program has saved the file" if lost else ""


class _Finder:
    """Positions of instances by the keys of `LabelTable.match`, from the strictest to the loosest."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._exact: dict[str, list[int]] = {}
        for i, name in enumerate(ids):
            self._exact.setdefault(name, []).append(i)
        paths = [_parts(name) for name in ids]
        self._paths, self._stems = _Paths(paths), _Paths([_without_suffix(path) for path in paths])

    def find(self, name: str) -> list[int]:
        path = _parts(name)
        return self._exact.get(name) or self._paths.find(path) or self._stems.find(_without_suffix(path))


class _Paths:
    """Positions of paths, by the whole path and by its every end, so that no look-up walks over them."""

    def __init__(self, paths: Sequence[tuple[str, ...]]) -> None:
        self._whole: dict[tuple[str, ...], list[int]] = {}
        self._ends: dict[tuple[str, ...], list[int]] = {}
        for i, path in enumerate(paths):
            self._whole.setdefault(path, []).append(i)
            for start in range(1, len(path)):
                self._ends.setdefault(path[start:], []).append(i)

    def find(self, path: tuple[str, ...]) -> list[int]:
        """Give the path itself, else those that end in it, else the longest that it ends in."""
        ends = (self._whole.get(path[start:]) for start in range(1, len(path)))
        return self._whole.get(path) or self._ends.get(path) or next(filter(None, ends), [])


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in posixpath.normpath(name.replace("\\", "/")).split("/") if part) or (".",)


def _without_suffix(parts: tuple[str, ...]) -> tuple[str, ...]:
    return (*parts[:-1], posixpath.splitext(parts[-1])[0])


def _examples(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:2])


def read_labels(path: str | os.PathLike[str]) -> LabelTable:
    """Read a label file: CSV, TSV or parquet.

    One column names the instance (``path``, ``id``, ``file``, ``filename`` or ``image``) and one its class
    (``label``, ``class``, ``category`` or ``target``), whatever their case; if there are several the first in these
    lists counts. Other columns are passed over. The header is required: without it nothing tells a name from a
    class. An empty cell, or −1, is an unlabelled instance; instances not in the file are unlabelled too.

    Parameters
    ----------
    path : str or path-like
        ``.parquet``, or text in UTF-8 with commas, semicolons or tabs; ``.tsv`` with tabs.

    Returns
    -------
    LabelTable

    Raises
    ------
    UnlabeledError
        If the file or a column is missing, it has no rows, or an instance is given two classes.
    """
    path = existing(path)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path)
    if suffix in (".csv", ".tsv", ".txt"):
        return _read_text(path)
    raise UnlabeledError(f"{path}: labels are read from .csv, .tsv or .parquet, not {suffix or 'a folder'}")


def label_table(labels: Any, ids: Sequence[str]) -> LabelTable:
    """Give a label table of whatever the user has.

    Parameters
    ----------
    labels : path, LabelTable, mapping, data frame, Arrow table or sequence of length n
        A label file or what was read from one; classes by the ids of instances; a table with a column of names and one
        of classes, called as `read_labels` says; or one class for each instance, with −1, None or an empty name for
        unlabelled.
    ids : sequence of str
        Names of the n instances.

    Raises
    ------
    UnlabeledError
        If it is nothing of that, or the number of classes is another.
    """
    if isinstance(labels, str | os.PathLike):
        return read_labels(labels)
    if isinstance(labels, LabelTable):
        return labels
    if isinstance(labels, Mapping):
        named, values = [str(key) for key in labels], list(labels.values())
        return LabelTable("the labels", named, [class_name(value) for value in values], _rows(values), "entry")
    if (columns := column_names(labels)) is not None:
        identity, label = _columns("the table", [str(column) for column in columns])
        named, values = [str(value) for value in listed(labels[columns[identity]])], listed(labels[columns[label]])
        return _table("the table", named, [class_name(value) for value in values], _rows(values), "row")
    return LabelTable("the labels", list(ids), [class_name(v) for v in _one_each(labels, ids)], _rows(ids), "row")


def _rows(values: Sequence[Any]) -> list[int]:
    return list(range(1, len(values) + 1))


def _one_each(labels: Any, ids: Sequence[str]) -> list[Any]:
    """List classes that are given one for each instance."""
    if not hasattr(labels, "__len__") or not hasattr(labels, "__getitem__"):  # a set has no order
        raise UnlabeledError(
            "labels come as a file, a mapping from names to classes, a table, or one for each instance, not as "
            f"{labels!r:.40}"
        )
    values = listed(labels)
    if len(values) != len(ids):
        raise UnlabeledError(f"{len(values)} labels for {len(ids)} instances; give one each, or a file")
    return values


def _columns(path: str | Path, names: Sequence[str]) -> tuple[int, int]:
    identity, label = find_column(names, ID_COLUMNS), find_column(names, LABEL_COLUMNS)
    if identity is None or label is None:
        missing, known = ("instance", ID_COLUMNS) if identity is None else ("class", LABEL_COLUMNS)
        raise UnlabeledError(
            f"{path} has no column for the {missing} ({', '.join(known)}); its first line is {', '.join(names)}. "
            "If that is data already, add a first line such as path,label"
        )
    return identity, label


def _read_text(path: Path) -> LabelTable:
    ids, names, lines = [], [], []
    with path.open(encoding=encoding_of(path), newline="") as file:
        try:
            header = file.readline()
            if (separator := separator_in(header)) is not None:
                header = file.readline()
            before = int(separator is not None)  # lines that the reader does not count
            rows = csv.reader(chain([header], file), delimiter=separator or delimiter_of(path, header))
            identity, label = _columns(path, next(rows, []))
            for cells in _filled(rows):
                if len(cells) <= max(identity, label):
                    raise UnlabeledError(
                        f"{path}, line {before + rows.line_num}: {len(cells)} cells, fewer than the header has"
                    )
                ids.append(unmarked(cells[identity].strip()))
                names.append(class_name(unmarked(cells[label])))
                lines.append(before + rows.line_num)
        except (UnicodeError, csv.Error) as error:
            raise UnlabeledError(f"cannot read {path} as a table in UTF-8: {error}; save it as UTF-8") from error
    return _table(path, ids, names, lines, "line")


def _filled(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    return (cells for cells in rows if any(cell.strip() for cell in cells))


def _read_parquet(path: Path) -> LabelTable:
    from unlabeled.data.tabular.parquet import class_names, read_column, schema_of  # here, for CSV needs no pyarrow

    schema = schema_of(path)
    identity, label = _columns(path, schema.names)
    values, known = read_column(path, schema.names[label]), class_names(schema, schema.names[label])
    if known is not None:
        values = [known[value] if value is not None and 0 <= value < len(known) else value for value in values]
    ids = ["" if value is None else str(value) for value in read_column(path, schema.names[identity])]
    return _table(path, ids, [class_name(value) for value in values], list(range(1, len(ids) + 1)), "row")


def _table(path: str | Path, ids: list[str], names: list[str | None], lines: list[int], unit: str) -> LabelTable:
    if not ids:
        raise UnlabeledError(f"{path} has a header but no rows")
    if "" in ids:
        raise UnlabeledError(f"{path}, {unit} {lines[ids.index('')]}: the instance has no name")
    return LabelTable(str(path), ids, names, lines, unit)


def labels_of(labels: Any, ids: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Give labels and classes for instances from whatever the user has.

    Parameters
    ----------
    labels : as in `label_table`
        What has names is matched by them.
    ids : sequence of str
        Names of the instances.

    Returns
    -------
    labels : ndarray of int64, shape (n,)
        Index into `classes`, −1 where unlabelled.
    classes : list of str
    """
    if isinstance(labels, str | os.PathLike | LabelTable) or column_names(labels) is not None:
        matched = label_table(labels, ids).match(ids)
        return matched.labels, matched.classes
    return encode_values(_one_each(labels, ids))
