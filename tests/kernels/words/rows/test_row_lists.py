"""One vector with a list of rows against NumPy, and the copies that several threads train on."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from unlabeled.kernels import layout
from unlabeled.kernels.words.rows import hot_row_cache, row_lists
from unlabeled.kernels.words.rows.hot_row_cache import FIRST, MOST

COPIED = 63
SIZES = pytest.mark.parametrize("dim", [16, 112, 304])
PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@numba.njit
def names(matrix, chosen):
    return np.array([row_lists.address(matrix, i) for i in chosen])


@numba.njit
def aligned(n, dim, like):
    return layout.aligned_rows(n, dim, like)


def calls(dim):
    """Make functions that call the kernels' parts, for vectors of length `dim`."""

    @numba.njit
    def exchange(change, vectors, i, weights, others, m):
        row_lists.exchange_rows(change, vectors, i, weights, others, m, dim)

    @numba.njit
    def average(out, i, share, others, m):
        row_lists.average_rows(out, i, share, others, m, dim)

    @numba.njit
    def add(others, m, share, change, i):
        row_lists.add_to_rows(others, m, share, change, i, dim)

    return exchange, average, add


@pytest.fixture(scope="module")
def made():
    return {dim: calls(dim) for dim in (16, 112, 304)}


def matrix(count, dim, dtype, seed):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(dtype)


def near(dtype):
    # Up to 304 additions to sums of up to 60, each rounded by up to 2e-6 in float32, add up to about 304 ** 0.5 * 2e-6.
    return {"rtol": 1e-6, "atol": 1e-4} if dtype is np.float32 else {"rtol": 0, "atol": 1e-11}


@SIZES
@PRECISIONS
def test_a_row_named_twice_is_changed_twice(made, dim, dtype):
    *_, add = made[dim]
    a, b = matrix(4, dim, dtype, 0), matrix(3, dim, dtype, 1)
    wanted = a.copy()
    wanted[3] += b[1]
    wanted[0] += dtype(0.5) * b[1]
    add(names(a, np.array([3, 0, 3])), 3, dtype(0.5), b, 1)
    np.testing.assert_allclose(a, wanted, **near(dtype))


@SIZES
@PRECISIONS
def test_one_vector_with_a_list(made, dim, dtype):
    exchange, average, _ = made[dim]
    for m in range(8):
        vectors, others, change = matrix(2, dim, dtype, 4), matrix(9, dim, dtype, m), matrix(2, dim, dtype, 5)
        chosen = np.random.default_rng(m).permutation(9)[:m]
        listed, weights = names(others, np.append(chosen, 0)), matrix(2, 8, dtype, 6)
        average(vectors, 1, dtype(0.25), listed, m)
        np.testing.assert_allclose(vectors[1], others[chosen].sum(axis=0) / 4, **near(dtype))
        wanted, kept = others.copy(), change[0].copy()
        wanted[chosen] += np.outer(weights[1, :m], vectors[1])
        step = weights[1, :m] @ others[chosen]
        exchange(change, vectors, 1, weights, listed, m)
        np.testing.assert_allclose(change[1], step, **near(dtype))
        np.testing.assert_allclose(others, wanted, **near(dtype))
        assert np.array_equal(change[0], kept)


@PRECISIONS
def test_matrices_begin_at_cache_lines(dtype):
    for count in (0, 1, 7):
        made = aligned(count, 48, np.zeros(1, dtype))
        assert made.shape == (count, 48)
        assert made.dtype == dtype
        assert made.ctypes.data % 64 == 0
        assert not made.any()


@numba.njit
def own_copies(shared, threads, wanted, dim):
    return hot_row_cache.own_copies(shared, threads, wanted, dim)


@numba.njit
def merge_in_turn(shared, own, known, count, turn):
    hot_row_cache.merge_in_turn(shared, own, known, count, turn, 2, 16)


@numba.njit
def merge_all(shared, own, known, count):
    hot_row_cache.merge_all(shared, own, known, count, 16)


@numba.njit
def copied_rows(shared, threads):
    return hot_row_cache.copied_rows(shared, threads, COPIED)


@numba.njit
def whose_turn(turn, count):
    return hot_row_cache.whose_turn(turn, count)


def test_a_few_threads_copy_what_there_is():
    shared = np.zeros((COPIED + 2, 16))
    assert [copied_rows(shared, threads) for threads in (1, 2, MOST, MOST + 1)] == [0, COPIED, COPIED, 0]
    assert copied_rows(shared[:3], 2) == 3


@pytest.mark.parametrize("count", [1, FIRST - 1, FIRST, FIRST + 1, 4 * FIRST, 4 * FIRST + 1, 100])
def test_every_second_turn_is_one_of_the_first_rows_and_every_fourth_one_of_four_times_as_many(count):
    ends = [FIRST]
    while ends[-1] < count:
        ends.append(4 * ends[-1])
    groups = [range(start, min(end, count)) for start, end in zip([0, *ends], ends, strict=False)]
    turns = [whose_turn(turn, count) for turn in range(100 * 2 ** len(groups))]
    assert set(turns) == set(range(count))
    for number, group in enumerate(groups):
        every = 2 ** min(number + 1, len(groups) - 1)  # the last group has what is left
        for k in group:
            assert set(np.diff([turn for turn, row in enumerate(turns) if row == k])) == {every * len(group)}


@numba.njit
def row_of(row, copied, away):
    return hot_row_cache.row_of(row, copied, away)


@SIZES
@PRECISIONS
def test_copies_lie_a_whole_number_of_rows_away_and_are_named_by_it(dim, dtype):
    matrix = aligned(9, dim, np.zeros(1, dtype))
    matrix[:] = np.arange(9)[:, None]
    own, known, copied, away = own_copies(matrix, 2, 5, dim)
    assert copied == 5
    assert np.array_equal(own, matrix[:5])
    assert np.array_equal(known, matrix[:5])
    for row in range(9):
        place = matrix.ctypes.data + row_of(row, 5, away) * matrix.strides[0]
        assert place == (own if row < 5 else matrix)[row:].ctypes.data


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("count", [4, 12])
def test_all_changes_of_all_threads_arrive(threads, count):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(13, 16))
    shared, changes = start.copy(), np.zeros((13, 16))
    pairs = [own_copies(shared, threads, count, 16)[:2] for _ in range(threads)]
    for turn in range(100):
        for own, known in pairs:
            step = rng.normal(size=(count, 16))
            own[:count] += step
            changes[:count] += step
            merge_in_turn(shared, own, known, count, turn)
            k = whose_turn(turn, count)
            assert np.array_equal(own[k], shared[k])
    for own, known in pairs:
        merge_all(shared, own, known, count)
    np.testing.assert_allclose(shared, start + changes, rtol=0, atol=1e-9)
    assert np.array_equal(shared[count:], start[count:])
