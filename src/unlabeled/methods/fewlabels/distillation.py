"""Distillation: a student learns what a teacher makes of every instance."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.arrays import deviations
from unlabeled.data.instances import Instances, Relabelled, Subset
from unlabeled.encoders import Network
from unlabeled.errors import UnlabeledError
from unlabeled.losses import distillation
from unlabeled.methods.fewlabels.consistency.semi_supervised import SemiSupervised, Shown
from unlabeled.methods.fewlabels.partial_labels import PartialLabels
from unlabeled.modalities import Preprocessing
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import Sampler, Shuffled


class Distillation(SemiSupervised):
    r"""A student, often a smaller network, learns the teacher's probabilities, or its vectors.

    Split: x is a weakly distorted instance, y what the teacher makes of it, and its class where known. Loss of a
    classifier, with t the teacher's and s the student's logits:

    .. math:: L = \alpha\, T^2\, \mathrm{KL}(\mathrm{softmax}(t / T) \,\Vert\, \mathrm{softmax}(s / T))
              + (1 - \alpha)\, (-\log \mathrm{softmax}(s)_y)

    A teacher without `predict_proba` but with `transform` gives vectors v, standardised column by column, and the loss
    is the mean of (s − v)² over columns. No class is learnt then: `transform` gives the encoder's vectors,
    `decision_function` what was learnt of the teacher's, and `predict`, `predict_proba` and `score` raise an error.

    Parameters
    ----------
    teacher : estimator or path
        Fitted: anything with `predict_proba` and `classes_`, or with `transform`; or a folder where one was saved. It
        is asked once about every instance, undistorted.
    temperature : float, default 2.0
        T: the higher, the more the small probabilities count.
    alpha : float, default 0.5
        α of instances with a label, from 0 to 1; without one the teacher alone counts.

    References
    ----------
    .. [1] Hinton, Vinyals & Dean, Distilling the Knowledge in a Neural Network, 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = load_digits(return_X_y=True)
    >>> X = (X[:256] / 16).astype(np.float32)
    >>> teacher = LogisticRegression(max_iter=500).fit(X, y[:256])
    >>> student = Distillation(teacher=teacher, epochs=2, random_state=0, progress=False).fit(X)
    >>> student.predict_proba(X).shape
    (256, 10)
    """

    principle: ClassVar[str] = "few labels"

    needs_labels: ClassVar[bool] = False

    teacher: Any = None
    temperature: float = 2.0
    alpha: float = 0.5

    def fit(self, X: Any, y: Any = None, *, resume: bool = False) -> Self:
        """Ask the teacher about every instance, and let the student learn its answers.

        Parameters
        ----------
        X : array, list of paths or images, path, torch dataset, or unlabeled data object
            What both the teacher and the student take.
        y : array-like, shape (n,), optional
            Classes, −1 where unknown; beside the teacher's answers.
        resume : bool, default False
            Go on from the checkpoint in the folder `checkpoint`.
        """
        self._targets = torch.from_numpy(self._asked(X))
        return super().fit(X, y, resume=resume)

    def check(self, instances: Instances, y: Any = None) -> Plan:
        """See, before a long fit, whether it can begin: ask the teacher about two instances, and build the network."""
        few = self._asked(Subset(instances, np.arange(min(2, len(instances)))))
        self._targets = torch.from_numpy(few[:1]).expand(len(instances), -1)
        return super().check(instances, y)

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Refuse a share that is none."""
        super().prepare(preprocessing)
        if not 0 <= self.alpha <= 1:
            raise UnlabeledError(f"alpha is a share from 0 to 1, got {self.alpha!r}")

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Give the probability of each class, shape (m, c), in the order of `classes_`.

        Raises
        ------
        UnlabeledError
            If the teacher gave vectors, of which no class is learnt; so do `predict` and `score`.
        """
        self._check_classes()
        return super().predict_proba(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the most probable class of each instance."""
        self._check_classes()
        return super().predict(X)

    def _check_classes(self) -> None:
        check_is_fitted(self, "encoder_")
        if not len(self.classes_):
            raise UnlabeledError(
                "the teacher gave vectors, so this student knows no classes; take transform for its vectors, or a "
                "teacher with predict_proba"
            )

    def _asked(self, X: Any) -> NDArray[np.float32]:
        """Give the teacher's answers, logits of its classes or standardised vectors, and take down its classes."""
        teacher = self.teacher
        if isinstance(teacher, str | os.PathLike):
            from unlabeled.registry import load

            teacher = load(teacher)
        if hasattr(teacher, "predict_proba"):
            shares = np.asarray(teacher.predict_proba(X), dtype=np.float32)
            self.classes_ = np.asarray(teacher.classes_)
            logits: NDArray[np.float32] = np.log(np.maximum(shares, np.float32(1e-12)))
            return logits
        if not hasattr(teacher, "transform"):
            raise UnlabeledError(
                "teacher must be a fitted estimator with predict_proba or transform, or the folder of a saved one, "
                f"not {type(teacher).__name__}"
            )
        vectors = np.asarray(teacher.transform(X), dtype=np.float32)
        self.classes_ = np.empty(0, dtype=np.int64)
        spread = deviations(vectors)
        centred = vectors - vectors.mean(axis=0, dtype=np.float64)
        standard = np.where(spread > 0, centred / np.where(spread > 0, spread, 1), 0)
        return standard.astype(np.float32)

    def __sklearn_clone__(self) -> Self:
        """Copy the settings, and keep the fitted teacher, which a clone of it would not be."""
        copied: Self = super().__sklearn_clone__()
        copied.teacher = self.teacher
        return copied

    def outputs(self) -> int:
        """Give a number a class, or one a column of the teacher's vectors."""
        return len(self.classes_) or self._width

    def sampler(self, plan: Plan, labels: NDArray[np.int64]) -> Sampler:
        """Show every instance once an epoch, labelled or not."""
        self._steps, self._labelled = plan.steps, plan.batch
        return Shuffled(plan)

    def split(self, batch: Any) -> tuple[Shown, Any]:
        """Show a weak copy, hide the teacher's answer and the label."""
        answers = self._targets[batch.index.cpu()].to(batch.index.device)
        return Shown(self.weak_(batch.values), (), batch.index), (answers, batch.labels)

    def loss(self, net: Network, x: Shown, y: tuple[Tensor, Tensor]) -> Tensor:
        """Divergence from the teacher's probabilities, or squared distance from its vectors."""
        answers, labels = y
        (student,) = self.logits(net, x.labelled)
        if not len(self.classes_):
            return F.mse_loss(student, answers)
        known = labels >= 0
        soft = distillation(student, answers, temperature=self.temperature, reduction="none")
        hard = F.cross_entropy(student, labels.clamp(min=0), reduction="none")
        return torch.where(known, self.alpha * soft + (1 - self.alpha) * hard, soft).mean()

    def extras(self) -> dict[str, Any]:
        """Give the width of the head."""
        return {"width": self.outputs()}

    def restore_extras(self, saved: dict[str, Any]) -> None:
        """Take it back."""
        self._width = saved["width"]

    def _with_labels(self, instances: Instances, y: Any) -> Instances:
        """Number the labels by the teacher's classes."""
        if len(self._targets) != len(instances):
            raise UnlabeledError(
                f"the teacher answers for {len(self._targets)} instances, and there are {len(instances)}"
            )
        self._width, self._rows = self._targets.shape[1], len(instances)
        if y is None or not len(self.classes_):
            return Relabelled(instances)
        labels = PartialLabels.read(y, len(instances))
        unknown = set(labels.classes.tolist()) - set(self.classes_.tolist())
        if unknown:
            raise UnlabeledError(f"the teacher knows no class {min(map(str, unknown))}")
        places = np.append([self.classes_.tolist().index(name) for name in labels.classes.tolist()], -1)
        return Relabelled(instances, places[labels.codes], [str(name) for name in self.classes_])
