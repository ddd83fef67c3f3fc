"""Numbers of threads: of the matrix library, each thread with products of its own, and of OpenMP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

SMALL = 2**23
"""Numbers in a matrix up to which one thread is faster than two, in fits that alternate between NumPy and SciPy."""

# BLAS's number of threads belongs to the whole process, so only one thread at a time may change it and put it back.
# That thread may do so again in between, as a fit that searches.
_setting = threading.RLock()


def blas_threads() -> int:
    """Give the number of threads of BLAS, which follows ``OMP_NUM_THREADS`` and `threadpoolctl.threadpool_limits`."""
    from threadpoolctl import threadpool_info

    return max((library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"), default=1)


@contextmanager
def one_blas_thread(numbers: int) -> Iterator[None]:
    """Let BLAS compute in one thread where a matrix has at most `SMALL` numbers.

    NumPy and SciPy each bring a BLAS with threads of its own. Where calls of both alternate, the threads that wait for
    work in one take processors from the other. Other callers wait for their turn.
    """
    if numbers > SMALL:
        yield
        return
    with _setting, _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Give what sets the threads of the BLAS of NumPy and of SciPy; to look for them takes milliseconds."""
    import scipy.linalg  # noqa: F401  # so that its BLAS is found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


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
