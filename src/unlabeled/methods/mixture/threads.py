"""Blocks worked on by one thread a processor, with results in the order of the blocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from unlabeled.kernels.blas_threads import thread_pool
from unlabeled.kernels.processors import processor_count

Item = TypeVar("Item")
Result = TypeVar("Result")


class Threads:
    """Some threads; `map` gives results in the order of the items, and never holds more than twice as many of them.

    What is merged in that order does not depend on how many threads there are.
    """

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self._pool, self.count = pool, count

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(item)` of each item in turn."""
        if self.count == 1:
            yield from map(function, items)
            return
        rest = iter(items)
        first = list(islice(rest, 2))
        if len(first) == 1:  # not worth a thread
            yield function(first[0])
            return
        waiting: deque[Future[Result]] = deque(self._pool.submit(function, item) for item in first)
        waiting.extend(self._pool.submit(function, item) for item in islice(rest, 2 * self.count - len(first)))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(self._pool.submit(function, item) for item in islice(rest, 1))
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def threads(workers: int | None = None, *, blas: bool = False) -> Iterator[Threads]:
    """Yield `workers` threads, by default one for each processor this process may use.

    Parameters
    ----------
    workers : int, optional
        Threads.
    blas : bool, default False
        Whether they will multiply matrices: each product is then made by its thread alone, not by threads of its own,
        and other callers who multiply in threads wait for their turn.
    """
    count = workers or processor_count()
    with thread_pool(count) if blas else ThreadPoolExecutor(count) as pool:
        yield Threads(pool, count)
