from threading import Thread

import pytest
from threadpoolctl import threadpool_limits

from unlabeled.search.scanning.search_threads import blas_threads, thread_pool


def test_the_number_of_threads_follows_the_limit():
    for number in (1, 2):
        with threadpool_limits(number):
            assert blas_threads() == number


def test_products_in_the_pool_take_one_thread_and_afterwards_all_is_as_before():
    with threadpool_limits(2):
        with thread_pool(2) as pool:
            assert list(pool.map(lambda _: blas_threads(), range(4))) == [1] * 4
        assert blas_threads() == 2
        with pytest.raises(ZeroDivisionError), thread_pool(2):
            raise ZeroDivisionError
        assert blas_threads() == 2


def test_one_search_at_a_time_holds_the_setting():
    # If two changed it at once, the second would take the first's 1 for the original, and leave the process with that.
    def search():
        with thread_pool(1):
            held.append(True)

    held = []
    with thread_pool(1):
        second = Thread(target=search)
        second.start()
        second.join(0.2)
        assert second.is_alive()
        assert held == []
    second.join()
    assert held == [True]
