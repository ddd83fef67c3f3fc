"""What a run shows in words: instances with their neighbours, and what the method itself has to say."""

from __future__ import annotations

from typing import Any

from unlabeled.data import Instances
from unlabeled.modalities import Collection, modality_of
from unlabeled.runs.embeddings import Embeddings
from unlabeled.runs.showing.pictures import drawn_neighbours
from unlabeled.training.bases.self_supervised import SelfSupervised

QUERIES, NEIGHBOURS = 8, 3


def passages(method: SelfSupervised, embeddings: Embeddings, instances: Instances, data: Collection) -> list[Any]:
    """Give the parts of a report that are in words.

    Returns
    -------
    list of dict
        In JSON's types: ``title``, ``caption`` and ``lines``; a line is a list of cells.
    """
    found = method.report(instances)
    if modality_of(data).has_pictures or len(embeddings) < 2 or not modality_of(data).describe(data, 0):
        return found
    return [*found, neighbours_in_words(embeddings, data)]


def neighbours_in_words(embeddings: Embeddings, data: Collection) -> dict[str, Any]:
    """Describe a few instances, each with its nearest neighbours."""
    chosen, near = drawn_neighbours(embeddings, QUERIES, NEIGHBOURS)
    place = {name: row for row, name in enumerate(data.ids)}
    describe = modality_of(data).describe
    lines = []
    for row, ids, distances in zip(chosen, near.ids, near.distances, strict=True):
        lines.append(["", describe(data, place[embeddings.ids[row]])])
        others = [(name, d) for name, d in zip(ids, distances, strict=True) if name != embeddings.ids[row]]
        lines += [[f"{d:.3f}", describe(data, place[name])] for name, d in others[:NEIGHBOURS]]
    caption = "Instances drawn at random, each followed by those nearest to it with their distance."
    return {"title": "Neighbours", "caption": caption, "lines": lines}
