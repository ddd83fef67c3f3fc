"""Methods that compare distorted copies of instances by their classes."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.training.bases.multi_view import MultiView

OWN = 2**40
"""Above every class number there is; an unlabelled instance is the class of this plus its position."""


class LabelledViews(MultiView):
    """Base of methods whose split is two views and a class, where an instance without a label is a class of its own."""

    uses_labels: ClassVar[bool] = True

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Show two views, hide the class."""
        return (self.view(batch.values), self.view(batch.values)), own_classes(batch)


def own_classes(batch: Batch) -> Tensor:
    """Give each instance's class; one without a label is alone in a class of its own.

    Examples
    --------
    >>> own_classes(Batch(torch.zeros(3, 1), torch.tensor([4, -1, 4]), torch.tensor([7, 8, 9]))) - OWN < 0
    tensor([ True, False,  True])
    """
    return torch.where(batch.labels < 0, OWN + batch.index, batch.labels)
