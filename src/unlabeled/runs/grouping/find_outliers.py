"""Outliers of whatever a user has: a table of how normal each instance is, and a picture of the least normal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.tabular.table import Table
from unlabeled.explore import contact_sheet
from unlabeled.explore.anomalies import Anomalies, Method, anomalies, nearest_normal
from unlabeled.explore.figures.axes_style import style_axes
from unlabeled.explore.figures.palette import INK, PALETTE
from unlabeled.explore.profile import unusual
from unlabeled.figure import figure
from unlabeled.runs.grouping.assign import check_results, save_grouping
from unlabeled.runs.grouping.feature_matrix import Rows, open_rows
from unlabeled.runs.grouping.row_encoding import RowEncoding
from unlabeled.runs.grouping.write_table import inputs_of, write_table
from unlabeled.runs.showing.pictures import thumbnails
from unlabeled.search import ExactStore

PICTURED = 48
TRAITS = 3


def find_outliers(
    source: Any,
    out: str | os.PathLike[str],
    *,
    top: int = 50,
    contamination: float = 0.01,
    method: Method = "mixture",
    k: int | None = None,
    picture: str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] | None = None,
    random_state: int = 0,
    overwrite: bool = False,
    **opening: Any,
) -> dict[str, Any]:
    """Rank instances by how normal they are, write the ranking, and draw the least normal.

    Parameters
    ----------
    source : path, object, or Rows
        What `open_rows` takes: a run, vectors, a table, or documents.
    out : path
        The ``.parquet`` or ``.csv`` file to write, the least normal first: ``id``, ``score`` (the lower, the more of an
        outlier), ``outlier`` (whether the score is below the threshold) and, for the outliers and the first `top`,
        ``normal``, the nearest instance that is no outlier, its ``distance``, and, where columns mean something, the
        ``reason``: the columns in which the row is farthest from the middle of all rows, in brackets.
    top : int, default 50
        How many to describe in the result and to draw.
    contamination, method, k, random_state
        As in `unlabeled.explore.anomalies`.
    picture : path, optional
        The PNG to write; by default named as `out` is. Images stand beside their nearest normal neighbour; of anything
        else it shows the scores and the threshold.
    model : path, optional
        The folder for what was fitted and the encoding of the rows, by which `unlabeled.runs.assign` judges
        new rows; by default named as `out` is, with ``.model``.
    overwrite : bool, default False
        Replace a table, a picture and a model that are already there.
    **opening
        Further options of `open_rows`.

    Returns
    -------
    dict
        In JSON's types: ``rows``, ``threshold``, ``n_outliers``, ``outliers`` (the first `top`), ``said``, ``columns``
        (of a table, what each was taken for), ``out``, ``picture`` and ``model``.

    Raises
    ------
    UnlabeledError
        If the data or a setting are not usable, or `out` or the picture exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> X = np.concatenate([np.random.default_rng(0).normal(size=(99, 2)), [[9, 9]]])
    >>> find_outliers(X, tempfile.mkdtemp() + "/outliers.csv", top=1)["outliers"][0]["id"]
    '99'
    """
    path, folder = check_results(out, picture, model, inputs_of(source, opening.get("images")), overwrite)
    rows = source if isinstance(source, Rows) else open_rows(source, random_state=random_state, **opening)
    found = anomalies(rows.array, contamination, method, k, random_state)
    order = found.rows
    described = order[: max(top, int(found.outlying.sum()))]
    neighbours, distances = nearest_normal(rows.array, described, found.outlying)
    reasons = _reasons(rows, described)
    listed = [_entry(rows, found, *of) for of in zip(described[:top], neighbours, distances, reasons, strict=False)]
    if rows.images is not None:
        _draw_pairs(rows, listed[:PICTURED], path)
    else:
        _draw_scores(found, path)
    rest = [None] * (len(rows) - len(described))
    normal = [rows.ids[row] if row >= 0 else None for row in neighbours]
    columns = {
        "id": [rows.ids[row] for row in order],
        "score": found.scores[order],
        "outlier": found.outlying[order],
        "normal": [*normal, *rest],
        "distance": [*distances.tolist(), *rest],
    }
    if any(reason is not None for reason in reasons):
        columns["reason"] = [*reasons, *rest]
    write_table(columns, out)
    if rows.encoding is not None:
        _save(folder, rows.encoding, rows, found)
    summary: dict[str, Any] = {
        "rows": len(rows),
        "method": method,
        "contamination": contamination,
        "threshold": found.threshold,
        "n_outliers": int(found.outlying.sum()),
        "said": rows.said,
        "outliers": listed,
        "out": str(out),
        "picture": str(path),
        "model": str(folder) if rows.encoding is not None else None,
    }
    if rows.table is not None:
        summary["columns"] = rows.table.columns
    return summary


def _reasons(rows: Rows, described: NDArray[np.int64]) -> list[str | None]:
    """Say of some rows in which columns they are unusual; None where columns mean nothing to a person."""
    if rows.table is not None:
        return list(unusual(rows.table, described, TRAITS))
    if rows.encoding is None or rows.encoding.scale == "unit" or rows.words is not None:
        return [None] * len(described)
    named = {f"column {place}": column.astype(np.float64) for place, column in enumerate(rows.array.T)}
    return list(unusual(Table(named, {}, rows.ids), described, TRAITS))


def _save(folder: Path, encoding: RowEncoding, rows: Rows, found: Anomalies) -> None:
    """Save what judges new rows: the mixture, or all rows, from which distances are measured."""
    if found.model is not None:
        save_grouping(folder, "outliers", encoding, found.model)
        return
    origin = rows.array.mean(axis=0, dtype=np.float64)
    store = ExactStore.build([str(i) for i in range(len(rows))], rows.array - origin, metric="euclidean")
    card = {"k": found.k, "threshold": found.threshold, "origin": origin.tolist()}
    save_grouping(folder, "outliers", encoding, None, store, **card)


def _entry(
    rows: Rows, found: Anomalies, row: int, neighbour: int, distance: float, reason: str | None
) -> dict[str, Any]:
    """Describe one instance in JSON's types."""
    entry: dict[str, Any] = {
        "id": rows.ids[row],
        "score": float(found.scores[row]),
        "outlier": bool(found.outlying[row]),
        "normal": rows.ids[neighbour] if neighbour >= 0 else None,
        "distance": float(distance) if neighbour >= 0 else None,
    }
    if reason is not None:
        entry["unusual"] = reason
    return entry


def _draw_pairs(rows: Rows, listed: list[dict[str, Any]], path: Path) -> None:
    """Draw images, each beside its nearest normal neighbour."""
    assert rows.images is not None
    normal = [entry["normal"] or entry["id"] for entry in listed]
    left, right = np.split(thumbnails(rows.images, [*(entry["id"] for entry in listed), *normal]), 2)
    gap = np.full((*left.shape[:2], -(-left.shape[2] // 16), 3), 255, np.uint8)
    captions = [f"{entry['id']}\nscore {entry['score']:.4g}" for entry in listed]
    marked = [place for place, entry in enumerate(listed) if entry["outlier"]]
    contact_sheet(np.concatenate([left, gap, right], axis=2), captions, columns=6, path=path, framed=marked)


def _draw_scores(found: Anomalies, path: Path) -> None:
    """Draw how the scores are spread, with the threshold."""
    edges = np.histogram_bin_edges(found.scores, bins=60)
    with figure(path, 7.5, 3.2) as drawn:
        axes = drawn.add_subplot()
        for inside, name, colour in (
            (~found.outlying, "normal", PALETTE[0]),
            (found.outlying, f"outliers ({int(found.outlying.sum()):,})", PALETTE[1]),
        ):
            axes.hist(found.scores[inside], bins=edges, color=colour, label=name)
        axes.axvline(found.threshold, color=INK, linewidth=1, linestyle="--", label="threshold")
        axes.set_yscale("symlog")
        style_axes(axes, "score: the lower, the less likely", "instances")
