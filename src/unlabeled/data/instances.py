"""What every learner reads: a finite, indexable collection that hands out batches, and a way to fetch them ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.batch import Batch, labels_at

if TYPE_CHECKING:
    from torch import Tensor

CACHE_BYTES = 1 << 30
"""Most bytes of decoded pixels that a collection keeps in memory."""

ALIKE = ("size", "channels", "fit", "length", "stride", "fps", "tokenizer")
"""What ready instances say of how each of them was prepared."""

A = TypeVar("A")
B = TypeVar("B")


class Named(Protocol):
    """Instances that have names and perhaps labels, whether they are ready for learning or not."""

    @property
    def kind(self) -> str:
        """Name of the modality, such as ``"image"``: what one instance is."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """One stable name per instance: for files the path relative to the source, else ``"0"``, ``"1"``, ..."""
        ...

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Class numbers, −1 where unlabelled, or None."""
        ...

    @property
    def classes(self) -> list[str] | None:
        """Names of the classes, or None."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of what the collection holds; the same in every run over the same content."""
        ...

    def __len__(self) -> int: ...


class Instances(Named, Protocol):
    """A finite collection of instances that can be gathered by index.

    Training and encoding read nothing else, so a new modality is one class with these members.
    """

    def gather(self, indices: Tensor) -> Batch:
        """Give the instances at `indices` as one batch.

        Parameters
        ----------
        indices : Tensor, shape (n,), int64
            Positions in the collection, in any order, repeats allowed.

        Returns
        -------
        Batch
            In memory of its own. Its values are, for images, uint8 of shape (n, channels, size, size); for vectors,
            shape (n, d).
        """
        ...

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead as `prefetched` does."""
        ...


class Subset:
    """Some of a collection's instances, in a given order; satisfies `Instances`.

    Parameters
    ----------
    instances : Instances
    rows : ndarray of int64, shape (n,)
        Positions in `instances`.
    """

    def __init__(self, instances: Instances, rows: NDArray[np.int64]) -> None:
        import torch

        self.instances, self.rows = instances, torch.from_numpy(np.asarray(rows, dtype=np.int64))
        self.kind, self.fingerprint, self.classes = instances.kind, instances.fingerprint, instances.classes
        self.ids = [instances.ids[row] for row in rows]
        self.labels = None if instances.labels is None else instances.labels[rows]
        if (groups := getattr(instances, "groups", None)) is not None:
            self.groups: NDArray[np.int64] = groups[rows]

    def __getattr__(self, name: str) -> Any:
        """Give what its modality asks of ready instances and is true of each, such as the size of images."""
        if name not in ALIKE:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.instances, name)

    def __len__(self) -> int:
        return len(self.rows)

    def gather(self, indices: Tensor) -> Batch:
        """Give the instances at `indices` of the subset."""
        return replace(self.instances.gather(self.rows[indices]), index=indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead."""
        return prefetched(self.gather, index_batches, prefetch)


class Relabelled:
    """A collection with other labels than its own, or with none; satisfies `Instances`.

    Parameters
    ----------
    instances : Instances
    labels : ndarray of int64, shape (n,), optional
        Class numbers, −1 where unlabelled. Without them no instance has a label.
    classes : list of str, optional
        Names of the classes.
    """

    def __init__(
        self, instances: Instances, labels: NDArray[np.int64] | None = None, classes: list[str] | None = None
    ) -> None:
        self.instances, self.labels, self.classes = instances, labels, classes
        self.kind, self.ids, self.fingerprint = instances.kind, instances.ids, instances.fingerprint

    def __len__(self) -> int:
        return len(self.instances)

    def gather(self, indices: Tensor) -> Batch:
        """Give the instances at `indices` with these labels."""
        return self._relabelled(self.instances.gather(indices))

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead."""
        return map(self._relabelled, self.instances.batches(index_batches, prefetch))

    def _relabelled(self, batch: Batch) -> Batch:
        return replace(batch, labels=labels_at(self.labels, batch.index))


def prefetched(load: Callable[[Tensor], A], index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[A]:
    """Load batches in a background thread, in order, a bounded number ahead of the consumer.

    Parameters
    ----------
    load : callable
        Makes a batch from its indices. It runs in the background thread, one call at a time.
    index_batches : iterable of Tensor
        The indices of each batch. It is advanced in the consumer's thread, so a sampler needs no lock.
    prefetch : int, default 2
        How many batches may be ready or in the making beyond the one handed out: at most ``prefetch + 1`` exist at
        once. 0 loads each batch when it is asked for, without a thread.

    Returns
    -------
    iterator
        What `load` returned, in the order of `index_batches`. An exception of `load` is raised here, in its batch's
        turn. When the consumer stops early, batches not yet begun are dropped and the thread ends.

    Examples
    --------
    >>> import torch
    >>> squares = prefetched(torch.square, [torch.tensor([1, 2]), torch.tensor([3])])
    >>> [batch.tolist() for batch in squares]
    [[1, 4], [9]]
    """
    waiting = iter(index_batches)
    if prefetch < 1:
        return map(load, waiting)
    return mapped_ahead(load, waiting, ahead=prefetch, workers=1)


def mapped_ahead(function: Callable[[A], B], items: Iterable[A], ahead: int, workers: int) -> Generator[B, None, None]:
    """Map in threads, in order, with at most `ahead` results ready or in the making beyond the one handed out."""
    waiting = iter(items)
    queue: deque[Future[B]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="unlabeled-data") as pool:
        try:
            queue.extend(pool.submit(function, item) for item in islice(waiting, ahead))
            while queue:
                result = queue.popleft().result()
                queue.extend(pool.submit(function, item) for item in islice(waiting, 1))
                yield result
                del result  # it is the consumer's now; kept here it would be one more in memory
        finally:
            for future in queue:
                future.cancel()
