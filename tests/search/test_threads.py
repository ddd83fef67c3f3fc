from threading import Thread

from threadpoolctl import threadpool_limits

from unlabeled.search.threads import blas_threads, one_blas_thread_each


def test_one_search_at_a_time_holds_the_setting():
    # If two changed it at once, the second would take the first's 1 for the original, and leave the process with that.
    def other():
        with one_blas_thread_each():
            seen.append(blas_threads())

    seen = []
    with threadpool_limits(2):
        assert blas_threads() == 2
        with one_blas_thread_each():
            assert blas_threads() == 1
            second = Thread(target=other)
            second.start()
            second.join(0.2)
            assert second.is_alive()
        second.join()
        assert seen == [1]
        assert blas_threads() == 2
