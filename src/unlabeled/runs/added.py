"""Instances that are added to the index of a run after it was learnt."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_lock
from unlabeled.modalities import Collection, open_source
from unlabeled.runs.embeddings import Embeddings, labelled, named_embeddings, write_embeddings
from unlabeled.runs.run import Run
from unlabeled.runs.staging import ADDED
from unlabeled.search import ExactStore, LanceStore

CHANGING = "added.changing"
"""A file that stands in the run's folder while its index is changed."""
SAME = 1e-4
"""How far two vectors of the same content may be apart, as a part of their length: encoding rounds."""
NEAREST = 4
"""Of a new vector, among which the same content is looked for; the one of the same name may not be the first."""


POSITION = re.compile(r"(line|paragraph) \d+")
"""An id by which texts of a file are numbered."""


@dataclass(frozen=True)
class Addition:
    """What became of the instances that were to be added.

    Attributes
    ----------
    added, replaced : list of str
        Ids that are new in the index, and those whose vectors were replaced.
    known : dict of str to str
        Ids that were left out because their content is in the index already, and the id under which it is.
    skipped : tuple
        Instances that could not be read, with the reason.
    """

    added: list[str]
    replaced: list[str]
    known: dict[str, str]
    skipped: tuple[Any, ...]


def add_to_index(
    run: Run,
    source: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    on_error: Literal["raise", "skip"] = "skip",
) -> Addition:
    """Encode other instances as the run does, and let its searches find them; nothing is learnt from them.

    An instance is known by its content: one whose vector is in the index is not added again, whatever its name is. Ids
    that are mere positions, such as ``line 3``, get the name of the file before them, unless it is the run's own.

    Parameters
    ----------
    run : Run
    source : path
        What ``unlabeled learn`` takes.
    labels : path, optional
        CSV or parquet with an id and a label, for conditions on ``label``.
    overwrite : bool, default False
        Replace instances of the same id and another content. Otherwise they are an error, and nothing is added.
    on_error : {"raise", "skip"}, default "skip"
        What to do with an instance that cannot be read.

    Raises
    ------
    UnlabeledError
        If the source is not of the run's kind, an id is taken, or another process writes into the run.
    """
    new = run.embed(source, on_error=on_error)
    if labels is not None:
        new = labelled(new, labels)
    new = replace(new, ids=_names(run, source, new.ids))
    if len(set(new.ids)) < len(new):
        raise UnlabeledError(f"{source} holds two instances of one name; name every instance once")
    with folder_lock(run.folder):
        if (run.folder / CHANGING).exists():
            _build_index(run)
        known, fresh, taken = _sorted_out(run.indexed, new)
        if taken and not overwrite:
            raise UnlabeledError(
                f"{run.folder} holds {taken[0]!r} already, with other content"
                + (f", and {len(taken) - 1} more of these ids" if len(taken) > 1 else "")
                + "; rename what you add, or replace what is there with --overwrite. Nothing was added"
            )
        if fresh:
            _put(run, _of_rows(new, fresh), str(Path(source).resolve()), taken)
    added = [new.ids[row] for row in fresh if new.ids[row] not in set(taken)]
    return Addition(added, taken, known, new.skipped)


def sources_of(run: Run, ids: list[str]) -> Mapping[str, Collection]:
    """Give the data that those of the ids come from which were added, for showing them.

    Raises
    ------
    UnlabeledError
        If they are no longer there.
    """
    places = {name: run.added_from[name] for name in ids if name in run.added_from}
    for path in places.values():
        if not Path(path).exists():
            raise UnlabeledError(f"what was added to {run.folder} is no longer at {path}; pictures need it there")
    if not places:
        return {}
    settings = run.opening((run.encoder.preprocessing.kind,))
    opened: dict[str, Any] = {}
    for path in set(places.values()):
        data = open_source(path, settings, first=False)
        opened[path] = Renamed(data, _names(run, path, list(data.ids)))
    return {name: opened[path] for name, path in places.items()}


class Renamed:
    """A collection whose instances have other ids; all else is its own.

    Parameters
    ----------
    data : Collection
    ids : list of str
    """

    def __init__(self, data: Collection, ids: list[str]) -> None:
        self.data, self.ids = data, ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)


def _names(run: Run, source: str | os.PathLike[str], ids: list[str]) -> list[str]:
    """Name instances of a source that is added: mere positions, which several files share, by the file too."""
    of_lines = all(POSITION.fullmatch(name) for name in ids)
    if str(Path(source).resolve()) == run.about.get("source") or not (
        of_lines or ids == list(map(str, range(len(ids))))
    ):
        return ids
    return [f"{Path(source).name} {name}" for name in ids]


def _sorted_out(indexed: Embeddings, new: Embeddings) -> tuple[dict[str, str], list[int], list[str]]:
    """Give the new instances that are known, see `_known`, the rows of the others, and which ids of these are taken.

    What is replaced does not stay in the index, so no other instance is known by its content.
    """
    replaced: set[str] = set()
    while True:
        stay = [row for row, name in enumerate(indexed.ids) if name not in replaced]
        known = _known(_of_rows(indexed, stay), new)
        fresh = [row for row, name in enumerate(new.ids) if name not in known]
        taken = [new.ids[row] for row in fresh if new.ids[row] in indexed.position]
        if replaced.issuperset(taken):
            return known, fresh, taken
        replaced.update(taken)


def _known(indexed: Embeddings, new: Embeddings) -> dict[str, str]:
    """Find the new instances whose content is in the index, or in an earlier one of them."""
    ids = [*indexed.ids, *new.ids]
    vectors = np.concatenate([indexed.vectors, new.vectors])
    first = len(indexed)
    own = np.arange(first, len(ids))
    store = ExactStore.build([str(row) for row in range(len(ids))], vectors, metric="euclidean")
    found = store.query(new.vectors, NEAREST, exclude=own).indices
    lengths = np.linalg.norm(new.vectors.astype(np.float64), axis=1)
    known: dict[str, str] = {}
    for row, candidates in enumerate(found.tolist()):
        same = [
            other
            for other in candidates
            if other < first + row and _distance(vectors[other], new.vectors[row]) <= SAME * lengths[row]
        ]
        if same:
            # Of several the one of the same name, or else the first in the index.
            known[new.ids[row]] = min((ids[other] for other in sorted(same)), key=lambda name: name != new.ids[row])
    return known


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(one.astype(np.float64) - other))


def _of_rows(embeddings: Embeddings, rows: list[int]) -> Embeddings:
    labels = None if embeddings.labels is None else embeddings.labels[rows]
    return replace(embeddings, ids=[embeddings.ids[r] for r in rows], vectors=embeddings.vectors[rows], labels=labels)


def _put(run: Run, fresh: Embeddings, source: str, taken: list[str]) -> None:
    """Write down what is added, then change the index; the next call makes good what a killed process left undone."""
    names = fresh.label_names or [None] * len(fresh)
    old = run.added
    stay = [row for row, name in enumerate(old.ids) if name not in fresh.position]
    before = _of_rows(old, stay)
    all_names = [*(before.label_names or [None] * len(before)), *names]
    joined = named_embeddings([*before.ids, *fresh.ids], np.concatenate([before.vectors, fresh.vectors]), all_names)
    places = [*(run.added_from[name] for name in before.ids), *([source] * len(fresh))]
    (run.folder / CHANGING).touch()
    write_embeddings(joined, run.folder / ADDED, source=places)
    run.forget()
    if any(names) and "label" not in run.store.columns:  # the first labels of a run that had none
        _build_index(run)
        return
    replaced = set(taken)
    for wanted, change in ((False, run.store.add), (True, run.store.update)):
        rows = [row for row, name in enumerate(fresh.ids) if (name in replaced) == wanted]
        if rows:
            metadata = {"label": [names[row] for row in rows]} if "label" in run.store.columns else None
            change([fresh.ids[row] for row in rows], fresh.vectors[rows], metadata)
    (run.folder / CHANGING).unlink()


def _build_index(run: Run) -> None:
    """Make the index again from what is written down."""
    everything = run.indexed
    names = everything.label_names
    metadata = None if names is None else {"label": names}
    LanceStore.build(everything.ids, everything.vectors, metadata, folder=run.folder / "index")
    run.forget()
    (run.folder / CHANGING).unlink()
