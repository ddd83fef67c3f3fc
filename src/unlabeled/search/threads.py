"""How many threads a search takes: as many as the machine's matrix library was told to use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# The setting belongs to the whole process, so only one search at a time may change it and put it back.
_setting = threading.Lock()


def blas_threads() -> int:
    """Give the number of threads of BLAS, which follows ``OMP_NUM_THREADS`` and `threadpoolctl.threadpool_limits`."""
    from threadpoolctl import threadpool_info

    return max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)


@contextmanager
def one_blas_thread_each() -> Iterator[None]:
    """Let each matrix product run in the thread that asks for it, so that threads of our own do not share products."""
    from threadpoolctl import threadpool_limits

    with _setting, threadpool_limits(1, user_api="blas"):
        yield
