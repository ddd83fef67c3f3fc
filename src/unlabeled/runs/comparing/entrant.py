"""One that takes part in a comparison: a method, a baseline, or an encoder as it is."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.data.batch import Batch
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import Subset
from unlabeled.encoders import Encoder, Network, embed, make_encoder
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.files import load_arrays, save_arrays, written_aside
from unlabeled.methods.words.sentence_vectors import SentenceVectors
from unlabeled.methods.words.word_embedding import WordEmbedding
from unlabeled.modalities import modality_of
from unlabeled.registry import method as find_method
from unlabeled.registry import methods as all_methods
from unlabeled.runs.budget import Budget
from unlabeled.runs.comparing.clock import clock
from unlabeled.runs.comparing.peak_memory import forget_peak, peak_mib
from unlabeled.runs.comparing.shared_data import SharedData
from unlabeled.runs.comparing.watch import Watch
from unlabeled.runs.embeddings import Say
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.control.devices import Precision, choose_device, has_bf16

BASELINES = ("raw", "pca", "untrained")
PCA_DIM = 64
WARM_UP, CALIBRATION_STEPS, CALIBRATION_SHARE = 2, 8, 0.02
"""The time of a step is the median of 8 after 3 that do not count, or of fewer once they took 2 % of the budget."""

Arrays = dict[str, Any]


class _MeasuredError(Exception):
    """Ends a fit whose steps were only to be timed."""


@dataclass(frozen=True)
class Entrant:
    """A method, baseline or encoder, with the data that all share.

    Attributes
    ----------
    name : str
    data : SharedData
    method : SelfSupervised or WordEmbedding, optional
    encoder : str or Encoder
        The encoder of all methods, which ``"untrained"`` is.
    precision : {"auto", "bf16", "float32"}
        In which methods learn, and all encode what is judged.
    """

    name: str
    data: SharedData
    method: SelfSupervised | WordEmbedding | None
    encoder: str | Encoder
    precision: Precision = "auto"

    @classmethod
    def of(cls, name: str, data: SharedData, settings: dict[str, Any]) -> Entrant:
        """Make the one of a name.

        Raises
        ------
        UnlabeledError
            If there is none, or it does not fit the data.
        """
        encoder = settings.get("encoder", "auto")
        encoder = modality_of(data.instances).encoder if encoder == "auto" else encoder
        precision = settings.get("precision", "auto")
        if name in BASELINES or ":" in name:
            return cls(name, data, None, encoder, precision)
        kind: Any = find_method(name)
        if not issubclass(kind, (SelfSupervised, WordEmbedding)):
            known = [key for key, each in all_methods().items() if issubclass(each, (SelfSupervised, WordEmbedding))]
            raise unknown_name("method that learns representations", name, [*BASELINES, *known])
        fields = kind.__dataclass_fields__
        method = kind(**{key: value for key, value in settings.items() if key in fields}, progress=False)
        if isinstance(method, WordEmbedding):
            if not hasattr(data.source, "texts"):
                raise UnlabeledError(
                    f"{name} learns words from texts, and these are {modality_of(data.instances).name}s"
                )
        else:
            method.check(data.instances, data.labels)
        return cls(name, data, method, encoder, precision)

    def cell(self, folder: Path, seed: int, budget: Budget, say: Say) -> dict[str, Any]:
        """Give vectors and cost for a seed: those that are kept, or else learn them."""
        taught = self._taught(seed)
        version = "" if taught is None else f"-{fingerprint([taught])[:12]}"  # with other labels it learns anew
        name = re.sub("[^a-z0-9_-]", "_", self.name.lower())
        path = folder / "cells" / f"{name}-{seed}{version}.safetensors"
        if path.exists():
            return dict(load_arrays(path))
        say(f"{self.name}, seed {seed}")
        # How many steps a time allows is measured once, so that all seeds have the same number.
        timed = budget.unit == "seconds" and self.method is not None
        kept = min(path.parent.glob(f"{name}-*.safetensors"), default=None) if timed else None
        steps = None if kept is None else int(load_arrays(kept)["steps"].item())
        begun, own = time.monotonic(), forget_peak()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            learnt = self._learn(seed, budget, steps)
        for warning in caught:
            say(f"{self.name}, seed {seed}: {warning.message}")
        cell: Arrays = learnt | {
            "seconds": np.array(time.monotonic() - begun),
            "peak_mib": np.array(peak_mib()),
            "own_peak": np.array(own),
        }
        with written_aside(path) as aside:
            save_arrays(cell, aside)
        return cell

    def _learn(self, seed: int, budget: Budget, steps: int | None) -> Arrays:
        """Learn for so many steps, or as many as the budget allows."""
        if isinstance(self.method, WordEmbedding):
            return self._words(self.method, seed, budget, steps)
        if self.method is not None:
            return self._deep(self.method, seed, budget, steps)
        if self.name in ("raw", "pca"):
            raw = self.data.raw
            return _learnt(raw if self.name == "raw" else _principal_components(raw), 0, 0.0)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            encoder = make_encoder(self.encoder if self.name == "untrained" else self.name, self.data.preprocessing)
        return _learnt(self._encoded(encoder, torch.device("cpu")), 0, 0.0)

    def _encoded(self, encoder: Encoder, device: torch.device) -> NDArray[np.float32]:
        """Encode what is judged, in the precision in which methods learn; float32 may take twice the time."""
        return embed(encoder, self.data.judged, device=device, precision=self._arithmetic(device))

    def _arithmetic(self, device: torch.device) -> Literal["float32", "bf16"]:
        bf16 = self.precision == "bf16" or (self.precision == "auto" and has_bf16(device))
        return "bf16" if bf16 else "float32"

    def _taught(self, seed: int) -> NDArray[np.int64] | None:
        """Give the labels that this method learns from, if it learns from labels."""
        return self.data.taught(seed) if getattr(self.method, "uses_labels", False) else None

    def _deep(self, method: SelfSupervised, seed: int, budget: Budget, steps: int | None) -> Arrays:
        budgeted, taught = self._budgeted(method, seed, budget, steps), self._taught(seed)
        steps = budgeted.plan(len(self.data.instances)).steps
        device = choose_device(budgeted.device)
        watch = Watch(self.data.judged, self.data.watched, self._arithmetic(device))
        watch.attach(budgeted, steps)
        begun = time.monotonic()
        budgeted.fit(self.data.instances, taught)
        spent = clock(next(budgeted.encoder_.parameters()).device) - begun - watch.seconds
        if budget.unit == "seconds" and abs(spent - budget.amount) > max(budget.amount / 5, spent / budgeted.epochs):
            warnings.warn(
                f"it learnt for {spent:.0f} s, not {budget.amount:.0f} s: the machine was busier or less busy when its "
                "steps were timed; --overwrite learns anew",
                UserWarning,
                stacklevel=1,
            )
        arrays = watch.arrays() if taught is None else watch.arrays() | {"taught": np.array((taught >= 0).sum())}
        return _learnt(self._encoded(budgeted.encoder_, device), steps, spent) | arrays

    def _words(self, method: WordEmbedding, seed: int, budget: Budget, epochs: int | None) -> Arrays:
        """Learn vectors of words within a time, and give the weighted means of the texts' words."""
        texts = list(self.data.source.texts)
        settings = method.get_params(deep=False) | {"random_state": seed}
        if "workers" in settings:
            settings["workers"] = 1  # for the same vectors each time
        if "epochs" in settings:
            if budget.unit == "steps":
                raise UnlabeledError("it has no steps of an optimiser to count; give the budget as a time, such as 10m")
            settings["epochs"] = epochs or _epochs_in(budget.amount, type(method), settings, texts)
        fitted = type(method)(**settings)
        begun = time.monotonic()
        fitted.fit(texts)
        spent = time.monotonic() - begun
        vectors = SentenceVectors(vectors=fitted).fit_transform(texts)[self.data.rows]
        return _learnt(vectors, settings.get("epochs", 0), spent)

    def _budgeted(self, method: SelfSupervised, seed: int, budget: Budget, steps: int | None) -> SelfSupervised:
        """Give the method with the epochs of so many steps, or as many as the budget allows."""
        plan = method.plan(len(self.data.instances))
        allowed: float = budget.amount if steps is None else steps
        if budget.unit == "seconds" and steps is None:
            allowed /= self._seconds_a_step(method, seed, budget.amount)
        epochs = int(allowed // plan.steps_per_epoch)
        if epochs < 1:
            raise UnlabeledError(
                f"the budget allows {allowed:.0f} steps, and one epoch has {plan.steps_per_epoch}; raise the budget, "
                "or take a larger batch_size"
            )
        return type(method)(**method.get_params(deep=False) | {"epochs": epochs, "random_state": seed})

    def _seconds_a_step(self, method: SelfSupervised, seed: int, budget: float) -> float:
        instances = self.data.instances
        wanted = 1 + WARM_UP + CALIBRATION_STEPS  # from the end of the first on
        count = min(len(instances), wanted * method.plan(len(instances)).batch)
        rows = np.sort(np.random.default_rng(0).permutation(len(instances))[:count])  # of all classes
        few, taught = Subset(instances, rows), self._taught(seed)
        epochs = -(-wanted // method.plan(len(few)).steps_per_epoch)
        short = type(method)(**method.get_params(deep=False) | {"epochs": epochs, "random_state": seed})
        after_step: Callable[[Network, Batch, float], None] = short.after_step
        ends: list[float] = []

        def timed(net: Network, batch: Batch, share: float) -> None:
            after_step(net, batch, share)
            ends.append(clock(next(net.parameters()).device))
            took, counted = ends[-1] - ends[0], len(ends) - 1 - WARM_UP
            if counted == CALIBRATION_STEPS or (counted >= 1 and took > CALIBRATION_SHARE * budget):
                raise _MeasuredError

        short.after_step = timed  # type: ignore[assignment, method-assign]  # of this object alone
        with suppress(_MeasuredError):
            short.fit(few, None if taught is None else taught[rows])
        took = np.diff(ends)[min(WARM_UP, len(ends) - 2) :]
        return max(float(np.median(took)), 1e-4)  # what else the machine did for a moment does not count


def _epochs_in(seconds: float, cls: type[WordEmbedding], settings: dict[str, Any], texts: list[str]) -> int:
    """Measure how many epochs of a method that learns words fit into a time."""
    took = []
    for epochs in (1, 2):  # the second takes an epoch more; what both spend on reading does not count
        begun = time.monotonic()
        cls(**settings | {"epochs": epochs}).fit(texts)
        took.append(time.monotonic() - begun)
    pace = max(took[1] - took[0], 1e-3)
    if seconds < pace:
        raise UnlabeledError(f"an epoch takes {pace:.1f} s, longer than the budget; raise it")
    return int(seconds // pace)


def _learnt(vectors: NDArray[np.float32], steps: int, seconds: float) -> Arrays:
    return {"vectors": vectors, "steps": np.array(steps), "learning_seconds": np.array(seconds)}


def _principal_components(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA

    components = min(PCA_DIM, *raw.shape)
    return np.asarray(PCA(components, random_state=0).fit_transform(raw), dtype=np.float32)
