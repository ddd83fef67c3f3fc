"""Pictures of a run: the map, the course of learning, and neighbours one can look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore import FittedMap, cluster_labels, contact_sheet, history_picture, scatter_picture
from unlabeled.explore.maps.fitted_map import KINDS
from unlabeled.modalities import Collection, modality_of
from unlabeled.runs.embeddings import Embeddings
from unlabeled.search import ExactStore, Neighbours
from unlabeled.search.metric import unit_rows

MAP_ROWS = 5_000
"""Points on the map of a report; more would hide each other, and take minutes."""


def draw(
    folder: Path,
    embeddings: Embeddings,
    history: list[dict[str, float]],
    metrics: dict[str, Any],
    data: Collection,
) -> None:
    """Draw everything the report shows; what the data do not allow is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    if history:
        history_picture(history, folder / "history.png")
    if len(embeddings) >= 2:
        draw_map(embeddings, folder / "map.png").save(folder.parent / "map")
    if modality_of(data).has_pictures and len(embeddings) >= 2:
        draw_neighbours(embeddings, data, folder / "neighbours.png")
        draw_outliers(metrics["outliers"], data, folder / "outliers.png")
        if metrics["near_duplicates"]["nearest"]:
            draw_duplicates(metrics["near_duplicates"]["nearest"], data, folder / "duplicates.png")


def draw_map(
    embeddings: Embeddings,
    path: Path,
    *,
    rows: int = MAP_ROWS,
    perplexity: float = 30,
    seed: int = 0,
    kind: str = "tsne",
    named: bool = False,
) -> FittedMap:
    """Draw a map, coloured by label or, when there are none, by cluster.

    Parameters
    ----------
    embeddings : Embeddings
    path : Path
        The PNG to write.
    rows : int, default 5000
        At most so many instances, drawn at random, are on the map. Of more than 10,000, that many are laid out and the
        others are placed among them.
    perplexity : float, default 30
        Number of neighbours that hold each point.
    seed : int, default 0
        Of the choice of instances and of the method.
    kind : {"tsne", "umap"}, default "tsne"
    named : bool, default False
        Name each cluster by the ids of the three instances nearest to its mean, as where ids are words.

    Returns
    -------
    FittedMap
        The map, on which others can be placed.
    """
    chosen = np.arange(len(embeddings))
    if len(chosen) > rows:
        chosen = np.sort(np.random.default_rng(seed).choice(len(embeddings), rows, replace=False))
    vectors = embeddings.vectors[chosen]
    names = [embeddings.ids[row] for row in chosen.tolist()]
    fitted = FittedMap.fit(vectors, names, kind=kind, perplexity=perplexity, random_state=seed)
    title = f"{KINDS[kind]} map"
    if embeddings.labels is not None and (embeddings.labels >= 0).any():
        labels = embeddings.labels[chosen]
        scatter_picture(fitted.points, labels, embeddings.classes, path=path, title=f"{title}, by label")
        return fitted
    clusters = cluster_labels(vectors, random_state=seed)
    if named:
        titles = [", ".join(names[row] for row in rows) for rows in _central(vectors, clusters)]
    else:
        titles = [f"cluster {i + 1}" for i in range(int(clusters.max()) + 1)]
    scatter_picture(fitted.points, clusters, titles, path=path, title=f"{title}, by cluster")
    return fitted


def _central(vectors: NDArray[np.float32], clusters: NDArray[np.int64], n: int = 3) -> list[list[int]]:
    """Give the rows of each cluster whose directions are nearest to the mean direction."""
    unit, found = unit_rows(vectors), []
    for cluster in range(int(clusters.max()) + 1):
        inside = np.flatnonzero(clusters == cluster)
        cosines = unit[inside] @ unit[inside].mean(axis=0)
        found.append(inside[np.argsort(-cosines, kind="stable")[:n]].tolist())
    return found


def drawn_neighbours(embeddings: Embeddings, queries: int, k: int) -> tuple[NDArray[np.int64], Neighbours]:
    """Draw rows at random, and find the row itself and the `k` nearest others of each."""
    chosen = np.random.default_rng(0).choice(len(embeddings), min(queries, len(embeddings)), replace=False)
    store = ExactStore.build(embeddings.ids, embeddings.vectors)
    return chosen, store.query(embeddings.vectors[chosen], min(k + 1, len(embeddings)))


def draw_neighbours(embeddings: Embeddings, data: Collection, path: Path, queries: int = 8, k: int = 8) -> Path:
    """Draw a few instances, each with its nearest neighbours in a row."""
    _, found = drawn_neighbours(embeddings, queries, k)
    cells = [name for row in found.ids for name in row]
    captions = [f"{d:.3f}" if column else "query" for row in found.distances for column, d in enumerate(row)]
    columns = len(found.ids[0])
    framed = range(0, len(cells), columns)
    return contact_sheet(thumbnails(data, cells), captions, columns=columns, path=path, framed=framed)


def draw_outliers(outliers: list[dict[str, Any]], data: Collection, path: Path, columns: int = 6) -> Path:
    """Draw the outliers that `oddities` found."""
    captions = [f"{found['id']}\n{found['distance']:.3f}" for found in outliers]
    return contact_sheet(thumbnails(data, [found["id"] for found in outliers]), captions, columns=columns, path=path)


def draw_duplicates(pairs: list[dict[str, Any]], data: Collection, path: Path, columns: int = 4) -> Path:
    """Draw the pairs that `oddities` found, each as one picture."""
    pictures = thumbnails(data, [name for pair in pairs for name in pair["ids"]])
    gap = np.full_like(pictures[::2, :, : -(-pictures.shape[2] // 32)], 255)
    joined = np.concatenate([pictures[::2], gap, pictures[1::2]], axis=2)
    captions = [
        "{}\n{}\n{}, {:.3f}".format(*pair["ids"], "copy" if pair["copy"] else "look-alikes", pair["cosine"])
        for pair in pairs
    ]
    return contact_sheet(joined, captions, columns=columns, path=path)


def draw_results(
    data: Collection,
    found: Neighbours,
    path: Path,
    query: Any | None = None,
    columns: int = 6,
    others: Mapping[str, Collection] | None = None,
) -> Path:
    """Draw what a search found, the query first; `others` says which ids are of other data than `data`."""
    drawn = pictures_by_name(data, list(found.ids[0]), others or {})
    side = max(len(picture) for picture in drawn.values())
    pictures = np.concatenate([framed_to(drawn[name][None], side) for name in found.ids[0]])
    captions = [f"{name}\n{distance:.3f}" for name, distance in zip(found.ids[0], found.distances[0], strict=True)]
    if query is not None:
        kind = modality_of(data)
        opened = kind.open_query(query)
        shown = kind.pictures(opened, opened.ids[:1], pictures.shape[1])
        pictures = np.concatenate([framed_to(shown, pictures.shape[1]), pictures])
        captions = ["query", *captions]
    return contact_sheet(pictures, captions, columns=columns, path=path, framed=() if query is None else (0,))


def pictures_by_name(
    data: Collection, ids: list[str], others: Mapping[str, Collection]
) -> dict[str, NDArray[np.uint8]]:
    """Give a picture of each of the named instances; `others` says which are of other data than `data`."""
    drawn: dict[str, NDArray[np.uint8]] = {}
    for each in {id(each): each for each in (data, *others.values())}.values():
        names = [name for name in ids if others.get(name, data) is each]
        drawn |= dict(zip(names, thumbnails(each, names) if names else [], strict=True))
    return drawn


def thumbnails(data: Collection, ids: list[str], largest: int = 96) -> NDArray[np.uint8]:
    """Give pictures of the named instances, as large as they are but at most `largest` pixels a side."""
    kind = modality_of(data)
    if missing := kind.missing(data, ids):
        raise UnlabeledError(f"{missing[0]!r} is no longer in {data.source}; its picture cannot be shown")
    return kind.pictures(data, ids, largest)


def framed_to(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Put pictures, shape (n, s, s, 3) with s up to `side`, into the middle of white squares of `side` pixels."""
    framed = np.full((len(pictures), side, side, 3), 255, dtype=np.uint8)
    start = (side - pictures.shape[1]) // 2
    framed[:, start : start + pictures.shape[1], start : start + pictures.shape[2]] = pictures
    return framed
