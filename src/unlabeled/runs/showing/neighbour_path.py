"""Paths between the instances of a run: a chain in which each is a near neighbour of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from unlabeled.data.paths import id_of
from unlabeled.errors import UnlabeledError
from unlabeled.explore import contact_sheet
from unlabeled.modalities import modality_of
from unlabeled.runs.added import sources_of
from unlabeled.runs.run import Run
from unlabeled.runs.showing.pictures import framed_to, pictures_by_name
from unlabeled.search.neighbour_graph import GraphPath, NeighbourGraph


@dataclass(frozen=True)
class NeighbourPath:
    """A chain of neighbours in a run.

    Attributes
    ----------
    path : GraphPath
        Its nodes and steps.
    metric : str
        What its distances are.
    files : tuple of str
        Those of the two ends that are files outside the run.
    """

    path: GraphPath
    metric: str
    files: tuple[str, ...]


def neighbour_path(
    run: Run, start: str, goal: str, *, k: int = 10, kind: Literal["shortest", "minimax"] = "shortest"
) -> NeighbourPath:
    """Find a chain of near neighbours from one instance to another.

    Parameters
    ----------
    run : Run
    start, goal : str
        Ids of instances of the run, or that were added to its index, or files. Any other file is embedded and joined to
        the graph.
    k : int, default 10
        Neighbours to which each instance is joined.
    kind : {"shortest", "minimax"}, default "shortest"
        The least sum of steps, or the least longest step.

    Raises
    ------
    UnlabeledError
        If an end is neither an id nor a file, or no chain joins the two: then the nearest hop between them is named.
    """
    known = run.indexed
    names = [_name_in_run(run, end) for end in (start, goal)]
    files = tuple(dict.fromkeys(name for name in names if name not in known.position))
    of_files = [run.query_vectors(name) for name in files]
    for name, of_file in zip(files, of_files, strict=True):
        if len(of_file) != 1:
            raise UnlabeledError(
                f"{name} is {len(of_file)} instances, as a video is several clips, and an end of a path is one; give "
                "the id of one in the run, or a file that holds one"
            )
    vectors = np.concatenate([known.vectors, *of_files])
    metric = "euclidean" if run.store.metric == "euclidean" else "cosine"
    graph = NeighbourGraph.from_vectors(vectors, k, ids=[*known.ids, *files], metric=metric)
    if graph.distance(names[0], names[1]) == np.inf:
        one, other, distance = graph.gap(vectors, names[0], names[1])
        raise UnlabeledError(
            f"no chain of neighbours joins {start} and {goal} in a graph of {k} neighbours each. The nearest hop "
            f"between their two components is from {graph.ids[one]} to {graph.ids[other]}, at distance {distance:.4g}; "
            "a larger k (-k) may join them"
        )
    return NeighbourPath(graph.path(names[0], names[1], kind), metric, files)


def draw_path(run: Run, found: NeighbourPath, picture: Path, columns: int = 8) -> Path:
    """Draw a chain as a contact sheet, both ends framed; beneath each picture the step that leads to it."""
    inside = [name for name in found.path.ids if name not in found.files]
    kind = modality_of(run.source)
    drawn_of = pictures_by_name(run.source, inside, sources_of(run, inside))
    largest = max((len(shown) for shown in drawn_of.values()), default=96)
    for name in found.files:
        opened = kind.open_query(name)
        drawn_of[name] = kind.pictures(opened, opened.ids[:1], largest)[0]
    side = max(len(shown) for shown in drawn_of.values())
    cells = np.concatenate([framed_to(drawn_of[name][None], side) for name in found.path.ids])
    captions = [
        f"{Path(name).name}\n{hop}"
        for name, hop in zip(found.path.ids, ["start", *(f"{hop:.4g}" for hop in found.path.hops)], strict=True)
    ]
    return contact_sheet(cells, captions, columns=columns, path=picture, framed=(0, len(cells) - 1))


def _name_in_run(run: Run, end: str) -> str:
    """Give the id that an id, or the path of a file in the data of the run, stands for; other files as they are."""
    source = run.about.get("source")
    if source is not None and Path(end).exists():
        inside, folder = Path(end).resolve(), Path(source).resolve()
        if inside.is_relative_to(folder) and (name := id_of(inside.relative_to(folder))) in run.indexed.position:
            return name
    return end
