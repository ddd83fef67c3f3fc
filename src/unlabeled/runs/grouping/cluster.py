"""Clustering of whatever a user has: a table of who is in which group, and a picture of the groups."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import agreement
from unlabeled.explore import cluster_picture, principal_plane, scatter_picture
from unlabeled.explore.class_tf_idf import typical_words
from unlabeled.explore.clusters import Clusters, Method, clusters
from unlabeled.explore.profile import traits, typical
from unlabeled.runs.grouping.assign import check_results, save_grouping
from unlabeled.runs.grouping.feature_matrix import Rows, open_rows
from unlabeled.runs.grouping.write_table import inputs_of, write_table
from unlabeled.runs.showing.pictures import thumbnails

EXAMPLES = 10
TRAITS = 5
WORDS = 12
POINTS = 20_000
"""Points on a scatter plot; more would hide each other."""


def cluster(
    source: Any,
    out: str | os.PathLike[str],
    *,
    k: int | Literal["auto"] = "auto",
    method: Method = "kmeans",
    picture: str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] | None = None,
    random_state: int = 0,
    overwrite: bool = False,
    **opening: Any,
) -> dict[str, Any]:
    """Group instances, write which is in which group, and draw the groups.

    Parameters
    ----------
    source : path, object, or Rows
        What `open_rows` takes: a run, vectors, a table, or documents.
    out : path
        The ``.parquet`` or ``.csv`` file to write: ``id``, ``cluster`` (0 is the largest), ``distance`` to the mean of
        the cluster and, for a mixture, ``probability``.
    k, method, random_state
        As in `unlabeled.explore.clusters`.
    picture : path, optional
        The PNG to write; by default named as `out` is.
    model : path, optional
        The folder for the model with the encoding of the rows, by which `unlabeled.runs.assign` puts new rows
        into these clusters; by default named as `out` is, with ``.model``.
    overwrite : bool, default False
        Replace a table, a picture and a model that are already there.
    **opening
        Further options of `open_rows`.

    Returns
    -------
    dict
        In JSON's types: ``rows``, ``k``, ``chosen``, ``clusters`` (of each the number, size, share, examples and, by
        the kind of data, ``profile``, ``words`` and ``typical``), ``said``, ``columns`` (of a table, what each was
        taken for), ``agreement`` with labels if there are any, ``out``, ``picture`` and ``model``.

    Raises
    ------
    UnlabeledError
        If the data or a setting are not usable, or `out` or the picture exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> found = cluster([[0, 0], [0, 1], [9, 9], [9, 8], [1, 0]], f"{folder}/clusters.csv", k=2)
    >>> [group["size"] for group in found["clusters"]]
    [3, 2]
    """
    path, folder = check_results(out, picture, model, inputs_of(source, opening.get("images")), overwrite)
    rows = source if isinstance(source, Rows) else open_rows(source, random_state=random_state, **opening)
    if method == "mixture" and rows.table is not None and (rows.table.categories or rows.table.has_missing):
        rows, found = _mixed(rows, k, random_state)
    else:
        found = clusters(rows.array, k, method, random_state)
    groups = describe(rows, found)
    drawn = draw_clusters(rows, found, groups, path)
    columns: dict[str, Any] = {"id": rows.ids, "cluster": found.labels, "distance": found.distances}
    if found.probabilities is not None:
        columns["probability"] = found.probabilities
    write_table(columns, out)
    if rows.encoding is not None:
        save_grouping(folder, "cluster", rows.encoding, found.model, chosen=found.chosen)
    summary: dict[str, Any] = {
        "rows": len(rows),
        "k": found.k,
        "method": method,
        "chosen": found.chosen,
        "said": rows.said,
        "clusters": groups,
        "out": str(out),
        "picture": str(drawn),
        "model": str(folder) if rows.encoding is not None else None,
    }
    if rows.table is not None:
        summary["columns"] = rows.table.columns
    if rows.labels is not None and (rows.labels >= 0).any():
        summary["agreement"] = dataclasses.asdict(agreement(found.labels, rows.labels))
    return summary


def _mixed(rows: Rows, k: int | Literal["auto"], random_state: int) -> tuple[Rows, Clusters]:
    """Group the rows of a table by a mixture of its numbers and categories as they are, without filling in."""
    assert rows.table is not None
    assert rows.encoding is not None
    assert rows.encoding.table is not None
    if rows.encoding.scale == "unit":
        raise UnlabeledError("scale unit needs rows without categories and missing values; take standard or none")
    encoding = replace(rows.encoding, codes=True, dim=len(rows.table.numbers) + len(rows.table.categories))
    codes = rows.encoding.table.codes(rows.table.numbers, rows.table.categories, rows.table.missing)
    said = [
        *rows.said,
        "the mixture takes categories as they are; in it missing values have no say and are not filled in",
    ]
    found = clusters(codes, k, "mixture", random_state, categorical=rows.encoding.table.categorical)
    return replace(rows, encoding=encoding, said=said), found


def describe(rows: Rows, found: Clusters) -> list[dict[str, Any]]:
    """Say of each cluster how large it is and what is typical of it."""
    groups: list[dict[str, Any]] = []
    words = None
    if rows.words is not None and rows.counts is not None:
        words = typical_words(rows.counts, rows.words, found.labels, WORDS)
    for number, size in enumerate(found.sizes.tolist()):
        examples = [rows.ids[row] for row in found.nearest(number, EXAMPLES)]
        group: dict[str, Any] = {"cluster": number, "size": size, "share": size / len(rows), "examples": examples}
        if rows.table is not None:
            profile = traits(rows.table, found.labels == number)
            group["profile"] = [dataclasses.asdict(trait) for trait in profile]
            group["typical"] = ", ".join(map(str, typical(profile, TRAITS)))
        elif words is not None:
            group["words"] = words[number]
            group["typical"] = ", ".join(words[number])
        else:
            group["typical"] = ", ".join(examples[:TRAITS])
        groups.append(group)
    return groups


def draw_clusters(rows: Rows, found: Clusters, groups: list[dict[str, Any]], path: Path) -> Path:
    """Draw the clusters: with example images, with what is typical of them, or, of mere vectors, as points."""
    title = f"{counted(found.k, 'cluster')} of {counted(len(rows), 'instance')}"
    if rows.images is not None:
        examples = [thumbnails(rows.images, group["examples"]) for group in groups]
        return cluster_picture(found.sizes, path, pictures=examples, title=f"{title}, with those nearest to the mean")
    if rows.table is not None or rows.words is not None:
        what = "typical values, in brackets those of all rows" if rows.table is not None else "typical words"
        return cluster_picture(
            found.sizes, path, texts=[group["typical"] for group in groups], title=f"{title}: {what}"
        )
    chosen = _some(len(rows))
    names = [f"cluster {group['cluster']}" for group in groups]
    points, where = rows.array[chosen], ""
    if points.shape[1] != 2:
        points, where = principal_plane(points), ", on their principal plane"
    return scatter_picture(points, found.labels[chosen], names, path=path, title=title + where)


def _some(n: int) -> NDArray[np.int64]:
    if n <= POINTS:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, POINTS, replace=False))
