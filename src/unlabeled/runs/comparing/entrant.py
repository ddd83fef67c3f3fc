"""One that takes part in a comparison: a method, a baseline, or an encoder as it is."""

from __future__ import annotations

import re
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.data import Instances
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import Subset
from unlabeled.encoders import embed, make_encoder
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.files import load_arrays, save_arrays, written_aside
from unlabeled.methods.words.sentence_vectors import SentenceVectors
from unlabeled.methods.words.word_embedding import WordEmbedding
from unlabeled.modalities import Preprocessing, modality_of
from unlabeled.registry import method as find_method
from unlabeled.registry import methods as all_methods
from unlabeled.runs.budget import Budget
from unlabeled.runs.comparing.judged_rows import split_rows
from unlabeled.runs.comparing.watch import ROWS, Watch
from unlabeled.runs.embeddings import Say
from unlabeled.training.bases.self_supervised import SelfSupervised

BASELINES = ("raw", "pca", "untrained")
PCA_DIM = 64
CALIBRATION_STEPS = 8
"""Steps by which the time of one step is measured, after as many that are not counted."""

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Entrant:
    """A method, baseline or encoder, with the data that all share.

    Attributes
    ----------
    name : str
    source : Collection
        The data as they were opened.
    instances : Instances
        The same, prepared.
    preprocessing : Preprocessing
    labels : ndarray of int64, shape (n,), optional
        Where known, labelled rows are watched while a method learns.
    method : SelfSupervised or WordEmbedding, optional
    encoder : str
        The encoder of all methods, which ``"untrained"`` is.
    pace : dict
        Seconds that a step, or for words an epoch, takes; measured once, so that all seeds have the same number.
    """

    name: str
    source: Any
    instances: Instances
    preprocessing: Preprocessing
    labels: NDArray[np.int64] | None
    method: SelfSupervised | WordEmbedding | None
    encoder: str
    pace: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        source: Any,
        instances: Instances,
        preprocessing: Preprocessing,
        labels: NDArray[np.int64] | None,
        settings: dict[str, Any],
    ) -> Entrant:
        """Make the one of a name.

        Raises
        ------
        UnlabeledError
            If there is none, or it does not fit the data.
        """
        given = (name, source, instances, preprocessing, labels)
        encoder = str(settings.get("encoder", modality_of(instances).encoder))
        if name in BASELINES or ":" in name:
            return cls(*given, None, encoder)
        kind: Any = find_method(name)
        if not issubclass(kind, (SelfSupervised, WordEmbedding)):
            known = [key for key, each in all_methods().items() if issubclass(each, (SelfSupervised, WordEmbedding))]
            raise unknown_name("method that learns representations", name, [*BASELINES, *known])
        fields = kind.__dataclass_fields__
        method = kind(**{key: value for key, value in settings.items() if key in fields}, progress=False)
        if isinstance(method, WordEmbedding):
            if not hasattr(source, "texts"):
                raise UnlabeledError(f"{name} learns words from texts, and these are {modality_of(instances).name}s")
        else:
            method.check(instances, labels)
        return cls(*given, method, encoder)

    def cell(self, folder: Path, seed: int, budget: Budget, say: Say) -> dict[str, Any]:
        """Give vectors and cost for a seed: those that are kept, or else learn them."""
        taught = self._taught(seed)
        version = "" if taught is None else f"-{fingerprint([taught])[:12]}"  # with other labels it learns anew
        name = re.sub("[^a-z0-9_-]", "_", self.name.lower())
        path = folder / "cells" / f"{name}-{seed}{version}.safetensors"
        if path.exists():
            return dict(load_arrays(path))
        say(f"{self.name}, seed {seed}")
        begun = time.monotonic()
        cell: Arrays = self._learn(seed, budget) | {
            "seconds": np.array(time.monotonic() - begun),
            "peak_mib": np.array(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        with written_aside(path) as aside:
            save_arrays(cell, aside)
        return cell

    def _learn(self, seed: int, budget: Budget) -> Arrays:
        rows = np.arange(len(self.instances))
        if isinstance(self.method, WordEmbedding):
            return self._words(self.method, seed, budget)
        if self.method is not None:
            return self._deep(self.method, seed, budget)
        if self.name in ("raw", "pca"):
            raw = modality_of(self.instances).baseline(self.instances, rows)
            return _learnt(raw if self.name == "raw" else _principal_components(raw), 0, 0.0)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            encoder = make_encoder(self.encoder if self.name == "untrained" else self.name, self.preprocessing)
        return _learnt(embed(encoder, self.instances), 0, 0.0)

    def _taught(self, seed: int) -> NDArray[np.int64] | None:
        """Give the labels that a method which learns from labels may see: not those that test it."""
        if self.labels is None or not getattr(self.method, "uses_labels", False):
            return None
        taught = self.labels.copy()
        if len(np.unique(taught[taught >= 0])) > 1:
            taught[split_rows(taught, seed).test] = -1
        return taught

    def _deep(self, method: SelfSupervised, seed: int, budget: Budget) -> Arrays:
        budgeted, taught = self._budgeted(method, seed, budget), self._taught(seed)
        steps = budgeted.plan(len(self.instances)).steps
        watch = Watch(self.instances, self._watched())
        watch.attach(budgeted, steps)
        begun = time.monotonic()
        budgeted.fit(self.instances, taught)
        spent = time.monotonic() - begun - watch.seconds
        arrays = watch.arrays() if taught is None else watch.arrays() | {"taught": np.array((taught >= 0).sum())}
        return _learnt(budgeted.transform(self.instances), steps, spent) | arrays

    def _watched(self) -> NDArray[np.int64]:
        """Choose the rows of the curve: labelled ones, if there are any."""
        known = np.arange(len(self.instances)) if self.labels is None else np.flatnonzero(self.labels >= 0)
        known = known if len(known) else np.arange(len(self.instances))
        return np.sort(np.random.default_rng(0).choice(known, min(ROWS, len(known)), replace=False))

    def _words(self, method: WordEmbedding, seed: int, budget: Budget) -> Arrays:
        """Learn vectors of words within a time, and give the weighted means of the texts' words."""
        texts = list(self.source.texts)
        settings = method.get_params(deep=False) | {"random_state": seed}
        if "workers" in settings:
            settings["workers"] = 1  # for the same vectors each time
        if "epochs" in settings:
            if budget.unit == "steps":
                raise UnlabeledError("it has no steps of an optimiser to count; give the budget as a time, such as 10m")
            if "epoch" not in self.pace:
                took = []
                for epochs in (1, 2):  # the second takes an epoch more; what both spend on reading does not count
                    begun = time.monotonic()
                    type(method)(**settings | {"epochs": epochs}).fit(texts)
                    took.append(time.monotonic() - begun)
                self.pace["epoch"] = max(took[1] - took[0], 1e-3)
            settings["epochs"] = int(budget.amount // self.pace["epoch"])
            if settings["epochs"] < 1:
                raise UnlabeledError(f"an epoch takes {self.pace['epoch']:.1f} s, longer than the budget; raise it")
        fitted = type(method)(**settings)
        begun = time.monotonic()
        fitted.fit(texts)
        spent = time.monotonic() - begun
        return _learnt(SentenceVectors(vectors=fitted).fit_transform(texts), settings.get("epochs", 0), spent)

    def _budgeted(self, method: SelfSupervised, seed: int, budget: Budget) -> SelfSupervised:
        """Give the method with as many epochs as the budget allows."""
        plan = method.plan(len(self.instances))
        if budget.unit == "seconds" and "step" not in self.pace:
            self.pace["step"] = self._seconds_a_step(method, seed)
        steps = budget.amount if budget.unit == "steps" else budget.amount / self.pace["step"]
        epochs = int(steps // plan.steps_per_epoch)
        if epochs < 1:
            raise UnlabeledError(
                f"the budget allows {steps:.0f} steps, and one epoch has {plan.steps_per_epoch}; raise the budget, or "
                "take a larger batch_size"
            )
        return type(method)(**method.get_params(deep=False) | {"epochs": epochs, "random_state": seed})

    def _seconds_a_step(self, method: SelfSupervised, seed: int) -> float:
        batch = method.plan(len(self.instances)).batch
        count = min(len(self.instances), CALIBRATION_STEPS * batch)
        rows = np.sort(np.random.default_rng(0).permutation(len(self.instances))[:count])  # of all classes
        few, taught = Subset(self.instances, rows), self._taught(seed)
        labels = None if taught is None else taught[rows]
        short = type(method)(**method.get_params(deep=False) | {"epochs": 1, "random_state": seed})
        begun = time.monotonic()
        short.fit(few, labels)
        middle = time.monotonic()
        longer = type(method)(**short.get_params(deep=False) | {"epochs": 2})
        longer.fit(few, labels)
        steps = short.plan(len(few)).steps
        # The second fit takes one epoch more; what both spend on starting does not count.
        return max((time.monotonic() - middle) - (middle - begun), 1e-4) / steps


def _learnt(vectors: NDArray[np.float32], steps: int, seconds: float) -> Arrays:
    return {"vectors": vectors, "steps": np.array(steps), "learning_seconds": np.array(seconds)}


def _principal_components(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA

    components = min(PCA_DIM, *raw.shape)
    return np.asarray(PCA(components, random_state=0).fit_transform(raw), dtype=np.float32)
