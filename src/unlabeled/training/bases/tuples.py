"""Methods that learn from pairs or triplets of instances: given by the user, or made from classes or views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.arrays import as_array
from unlabeled.data.batch import Batch, rows_of
from unlabeled.data.fingerprint import fingerprint
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Modality, Preprocessing, modality_of
from unlabeled.processes import world_size
from unlabeled.training.bases.labelled_views import OWN, LabelledViews
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import Sampler, Shuffled


class TupleViews(LabelledViews):
    """Base of methods that learn from pairs or triplets.

    Without given ones the split is that of `LabelledViews`: views of instances of one class belong together. With given
    ones it is a view of each member, and a truth value a pair. An epoch is then a pass over the given tuples, and a
    batch holds as many of them as make up `batch_size` instances.

    Attributes
    ----------
    given_ : ndarray of int64, shape (m, width) or (m, width + 1), or None
        The given tuples: positions in the collection, and for pairs whether they are alike.
    """

    members: ClassVar[int] = 2

    @classmethod
    def accepts(cls, kind: Modality) -> bool:
        """Take instances of two kinds, such as an image and a text, where two instances are compared."""
        return super().accepts(kind) or (bool(kind.halves) and cls.members == 2)

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle on the views; a method that was loaded has no given tuples."""
        super().prepare(preprocessing)
        self.two_kinds_ = bool(modality_of(preprocessing).halves)
        self.given_: NDArray[np.int64] | None = getattr(self, "given_", None)
        if self.given_ is not None and (each := self._per_class()) is not None:
            raise UnlabeledError(
                f"per_class={each} is for batches that are made by classes, and here it is given which instances meet; "
                "leave one of both out"
            )

    def plan(self, rows: int, seed: int = 0) -> Plan:
        """Plan over the given tuples, if there are any: an epoch is a pass over them, not over the instances.

        Raises
        ------
        UnlabeledError
            If a batch is too small for one tuple in each process.
        """
        if (given := getattr(self, "given_", None)) is None:
            return super().plan(rows, seed)
        count = self.batch_size // self.members // world_size() * world_size()
        if count < 1:
            raise UnlabeledError(
                f"a batch of {self.batch_size} instances cannot hold {self.members} of a tuple in each process; "
                "choose a larger batch_size"
            )
        return Plan(len(given), self.epochs, count, self.accumulate, self.warmup, seed)

    def sampler(self, plan: Plan, labels: NDArray[np.int64]) -> Sampler:
        """Let the members of given tuples meet; otherwise all instances, shuffled."""
        if self.given_ is None:
            return super().sampler(plan, labels)
        if self.given_[:, : self.members].max() >= len(labels):
            raise UnlabeledError(
                f"a tuple names instance {self.given_[:, : self.members].max()}, but there are {len(labels)}, from 0"
            )
        if self.given_.shape[1] > self.members:  # sorted once: to look a batch up takes no pass over all pairs
            keys = torch.from_numpy(self.given_[:, 0] * self.n_instances_ + self.given_[:, 1])
            self._keys, order = keys.sort()
            self._truths = torch.from_numpy(self.given_[:, 2] > 0)[order]
        return Tuples(plan, self.given_[:, : self.members])

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Show views; hide classes or, of given pairs, which are alike."""
        if self.given_ is None and self.two_kinds_:
            return halves(self.view(batch.values)), pair_classes(batch)
        if self.given_ is None:
            return super().split(batch)
        count = len(batch) // self.members
        parts = [slice(i * count, (i + 1) * count) for i in range(self.members)]
        views = tuple(self.view(rows_of(batch.values, part)) for part in parts)
        if self.two_kinds_:
            views = (halves(views[0])[0], halves(views[1])[1])
        return views, self._alike(*(batch.index[part] for part in parts))

    def _alike(self, *index: Tensor) -> Tensor:
        """Look up which of the given pairs are alike; triplets always are."""
        assert self.given_ is not None
        if self.given_.shape[1] == self.members:
            return torch.ones_like(index[0], dtype=torch.bool)
        self._keys, self._truths = self._keys.to(index[0].device), self._truths.to(index[0].device)
        return self._truths[torch.searchsorted(self._keys, index[0] * self.n_instances_ + index[1])]

    def _identity(self, instances: Any) -> dict[str, Any]:
        given = {} if self.given_ is None else {"tuples": fingerprint([self.given_])}
        return {**super()._identity(instances), **given}


def halves(values: Any) -> tuple[Any, Any]:
    """Give the images of pairs, and their texts, each as pairs without the other half."""
    return values._replace(text=None), values._replace(image=None)


def pair_classes(batch: Batch) -> Tensor:
    """Give each pair's class; without one, pairs that share an image or a text, also by way of others, are one class.

    Examples
    --------
    >>> from unlabeled.data.pairs.prepared_pairs import Pair
    >>> pairs = Pair(None, None, torch.tensor([0, 0, 1, 2]), torch.tensor([5, 6, 6, 7]))
    >>> pair_classes(Batch(pairs, torch.full((4,), -1), torch.arange(4))) - OWN
    tensor([0, 0, 0, 3])
    """
    picture, caption = batch.values.picture, batch.values.caption
    same = (picture[:, None] == picture) | (caption[:, None] == caption)
    found = batch.index
    while True:
        smallest = torch.where(same, found, found.max()).amin(1)
        if torch.equal(smallest, found):
            break
        found = smallest
    return torch.where(batch.labels < 0, OWN + found, batch.labels)


class Tuples:
    """Every tuple once an epoch, in an order of that epoch's own; the remainder of an epoch sits out.

    A batch holds first all first members, then all second ones, and so on.

    Parameters
    ----------
    plan : Plan
        It counts tuples: so many rows, and so many a batch.
    tuples : ndarray of int64, shape (m, members)
        Positions in the collection.
    """

    def __init__(self, plan: Plan, tuples: NDArray[np.int64]) -> None:
        self.order, self.tuples = Shuffled(plan), torch.from_numpy(np.ascontiguousarray(tuples))

    def index_batches(self, start: int = 0) -> Iterator[Tensor]:
        """Yield this process's indices of every batch, from the optimiser step `start` to the end."""
        for chosen in self.order.index_batches(start):
            yield self.tuples[chosen].T.flatten()


def checked_tuples(given: Any, members: int, name: str) -> NDArray[np.int64] | None:
    """Give tuples as integers, or say what is wrong with them.

    Parameters
    ----------
    given : array-like of int, or None
        Triplets, shape (m, 3), of positions; or pairs, shape (m, 3): two positions, and 1 (alike) or 0 (not).
    members : int
        2 for pairs, 3 for triplets.
    name : str
        For messages.

    Raises
    ------
    UnlabeledError
        If the shape or type is another, a position is negative, or a pair is both alike and not.
    """
    if given is None:
        return None
    table = as_array(given)
    if table.ndim != 2 or table.shape[1] != 3 or len(table) == 0 or table.dtype.kind not in "iub":
        columns = "anchor, positive and negative" if members == 3 else "the two instances, and 1 if alike or 0 if not"
        raise UnlabeledError(
            f"{name} must be whole numbers of shape (m, 3), the positions of {columns}; "
            f"not {table.dtype} of shape {table.shape}"
        )
    table = table.astype(np.int64)
    if table.min() < 0:
        raise UnlabeledError(f"{name} hold {table.min()}, but positions count from 0")
    if members == 2:
        if table[:, 2].max() > 1:
            raise UnlabeledError(f"{name} say 1 for alike and 0 for not in the third column, not {table[:, 2].max()}")
        if len(np.unique(table, axis=0)) != len(np.unique(table[:, :2], axis=0)):
            raise UnlabeledError(f"{name} call two instances alike in one row and not alike in another")
    return table
