"""From instances and a handful of labels to a labelled data set, with what its labels can be trusted for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.errors import UnlabeledError
from unlabeled.files import check_writable, folder_lock, read_json, write_json
from unlabeled.methods.fewlabels.calibration import at_temperature, fit_temperature
from unlabeled.modalities import Settings, modalities, modality_of, open_instances
from unlabeled.modalities.modality import Collection, OnError
from unlabeled.runs.embeddings import Say, silent
from unlabeled.runs.grouping.assign import save_grouping
from unlabeled.runs.grouping.feature_matrix import Rows, open_rows
from unlabeled.runs.grouping.row_encoding import RowEncoding
from unlabeled.runs.grouping.write_table import write_table
from unlabeled.runs.labelling.given_labels import GivenLabels
from unlabeled.runs.labelling.label_candidates import (
    CrossValidated,
    candidates,
    cross_validate,
    learning_curve,
    mean_interval,
    rows_as_array,
)
from unlabeled.runs.labelling.label_next import label_next
from unlabeled.runs.labelling.label_precision import Precision
from unlabeled.runs.labelling.label_report import write_label_report
from unlabeled.runs.learn import learn
from unlabeled.runs.run import Run
from unlabeled.search import ExactStore, NeighbourGraph
from unlabeled.training.bases.self_supervised import SelfSupervised

CARD = "label.json"
OURS = (CARD, "labels.parquet", "labels.csv", "given.csv", "report.html", "model", "pictures", "run", ".lock")
FEW = 5
"""Labels of a class below which the report says that there are too few."""
SURE, UNLIKELY = 0.8, 0.1
"""A given label looks wrong if another class is at least so probable when it is hidden, and itself at most so."""
RAW_ROWS = 20_000
"""Instances up to which the raw input is compared too; a classifier of pixels holds them all in memory."""
VIEWS = 100_000
"""Instances that the default method sees in all its epochs together, between 5 and 100 of them."""
CURVE = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class LabelledDataset:
    """What `label_dataset` wrote.

    Attributes
    ----------
    folder : Path
    ids : list of str
    labels : list of str or None
        None where nothing can be said with the wanted precision.
    confidence : ndarray, shape (n,)
        Expected share of right labels; NaN for labels that people gave and for instances nothing reaches.
    about : dict
        All figures of the report, in JSON's types.
    """

    folder: Path
    ids: list[str]
    labels: list[str | None]
    confidence: NDArray[np.float64]
    about: dict[str, Any]


def label_dataset(
    source: Any,
    labels: Any,
    out: str | os.PathLike[str],
    *,
    precision: float | None = None,
    column: str | None = None,
    method: SelfSupervised | None = None,
    next_count: int = 50,
    repeats: int | None = None,
    random_state: int = 0,
    on_error: OnError = "skip",
    resume: bool = False,
    overwrite: bool = False,
    say: Say = silent,
) -> LabelledDataset:
    """Label all instances of a collection from few labels.

    Images are represented by what `method` learns from them; of a run its embeddings are taken; vectors, tables and
    texts are made comparable as `unlabeled cluster` does. On that, linear classifiers of the labelled instances alone
    and classifiers on a graph of all instances are compared by repeated cross-validation on the given labels, and the
    best labels the rest. Its confidences are calibrated on labels that were hidden from it.

    Parameters
    ----------
    source : path or object
        A folder of images or texts, vectors, a table, or the folder of a run.
    labels : path, list of paths, mapping of id to class, or sequence of length n
        Of several files the later wins; −1, empty cells, None and NaN say nothing.
    out : path
        A folder: ``labels.parquet`` and ``labels.csv`` (id, label, confidence, source, nearest), ``given.csv``,
        ``next-1.csv`` (what to label next), ``model/``, ``report.html``, ``label.json``, and for images ``run/``.
    precision : float, optional
        Label only instances of such a confidence that this share of the labels is expected to be right; by default
        label all.
    column : str, optional
        The column of a table that holds text.
    method : SelfSupervised, optional
        What learns a representation of images; by default SimCLR.
    next_count : int, default 50
        Instances to propose for labelling.
    repeats : int, optional
        Repeats of the cross-validation, each with other parts; by default 10, and fewer for more than 5,000
        instances or 100 classes.
    random_state : int, default 0
        Seed of everything.
    on_error : {"skip", "raise"}, default "skip"
        What to do with an image that cannot be read.
    resume : bool, default False
        Go on with an unfinished representation in `out`.
    overwrite : bool, default False
        Replace the labels in `out`. A representation there of the same data is used again.
    say : callable, optional
        Receives a sentence at each stage.

    Returns
    -------
    LabelledDataset

    Raises
    ------
    UnlabeledError
        If data or labels are not usable, or `out` holds something else.
    """
    out = Path(out)
    if precision is not None and not 0 < precision < 1:
        raise UnlabeledError(f"precision is a share between 0 and 1, such as 0.95; got {precision}")
    if next_count < 0 or (repeats is not None and repeats < 1):
        raise UnlabeledError(f"next_count must be at least 0 and repeats 1, got {next_count} and {repeats}")
    before = _check_folder(out, resume, overwrite)
    to_learn = _to_learn(source, column)
    if to_learn is not None:
        GivenLabels.read(labels, to_learn.ids)  # what is wrong with them is said before the work
        rows = None
    else:
        rows = open_rows(source, column=column, random_state=random_state)
        GivenLabels.read(labels, rows.ids)
    with folder_lock(out):
        write_json(out / CARD, {**before, "complete": False})
        if to_learn is not None:
            rows = _learnt(to_learn, source, out / "run", method, random_state, on_error, resume, say)
        assert rows is not None
        given = GivenLabels.read(labels, rows.ids)
        repeats = repeats or _repeats(len(rows), len(given.classes))
        return _label(rows, given, out, before, precision, next_count, repeats, random_state, say)


def _label(
    rows: Rows,
    given: GivenLabels,
    out: Path,
    before: dict[str, Any],
    precision: float | None,
    next_count: int,
    repeats: int,
    seed: int,
    say: Say,
) -> LabelledDataset:
    known = given.codes >= 0
    say(f"{counted(int(known.sum()), 'label')} of {len(given.classes)} classes for {counted(len(rows), 'instance')}")
    features, raw = rows_as_array(rows.array), _raw(rows)
    graph = NeighbourGraph.from_vectors(rows.array, min(10, max(1, len(rows) - 1)), random_state=seed)
    compared = _compared(features, raw, graph, given, repeats, seed, say)
    chosen = max(compared, key=lambda found: found.accuracy)  # of equals the first, which is the simplest
    if not len(chosen.rows):
        chosen = next(found for found in compared if found.candidate.kind == "semi-supervised")
    say(f"Chosen: {chosen.candidate.name}")

    estimator, shares = chosen.candidate.make(given.codes)
    temperature, curve = _calibrated(chosen)
    reached = shares.sum(axis=1) > 0
    shares = np.where(reached[:, None], at_temperature(shares, temperature), 0.0)
    confidence = shares.max(axis=1)
    threshold: float | None = 0.0
    if precision is not None:
        threshold = curve.threshold_for(precision) if curve is not None else None
    labelled = ~known & reached & (confidence >= (np.inf if threshold is None else threshold))
    codes = np.where(known, given.codes, np.where(labelled, shares.argmax(axis=1), -1))
    names: list[str | None] = [given.classes[code] if code >= 0 else None for code in codes.tolist()]

    lonely = np.asarray(graph.directed.sum(axis=1)).ravel() / np.maximum(np.diff(graph.directed.indptr), 1)
    following = label_next(rows.array.astype(np.float32), 1 - confidence, known, lonely, next_count)
    about: dict[str, Any] = {
        "complete": True,
        "instances": len(rows),
        "given": int(known.sum()),
        "labelled": int(labelled.sum()),
        "abstained": int((codes < 0).sum()),
        "unreached": int((~reached & ~known).sum()),
        "classes": given.classes,
        "said": rows.said,
        "warnings": given.said + _contradictions(graph, given, rows.ids),
        "history": given.history,
        "changed": given.changed,
        "method": chosen.candidate.name,
        "compared": [found.to_dict() for found in compared] if len(chosen.rows) else [],
        "helped": _helped(compared),
        "cross_validated": len(chosen.rows),
        "repeats": repeats,
        "temperature": temperature,
        "wanted_precision": precision,
        "threshold": threshold,
        "expected": curve.at(threshold) if curve is not None and threshold is not None else None,
        "precision": _with_coverage(curve, confidence[~known & reached]),
        "per_class": _per_class(chosen, given, codes, known),
        "confusion": _confusion(chosen, len(given.classes)),
        "suspicious": _suspicious(chosen, given, rows, temperature),
        "curve": learning_curve(chosen.candidate, given.codes, CURVE, min(repeats, 3), seed)
        if len(chosen.rows)
        else [],
        "next": [
            {"id": rows.ids[row], "guess": given.classes[shares[row].argmax()], "confidence": float(confidence[row])}
            for row in following.tolist()
        ],
        "next_file": _free_name(out).name,
        "seed": seed,
    }
    about["rounds"] = [*before.get("rounds", []), {key: about[key] for key in ("given", "method", "expected")}]
    _write(out, rows, given, names, confidence, labelled, about, estimator, chosen)
    return LabelledDataset(out, list(rows.ids), names, np.where(known | ~reached, np.nan, confidence), about)


def _repeats(instances: int, classes: int) -> int:
    """Choose how often to cross-validate: as often as takes minutes at most."""
    if instances > 20_000 or classes > 100:
        return 2
    return 10 if instances <= 5_000 else 5


# --- the data ---------------------------------------------------------------------------------------------------------


def _to_learn(source: Any, column: str | None) -> Collection | None:
    """Open what must be represented first; None for what is rows of numbers already, or can be made so by counting."""
    if isinstance(source, str | os.PathLike):
        source = Path(source)
        if column is not None or not source.exists() or (source / "run.json").exists():
            return None
    kind = next((kind for kind in modalities().values() if kind.has_pictures and kind.accepts(source)), None)
    return None if kind is None else kind.open(source)


def _learnt(
    data: Collection,
    source: Any,
    folder: Path,
    method: SelfSupervised | None,
    seed: int,
    on_error: OnError,
    resume: bool,
    say: Say,
) -> Rows:
    """Learn a representation, or take the one that is there from an earlier round."""
    if (folder / "run.json").exists() and read_json(folder / "run.json").get("complete"):
        run = Run(folder)
        skipped = {item["id"] for item in run.about["skipped"]}
        if run.embeddings.ids != [name for name in data.ids if name not in skipped]:
            raise UnlabeledError(f"{folder} holds a representation of other data; choose another folder for --out")
        say(f"Using the representation in {folder} again")
    else:
        if method is None:
            from unlabeled.methods.contrastive.simclr import SimCLR

            epochs = min(100, max(5, round(VIEWS / len(data))))
            method = SimCLR(epochs=epochs, random_state=seed)
        unfinished = (folder / "checkpoint").exists()
        learn(source, folder, method, on_error=on_error, resume=resume and unfinished, say=say)
    return open_rows(folder)


def _raw(rows: Rows) -> Any:
    """Give the input in its simplest form, for the twin that learns nothing from unlabelled instances."""
    if rows.weights is not None:
        return rows_as_array(rows.weights)
    if rows.images is None or len(rows) > RAW_ROWS:
        return None
    kind = modality_of(rows.images)
    instances, _ = open_instances(rows.images, Settings(size=32), on_error="skip")
    place = {name: row for row, name in enumerate(instances.ids)}
    if any(name not in place for name in rows.ids):
        return None
    return rows_as_array(kind.baseline(instances, np.array([place[name] for name in rows.ids])))


# --- what the labels justify ------------------------------------------------------------------------------------------


def _compared(
    features: Any, raw: Any, graph: NeighbourGraph, given: GivenLabels, repeats: int, seed: int, say: Say
) -> list[CrossValidated]:
    say("Comparing classifiers by cross-validation on the given labels")
    found = candidates(features, raw, graph)
    if np.bincount(given.codes[given.codes >= 0]).max() < 2:
        empty = np.empty((1, 0, len(given.classes)))
        nothing = np.empty(0, np.int64)
        return [CrossValidated(candidate, nothing, empty, nothing) for candidate in found]
    return [cross_validate(candidate, given.codes, repeats, seed) for candidate in found]


def _calibrated(chosen: CrossValidated) -> tuple[float, Precision | None]:
    """Fit the temperature on hidden labels, and relate confidence to rightness; impossible where none can be hidden."""
    if not len(chosen.rows):
        return 1.0, None
    flat = chosen.probabilities.reshape(-1, chosen.probabilities.shape[2])
    truth = np.tile(chosen.truth, len(chosen.probabilities))
    reached = flat.sum(axis=1) > 0
    temperature = fit_temperature(flat[reached], truth[reached]) if reached.any() else 1.0
    shares = np.where(reached[:, None], at_temperature(flat, temperature), 0.0)
    confidence = shares.max(axis=1).reshape(chosen.right.shape)
    return temperature, Precision.of(confidence, chosen.right)


def _helped(compared: Sequence[CrossValidated]) -> list[dict[str, Any]]:
    """Compare the best that uses unlabelled instances with its twin that does not, label by label."""
    best: dict[str, CrossValidated] = {}
    for found in compared:
        kind = found.candidate.kind
        if len(found.rows) and (kind not in best or found.accuracy > best[kind].accuracy):
            best[kind] = found
    said = []
    for question, ours, twin in (
        ("the representation, learnt from all instances, beside the raw input", "supervised", "raw input"),
        ("the graph of all instances, beside a classifier of the labelled ones", "semi-supervised", "supervised"),
    ):
        if ours in best and twin in best:
            difference = best[ours].right.mean(axis=0) - best[twin].right.mean(axis=0)
            mean, low, high = mean_interval(difference)
            verdict = "helped" if low > 0 else "hurt" if high < 0 else "no evidence of help"
            said.append(
                {
                    "question": question,
                    "ours": best[ours].candidate.name,
                    "twin": best[twin].candidate.name,
                    "accuracy": best[ours].accuracy,
                    "twin_accuracy": best[twin].accuracy,
                    "difference": mean,
                    "interval": [low, high] if np.isfinite(low) else None,
                    "verdict": verdict,
                }
            )
    return said


def _with_coverage(curve: Precision | None, confidence: NDArray[np.float64]) -> list[dict[str, Any]]:
    if curve is None:
        return []
    return [
        {**step, "coverage": float((confidence >= step["threshold"]).mean()) if len(confidence) else 0.0}
        for step in curve.table()
    ]


def _per_class(
    chosen: CrossValidated, given: GivenLabels, codes: NDArray[np.int64], known: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Give for each class the labels given and made, and how hidden labels of it were told."""
    predicted = chosen.probabilities.argmax(axis=2)
    found = []
    for code, name in enumerate(given.classes):
        own, said = chosen.truth == code, predicted == code
        count = int((given.codes == code).sum())
        found.append(
            {
                "class": name,
                "given": count,
                "few": count < FEW,
                "labelled": int(((codes == code) & ~known).sum()),
                "recall": float(chosen.right[:, own].mean()) if own.any() else None,
                "precision": float(np.broadcast_to(own, said.shape)[said].mean()) if said.any() else None,
            }
        )
    return found


def _confusion(chosen: CrossValidated, classes: int) -> list[list[float]]:
    """Count hidden labels by given class (rows) and predicted class (columns), as a mean over the repeats."""
    counts = np.zeros((classes, classes))
    predicted = chosen.probabilities.argmax(axis=2)
    for repeat in predicted:
        np.add.at(counts, (chosen.truth, repeat), 1 / len(predicted))
    return counts.round(2).tolist()


def _suspicious(chosen: CrossValidated, given: GivenLabels, rows: Rows, temperature: float) -> list[dict[str, Any]]:
    """List given labels that the others contradict when they are hidden, the most contradicted first."""
    if not len(chosen.rows):
        return []
    reached = chosen.probabilities.sum(axis=2) > 0
    flat = at_temperature(chosen.probabilities.reshape(-1, len(given.classes)), temperature)
    shares = np.where(reached[..., None], flat.reshape(chosen.probabilities.shape), 0.0).mean(axis=0)
    own = shares[np.arange(len(chosen.truth)), chosen.truth]
    other = shares.max(axis=1)
    odd = np.flatnonzero((other >= SURE) & (own <= UNLIKELY))
    return [
        {
            "id": rows.ids[chosen.rows[i]],
            "given": given.classes[chosen.truth[i]],
            "looks_like": given.classes[shares[i].argmax()],
            "confidence": float(other[i]),
        }
        for i in odd[np.argsort(own[odd] - other[odd], kind="stable")].tolist()
    ]


def _contradictions(graph: NeighbourGraph, given: GivenLabels, ids: Sequence[str]) -> list[str]:
    """Point out copies that have different labels."""
    names = given.names
    return [
        f"{ids[a]!r} and {ids[b]!r} are copies of each other, and labelled {names[a]!r} and {names[b]!r}"
        for a, b in graph.copies(1e-6).tolist()
        if names[a] is not None and names[b] is not None and names[a] != names[b]
    ]


# --- the folder -------------------------------------------------------------------------------------------------------


def _check_folder(out: Path, resume: bool, overwrite: bool) -> dict[str, Any]:
    """Refuse a folder that holds something else; give the card of an earlier round."""
    if not out.exists():
        check_writable(out)
        return {}
    if not out.is_dir():
        raise UnlabeledError(f"{out} is a file; name a folder for --out")
    if not (out / CARD).exists():
        if any(path.name not in (".lock",) for path in out.iterdir()):
            raise UnlabeledError(f"{out} exists and holds no labels made here; choose another folder for --out")
        return {}
    before: dict[str, Any] = read_json(out / CARD)
    if before.get("complete") and not overwrite:
        raise UnlabeledError(f"{out} holds finished labels; choose another folder, or replace them with --overwrite")
    if not before.get("complete") and not (resume or overwrite):
        raise UnlabeledError(f"{out} holds unfinished labels; go on with --resume, or begin again with --overwrite")
    if overwrite and not resume and (out / "run" / "checkpoint").exists():
        shutil.rmtree(out / "run")  # an unfinished representation; a finished one is used again
    return before


def _free_name(out: Path) -> Path:
    """Give the first name for proposals that is not taken: those filled in by hand are never replaced."""
    number = 1
    while (out / f"next-{number}.csv").exists():
        number += 1
    return out / f"next-{number}.csv"


def _write(
    out: Path,
    rows: Rows,
    given: GivenLabels,
    names: list[str | None],
    confidence: NDArray[np.float64],
    labelled: NDArray[np.bool_],
    about: dict[str, Any],
    estimator: Any,
    chosen: CrossValidated,
) -> None:
    known = given.codes >= 0
    said_by = np.where(known, "person", np.where(labelled, about["method"], None))
    columns = {
        "id": list(rows.ids),
        "label": names,
        "confidence": [None if k else float(c) for k, c in zip(known.tolist(), confidence.tolist(), strict=True)],
        "source": said_by.tolist(),
        "nearest": _nearest_labelled(rows, given),
    }
    for suffix in ("parquet", "csv"):
        write_table(columns, out / f"labels.{suffix}")
    write_table({"id": [rows.ids[row] for row in np.flatnonzero(known)], "label": [n for n in given.names if n]},
                out / "given.csv")  # fmt: skip
    proposals = about["next"]
    write_table(
        {
            "id": [item["id"] for item in proposals],
            "label": ["" for _ in proposals],
            "guess": [item["guess"] for item in proposals],
            "confidence": [item["confidence"] for item in proposals],
        },
        out / about["next_file"],
    )
    encoding = rows.encoding or RowEncoding(rows.array.shape[1])
    features = "raw input" if chosen.candidate.kind == "raw input" else "representation"
    save_grouping(out / "model", "labels", encoding, estimator, features=features, classes=given.classes,
                  temperature=about["temperature"], threshold=about["threshold"])  # fmt: skip
    write_label_report(out, about, rows.images)
    write_json(out / CARD, about)  # last: it says that all is there


def _nearest_labelled(rows: Rows, given: GivenLabels, k: int = 3) -> list[str]:
    """Name the labelled instances nearest to each, as ``id=label; id=label``."""
    known = np.flatnonzero(given.codes >= 0)
    vectors = rows.array.astype(np.float32)
    store = ExactStore.build([rows.ids[row] for row in known], vectors[known], metric="euclidean")
    found = store.query(vectors, min(k + 1, len(known)))
    names = given.names
    texts = []
    for row, neighbours in enumerate(known[found.indices].tolist()):
        others = [other for other in neighbours if other != row][:k]
        texts.append("; ".join(f"{rows.ids[other]}={names[other]}" for other in others))
    return texts
