from threading import Thread

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from unlabeled.kernels.blas_threads import blas_threads, one_blas_thread, openmp_threads_kept, thread_pool
from unlabeled.methods.mixture.threads import threads


def test_the_number_of_threads_follows_the_limit():
    for number in (1, 2):
        with threadpool_limits(number):
            assert blas_threads() == number


def test_openmp_has_its_number_of_threads_again_after_others_set_it():
    before = torch.get_num_threads()
    with openmp_threads_kept():
        torch.set_num_threads(before + 1)
    assert torch.get_num_threads() == before


def test_one_thread_is_for_both_libraries_and_afterwards_all_is_as_before():
    def threads_of_blas():
        return {one["num_threads"] for one in threadpool_info() if one["filepath"] and "openblas" in one["filepath"]}

    with threadpool_limits(2):
        with one_blas_thread(1_000):
            assert threads_of_blas() == {1}
        assert threads_of_blas() == {2}
        with one_blas_thread(100_000_000):
            assert threads_of_blas() == {2}
        with pytest.raises(ZeroDivisionError), one_blas_thread(1_000):
            raise ZeroDivisionError
        assert threads_of_blas() == {2}


def test_products_in_the_pool_take_one_thread_and_afterwards_all_is_as_before():
    with threadpool_limits(2):
        with thread_pool(2) as pool:
            assert list(pool.map(lambda _: blas_threads(), range(4))) == [1] * 4
        assert blas_threads() == 2
        with pytest.raises(ZeroDivisionError), thread_pool(2):
            raise ZeroDivisionError
        assert blas_threads() == 2


def searching():
    return thread_pool(1)


def fitting():
    return threads(1, blas=True)


@pytest.mark.parametrize("first", [searching, fitting])
@pytest.mark.parametrize("second", [searching, fitting])
def test_one_thread_at_a_time_holds_the_setting(first, second):
    # If two changed it at once, the second would take the first's 1 for the original, and leave the process with that.
    def wait_for_a_turn():
        with second():
            held.append(True)

    held = []
    with threadpool_limits(2):
        with first():
            other = Thread(target=wait_for_a_turn)
            other.start()
            other.join(0.2)
            assert other.is_alive()
            assert held == []
        other.join()
        assert held == [True]
        assert blas_threads() == 2


@pytest.mark.parametrize("outer", [searching, fitting])
@pytest.mark.parametrize("inner", [searching, fitting])
def test_the_thread_that_holds_the_setting_may_ask_again(outer, inner):
    def ask_twice():
        with threadpool_limits(2):
            with outer():
                with inner():
                    found.append(blas_threads())
                found.append(blas_threads())
            found.append(blas_threads())

    found = []
    thread = Thread(target=ask_twice, daemon=True)  # a lock that cannot be taken twice would stop it for ever
    thread.start()
    thread.join(20)
    assert found == [1, 1, 2]
