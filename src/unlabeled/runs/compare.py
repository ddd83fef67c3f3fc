"""Many methods on the same data with the same budget: which one suits these data?"""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr, t

from unlabeled.data import Instances, read_labels
from unlabeled.data.instances import Subset
from unlabeled.encoders import embed, make_encoder
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation import collapse_verdict, effective_rank, knn, linear_probe, uniformity
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.significance import holm, paired_difference
from unlabeled.evaluation.split import stratified_split
from unlabeled.files import load_arrays, read_json, save_arrays, write_json, written_aside
from unlabeled.modalities import Preprocessing, modality_of, open_instances, open_source
from unlabeled.registry import method as find_method
from unlabeled.registry import methods as all_methods
from unlabeled.runs.budget import Budget
from unlabeled.runs.embeddings import Say, matched, silent
from unlabeled.runs.showing.page import write_page
from unlabeled.training.bases.self_supervised import SelfSupervised

BASELINES = ("raw", "pca", "untrained")
PCA_DIM = 64
TEST_SIZE = 0.2
CALIBRATION_STEPS = 8
"""Steps by which the time of one step is measured, after as many that are not counted."""
MAX_JUDGED = 10_000


def compare(
    source: Any,
    methods: Sequence[str],
    out: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
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
    training rows, and the test rows choose nothing.

    Parameters
    ----------
    source : anything `unlabeled.modalities.open_source` takes
    methods : sequence of str
        Names of methods (see ``unlabeled methods``), ``"raw"``, ``"pca"`` (64 components of the raw input),
        ``"untrained"``, or an encoder such as ``"timm:resnet18"``, which is judged as it is.
    out : path
        The folder of the comparison: ``comparison.json``, ``report.html``, and the vectors of every method and seed.
    labels : path, optional
        CSV or parquet with an id and a label. Without labels, label-free figures rank the methods.
    budget : str or number, default "500 steps"
        For each method and seed: ``"10m"``, ``"90s"``, or ``"500 steps"``.
    seeds : int or sequence of int, default 3
        How many, or which.
    settings : dict, optional
        Settings of all methods that have them, such as ``{"batch_size": 128, "encoder": "conv"}``.
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
        If no method is left that fits data and budget, or `out` holds another comparison.
    """
    wanted, chosen = Budget.read(budget), tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not chosen or not methods:
        raise UnlabeledError("a comparison needs at least one method and one seed")
    folder = Path(out)
    data = open_source(source)
    instances, preprocessing = open_instances(data, on_error="skip")
    table = read_labels(labels) if labels is not None else None
    known, classes = matched(table, instances.ids, say) if table else (instances.labels, instances.classes)
    identity = {"data": instances.fingerprint, "budget": [wanted.amount, wanted.unit], "settings": settings or {}}
    _open_folder(folder, identity, overwrite)
    left_out: dict[str, str] = {}
    entries = []
    for name in dict.fromkeys(methods):
        try:
            entry = _Entry.of(name, instances, preprocessing, settings or {})
            cells = [entry.cell(folder, seed, wanted, say) for seed in chosen]
        except UnlabeledError as error:
            left_out[name] = str(error)
            say(f"{name} is left out: {error}")
            continue
        entries.append((name, cells))
    if not entries:
        raise UnlabeledError(f"no method is left to compare; {'; '.join(f'{k}: {v}' for k, v in left_out.items())}")
    found = _figures(entries, known, classes, chosen, say) | {
        "source": str(data.source),
        "rows": len(instances),
        "budget": str(budget),
        "seeds": list(chosen),
        "left_out": left_out,
    }
    write_json(folder / "comparison.json", found | {"identity": identity})
    write_page("comparison.html", folder / "report.html", name=folder.resolve().name, found=found)
    return found


def _open_folder(folder: Path, identity: dict[str, Any], overwrite: bool) -> None:
    """Take up a comparison that is in the folder, or begin one."""
    card = folder / "comparing.json"
    if card.exists() and not overwrite:
        if read_json(card) != identity:
            raise UnlabeledError(
                f"{folder} holds a comparison of other data, budget or settings; choose another folder"
            )
        return
    if folder.exists() and not card.exists() and any(folder.iterdir()):
        raise UnlabeledError(f"{folder} exists and holds no comparison; choose another folder for --out")
    if card.exists():
        for path in (folder / "cells").glob("*.safetensors"):
            path.unlink()
    write_json(card, identity)


@dataclass(frozen=True)
class _Entry:
    """One method or baseline that takes part."""

    name: str
    instances: Instances
    preprocessing: Preprocessing
    method: SelfSupervised | None

    @classmethod
    def of(cls, name: str, instances: Instances, preprocessing: Preprocessing, settings: dict[str, Any]) -> _Entry:
        if name in BASELINES or ":" in name:
            return cls(name, instances, preprocessing, None)
        kind: Any = find_method(name)
        if not issubclass(kind, SelfSupervised):
            deep = [key for key, value in all_methods().items() if issubclass(value, SelfSupervised)]
            raise unknown_name("method that learns representations", name, [*BASELINES, *deep])
        fields = kind.__dataclass_fields__
        method = kind(**{key: value for key, value in settings.items() if key in fields}, progress=False)
        method.check(instances)
        return cls(name, instances, preprocessing, method)

    def cell(self, folder: Path, seed: int, budget: Budget, say: Say) -> dict[str, Any]:
        """Give vectors and cost for a seed: those that are kept, or else learn them."""
        path = folder / "cells" / f"{re.sub('[^a-z0-9_-]', '_', self.name.lower())}-{seed}.safetensors"
        if path.exists():
            return dict(load_arrays(path))
        say(f"{self.name}, seed {seed}")
        begun = time.monotonic()
        vectors, steps, learning = self._learn(seed, budget)
        cell: dict[str, Any] = {
            "vectors": vectors,
            "steps": np.array(steps),
            "learning_seconds": np.array(learning),
            "seconds": np.array(time.monotonic() - begun),
            "peak_mib": np.array(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        with written_aside(path) as aside:
            save_arrays(cell, aside)
        return cell

    def _learn(self, seed: int, budget: Budget) -> tuple[NDArray[np.float32], int, float]:
        rows = np.arange(len(self.instances))
        if self.method is not None:
            method = self._budgeted(seed, budget)
            begun = time.monotonic()
            method.fit(self.instances)
            spent = time.monotonic() - begun
            return method.transform(self.instances), method.plan(len(rows)).steps, spent
        if self.name in ("raw", "pca"):
            raw = modality_of(self.instances).baseline(self.instances, rows)
            return raw if self.name == "raw" else _principal_components(raw), 0, 0.0
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            default = modality_of(self.instances).encoder
            encoder = make_encoder(default if self.name == "untrained" else self.name, self.preprocessing)
        return embed(encoder, self.instances), 0, 0.0

    def _budgeted(self, seed: int, budget: Budget) -> SelfSupervised:
        """Give the method with as many epochs as the budget allows."""
        assert self.method is not None
        plan = self.method.plan(len(self.instances))
        steps = budget.amount if budget.unit == "steps" else budget.amount / self._seconds_a_step(seed)
        epochs = int(steps // plan.steps_per_epoch)
        if epochs < 1:
            raise UnlabeledError(
                f"the budget allows {steps:.0f} steps, and one epoch has {plan.steps_per_epoch}; raise the budget, or "
                "take a larger batch_size"
            )
        return type(self.method)(**self.method.get_params(deep=False) | {"epochs": epochs, "random_state": seed})

    def _seconds_a_step(self, seed: int) -> float:
        assert self.method is not None
        batch = self.method.plan(len(self.instances)).batch
        few = Subset(self.instances, np.arange(min(len(self.instances), CALIBRATION_STEPS * batch)))
        short = type(self.method)(**self.method.get_params(deep=False) | {"epochs": 1, "random_state": seed})
        begun = time.monotonic()
        short.fit(few)
        middle = time.monotonic()
        longer = type(self.method)(**short.get_params(deep=False) | {"epochs": 2})
        longer.fit(few)
        steps = short.plan(len(few)).steps
        # The second fit takes one epoch more; what both spend on starting does not count.
        return max((time.monotonic() - middle) - (middle - begun), 1e-4) / steps


def _principal_components(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA

    components = min(PCA_DIM, *raw.shape)
    return np.asarray(PCA(components, random_state=0).fit_transform(raw), dtype=np.float32)


def _figures(
    entries: list[tuple[str, list[dict[str, Any]]]],
    labels: NDArray[np.int64] | None,
    classes: list[str] | None,
    seeds: tuple[int, ...],
    say: Say,
) -> dict[str, Any]:
    """Judge every method on the same rows, and say which differences chance does not explain."""
    table = [_label_free(name, cells) for name, cells in entries]
    if labels is None or classes is None or len(np.unique(labels[labels >= 0])) < 2:
        table.sort(key=lambda row: -row["effective_rank"])
        return {"judged_by": "effective rank (RankMe), without labels", "methods": table}
    say("Judging on held-out rows")
    rows = _judged_rows(labels)
    answers: dict[str, dict[str, NDArray[np.float64]]] = {}
    for (name, cells), row in zip(entries, table, strict=True):
        answers[name] = {
            "knn": np.full((len(seeds), len(rows)), np.nan),
            "linear": np.full((len(seeds), len(rows)), np.nan),
        }
        for place, seed in enumerate(seeds):
            split = stratified_split(labels[rows], TEST_SIZE, seed)
            train, test = (rows[part] for part in (split.train, split.test))
            vectors = np.asarray(cells[place]["vectors"])
            given = (vectors[train], labels[train], vectors[test], labels[test])
            for probe, judge in PROBES.items():
                answers[name][probe][place, split.test] = judge(*given) == labels[test]
        for probe, asked in answers[name].items():
            row[probe] = _accuracy(asked)
    table.sort(key=lambda row: -row["linear"]["mean"])
    best = table[0]["name"]
    others = [row for row in table if row["name"] != best]
    paired = [_paired(answers[best]["linear"], answers[row["name"]]["linear"]) for row in others]
    for row, found, p in zip(others, paired, holm([each.p for each in paired]), strict=True):
        row["behind_best"] = {"mean": found.mean, "interval": list(found.interval), "p_corrected": p}
    found = {"judged_by": "linear probe on held-out rows", "best": best, "methods": table, "classes": len(classes)}
    if len(table) > 2:
        ranks = [row["effective_rank"] for row in table]
        found["label_free_predicts"] = float(spearmanr(ranks, [row["linear"]["mean"] for row in table]).statistic)
    return found


PROBES: dict[str, Callable[..., NDArray[Any]]] = {
    "knn": lambda *given: knn(*given).predictions,
    "linear": lambda *given: linear_probe(*given).predictions,
}


def _label_free(name: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    vectors = [np.asarray(cell["vectors"]) for cell in cells]
    steps, seconds = int(cells[0]["steps"].item()), float(np.mean([cell["learning_seconds"].item() for cell in cells]))
    return {
        "name": name,
        "dim": int(vectors[0].shape[1]),
        "effective_rank": float(np.mean([effective_rank(each) for each in vectors])),
        "uniformity": float(np.mean([uniformity(each) for each in vectors])),
        "collapsed": any(collapse_verdict(each).collapsed for each in vectors),
        "steps": steps,
        "seconds": seconds,
        "ms_a_step": 1000 * seconds / steps if steps else None,
        "peak_mib": float(np.max([cell["peak_mib"].item() for cell in cells])),
    }


def _judged_rows(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.flatnonzero(labels >= 0)
    if len(rows) > MAX_JUDGED:
        rows = np.sort(np.random.default_rng(0).choice(rows, MAX_JUDGED, replace=False))
    return rows


def _accuracy(asked: NDArray[np.float64]) -> dict[str, Any]:
    """Give the mean over seeds, its interval over seeds (Student), and over the test rows of one split (Wilson)."""
    values = np.nanmean(asked, axis=1)
    mean, n = float(values.mean()), len(values)
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5) if n > 1 else None
    return {
        "mean": mean,
        "values": values.tolist(),
        "interval_seeds": None if half is None else [mean - half, mean + half],
        "interval_rows": list(wilson_interval(mean, int((~np.isnan(asked[0])).sum()))),
    }


def _paired(one: NDArray[np.float64], other: NDArray[np.float64]) -> Any:
    tested = ~np.isnan(one).all(axis=0)
    return paired_difference(np.nanmean(one[:, tested], axis=0), np.nanmean(other[:, tested], axis=0))
