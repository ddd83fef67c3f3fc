import threading
import time

import pytest

from unlabeled.methods.mixture.threads import threads


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_results_come_in_the_order_of_the_items(workers, count):
    def slow_first(item):
        time.sleep(0.002 if item % 3 == 0 else 0)
        return item * item

    with threads(workers) as pool:
        assert list(pool.map(slow_first, iter(range(count)))) == [i * i for i in range(count)]


def test_only_few_items_are_held_at_a_time():
    made, held = 0, 0

    def items():
        nonlocal made
        for i in range(100):
            made += 1
            yield i

    with threads(2) as pool:
        for done, _ in enumerate(pool.map(lambda item: item, items()), start=1):
            held = max(held, made - done)
    assert held <= 4


def test_an_error_in_a_thread_is_raised_and_ends_the_work():
    done = []

    def work(item):
        if item == 3:
            raise ValueError("block 3")
        done.append(item)

    with threads(2) as pool, pytest.raises(ValueError, match="block 3"):
        list(pool.map(work, range(1000)))
    assert len(done) < 20


def test_there_are_several_threads_and_one_item_needs_none():
    with threads(2) as pool:
        names = set(pool.map(lambda _: (time.sleep(0.005), threading.get_ident())[1], range(20)))
        assert len(names) == 2
        assert set(pool.map(lambda _: threading.get_ident(), [0])) == {threading.get_ident()}


def test_a_thread_multiplies_matrices_alone():
    from threadpoolctl import threadpool_info

    def blas_threads(_=None):
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    before = blas_threads()
    with threads(2, blas=True) as pool:
        assert set().union(*pool.map(blas_threads, range(4))) <= {1}
    assert blas_threads() == before
