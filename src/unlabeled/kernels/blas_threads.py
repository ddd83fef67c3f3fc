"""Numbers of threads: of the matrix library, each thread with products of its own, and of OpenMP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

# BLAS's number of threads belongs to the whole process, so only one thread at a time may change it and put it back.
# That thread may do so again in between, as a fit that searches.
_setting = threading.RLock()


def blas_threads() -> int:
    """Give the number of threads of BLAS, which follows ``OMP_NUM_THREADS`` and `threadpoolctl.threadpool_limits`."""
    from threadpoolctl import threadpool_info

    return max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)


@contextmanager
def openmp_threads_kept() -> Iterator[None]:
    """Give OpenMP back the number of threads it had.

    Numba sets that number, for the whole process, when it runs parallel code for the first time. PyTorch uses OpenMP
    too: it would no longer take the number that the user chose, and would round its sums otherwise.
    """
    from threadpoolctl import ThreadpoolController

    with ThreadpoolController().limit(limits=None, user_api="openmp"):  # what was is put back in the end
        yield


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads in each of which a matrix product takes that thread alone; other callers wait for their turn.

    The threads themselves must not ask for a pool: they would wait for their own end.
    """
    from threadpoolctl import threadpool_limits

    def limit_this_thread() -> None:
        # Where OpenBLAS is built on OpenMP, each thread has a setting of its own.
        threadpool_limits(1, user_api="blas")

    with (
        _setting,
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(threads, initializer=limit_this_thread) as pool,
    ):
        yield pool
