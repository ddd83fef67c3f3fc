"""The plan of a training run: how many steps of which size, at which rate, with which seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unlabeled.errors import UnlabeledError
from unlabeled.processes import world_size


@dataclass(frozen=True)
class Plan:
    """Everything about the course of a run that follows from its settings, so that any step can be resumed from.

    Parameters
    ----------
    rows : int
        Instances in all; of a method that learns from given pairs or triplets, these. So below.
    epochs : int
        Passes over them.
    batch_size : int
        Instances that meet in one loss, over all processes; at most `rows`.
    accumulate : int
        Batches whose gradients are averaged into one optimiser step.
    warmup : float
        Share of the steps in which the learning rate rises.
    seed : int
        Of the order of instances and of every draw in a step.
    """

    rows: int
    epochs: int
    batch_size: int
    accumulate: int
    warmup: float
    seed: int

    def __post_init__(self) -> None:
        if self.batch % world_size():
            raise UnlabeledError(
                f"a batch of {self.batch} cannot be shared equally by {world_size()} processes; "
                "choose a batch_size that is a multiple"
            )

    @property
    def batch(self) -> int:
        """Instances in a batch: as asked, or when there are fewer as many as the processes can share equally."""
        return min(self.batch_size, max(self.rows - self.rows % world_size(), 1))

    @property
    def parts(self) -> int:
        """Batches in an optimiser step."""
        return min(self.accumulate, self.rows // self.batch)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch; what is left over sits out, a different remainder each epoch."""
        return self.rows // (self.batch * self.parts)

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.epochs * self.steps_per_epoch

    def seed_for(self, *where: int) -> int:
        """Give the seed that belongs to a place in the run: the same after a resume as without one."""
        return int(np.random.SeedSequence([self.seed, *where]).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def rate(self, step: int) -> float:
        """Give the share of the peak learning rate: a linear rise, then half a cosine down to zero.

        References
        ----------
        .. [1] Loshchilov & Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017.
        """
        rise = round(self.warmup * self.steps)
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, self.steps - rise)))
