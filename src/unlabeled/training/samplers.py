"""Samplers: which instances meet in a batch, in an order that can be taken up again at any step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.processes import rank, world_size
from unlabeled.training.plan import Plan


class Sampler(Protocol):
    """Says which instances meet, from any step on."""

    def index_batches(self, start: int = 0) -> Iterator[Tensor]:
        """Yield this process's indices of every batch from the optimiser step `start` to the end of the plan.

        Every process gets the same number of rows of each batch, and all processes together the whole batch.
        """
        ...


class Shuffled:
    """Every instance once an epoch, in an order of that epoch's own; the remainder of an epoch sits out.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def index_batches(self, start: int = 0) -> Iterator[Tensor]:
        """Yield this process's indices of every batch from the optimiser step `start` to the end."""
        plan = self.plan
        for epoch in range(start // plan.steps_per_epoch, plan.epochs):
            order = permutation(plan.rows, plan.seed_for(epoch, 0, 0))
            first = start - epoch * plan.steps_per_epoch if epoch == start // plan.steps_per_epoch else 0
            for number in range(first * plan.parts, plan.steps_per_epoch * plan.parts):
                yield share_of(order[number * plan.batch :][: plan.batch])


class LabelledAndUnlabelled:
    """Each batch holds so many labelled instances, then so many unlabelled ones; each kind is a stream of its own.

    A stream shows every one of its instances once before any comes again, in a new order each time. So few labels are
    seen many times while many unlabelled instances are seen once, and a batch is always full. In each process the
    labelled rows of the batch come first.

    Parameters
    ----------
    plan : Plan
        Its batch is divided; its number of steps is kept.
    labels : ndarray of int64, shape (n,)
        −1 where unlabelled.
    ratio : float
        μ: unlabelled instances for each labelled one in a batch.
    include_labelled : bool, default False
        Let the stream of unlabelled instances hold the labelled ones too.

    Attributes
    ----------
    labelled, unlabelled : int
        Rows of each kind in this process's share of a batch.

    Raises
    ------
    UnlabeledError
        If no instance is labelled, none is unlabelled, or a batch is too small for one of each in every process.
    """

    def __init__(
        self, plan: Plan, labels: NDArray[np.int64], ratio: float = 7.0, include_labelled: bool = False
    ) -> None:
        self.plan = plan
        known = torch.from_numpy(np.flatnonzero(labels >= 0))
        unknown = torch.arange(len(labels)) if include_labelled else torch.from_numpy(np.flatnonzero(labels < 0))
        if not len(known):
            raise UnlabeledError("no instance is labelled (all labels are -1); give labels for a few")
        if not len(unknown):
            raise UnlabeledError("every instance is labelled; there is none without a label (-1) to learn from")
        self.known, self.unknown = known, unknown
        share = plan.batch // world_size()
        self.labelled = max(1, round(share / (1 + ratio)))
        self.unlabelled = share - self.labelled
        if self.unlabelled < 1:
            raise UnlabeledError(
                f"a batch of {share} instances in each process cannot hold labelled and unlabelled ones; "
                "choose a larger batch_size"
            )

    def index_batches(self, start: int = 0) -> Iterator[Tensor]:
        """Yield this process's indices of every batch: labelled ones first, then unlabelled ones."""
        known = _stream(self.plan, self.known, 4, start, self.labelled * world_size())
        unknown = _stream(self.plan, self.unknown, 5, start, self.unlabelled * world_size())
        for one, other in zip(known, unknown, strict=True):
            yield torch.cat((share_of(one), share_of(other)))


class LabelledOnly:
    """Each batch holds the labelled instances that `LabelledAndUnlabelled` would put into it, and no others.

    A method that learns from labels alone so takes the same steps on the same labelled instances.

    Parameters
    ----------
    plan : Plan
    labels : ndarray of int64, shape (n,)
        −1 where unlabelled.
    ratio : float, default 0.0
        μ of the batches it stands beside; at 0 the whole batch is labelled.

    Attributes
    ----------
    labelled : int
        Rows in this process's share of a batch.

    Raises
    ------
    UnlabeledError
        If no instance is labelled.
    """

    def __init__(self, plan: Plan, labels: NDArray[np.int64], ratio: float = 0.0) -> None:
        self.plan, self.known = plan, torch.from_numpy(np.flatnonzero(labels >= 0))
        if not len(self.known):
            raise UnlabeledError("no instance is labelled (all labels are -1); give labels for a few")
        self.labelled = max(1, round(plan.batch // world_size() / (1 + ratio)))

    def index_batches(self, start: int = 0) -> Iterator[Tensor]:
        """Yield this process's indices of every batch."""
        yield from map(share_of, _stream(self.plan, self.known, 4, start, self.labelled * world_size()))


class PerClass:
    """Each batch holds the same number of instances of each of several classes, drawn at random.

    Parameters
    ----------
    plan : Plan
        Its number of steps is kept.
    labels : ndarray of int64, shape (n,)
        −1 where unlabelled; such instances never come.
    each : int, default 4
        M: instances of a class in a batch, drawn without replacement where there are as many. Where a batch has places
        for more classes than there are, some classes get M more.

    Raises
    ------
    UnlabeledError
        If fewer than two classes are labelled, or the batch is too small for two classes.
    """

    def __init__(self, plan: Plan, labels: NDArray[np.int64], each: int = 4) -> None:
        self.plan, self.each = plan, each
        known = np.flatnonzero(labels >= 0)
        order = known[np.argsort(labels[known], kind="stable")]  # one pass, however many classes there are
        counts = np.unique(labels[known], return_counts=True)[1]
        self.members = torch.from_numpy(order).split(counts.tolist()) if len(known) else ()
        self.classes = plan.batch // each
        if len(self.members) < 2:
            raise UnlabeledError(
                f"batches of {each} instances per class need labels of at least two classes, not of {len(self.members)}"
            )
        if self.classes < 2:
            raise UnlabeledError(f"a batch of {plan.batch} cannot hold {each} instances of each of two classes")
        if self.classes * each % world_size():
            raise UnlabeledError(f"{self.classes} classes of {each} cannot be shared by {world_size()} processes")

    def index_batches(self, start: int = 0) -> Iterator[Tensor]:
        """Yield this process's indices of every batch."""
        plan = self.plan
        for number in range(start * plan.parts, plan.steps * plan.parts):
            random = np.random.default_rng(plan.seed_for(number, 0, 6))
            order = random.permutation(len(self.members))
            times = np.bincount(np.arange(self.classes) % len(order))  # of the first classes in this order
            drawn = zip(order, times, strict=False)
            rows = [self._some(self.members[label], self.each * n, random) for label, n in drawn]
            yield share_of(torch.cat(rows))

    @staticmethod
    def _some(members: Tensor, count: int, random: np.random.Generator) -> Tensor:
        return members[torch.from_numpy(random.choice(len(members), count, replace=len(members) < count))]


def _stream(plan: Plan, rows: Tensor, purpose: int, start: int, count: int) -> Iterator[Tensor]:
    """Yield the `count` instances of every batch from the optimiser step `start` on, out of shuffled passes.

    The passes follow one another without end. Each is shuffled once, when its first instance is due.
    """
    first = start * plan.parts * count
    each = first // len(rows)  # the number of the next pass
    waiting = rows[:0]
    skipped = first - each * len(rows)
    for _ in range(start * plan.parts, plan.steps * plan.parts):
        while len(waiting) - skipped < count:
            order = rows[permutation(len(rows), plan.seed_for(each, 0, purpose))]
            waiting, skipped, each = torch.cat((waiting, order))[skipped:], 0, each + 1
        yield waiting[skipped:][:count]
        skipped += count


def permutation(count: int, seed: int) -> Tensor:
    """Give the numbers from 0 to `count` in the order that belongs to a seed."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def share_of(batch: Tensor) -> Tensor:
    """Give this process's rows of a batch that all processes share equally."""
    mine = len(batch) // world_size()
    return batch[rank() * mine :][:mine]
