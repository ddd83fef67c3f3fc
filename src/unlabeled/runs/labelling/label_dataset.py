"""From instances and a handful of labels to a labelled data set, with what its labels can be trusted for."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_lock, read_json, write_json
from unlabeled.methods.fewlabels.calibration import at_temperature
from unlabeled.modalities import Settings, modalities, modality_of, open_instances
from unlabeled.modalities.modality import Collection, OnError
from unlabeled.runs.budget import Budget
from unlabeled.runs.embeddings import Say, silent
from unlabeled.runs.grouping.feature_matrix import Rows, open_rows
from unlabeled.runs.labelling.given_labels import GivenLabels
from unlabeled.runs.labelling.label_candidates import (
    CrossValidated,
    candidates,
    check_candidates,
    cross_validate,
    learning_curve,
    rows_as_array,
)
from unlabeled.runs.labelling.label_findings import (
    by_class,
    calibrate,
    count_confusions,
    expect_precision,
    find_contradictions,
    find_suspicious,
    precision_table,
    tell_what_helped,
)
from unlabeled.runs.labelling.label_next import label_next
from unlabeled.runs.labelling.label_tuning import cross_validate_tuning
from unlabeled.runs.labelling.labelled_folder import (
    CARD,
    check_labelled_folder,
    check_nothing_replaced,
    forgotten_labels,
    free_name,
    is_finished,
    write_labels,
)
from unlabeled.runs.learn import learn
from unlabeled.runs.run import Run
from unlabeled.search import NeighbourGraph
from unlabeled.training.bases.self_supervised import CIRCUMSTANCES, SelfSupervised

RAW_ROWS = 20_000
"""Instances up to which the raw input is compared too; a classifier of pixels holds them all in memory."""
VIEWS = 100_000
"""Instances that the default method sees in all its epochs together, between 5 and 100 of them."""
CURVE = (0.25, 0.5, 0.75, 1.0)
NO_ENCODER = (
    "Fine-tuning was not compared: these data have no encoder to fine-tune. To have one, learn it with unlabeled "
    "learn, and label the folder of that run"
)


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
    budget: str | float = "2m",
    also: Sequence[str] = (),
    random_state: int = 0,
    on_error: OnError = "skip",
    resume: bool = False,
    overwrite: bool = False,
    say: Say = silent,
) -> LabelledDataset:
    """Label all instances of a collection from few labels.

    Images are represented by what `method` learns from them; of a run its embeddings are taken; vectors, tables and
    texts are made comparable as `unlabeled cluster` does. On that, linear classifiers of the labelled instances alone
    and classifiers on a graph of all instances are compared by repeated cross-validation on the given labels, and so
    is fine-tuning of a learnt encoder, with FixMatch and on the labels alone, as far as the budget of time allows. The
    best labels the rest. Its confidences are calibrated on labels that were hidden from it.

    Parameters
    ----------
    source : path or object
        A folder of images or texts, vectors, a table, or the folder of a run.
    labels : path, list of paths, mapping of id to class, or sequence of length n
        Of several files the later wins; −1, empty cells, None and NaN say nothing.
    out : path
        A folder: ``labels.parquet`` and ``labels.csv`` (id, label, confidence, source, nearest), ``given.csv`` (that of
        an earlier round becomes ``given-1.csv``), ``next-1.csv`` (what to label next), ``model/``, ``report.html``,
        ``label.json``, and for images ``run/``.
    precision : float, optional
        Label only instances of such a confidence that this share of the labels is expected to be right; by default
        label all.
    column : str, optional
        The column of a table that holds text.
    method : SelfSupervised, optional
        What learns a representation of images; by default SimCLR. A representation that is in `out` already must be
        what it would learn.
    next_count : int, default 50
        Instances to propose for labelling.
    repeats : int, optional
        Repeats of the cross-validation, each with other parts; by default 10, and fewer for more than 5,000
        instances or 100 classes.
    budget : str or number, default "2m"
        For fine-tuning: the time that all of it may take, its cross-validation included, as ``"10m"`` or ``"90s"``; or
        the steps of each fit, as ``"500 steps"``; 0 leaves it out. A time is measured, and becomes a number of steps
        that depends on the machine; to repeat a result elsewhere, give the steps that ``label.json`` says.
    also : sequence of str
        Methods to compare too: ``"self_training"``; and of texts whose words are counted, ``"semi_supervised_em"``.
    random_state : int, default 0
        Seed of everything.
    on_error : {"skip", "raise"}, default "skip"
        What to do with an image that cannot be read.
    resume : bool, default False
        Go on with an unfinished representation in `out`.
    overwrite : bool, default False
        Replace the labels in `out`. A representation there is used again, and must be of the same data.
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
    allowed = None if str(budget) == "0" else Budget.read(budget)
    before = check_labelled_folder(out, resume, overwrite)
    check_nothing_replaced(out, source, labels)
    to_learn = _to_learn(source, column)
    if to_learn is not None:
        rows, ids = None, to_learn.ids
    else:
        if method is not None:
            raise UnlabeledError("a method learns from images, and these are represented without one; leave it out")
        rows = open_rows(source, column=column, random_state=random_state)
        ids = rows.ids
    check_candidates(also, counted=rows is not None and rows.weights is not None)
    # What is wrong with the labels, and those of the round before, is said before the work.
    forgotten = forgotten_labels(out, ids, GivenLabels.read(labels, ids))
    shown = to_learn if to_learn is not None else rows.images if rows is not None else None
    if shown is not None and modality_of(shown).from_one_source:
        raise UnlabeledError(
            f"several {modality_of(shown).name} instances come from one file and are much alike, so labels that are "
            "hidden could not tell how far the others are to be trusted; judge a run by labels with unlabeled evaluate"
        )
    run = out / "run" if to_learn is not None else _run_folder(source)
    _check_nothing_seen(run, method)
    if to_learn is not None and is_finished(out / "run"):
        _check_learnt_before(Run(out / "run"), to_learn, method)
    with folder_lock(out):
        write_json(out / CARD, {**before, "complete": False})
        if to_learn is not None:
            rows = _learnt(len(to_learn), source, out / "run", method, random_state, on_error, resume, say)
        assert rows is not None
        given = GivenLabels.read(labels, rows.ids)
        given.said.extend(forgotten)
        repeats = repeats or _repeats(len(rows), len(given.classes))
        graph = NeighbourGraph.from_vectors(rows.array, min(10, max(1, len(rows) - 1)), random_state=random_state)
        compared, tuning = _compared(rows, given, graph, out, run, repeats, allowed, also, random_state, say)
        return _label(
            rows, given, graph, out, before, compared, tuning, precision, next_count, repeats, random_state, say
        )


def _label(
    rows: Rows,
    given: GivenLabels,
    graph: NeighbourGraph,
    out: Path,
    before: dict[str, Any],
    compared: list[CrossValidated],
    tuning: dict[str, Any],
    precision: float | None,
    next_count: int,
    repeats: int,
    seed: int,
    say: Say,
) -> LabelledDataset:
    known = given.codes >= 0
    chosen = max(compared, key=lambda found: found.accuracy)  # of equals the first, which is the simplest
    if not len(chosen.rows):
        chosen = next(found for found in compared if found.candidate.approach == "semi-supervised")
    quick = max((found for found in compared if found.candidate.quick), key=lambda found: found.accuracy)
    say(f"Chosen: {chosen.candidate.name}")

    estimator, shares = chosen.candidate.make(given.codes)
    temperature = calibrate(chosen)[0] if len(chosen.rows) else 1.0
    curve = expect_precision(compared, seed)
    reached = shares.sum(axis=1) > 0
    shares = np.where(reached[:, None], at_temperature(shares, temperature), 0.0)
    confidence = shares.max(axis=1)
    expected = None
    if curve is not None:
        expected = curve.at(0.0) if precision is None else curve.judged_threshold(precision, seed)
    threshold: float | None = 0.0 if precision is None else expected["threshold"] if expected is not None else None
    labelled = ~known & reached & (confidence >= (np.inf if threshold is None else threshold))
    codes = np.where(known, given.codes, np.where(labelled, shares.argmax(axis=1), -1))
    names: list[str | None] = [given.classes[code] if code >= 0 else None for code in codes.tolist()]

    lonely = np.asarray(graph.directed.sum(axis=1)).ravel() / np.maximum(np.diff(graph.directed.indptr), 1)
    following = label_next(rows.array, 1 - confidence, known, lonely, next_count)
    about: dict[str, Any] = {
        "complete": True,
        "instances": len(rows),
        "given": int(known.sum()),
        "labelled": int(labelled.sum()),
        "abstained": int((codes < 0).sum()),
        "unreached": int((~reached & ~known).sum()),
        "classes": given.classes,
        "said": rows.said,
        "warnings": given.said + find_contradictions(graph, given, rows.ids),
        "history": given.history,
        "changed": given.changed,
        "method": chosen.candidate.name,
        "compared": [found.to_dict() for found in compared] if len(chosen.rows) else [],
        "helped": tell_what_helped(compared),
        "cross_validated": len(chosen.rows),
        "repeats": repeats,
        "temperature": temperature,
        "wanted_precision": precision,
        "threshold": threshold,
        "expected": expected,
        "precision": precision_table(curve, confidence[~known & reached]),
        "per_class": by_class(chosen, given, codes, known),
        "confusion": count_confusions(chosen, len(given.classes)),
        "suspicious": find_suspicious(chosen, given, rows, temperature),
        "curve": learning_curve(quick.candidate, given.codes, CURVE, min(repeats, 3), seed) if len(quick.rows) else [],
        "curve_method": quick.candidate.name,
        "tuning": tuning,
        "next": [
            {"id": rows.ids[row], "guess": given.classes[shares[row].argmax()], "confidence": float(confidence[row])}
            for row in following.tolist()
        ],
        "next_file": free_name(out, "next").name,
        "seed": seed,
    }
    about["rounds"] = [*before.get("rounds", []), {key: about[key] for key in ("given", "method", "expected")}]
    write_labels(out, rows, given, names, confidence, labelled, about, estimator, chosen)
    return LabelledDataset(out, list(rows.ids), names, np.where(known | ~reached, np.nan, confidence), about)


def _repeats(instances: int, classes: int) -> int:
    """Choose how often to cross-validate: as often as takes minutes at most."""
    if instances > 20_000 or classes > 100:
        return 2
    return 10 if instances <= 5_000 else 5


# --- the data ---------------------------------------------------------------------------------------------------------


def _to_learn(source: Any, column: str | None) -> Collection | None:
    """Open what must be represented first; None for what is rows of numbers already, or can be made so by counting."""
    if column is not None:
        return None
    if isinstance(source, str | os.PathLike):
        source = Path(source)
        if not source.exists() or (source / "run.json").exists():
            return None
    kind = next((kind for kind in modalities().values() if kind.has_pictures and kind.accepts(source)), None)
    return None if kind is None else kind.open(source)


def _check_nothing_seen(run: Path | None, method: SelfSupervised | None) -> None:
    """Refuse a representation that has learnt from labels: hidden ones would not test how well it finds them."""
    about = read_json(run / "run.json") if run is not None and (run / "run.json").exists() else {}
    seen = about.get("method") if about.get("held_out_labels") is not None else None
    if method is not None and method.uses_labels:
        seen = type(method).__name__
    if seen is not None:
        raise UnlabeledError(
            f"{seen} learns from labels, so labels that are hidden from it here could not tell how far it is to be "
            "trusted; take a representation that was learnt without labels, such as by SimCLR"
        )


def _check_learnt_before(run: Run, data: Collection, method: SelfSupervised | None) -> None:
    """Refuse the representation of an earlier round if it is of other data, or not what the method would learn."""
    elsewhere = "choose another folder for --out"
    instances, _ = open_instances(data, preprocessing=run.encoder.preprocessing, on_error="skip")
    if not run.learnt_from(instances):
        raise UnlabeledError(
            f"{run.folder} holds a representation of other data: names or contents have changed; {elsewhere}"
        )
    asked = {} if method is None else json.loads(json.dumps(method.recipe()))
    for name, value in asked.items():
        learnt = run.about["recipe"].get(name)
        if name not in CIRCUMSTANCES and value != learnt:
            raise UnlabeledError(
                f"{run.folder} was learnt with {name} {learnt!r}, not {value!r}; to use it again, leave the method and "
                f"its settings out; to learn anew, {elsewhere}"
            )


def _learnt(
    count: int,
    source: Any,
    folder: Path,
    method: SelfSupervised | None,
    seed: int,
    on_error: OnError,
    resume: bool,
    say: Say,
) -> Rows:
    """Learn a representation, or take the one that is there from an earlier round."""
    if is_finished(folder):
        say(f"Using the representation in {folder} again")
    else:
        if method is None:
            from unlabeled.methods.contrastive.simclr import SimCLR

            epochs = min(100, max(5, round(VIEWS / count)))
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


def _run_folder(source: Any) -> Path | None:
    """Give the folder of the run that the source is, if it is one."""
    if not isinstance(source, str | os.PathLike):
        return None
    return Path(source) if (Path(source) / "run.json").exists() else None


# --- what the labels justify ------------------------------------------------------------------------------------------


def _compared(
    rows: Rows,
    given: GivenLabels,
    graph: NeighbourGraph,
    out: Path,
    run: Path | None,
    repeats: int,
    budget: Budget | None,
    also: Sequence[str],
    seed: int,
    say: Say,
) -> tuple[list[CrossValidated], dict[str, Any]]:
    """Cross-validate all candidates; say too how fine-tuning spent its budget, or why it is not among them."""
    known = np.flatnonzero(given.codes >= 0)
    say(f"{counted(len(known), 'label')} of {len(given.classes)} classes for {counted(len(rows), 'instance')}")
    quick = candidates(rows_as_array(rows.array), _raw(rows), graph, known, also, rows.counts)
    if np.bincount(given.codes[known]).max() < 2:
        empty = np.empty((1, 0, len(given.classes)))
        nothing = np.empty(0, np.int64)
        return [CrossValidated(candidate, nothing, empty, nothing) for candidate in quick], {}
    say("Comparing classifiers by cross-validation on the given labels")
    compared = []
    for candidate in quick:
        compared.append(cross_validate(candidate, given.codes, repeats, seed))
        say(f"  {candidate.name}: {100 * compared[-1].accuracy:.1f} % of the hidden labels")
    if budget is None:
        return compared, {}
    if run is None:
        return compared, {"said": NO_ENCODER}
    tuned, about = cross_validate_tuning(run, rows.ids, given.codes, budget, repeats, out / "tuning", seed, say)
    return compared + tuned, about
