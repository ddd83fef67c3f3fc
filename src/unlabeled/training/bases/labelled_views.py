"""Methods that compare distorted copies of instances by their classes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.instances import Instances
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing
from unlabeled.setting_checks import check_whole_settings
from unlabeled.training.bases.multi_view import MultiView
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import PerClass, Sampler

OWN = 2**40
"""Above every class number there is; an unlabelled instance is the class of this plus its position."""


class LabelledViews(MultiView):
    """Base of methods whose split is two views and a class, where an instance without a label is a class of its own.

    A method with a setting `per_class` lets so many instances of each of several classes meet in a batch; instances
    without a label then never come.
    """

    uses_labels: ClassVar[bool] = True

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Check that a batch holds whole classes, where it is to hold so many instances of each."""
        super().prepare(preprocessing)
        if (each := self._per_class()) is not None:
            check_whole_settings(self, "per_class")
            if self.batch_size % each or self.batch_size == each:
                raise UnlabeledError(
                    f"batch_size must be a multiple of per_class, so that a batch holds {each} instances of each of "
                    f"two classes or more; batch_size={self.batch_size} is none"
                )

    def sampler(self, plan: Plan, labels: NDArray[np.int64]) -> Sampler:
        """Let so many instances of each class meet, where `per_class` says how many; otherwise all, shuffled."""
        if (each := self._per_class()) is None:
            return super().sampler(plan, labels)
        return PerClass(plan, labels, each)

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Show two views, hide the class."""
        return (self.view(batch.values), self.view(batch.values)), own_classes(batch)

    def _per_class(self) -> int | None:
        return getattr(self, "per_class", None)

    def _with_labels(self, instances: Instances, y: Any) -> Instances:
        """Give the instances their labels, and refuse to do without where batches are made by them."""
        instances = super()._with_labels(instances, y)
        labels = instances.labels
        if (each := self._per_class()) is not None and (labels is None or labels.max(initial=-1) < 0):
            raise UnlabeledError(
                f"per_class={each} makes batches by the classes of instances, and none has a label: give labels, or "
                "leave per_class out"
            )
        return instances


def own_classes(batch: Batch) -> Tensor:
    """Give each instance's class; one without a label is alone in a class of its own.

    Examples
    --------
    >>> own_classes(Batch(torch.zeros(3, 1), torch.tensor([4, -1, 4]), torch.tensor([7, 8, 9]))) - OWN < 0
    tensor([ True, False,  True])
    """
    return torch.where(batch.labels < 0, OWN + batch.index, batch.labels)
