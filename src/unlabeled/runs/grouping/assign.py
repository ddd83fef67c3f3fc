"""New rows put where the rows of an earlier command were: into its clusters, topics or classes, or its outliers."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.text.document_texts import read_texts
from unlabeled.data.text.documents import Documents
from unlabeled.errors import UnlabeledError
from unlabeled.figure import check_picture
from unlabeled.files import check_output_folder, folder_written_aside, read_json, refuses_damage, write_json
from unlabeled.registry import load
from unlabeled.runs.grouping.row_encoding import RowEncoding
from unlabeled.runs.grouping.write_table import check_table, inputs_of, masked, write_table
from unlabeled.search import ExactStore
from unlabeled.search.metric import unit_rows

CARD, MODEL, STORE = "assign.json", "model", "store"
KIND = "grouping"
VERDICTS = {True: "outlier", False: "normal"}


def check_results(
    table: str | os.PathLike[str],
    picture: str | os.PathLike[str] | None,
    model: str | os.PathLike[str] | None,
    inputs: list[Any],
    overwrite: bool,
) -> tuple[Path, Path]:
    """Refuse, before the work, names of results that are those of the data, are taken, or cannot be written.

    Returns
    -------
    picture : Path
    model : Path
        As given, or as the table with another ending.
    """
    check_table(table, overwrite=True)  # its name, from which the others are made
    path = Path(table).with_suffix(".png") if picture is None else Path(picture)
    folder = Path(table).with_suffix(".model") if model is None else Path(model)
    check_table(table, inputs, overwrite=overwrite)
    check_picture(path, inputs, overwrite=overwrite)
    check_output_folder(folder, inputs, kind=KIND, overwrite=overwrite)
    return path, folder


def save_grouping(
    folder: Path, task: str, encoding: RowEncoding, model: Any, store: ExactStore | None = None, **card: Any
) -> None:
    """Save a model, or the rows it compares with, beside the encoding of its rows, for `assign`."""
    with folder_written_aside(folder, KIND) as aside:
        encoding.write(aside)
        write_json(aside / CARD, {"task": task, **card})
        if model is not None:
            model.save(aside / MODEL)
        if store is not None:
            store.save(aside / STORE)


def assign(
    model: str | os.PathLike[str],
    source: Any,
    out: str | os.PathLike[str],
    *,
    column: str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Assign new rows to the clusters, outliers, topics or labels that an earlier command found.

    Rows are made as they were then: the same columns and categories, scale and words. A row's result does not depend on
    the other rows.

    Parameters
    ----------
    model : path
        The folder that `cluster` or `find_outliers` saved beside its table, the folder of `topics`, or the folder
        ``model`` that `label_dataset` saved.
    source : path or object
        Of the kind that the model was made from: vectors, a table, or texts.
    out : path
        The ``.parquet`` or ``.csv`` file to write. Of clusters: ``id``, ``cluster``, ``distance`` and, for a mixture,
        ``probability``. Of outliers: ``id``, ``score``, ``outlier``. Of topics: ``id``, ``topic``, ``share``. Of
        labels: ``id``, ``label``, ``confidence``.
    column : str, optional
        The column of a table that holds text.
    overwrite : bool, default False
        Replace a table that is already there.

    Returns
    -------
    dict
        In JSON's types: ``task``, ``rows``, ``found`` (how many rows each cluster, topic or verdict has), ``said``, and
        ``out``.

    Raises
    ------
    UnlabeledError
        If `model` holds no such model, the rows are of another kind, or `out` is taken.

    Examples
    --------
    >>> import tempfile
    >>> from unlabeled.runs.grouping.cluster import cluster
    >>> folder = tempfile.mkdtemp()
    >>> found = cluster([[0, 0], [0, 1], [9, 9], [9, 8], [1, 0]], f"{folder}/clusters.csv", k=2)
    >>> assign(found["model"], [[8, 8], [1, 1], [9, 7]], f"{folder}/new.csv")["found"]
    {'0': 1, '1': 2}
    """
    folder = Path(model)
    check_table(out, [source, folder, *inputs_of(folder.parent / "run")], overwrite=overwrite)
    if (folder / "topics.json").exists():
        task, (columns, said) = "topics", _topics(folder, source, column)
    elif (folder / CARD).exists():
        card = read_json(folder / CARD)
        task = str(card.get("task")) if isinstance(card, dict) else ""
        if task not in PLACES:
            raise UnlabeledError(f"{folder / CARD} does not say what the model is for; it is damaged")
        if card.get("features") == "instances":
            columns, said = _labels_of_instances(folder, card, source, column)
        else:
            ids, rows, said = _rows(folder, card, source, column)
            columns = {"id": ids} | PLACES[task](folder, card, rows)
    else:
        raise UnlabeledError(
            f"{folder} holds no model to assign by; one is saved by unlabeled cluster, outliers, topics and label"
        )
    write_table(columns, out)
    assigned = next(columns[name] for name in ("cluster", "outlier", "topic", "label") if name in columns)
    names = [VERDICTS[value] if task == "outliers" else value for value in assigned.tolist()]
    each = Counter(name for name in names if name is not None)  # a document without words has no topic
    found = {str(name): each[name] for name in sorted(each)}
    return {"task": task, "rows": len(columns["id"]), "found": found, "said": said, "out": str(out)}


def _rows(folder: Path, card: dict[str, Any], source: Any, column: str | None) -> tuple[list[str], Any, list[str]]:
    """Make rows of new instances; where the labels are of a representation learnt beside the model, by its encoder."""
    encoding = RowEncoding.read(folder)
    if card.get("features") == "counts":
        return encoding.count_words(source, column)
    if card["task"] != "labels" or not (folder.parent / "run" / "run.json").exists():
        return encoding.encode(source, column)
    if column is not None:
        raise UnlabeledError(f"a column ({column}) is for text, and the model was not made from text; leave it out")
    from unlabeled.runs.run import Run  # its encoder brings torch

    found = Run(folder.parent / "run").embed(source, on_error="skip")
    said = [f"skipped {item.id}: {item.reason}" for item in found.skipped]
    return found.ids, encoding.rescale(found.vectors), said


@refuses_damage
def _clusters(folder: Path, card: dict[str, Any], rows: NDArray[Any]) -> dict[str, Any]:
    found = load(folder / MODEL)
    labels = np.asarray(found.predict(rows), dtype=np.int64)
    if hasattr(found, "distances"):  # of categories too
        distances = found.distances(rows)[np.arange(len(rows)), labels]
    else:
        centres = found.means_ if hasattr(found, "means_") else found.cluster_centers_
        distances = np.linalg.norm(rows - centres[labels], axis=1)
    columns = {"cluster": labels, "distance": distances.astype(np.float32)}
    if hasattr(found, "predict_proba"):
        columns["probability"] = found.predict_proba(rows).max(axis=1).astype(np.float32)
    return columns


@refuses_damage
def _outliers(folder: Path, card: dict[str, Any], rows: NDArray[Any]) -> dict[str, Any]:
    if (folder / MODEL).exists():
        found = load(folder / MODEL)
        scores = found.score_samples(rows)
        return {"score": scores, "outlier": scores < found.offset_}
    near = ExactStore.open(folder / STORE).query(rows - np.asarray(card["origin"]), int(card["k"])).distances
    scores = -near.mean(axis=1)
    return {"score": scores, "outlier": scores < card["threshold"]}


@refuses_damage
def _labels(folder: Path, card: dict[str, Any], rows: Any) -> dict[str, Any]:
    if card["features"] == "raw input":
        raise UnlabeledError("these labels were made from the raw input, which cannot be made of new instances here")
    model = load(folder / MODEL)
    return _named(card, np.asarray(model.predict(rows), dtype=np.int64), model.predict_proba(rows))


@refuses_damage
def _labels_of_instances(
    folder: Path, card: dict[str, Any], source: Any, column: str | None
) -> tuple[dict[str, Any], list[str]]:
    """Label instances by a network that takes them as they are."""
    from unlabeled.modalities import Settings, open_instances

    model = load(folder / MODEL)
    preprocessing = model.encoder_.preprocessing
    settings = Settings(column=column, modalities=(preprocessing.kind,))
    instances, _ = open_instances(source, settings, preprocessing, "skip")
    said = [f"skipped {item.id}: {item.reason}" for item in getattr(instances, "skipped", ())]
    shares = model.predict_proba(instances)
    return {"id": list(instances.ids)} | _named(card, shares.argmax(axis=1), shares), said


def _named(card: dict[str, Any], codes: NDArray[np.int64], shares: NDArray[np.float64]) -> dict[str, Any]:
    """Name the classes, and leave empty what is below the threshold."""
    from unlabeled.methods.fewlabels.calibration import at_temperature

    confidence = at_temperature(shares, float(card["temperature"])).max(axis=1)
    threshold = np.inf if card["threshold"] is None else float(card["threshold"])
    gone = (codes < 0) | (confidence < threshold)
    return {"label": masked(np.array(card["classes"])[codes], gone), "confidence": confidence.astype(np.float32)}


PLACES = {"cluster": _clusters, "outliers": _outliers, "labels": _labels}


@refuses_damage
def _topics(folder: Path, source: Any, column: str | None) -> tuple[dict[str, Any], list[str]]:
    texts, ids = read_texts(source, column)
    model = load(folder / MODEL)
    encoder = read_json(folder / "topics.json").get("encoder")
    if encoder is not None:
        from unlabeled.runs.grouping.cluster_topics import text_vectors  # its encoder brings torch

        rows = unit_rows(text_vectors(encoder, texts))
        labels = np.asarray(model.predict(rows), dtype=np.int64)
        similarity = (rows * unit_rows(model.cluster_centers_)[labels]).sum(axis=1).astype(np.float32)
        return {"id": ids, "topic": labels, "similarity": similarity}, []
    documents = Documents.count(texts, tokenizer=model.tokenizer, vocabulary=model.vocabulary_)
    shares, empty = model.transform(documents), np.diff(documents.counts.indptr) == 0
    said = [f"{counted(int(empty.sum()), 'document')} without a word that the model knows"] if empty.any() else []
    columns = {"id": ids, "topic": masked(shares.argmax(axis=1), empty), "share": masked(shares.max(axis=1), empty)}
    return columns, said
