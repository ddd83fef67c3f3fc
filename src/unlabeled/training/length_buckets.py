"""Batches of texts of like length, so that little of them is padding."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from unlabeled.data.text.tokenization.tokenized import bucketed
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import permutation, share_of


class LengthBuckets:
    """Every instance once an epoch, among others of about its length; the remainder of an epoch sits out.

    Parameters
    ----------
    plan : Plan
    lengths : Tensor of int64, shape (rows,)
        Tokens of each instance.
    """

    def __init__(self, plan: Plan, lengths: Tensor) -> None:
        self.plan, self.lengths = plan, lengths

    def index_batches(self, start: int = 0) -> Iterator[Tensor]:
        """Yield this process's indices of every batch from the optimiser step `start` to the end."""
        plan = self.plan
        for epoch in range(start // plan.steps_per_epoch, plan.epochs):
            order = permutation(plan.rows, plan.seed_for(epoch, 0, 0))
            shuffle = torch.Generator().manual_seed(plan.seed_for(epoch, 0, 7))
            batches = bucketed(order, self.lengths, plan.batch, shuffle)[: plan.steps_per_epoch * plan.parts]
            first = start - epoch * plan.steps_per_epoch if epoch == start // plan.steps_per_epoch else 0
            yield from map(share_of, batches[first * plan.parts :])
