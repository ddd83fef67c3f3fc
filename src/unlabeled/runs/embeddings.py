"""Embeddings on disk: a parquet file with an id, a vector and, where there is one, a label a row."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data import LabelTable, read_labels
from unlabeled.errors import UnlabeledError
from unlabeled.files import refuses_damage, written_aside

Say = Callable[[str], None]
CAPTIONS = "captions.parquet"
"""Vectors of the captions of a run over pairs."""


def silent(message: str) -> None:
    """Say nothing."""


@dataclass
class Embeddings:
    """Vectors with the names of what they stand for.

    Parameters
    ----------
    ids : list of str
        One name a row.
    vectors : ndarray of float32, shape (n, dim)
    labels : ndarray of int64, shape (n,), optional
        Class numbers, −1 where there is none.
    classes : list of str, optional
        Names of the classes.
    skipped : tuple
        Instances that could not be read, with the reason.
    """

    ids: list[str]
    vectors: NDArray[np.float32]
    labels: NDArray[np.int64] | None = None
    classes: list[str] | None = None
    skipped: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def position(self) -> dict[str, int]:
        """Row of each id."""
        return {name: row for row, name in enumerate(self.ids)}

    @property
    def label_names(self) -> list[str | None] | None:
        """Name of each row's class, None where it has none."""
        if self.labels is None or self.classes is None:
            return None
        return [self.classes[label] if label >= 0 else None for label in self.labels.tolist()]


def labelled(embeddings: Embeddings, labels: str | os.PathLike[str], say: Say = silent) -> Embeddings:
    """Give the embeddings with the labels of a file in place of their own.

    Parameters
    ----------
    embeddings : Embeddings
    labels : path
        CSV or parquet; may cover only some of the ids.
    say : callable, optional
        Receives a sentence when labels match no id.
    """
    numbers, classes = matched(read_labels(labels), embeddings.ids, say)
    return replace(embeddings, labels=numbers, classes=classes)


def matched(table: LabelTable, ids: Sequence[str], say: Say) -> tuple[NDArray[np.int64], list[str]]:
    """Give the labels that a table has for the ids, and their classes; say what matches nothing."""
    found = table.match(ids)
    if found.unmatched:
        say(f"Labels that match no instance: {len(found.unmatched):,}, such as that of {found.unmatched[0]}")
    return found.labels, found.classes


def say_skipped(data: Any, instances: Any, say: Say) -> None:
    """Name some of the instances that were left out because they cannot be read."""
    skipped = getattr(instances, "skipped", ())
    if skipped:
        names = ", ".join(each.id for each in skipped[:3])
        say(f"Skipped {len(skipped)} of {counted(len(data), data.kind)} that cannot be read: {names}")


def named_embeddings(ids: list[str], vectors: NDArray[np.float32], names: Sequence[str | None] | None) -> Embeddings:
    """Make embeddings of vectors and the names of their classes, None where there is none."""
    if names is None:
        return Embeddings(ids, vectors)
    classes = sorted({name for name in names if name is not None})
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([-1 if name is None else number[name] for name in names], dtype=np.int64)
    return Embeddings(ids, vectors, labels, classes)


def write_embeddings(embeddings: Embeddings, path: str | os.PathLike[str], **columns: Sequence[str]) -> None:
    """Write columns ``id``, ``vector`` (fixed-size list of float32), ``label`` if there are labels, and given ones."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(np.ascontiguousarray(embeddings.vectors).reshape(-1))
    table = {
        "id": pa.array(embeddings.ids, pa.string()),
        "vector": pa.FixedSizeListArray.from_arrays(flat, embeddings.vectors.shape[1]),
    }
    if embeddings.label_names is not None:
        table["label"] = pa.array(embeddings.label_names, pa.string())
    table |= {name: pa.array(values, pa.string()) for name, values in columns.items()}
    with written_aside(path) as aside:
        pq.write_table(pa.table(table), aside)


@refuses_damage
def read_embeddings(path: str | os.PathLike[str]) -> Embeddings:
    """Read what `write_embeddings` wrote.

    Raises
    ------
    UnlabeledError
        If the file is missing, damaged, or has no such columns.
    """
    import pyarrow as pa

    from unlabeled.data.tabular.parquet import read_parquet, stacked_lists

    path = Path(path)
    try:
        table = read_parquet(path)
        vectors = stacked_lists(table["vector"]).astype(np.float32, copy=False)
        ids = table["id"].to_pylist()
    except (OSError, KeyError, ValueError, pa.ArrowException, AttributeError) as error:
        raise UnlabeledError(f"{path} cannot be read as embeddings ({error})") from error
    if not all(isinstance(name, str) for name in ids):
        raise UnlabeledError(f"{path} is damaged: an instance lacks its id")
    return named_embeddings(ids, vectors, table["label"].to_pylist() if "label" in table.column_names else None)
