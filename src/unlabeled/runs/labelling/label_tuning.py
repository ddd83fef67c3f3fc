"""Fine-tuning as a candidate for labelling: with and without the unlabelled instances, within a budget of time."""

from __future__ import annotations

import itertools
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import Instances, Subset
from unlabeled.encoders import Encoder
from unlabeled.errors import UnlabeledError
from unlabeled.files import load_arrays, read_json, refuses_damage, save_arrays, write_json, written_aside
from unlabeled.methods.fewlabels.consistency.fix_match import FixMatch
from unlabeled.methods.fewlabels.consistency.semi_supervised import SemiSupervised
from unlabeled.methods.fewlabels.consistency.supervised import Supervised
from unlabeled.modalities import modality_of, open_instances
from unlabeled.runs.budget import Budget
from unlabeled.runs.embeddings import Say, silent
from unlabeled.runs.labelling.label_candidates import (
    FOLDS,
    Candidate,
    Codes,
    CrossValidated,
    Floats,
    Predict,
    cross_validate,
)
from unlabeled.runs.run import Run
from unlabeled.training.control.progress import ProgressBar

BATCH, RATIO = 64, 7.0
"""Instances in a batch, and unlabelled ones among them for each labelled one, as in FixMatch's paper."""
LEAST, MOST = 60, 1_500
"""Steps of a fine-tuning: with fewer nothing can be learnt, and more are seldom worth the time of another repeat."""
REPEATS = 2
"""Repeats of the cross-validation at least."""
TRIAL = 6
"""Steps from which the time of one is measured."""
PLAN = "plan.json"


@dataclass(frozen=True)
class TuningPlan:
    """How a budget of time is spent.

    Attributes
    ----------
    steps : int
        Of each fine-tuning: those of the cross-validation, and the one that makes the labels.
    repeats : int
        Of the cross-validation.
    """

    steps: int
    repeats: int

    @classmethod
    def of(cls, seconds: float, step: float, overhead: float, most_repeats: int) -> TuningPlan | None:
        """Plan fine-tunings of which one step of both methods takes `step` seconds, and each fit `overhead` more.

        None where the budget is too small for `REPEATS` repeats of `LEAST` steps.

        Examples
        --------
        >>> TuningPlan.of(120, 0.1, 0.0, 10)
        TuningPlan(steps=109, repeats=2)
        """
        best = None
        for repeats in range(REPEATS, max(REPEATS, most_repeats) + 1):
            steps = int((seconds / (FOLDS * repeats + 1) - overhead) / step)
            if best is None or steps >= MOST:
                best = cls(min(steps, MOST), repeats)
        return best if best is not None and best.steps >= LEAST else None


def cross_validate_tuning(
    folder: Path, ids: list[str], codes: Codes, budget: Budget, repeats: int, cache: Path, seed: int, say: Say
) -> tuple[list[CrossValidated], dict[str, Any]]:
    """Cross-validate FixMatch and its twin from the encoder of a run.

    Parameters
    ----------
    folder : Path
        The run.
    ids : list of str
        Of the rows, as the run has them.
    codes : ndarray of int, shape (n,)
        Labels, −1 where unknown.
    budget : Budget
        The time of all fine-tunings together, or the steps of each.
    repeats : int
        Of the cross-validation at most, where there is time for them.
    cache : Path
        A folder for what is finished, from which the same work goes on after an interruption.
    seed : int
    say : callable

    Returns
    -------
    compared : list of CrossValidated
        None where fine-tuning is not possible, or the budget is too small.
    about : dict
        In JSON's types: ``steps`` and ``repeats``, and in ``said`` why there is no fine-tuning.
    """
    tuning = Tuning.open(folder, ids, codes, seed)
    if isinstance(tuning, str):
        return [], {"said": f"Fine-tuning was not compared: {tuning}"}
    plan = _plan(tuning, budget, repeats, cache)
    if isinstance(plan, str):
        return [], {"said": f"Fine-tuning was not compared: {plan}"}
    say(f"Fine-tuning {2 * FOLDS * plan.repeats} times {plan.steps} steps, to compare")
    with ProgressBar("fine-tuning", 2 * FOLDS * plan.repeats, 0, False if say is silent else None) as bar:
        done = itertools.count(1)
        found = tuning.candidates(plan, cache, lambda: bar.advance(next(done)))
        compared = [cross_validate(candidate, codes, plan.repeats, seed) for candidate in found]
    return compared, {"steps": plan.steps, "repeats": plan.repeats, "said": None}


@refuses_damage
def _saved_plan(cache: Path, key: str) -> TuningPlan | None:
    """Give the plan of interrupted work, if that was the same work."""
    saved = read_json(cache / PLAN)
    return TuningPlan(int(saved["steps"]), int(saved["repeats"])) if saved["key"] == key else None


def _plan(tuning: Tuning, budget: Budget, repeats: int, cache: Path) -> TuningPlan | str:
    """Take the plan of interrupted work that was the same, or make one; where there is none, say why."""
    key = fingerprint([tuning.codes, tuning.instances.fingerprint, str((budget, repeats, tuning.seed))])
    if (cache / PLAN).exists() and (saved := _saved_plan(cache, key)) is not None:
        return saved
    if budget.unit == "steps":
        plan = TuningPlan(max(1, int(budget.amount)), REPEATS)
    else:
        step, overhead = tuning.seconds_per_step()
        found = TuningPlan.of(budget.amount, step, overhead, repeats)
        if found is None:
            least = (FOLDS * REPEATS + 1) * (overhead + LEAST * step)
            return f"the budget is too small; here {REPEATS} repeats need --budget {math.ceil(least / 60)}m or more"
        plan = found
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True)
    write_json(cache / PLAN, {"key": key, "steps": plan.steps, "repeats": plan.repeats})
    return plan


@dataclass(frozen=True)
class Tuning:
    """What is fine-tuned: the encoder of a run, on the instances that it learnt from.

    Attributes
    ----------
    encoder : Encoder
    instances : Instances
        In the order of the rows.
    codes : ndarray of int, shape (n,)
        Labels, −1 where unknown.
    seed : int
    """

    encoder: Encoder
    instances: Instances
    codes: Codes
    seed: int

    @classmethod
    def open(cls, folder: Path, ids: list[str], codes: Codes, seed: int) -> Tuning | str:
        """Open the run in a folder, or say why its encoder cannot be fine-tuned here."""
        run = Run(folder)
        try:
            source, encoder = run.source, run.encoder
        except UnlabeledError as error:
            return str(error)
        kind = modality_of(encoder.preprocessing)
        if not (FixMatch.accepts(kind) and Supervised.accepts(kind)):
            return f"FixMatch and its twin are not both for {kind.name}s"
        instances, _ = open_instances(source, FixMatch(encoder=encoder), encoder.preprocessing, "skip")
        if list(instances.ids) != ids or not run.learnt_from(instances):
            return f"the data in {run.about['source']} are no longer those of {folder}"
        return cls(encoder, instances, codes, seed)

    def candidates(self, plan: TuningPlan, cache: Path, fitted: Callable[[], None]) -> list[Candidate]:
        """Give FixMatch and its twin, which keep what they predicted in a folder, for work that is taken up again."""
        return [
            self._candidate(Supervised, "fine-tuning on the labels alone", "fine-tuned", plan, cache, fitted),
            self._candidate(FixMatch, "fine-tuning with FixMatch", "consistency", plan, cache, fitted),
        ]

    def seconds_per_step(self) -> tuple[float, float]:
        """Measure what a step of both methods together takes, and what a fit takes beside its steps."""
        rows = self._rows(self.codes, TRIAL)
        self._fit(Supervised, self.codes, rows, TRIAL)  # what is loaded and compiled once is no work of a step
        steps = overhead = 0.0
        for method in (Supervised, FixMatch):
            once, twice = (self._timed(method, rows, count) for count in (TRIAL, 3 * TRIAL))
            steps += max(twice - once, 0.0) / (2 * TRIAL)
            overhead += max(once - max(twice - once, 0.0) / 2, 0.0)
        return max(steps, 1e-4), overhead

    def _timed(self, method: type[SemiSupervised], rows: NDArray[np.int64], steps: int) -> float:
        start = time.perf_counter()
        model = self._fit(method, self.codes, rows, steps)
        model.predict_proba(Subset(self.instances, np.flatnonzero(self.codes >= 0)))
        return time.perf_counter() - start

    def _candidate(
        self,
        method: type[SemiSupervised],
        words: str,
        kind: str,
        plan: TuningPlan,
        cache: Path,
        fitted: Callable[[], None],
    ) -> Candidate:
        known = np.flatnonzero(self.codes >= 0)

        def fit(codes: Codes) -> Predict:
            file = cache / f"{method.__name__}-{fingerprint([codes])[:16]}.safetensors"
            if not file.exists():
                model = self._fit(method, codes, self._rows(codes, plan.steps), plan.steps)
                found = {"shares": model.predict_proba(Subset(self.instances, known))}
                with written_aside(file) as aside:
                    save_arrays(found, aside)
            shares = load_arrays(file)["shares"]
            fitted()
            return lambda rows: shares[np.searchsorted(known, rows)]

        def make(codes: Codes) -> tuple[Any, Floats]:
            model = self._fit(method, codes, self._rows(codes, plan.steps), plan.steps)
            return model, model.predict_proba(self.instances)

        return Candidate(words, kind, fit, make)

    def _rows(self, codes: Codes, steps: int) -> NDArray[np.int64]:
        """Choose the instances that so many steps have the time to see once: all that are labelled, and others."""
        most = min(len(codes), max(BATCH * steps, 2))
        known = np.flatnonzero(codes >= 0)
        others = np.random.default_rng(self.seed).permutation(np.flatnonzero(codes < 0))
        return np.sort(np.concatenate([known, others[: max(1, most - len(known))]]))

    def _fit(self, method: type[SemiSupervised], codes: Codes, rows: NDArray[np.int64], steps: int) -> SemiSupervised:
        batch = min(BATCH, len(rows))
        model = method(
            encoder=self.encoder,
            epochs=max(1, steps // (len(rows) // batch)),
            batch_size=batch,
            unlabelled_ratio=RATIO,
            random_state=self.seed,
            progress=False,
        )
        return model.fit(Subset(self.instances, rows), codes[rows])
