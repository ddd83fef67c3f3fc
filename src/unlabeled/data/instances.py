"""What every learner reads: a finite, indexable collection that hands out batches, and a way to fetch them ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

A = TypeVar("A")
B = TypeVar("B")


class Instances(Protocol):
    """A finite collection of instances that can be gathered by index.

    Training and encoding read nothing else, so a new modality is one class with these members.
    """

    @property
    def kind(self) -> str:
        """``"image"`` or ``"vector"``: what one instance is."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """One stable name per instance: for files the path relative to the source, else ``"0"``, ``"1"``, ..."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of what the collection holds; the same in every run over the same content."""
        ...

    def __len__(self) -> int: ...

    def gather(self, indices: Tensor) -> Tensor:
        """Give the instances at `indices` as one batch.

        Parameters
        ----------
        indices : Tensor, shape (n,), int64
            Positions in the collection, in any order, repeats allowed.

        Returns
        -------
        Tensor
            Images: uint8, shape (n, channels, size, size). Vectors: float32, shape (n, d). Always memory of its own.
        """
        ...

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Tensor]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead as `prefetched` does."""
        ...


def prefetched(
    load: Callable[[Tensor], Tensor], index_batches: Iterable[Tensor], prefetch: int = 2
) -> Iterator[Tensor]:
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
    iterator of Tensor
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
