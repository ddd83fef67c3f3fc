"""Labels that people gave: from one or several files, the later over the earlier, with what became of each."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.classes import encode
from unlabeled.data.labels import LabelTable, label_table
from unlabeled.data.tabular.tables import column_names
from unlabeled.errors import UnlabeledError

NOTHING = {"nan", "none", "null", "n/a", "-1.0"}
"""Words, in lower case, that programs write for a missing value."""
WHOLE = re.compile(r"(-?\d+)\.0+")
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class GivenLabels:
    """The labels at hand, in the order of the instances.

    Attributes
    ----------
    codes : ndarray of int64, shape (n,)
        Place in `classes`, −1 where there is no label.
    classes : list of str
    said : list of str
        What a person should know: labels that match nothing, likely slips of the pen, rows that say nothing.
    history : list of dict
        For each source in turn: its name, how many labels it gave, how many it changed, how many rows said nothing.
    changed : list of dict
        Labels that a later source changed: id, was, now, source.
    """

    codes: NDArray[np.int64]
    classes: list[str]
    said: list[str] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, str]] = field(default_factory=list)

    @property
    def names(self) -> list[str | None]:
        """The class of each instance, None where there is none."""
        return [self.classes[code] if code >= 0 else None for code in self.codes.tolist()]

    @classmethod
    def read(cls, labels: Any, ids: Sequence[str]) -> GivenLabels:
        """Read labels and bring them into the order of the instances.

        Parameters
        ----------
        labels : path, mapping of id to class, table, list of these, or sequence of length n
            See `unlabeled.data.labels.label_table`; for some or all of the instances. Of several sources, the later
            wins. Empty cells, −1, NaN and None say nothing, nor do the words nan, none, null and n/a in any case of
            letters; they leave an earlier label as it is.
        ids : sequence of str
            Names of the instances.

        Raises
        ------
        UnlabeledError
            If a file cannot be read, names no instance, or gives one instance two classes; if there is no label at all,
            or all are of one class.
        """
        names: list[str | None] = [None] * len(ids)
        said, history, changed = [], [], []
        words: Counter[str] = Counter()
        for raw in _tables(labels, ids):
            words.update(name for name in raw.names if name is not None and name.lower() in NOTHING)
            table = _cleaned(raw)
            found = table.match(ids)
            if found.unmatched:
                said.append(
                    f"{table.source}: {counted(len(found.unmatched), 'label')} of unknown instances, "
                    f"such as {_suggested(found.unmatched[0], ids)}"
                )
            given = change = 0
            for row in np.flatnonzero(found.labels >= 0).tolist():
                now, was = found.classes[found.labels[row]], names[row]
                given += 1
                if was is not None and was != now:
                    change += 1
                    changed.append({"id": ids[row], "was": was, "now": now, "source": table.source})
                names[row] = now
            empty = sum(name is None for name in table.names)
            if empty:
                said.append(f"{table.source}: {counted(empty, 'row')} without a label")
            history.append({"source": table.source, "labels": given, "changed": change, "empty": empty})
        codes, classes = encode(names)
        listed = ", ".join(f"{word!r} ({counted(count, 'row')})" for word, count in sorted(words.items()))
        taken = f"; {listed} is taken for no label: if it is a class, give it another name" if words else ""
        if not classes:
            raise UnlabeledError(f"no instance has a label; give at least two of each of two classes{taken}")
        if len(classes) == 1:
            raise UnlabeledError(
                f"all {len(names) - names.count(None):,} labels are {classes[0]!r}; give a second class{taken}"
            )
        return cls(codes, classes, said + _slips(names), history, changed)


def _tables(labels: Any, ids: Sequence[str]) -> list[LabelTable]:
    """Give the sources of labels as tables."""
    several = isinstance(labels, list | tuple) and len(labels) > 0 and all(map(_is_source, labels))
    return [label_table(each, ids) for each in (labels if several else [labels])]


def _is_source(value: Any) -> bool:
    """Tell a file or table of labels from a class."""
    if isinstance(value, str):
        return value.lower().endswith((".csv", ".tsv", ".parquet"))
    return isinstance(value, os.PathLike | LabelTable) or column_names(value) is not None


def _cleaned(table: LabelTable) -> LabelTable:
    """Take words for missing values as such, and 1.0 for 1 where all classes are whole numbers."""
    names = [None if name is not None and name.lower() in NOTHING else name for name in table.names]
    known = [name for name in names if name is not None]
    if known and all(WHOLE.fullmatch(name) or name.lstrip("-").isdigit() for name in known):
        names = [None if name is None else WHOLE.sub(r"\1", name) for name in names]
    return LabelTable(table.source, table.ids, names, table.lines, table.unit)


def _suggested(name: str, ids: Sequence[str]) -> str:
    near = get_close_matches(name, ids[:20_000], n=1, cutoff=0.7)
    return f"{name!r}" + (f" (the nearest name there is: {near[0]!r})" if near else "")


def _slips(names: Sequence[str | None]) -> list[str]:
    """Point out classes whose names may be meant to be one.

    These are a class with a single label whose name is nearly that of another, and names that differ in case or spaces
    alone. Names with different numbers in them are different classes.
    """
    counts = Counter(name for name in names if name is not None)
    common = {_folded(name): name for name, count in counts.items() if count > 1}
    said = []
    for name, count in counts.items():
        near = get_close_matches(_folded(name), common, n=3, cutoff=0.7) if count == 1 else []
        meant = next((common[key] for key in near if NUMBER.findall(key) == NUMBER.findall(name)), None)
        if meant is not None:
            said.append(f"the class {name!r} has one label; is it a slip of the pen for {meant!r}?")
        elif count > 1 and (other := common[_folded(name)]) != name:
            said.append(f"the classes {name!r} and {other!r} differ in case or spaces alone; are they one?")
    return said


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
