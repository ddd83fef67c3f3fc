"""What the deep methods of few labels share: batches of labelled and unlabelled instances, a head, an averaged copy."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from torch import Tensor, nn

from unlabeled.data.batch import Batch, joined, rows_of
from unlabeled.data.instances import Instances, Relabelled
from unlabeled.data.text.tokenization.tokens import single_texts
from unlabeled.encoders import Encoder, Network, Teacher
from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.partial_labels import PartialLabels
from unlabeled.modalities import Modality, Preprocessing, modality_of
from unlabeled.training.bases.multi_view import choose_view
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.inference import canonical_batches, evaluating
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import LabelledAndUnlabelled, LabelledOnly, Sampler
from unlabeled.views import View

WEIGHTS = ("weight", "fairness")
"""What a method may weigh a part of its loss by; a negative weight would lead away from what is wanted."""


class Shown(NamedTuple):
    """What a batch shows to a method.

    Attributes
    ----------
    labelled : values of n instances
        A weakly distorted copy of the labelled instances.
    unlabelled : tuple of values of m instances
        Distorted copies of the unlabelled instances, as many as the method wants.
    positions : Tensor of int64, shape (m,)
        Of the unlabelled instances in the collection.
    """

    labelled: Any
    unlabelled: tuple[Any, ...]
    positions: Tensor


class SemiSupervised(ClassifierMixin, SelfSupervised, ABC):
    """Base of the deep classifiers that learn from few labels and many instances without one.

    A batch holds `batch_size` / (1 + μ) labelled instances, and the others are unlabelled. In `fit`, y holds a class
    for each instance and −1 (or None, NaN, the empty string) where none is known. Predictions come from a running
    average of the weights, which no gradient reaches.

    Parameters
    ----------
    unlabelled_ratio : float, default 7.0
        μ: unlabelled instances for each labelled one in a batch.
    include_labelled : bool, default True
        Whether the stream of unlabelled instances holds the labelled ones too, without their labels.
    ema : float, default 0.999
        Share of its old weights that the average keeps in a step, but at most (1 + step) / (10 + step): early on, it
        reaches back over a ninth of the steps, so that a short training is not averaged with its own beginning.
    weak : str or View, default "auto"
        The weak distortion. ``"auto"`` takes a flip and a small shift for images, deletes a tenth of the tokens of
        texts, and leaves vectors as they are. Grey images with an empty margin, such as digits, are only shifted.
        Give ``"shift"`` yourself where a mirror changes what other images mean, such as traffic signs.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        The classes.
    """

    principle: ClassVar[str] = "few labels"

    modalities: ClassVar[tuple[str, ...]] = ("image", "text", "vector")
    uses_labels: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    may_collapse: ClassVar[bool] = False
    needs_views: ClassVar[tuple[str, ...]] = ()

    unlabelled_ratio: float = 7.0
    include_labelled: bool = True
    ema: float = 0.999
    weak: str | View = "auto"

    @classmethod
    def accepts(cls, kind: Modality) -> bool:
        """Take every kind of data that has the distortions which the method compares."""
        return super().accepts(kind) or (bool(cls.needs_views) and all(name in kind.views for name in cls.needs_views))

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle on the views for this kind of data."""
        super().prepare(preprocessing)
        if not 0 <= self.ema < 1:
            raise UnlabeledError(f"ema must be from 0 up to but not 1, got {self.ema!r}")
        if self.unlabelled_ratio < 0:
            raise UnlabeledError(f"unlabelled_ratio must not be negative, got {self.unlabelled_ratio!r}")
        for name in WEIGHTS:
            if not 0 <= getattr(self, name, 0) < math.inf:
                raise UnlabeledError(f"{name} must be finite and not negative, got {getattr(self, name)!r}")
        self._modality = modality_of(preprocessing)
        self.weak_ = usual_view(self.weak, self._modality, "weak")

    def measure(self, instances: Instances) -> dict[str, str]:
        """Choose the weak view that the instances want, where none was asked for."""
        name = modality_of(instances).view_for(instances, "weak") if self.weak == "auto" else "weak"
        return super().measure(instances) | ({} if name == "weak" else {"weak": name})

    def settle(self, chosen: Mapping[str, Any]) -> None:
        """Take that view."""
        super().settle(chosen)
        if "weak" in chosen:
            self.weak_ = choose_view(chosen["weak"], self._modality)

    def build(self, encoder: Encoder) -> Network:
        """Add a linear head with an output a class, and the averaged copy of encoder and head."""
        self._memory: dict[str, Tensor] = {"step": torch.zeros((), dtype=torch.int64), **self.memory()}
        head = nn.Linear(encoder.dim, self.outputs())
        return Network(encoder, head=head, teacher=Teacher(encoder, head))

    def outputs(self) -> int:
        """Numbers that the head gives: one a class."""
        return len(self.classes_)

    def memory(self) -> dict[str, Tensor]:
        """Give the tensors that the method remembers from step to step, as they are at the start."""
        return {}

    def recall(self, name: str, device: torch.device) -> Tensor:
        """Give a tensor of the memory, on a device; it is changed in place."""
        self._memory[name] = self._memory[name].to(device)
        return self._memory[name]

    def state(self, net: Network) -> dict[str, Tensor]:
        """Give the memory, for a run that is resumed."""
        return self._memory

    def sampler(self, plan: Plan, labels: NDArray[np.int64]) -> Sampler:
        """Let labelled and unlabelled instances meet in every batch."""
        self._steps = plan.steps
        if self.unlabelled_views_wanted():
            both = LabelledAndUnlabelled(plan, labels, self.unlabelled_ratio, self.include_labelled)
            self._labelled, self._streamed = both.labelled, len(both.unknown)
            return both
        only = LabelledOnly(plan, labels, self.unlabelled_ratio)
        self._labelled = only.labelled
        return only

    def unlabelled_views_wanted(self) -> bool:
        """Tell whether batches hold unlabelled instances."""
        return True

    def unlabelled_views(self, values: Any) -> tuple[Any, ...]:
        """Make the distorted copies of the unlabelled instances that the loss compares."""
        return ()

    def split(self, batch: Batch) -> tuple[Shown, Tensor]:
        """Show distorted copies of all instances, hide the labels of the labelled ones."""
        known, rest = slice(None, self._labelled), slice(self._labelled, None)
        others = self.unlabelled_views(rows_of(batch.values, rest)) if len(batch) > self._labelled else ()
        return Shown(self.weak_(rows_of(batch.values, known)), others, batch.index[rest]), batch.labels[known]

    @abstractmethod
    def loss(self, net: Network, x: Any, y: Any) -> Tensor:
        """Say how far p(y | x) is from the truth, and how far unlabelled instances are from what is wanted of them."""

    def logits(self, net: Network, *parts: Any) -> tuple[Tensor, ...]:
        """Classify several groups of instances in one pass, so that batch statistics are those of all of them."""
        found: Tensor = net.head(net.encoder(joined(parts))).float()
        groups: tuple[Tensor, ...] = found.split([count(part) for part in parts])
        return groups

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Move the average towards the weights."""
        step = int(self.recall("step", torch.device("cpu")).add_(1))
        assert net.teacher is not None
        net.teacher.follow(net.encoder, net.head, momentum=min(self.ema, (1 + step) / (10 + step)))

    def ramp(self, share: float) -> float:
        """Rise from 0 to 1 over the first `share` of the training, along exp(−5 (1 − t)²)."""
        t = min(1.0, int(self._memory["step"]) / max(1.0, share * self._steps))
        return float(np.exp(-5 * (1 - t) ** 2))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give the probability of each class, shape (m, c), in the order of `classes_`.

        Parameters
        ----------
        X : as in `fit`
        """
        shares = self.decision_function(X).astype(np.float64)
        shares = np.exp(shares - shares.max(axis=1, keepdims=True))
        result: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return result

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """Give the logits of each class, shape (m, c), by the averaged weights."""
        user, found = f"{type(self).__name__} classifies", []
        with evaluating(self) as (net, device):
            assert net.teacher is not None
            for values in canonical_batches(self, X, device):
                found.append(net.teacher(single_texts(values, user)).float().cpu().numpy())
        return np.concatenate(found)

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the most probable class of each instance."""
        logits = self.decision_function(X)
        named: NDArray[Any] = self.classes_[logits.argmax(axis=1)]
        return named

    def _with_labels(self, instances: Instances, y: Any) -> Instances:
        """Read the labels: those of y, else the data's own."""
        if y is None and instances.labels is not None and instances.classes is not None:
            y = np.array([*instances.classes, ""])[instances.labels]
        if y is None:
            raise UnlabeledError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: give one class for each "
                "instance, −1 where unknown"
            )
        labels = PartialLabels.read(y, len(instances))
        self.classes_, self._rows = labels.classes, len(instances)
        return Relabelled(instances, labels.codes, [str(name) for name in labels.classes])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.needs_labels
        return tags


def usual_view(views: str | View, kind: Modality, usual: str) -> Any:
    """Give the view that was asked for; ``"auto"`` is the `usual` one where the kind of data has it, or none."""
    if views != "auto":
        return choose_view(views, kind)
    return choose_view(usual, kind) if usual in kind.views else unchanged


def unchanged(values: Any) -> Any:
    """Give instances as they are."""
    return values


def count(values: Any) -> int:
    """Tell how many instances there are in the values of a batch."""
    return len(values[0] if isinstance(values, tuple) else values)
