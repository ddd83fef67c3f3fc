"""Many methods on the same data with the same budget: which one suits these data?"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr, t

from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.labels import label_table
from unlabeled.encoders import Encoder
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation import collapse_verdict, effective_rank, knn, linear_probe, uniformity
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.inputs import Labels, Vectors
from unlabeled.evaluation.significance import PairedDifference, holm, paired_difference
from unlabeled.evaluation.split import Split
from unlabeled.explore.figures.budget_curves import budget_curves
from unlabeled.files import check_encodable, read_json, write_json
from unlabeled.modalities import Modality, Settings, modality_of, open_instances, open_source
from unlabeled.registry import method as find_method
from unlabeled.runs.budget import Budget
from unlabeled.runs.comparing.entrant import Entrant
from unlabeled.runs.comparing.shared_data import SharedData
from unlabeled.runs.embeddings import Say, matched, say_skipped, silent
from unlabeled.runs.report import inline_picture
from unlabeled.runs.showing.page import write_page
from unlabeled.setting_checks import seed_numbers
from unlabeled.training.settings import described_parts

SELECTION_ROWS = 2500
"""Most training rows on which the strength of a linear probe is chosen."""
LABEL_FREE = {"effective_rank": 1, "uniformity": -1}
"""Figures that need no labels, with the sign that makes more be better."""
OWN = {
    "epochs": "the budget says how long a method learns",
    "random_state": "the seeds give it",
    "progress": "say receives what is done",
    "checkpoint": "what was learnt is kept in the folder of the comparison",
}
"""Settings of methods that a comparison gives itself, and why."""


def compare(
    source: Any,
    methods: str | Sequence[str],
    out: str | os.PathLike[str],
    *,
    labels: Any = None,
    budget: str | float = "500 steps",
    seeds: int | Sequence[int] = 3,
    settings: dict[str, Any] | None = None,
    overwrite: bool = False,
    say: Say = silent,
) -> dict[str, Any]:
    """Learn with several methods, one after the other, and judge them on the same held-out rows.

    Every method gets the same data, encoder, preprocessing and budget. What a method has learnt for a seed is kept in
    `out`, so a comparison that was interrupted or killed goes on where it was when it is called again. With labels,
    each seed draws one split that is the same for all methods; nearest neighbours and a linear probe learn from its
    training rows, and the test rows choose no setting. A method that learns from labels sees those of the training
    rows.

    Parameters
    ----------
    source : anything `unlabeled.modalities.open_source` takes
    methods : str or sequence of str
        Names of methods (see ``unlabeled methods``), ``"raw"``, ``"pca"`` (64 components of the raw input),
        ``"untrained"``, or an encoder such as ``"timm:resnet18"``, which is judged as it is.
    out : path
        The folder of the comparison: ``comparison.json``, ``report.html``, and for every method and seed the vectors
        of the instances that are judged: at most 10,000, labelled ones if there are labels.
    labels : path, mapping of id to class, table, or sequence, optional
        CSV or parquet with an id and a label, or the like in memory. Without labels, label-free figures rank the
        methods.
    budget : str or number, default "500 steps"
        For each method and seed: ``"10m"``, ``"90s"``, or ``"500 steps"``.
    seeds : int or sequence of int, default 3
        How many, or which.
    settings : dict, optional
        Settings of all methods that have them, and of how the data are prepared, such as ``{"batch_size": 128,
        "encoder": "conv"}``. Epochs and the random state are none of them: `budget` and `seeds` give these.
    overwrite : bool, default False
        Begin anew instead of going on with what is in `out`.
    say : callable, optional
        Receives a sentence at each stage.

    Returns
    -------
    dict
        What ``comparison.json`` holds.

    Raises
    ------
    UnlabeledError
        If no method is left that fits data and budget, a setting is of no method and not of the data, or `out` holds
        another comparison.
    """
    begun = time.monotonic()
    wanted, chosen = Budget.read(budget), seed_numbers(seeds)
    methods = [methods] if isinstance(methods, str) else list(methods)
    if not chosen or not methods:
        raise UnlabeledError("a comparison needs at least one method and one seed")
    for name in methods:
        if not isinstance(name, str):
            raise UnlabeledError(f"methods are given by name, such as 'simclr', and not as {name!r:.60}")
    folder = Path(out)
    given = settings or {}
    # A column that is named holds texts.
    kinds = _only_kind(methods) or (("text",) if given.get("column") else ())
    texts = {name: given[name] for name in ("column", "unit") if name in given}
    data = open_source(source, Settings(**texts, modalities=kinds))
    _check_settings(given, methods, modality_of(data))
    # What the settings say of preparing data, such as a size, holds for all; the encoder asks for nothing of its own.
    asked = SimpleNamespace(**vars(Settings()) | {name: value for name, value in given.items() if name != "encoder"})
    instances, preprocessing = open_instances(data, asked, on_error="skip")
    say_skipped(data, instances, say)
    table = label_table(labels, instances.ids) if labels is not None else None
    known, classes = matched(table, instances.ids, say) if table else (instances.labels, instances.classes)
    shared = SharedData(data, instances, preprocessing, known)
    identity: dict[str, Any] = {"data": instances.fingerprint, "judged": shared.identity}
    identity |= {"budget": [wanted.amount, wanted.unit], "settings": _described(given)}
    _open_folder(folder, identity, overwrite)
    opening = time.monotonic() - begun
    left_out: dict[str, str] = {}
    made: dict[str, Entrant] = {}
    entries = []

    def leave_out(name: str, error: UnlabeledError) -> None:
        left_out[name] = str(error)
        say(f"{name} is left out: {error}")

    for name in dict.fromkeys(methods):  # all before the first learns, so that a slip is told at once
        try:
            made[name] = Entrant.of(name, shared, given)
        except UnlabeledError as error:
            leave_out(name, error)
    for name, entry in made.items():
        try:
            entries.append((name, [entry.cell(folder, seed, wanted, say) for seed in chosen]))
        except UnlabeledError as error:
            leave_out(name, error)
    if not entries:
        raise UnlabeledError(f"no method is left to compare; {'; '.join(f'{k}: {v}' for k, v in left_out.items())}")
    begun = time.monotonic()
    found = _figures(entries, shared, classes, chosen, say)
    found |= {
        "source": str(data.source),
        "rows": len(instances),
        "judged": len(shared.rows),
        "budget": str(budget),
        "seeds": list(chosen),
        "left_out": left_out,
        "skipped": [{"id": each.id, "reason": each.reason} for each in getattr(instances, "skipped", ())],
    }
    curves = {row["name"]: row["curve"] for row in found["methods"] if row["curve"]}
    picture = None
    if curves:
        picture = inline_picture(budget_curves(curves, folder / "curves.png"))
    found["spent"] = _spent([cell for _, cells in entries for cell in cells], opening, time.monotonic() - begun)
    write_json(folder / "comparison.json", found | {"identity": identity})
    write_page("comparison.html", folder / "report.html", name=folder.resolve().name, found=found, picture=picture)
    return found


def _spent(cells: list[dict[str, Any]], opening: float, judging: float) -> dict[str, float | None]:
    """Say in seconds what was spent on learning, and on all else: the overhead is the ratio of the two.

    A cell's seconds beyond its learning go to timing steps, looking at the vectors while it learns, and encoding what
    is judged. Judging includes drawing the curves.
    """
    learning = sum(cell["learning_seconds"].item() for cell in cells)
    encoding = sum(cell["seconds"].item() for cell in cells) - learning
    besides = opening + encoding + judging
    return {
        "learning": learning,
        "opening": opening,
        "encoding": encoding,
        "judging": judging,
        "besides": besides,
        "overhead": besides / learning if learning else None,
    }


def _open_folder(folder: Path, identity: dict[str, Any], overwrite: bool) -> None:
    """Take up a comparison that is in the folder, or begin one."""
    check_encodable(folder)
    card = folder / "comparing.json"
    if card.exists() and not overwrite:
        if read_json(card) != identity:
            raise UnlabeledError(
                f"{folder} holds a comparison of other data, labels, budget or settings; choose another folder, "
                "or begin anew with --overwrite"
            )
        return
    if folder.exists() and not card.exists() and any(folder.iterdir()):
        raise UnlabeledError(f"{folder} exists and holds no comparison; choose another folder for --out")
    if card.exists():
        for path in (folder / "cells").glob("*.safetensors"):
            path.unlink()
    write_json(card, identity)


def _check_settings(given: Mapping[str, Any], methods: Iterable[str], kind: Modality) -> None:
    """Refuse settings that neither a method nor the preparation of the data has, or that a comparison gives itself."""
    known = {field.name for field in fields(Settings)} - {"modalities"} | set(kind.settings)
    for method in methods:
        with suppress(UnlabeledError):
            known.update(field.name for field in fields(find_method(method)))
    for name in given:
        if name in OWN:
            raise UnlabeledError(f"{name} is no setting of a comparison: {OWN[name]}; leave it out")
        if name not in known:
            raise unknown_name("setting of these methods and data", name, known - OWN.keys())


def _described(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Describe settings as they are read again from JSON, where a tuple is a list; of an encoder the weights too."""
    found = {name: described_parts(value) for name, value in settings.items()}
    for name, value in settings.items():
        if isinstance(value, Encoder):
            tensors = value.state_dict().values()
            found[f"{name}'s weights"] = fingerprint([each.cpu().double().flatten().numpy() for each in tensors])
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def _only_kind(methods: Sequence[str]) -> tuple[str, ...]:
    """Give the one kind of data that all the methods are for, such as pairs; a source may be readable as several."""
    found: set[str] = set()
    for name in methods:
        with suppress(UnlabeledError):  # baselines and encoders are no methods, and a wrong name is told later
            found.update(find_method(name).modalities)
    return tuple(found) if len(found) == 1 else ()


def _figures(
    entries: list[tuple[str, list[dict[str, Any]]]],
    data: SharedData,
    classes: list[str] | None,
    seeds: tuple[int, ...],
    say: Say,
) -> dict[str, Any]:
    """Judge every method on the same rows, and say which differences chance does not explain."""
    table = [_label_free(name, cells) for name, cells in entries]
    labels = data.judged_labels
    rows = np.flatnonzero(labels >= 0)
    if classes is None or data.why_not_judged is not None:
        if data.labels is not None:
            say(f"The labels judge nothing, and figures without labels rank: {data.why_not_judged}")
        for (_, cells), row in zip(entries, table, strict=True):
            row["curve"] = _curve(cells, data, [], row, say)
        table.sort(key=lambda row: -row["effective_rank"])
        return {"judged_by": "effective rank (RankMe), without labels", "methods": table}
    say("Judging on held-out rows")
    splits, units = [data.split(seed) for seed in seeds], data.units[rows]
    answers: dict[str, dict[str, NDArray[np.float64]]] = {}
    for (name, cells), row in zip(entries, table, strict=True):
        answers[name] = {probe: np.full((len(seeds), len(rows)), np.nan) for probe in PROBES}
        for place, (train, test) in enumerate(splits):
            vectors = np.asarray(cells[place]["vectors"])
            given = (vectors[train], labels[train], vectors[test], labels[test])
            for probe, judge in PROBES.items():
                answers[name][probe][place, np.searchsorted(rows, test)] = judge(*given) == labels[test]
        for probe, asked in answers[name].items():
            row[probe] = _accuracy(asked, units)
        row["curve"] = _curve(cells, data, _watched_splits(cells, data, seeds), row, say)
    table.sort(key=lambda row: -row["linear"]["mean"])
    best = table[0]["name"]
    others = [row for row in table if row["name"] != best]
    paired = [_paired(answers[best]["linear"], answers[row["name"]]["linear"], units) for row in others]
    for row, behind, p in zip(others, paired, holm([each.p for each in paired]), strict=True):
        row["behind_best"] = {"mean": behind.mean, "interval": list(behind.interval), "p_corrected": p}
    found = {"judged_by": "linear probe on held-out rows", "best": best, "methods": table, "classes": len(classes)}
    if len(table) > 2:
        found["label_free_predicts"] = _predicted(table)
    return found


def _predicted(table: list[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Give how well figures without labels order the methods as the probe does: Spearman's correlation, 1 for alike.

    With them, by how much the method that each would choose is behind the best.
    """
    accuracy = [row["linear"]["mean"] for row in table]
    found: dict[str, dict[str, float | None]] = {}
    for name, sign in LABEL_FREE.items():
        values = [sign * row[name] for row in table]
        vary = max(values) > min(values) and max(accuracy) > min(accuracy)
        correlation = float(spearmanr(values, accuracy).statistic) if vary else None
        found[name] = {
            "correlation": correlation,
            "regret": max(accuracy) - accuracy[int(np.argmax(values))],
        }
    return found


def _watched_splits(cells: list[dict[str, Any]], data: SharedData, seeds: tuple[int, ...]) -> list[Split]:
    """Give each seed's split of the instances that were watched; none if no label of theirs can judge."""
    if any("taught" in cell for cell in cells):  # what was learnt by heart is no accuracy
        return []
    try:
        splits = [data.split(seed, data.watched) for seed in seeds]
    except UnlabeledError:  # of each class one instance was watched, or clips of one video
        return []
    return [Split(*(np.searchsorted(data.watched, part) for part in split)) for split in splits]


def _curve(
    cells: list[dict[str, Any]], data: SharedData, splits: list[Split], row: dict[str, Any], say: Say
) -> list[dict[str, float]]:
    """Give how a method went over its budget: at each point the effective rank, and the accuracy of kNN with splits.

    Both are of the instances that were watched, and so is the last point. With other labels other instances are
    watched; then what was kept before makes no curve.
    """
    if any("curve_vectors" not in cell for cell in cells):
        return []
    if not all(np.array_equal(cell.get("curve_rows", ()), data.watched) for cell in cells):
        say(
            f"{row['name']} has no curve over the budget: what was kept while it learnt is not of the instances that "
            "the labels choose now; --overwrite learns anew"
        )
        return []
    watched, known = data.watched, data.judged_labels[data.watched]
    steps = [*(int(step) for step in cells[0]["curve_steps"]), row["steps"]]
    curve: list[dict[str, float]] = []
    for point, step in enumerate(steps):
        seen = [
            np.asarray(cell["curve_vectors"])[point] if point + 1 < len(steps) else np.asarray(cell["vectors"])[watched]
            for cell in cells
        ]
        entry = {"steps": step, "effective_rank": float(np.mean([effective_rank(each) for each in seen]))}
        if splits:
            asked = [
                knn(vectors[train], known[train], vectors[test], known[test]).accuracy
                for vectors, (train, test) in zip(seen, splits, strict=True)
            ]
            entry["knn"] = float(np.mean(asked))
        curve.append(entry)
    return curve


def _nearest(train: Vectors, labels: Labels, test: Vectors, truth: Labels) -> Labels:
    return knn(train, labels, test, truth).predictions


def _linear(train: Vectors, labels: Labels, test: Vectors, truth: Labels) -> Labels:
    return linear_probe(train, labels, test, truth, selection_rows=SELECTION_ROWS).predictions


PROBES = {"knn": _nearest, "linear": _linear}


def _label_free(name: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    vectors = [np.asarray(cell["vectors"]) for cell in cells]
    if all(np.array_equal(vectors[0], each) for each in vectors[1:]):  # the raw input is the same for all seeds
        vectors = vectors[:1]
    steps, seconds = int(cells[0]["steps"].item()), float(np.mean([cell["learning_seconds"].item() for cell in cells]))
    peak = float(np.max([cell["peak_mib"].item() for cell in cells]))
    return {
        "name": name,
        "dim": int(vectors[0].shape[1]),
        "effective_rank": float(np.mean([effective_rank(each) for each in vectors])),
        "uniformity": float(np.mean([uniformity(each) for each in vectors])),
        "collapsed": any(collapse_verdict(each).collapsed for each in vectors),
        "steps": steps,
        "seconds": seconds,
        "ms_a_step": 1000 * seconds / steps if steps else None,
        "peak_mib": None if np.isnan(peak) else peak,
        "own_peak": all(bool(cell["own_peak"]) for cell in cells),
    }


def _accuracy(asked: NDArray[np.float64], units: NDArray[np.int64]) -> dict[str, Any]:
    """Give the mean over seeds, its interval over seeds (Student), and over the test rows of one split (Wilson).

    Clips of one video are one row there: they resemble each other.
    """
    values = np.nanmean(asked, axis=1)
    mean, n = float(values.mean()), len(values)
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5) if n > 1 else None
    return {
        "mean": mean,
        "values": values.tolist(),
        "interval_seeds": None if half is None else [max(0.0, mean - half), min(1.0, mean + half)],
        "interval_rows": list(wilson_interval(mean, len(np.unique(units[~np.isnan(asked[0])])))),
    }


def _paired(one: NDArray[np.float64], other: NDArray[np.float64], units: NDArray[np.int64]) -> PairedDifference:
    """Compare two methods by what each test row, or the clips of each video, adds to the mean over seeds."""
    asked = ~np.isnan(one)
    tested = asked.any(axis=0)
    shares = asked / asked.sum(axis=1, keepdims=True) / len(asked)  # of each answer in the mean
    names, places = np.unique(units[tested], return_inverse=True)
    added = [np.nansum(answers * shares, axis=0)[tested] for answers in (one, other)]
    of_one, of_other = ((len(names) * np.bincount(places, weights=each)).astype(np.float64) for each in added)
    return paired_difference(of_one, of_other)
