"""Operations on registers against NumPy, in both precisions."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from unlabeled.kernels import simd
from unlabeled.kernels.gemm import GROUPS, WIDTH, multiply, multiply_into_rows, transpose
from unlabeled.kernels.layout import BYTES, aligned, panels, round_up, width_of
from unlabeled.kernels.simd import L1, L2

PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@numba.njit
def compute(x, out):
    """Write what each operation makes of the registers of x, shape (3, n), into the rows of `out`."""
    for n in range(0, x.shape[1], simd.register_width(x)):
        a, b, c = simd.load(x, (0, n)), simd.load(x, (1, n)), simd.load(x, (2, n))
        simd.store(out, (0, n), simd.add(a, b))
        simd.store(out, (1, n), simd.sub(a, b))
        simd.store(out, (2, n), simd.mul(a, b))
        simd.store(out, (3, n), simd.div(a, b))
        simd.store(out, (4, n), simd.maximum(a, b))
        simd.store(out, (5, n), simd.fma(a, b, c))
        simd.store(out, (6, n), simd.sigmoid(a))
        simd.store(out, (7, n), simd.inverse_root(simd.mul(b, b)))
        simd.store(out, (8, n), simd.splat_like(a, 3))
        out[9, n] = simd.total(a)


@PRECISIONS
def test_every_operation_is_that_of_numpy(dtype):
    x = np.random.default_rng(0).normal(size=(3, 64)).astype(dtype)
    a, b, c = x
    out, width, eps = np.zeros((10, 64), dtype), width_of(dtype), np.finfo(dtype).eps
    compute(x, out)
    for found, wanted in zip(out[:5], (a + b, a - b, a * b, a / b, np.maximum(a, b)), strict=True):
        assert np.array_equal(found, wanted)  # rounded one by one, as NumPy does
    np.testing.assert_allclose(out[5], a * b + c, rtol=0, atol=4 * eps * np.abs(x).max() ** 2)
    np.testing.assert_allclose(out[6], 1 / (1 + np.exp(-a.astype(float))), rtol=8 * eps)
    np.testing.assert_allclose(out[7], 1 / np.abs(b), rtol=8 * eps)
    assert (out[8] == 3).all()
    np.testing.assert_allclose(out[9, ::width], a.reshape(-1, width).sum(axis=1), rtol=0, atol=width * eps)


@numba.njit
def exponentials(x):
    for n in range(0, x.shape[1], simd.register_width(x)):
        simd.store(x, (0, n), simd.exp(simd.load(x, (0, n))))


@PRECISIONS
def test_the_exponential_is_right_to_two_units_in_the_last_place(dtype):
    limit = 87 if dtype is np.float32 else 708
    x = aligned((1, 1 << 14), dtype)
    sizes = np.geomspace(1e-9, limit - 1e-3, 1 << 13)
    x[0] = np.concatenate([-sizes, sizes])
    x[0, :4] = [0, -limit - 1, -np.inf, -np.finfo(dtype).max]
    exact = np.exp(x[0].astype(np.longdouble))
    x[0, -2:] = [np.inf, np.finfo(dtype).max]
    exponentials(x)
    assert x[0, :4].tolist() == [1, 0, 0, 0]
    assert np.all(abs(x[0, 4:-2] - exact[4:-2]) <= 2 * np.finfo(dtype).eps * exact[4:-2])
    np.testing.assert_allclose(x[0, -2:], np.exp(float(limit)), rtol=2 * np.finfo(dtype).eps)


@numba.njit
def extreme_sigmoids(x):
    for n in range(0, x.shape[1], simd.register_width(x)):
        simd.store(x, (0, n), simd.sigmoid(simd.load(x, (0, n))))


@PRECISIONS
def test_a_sigmoid_never_reaches_zero(dtype):
    x = np.full((1, 16), -1e30, dtype)
    x[0, :3] = [1e30, np.inf, -np.inf]
    extreme_sigmoids(x)
    assert x[0, :2].tolist() == [1, 1]
    assert (x[0, 2:] > 0).all()
    assert (x[0, 2:] < 1e-37).all()


@numba.njit
def eight_totals(x, sums):
    simd.add_totals(
        sums, (1, 2), simd.load(x, (0, 0)), simd.load(x, (1, 0)), simd.load(x, (2, 0)), simd.load(x, (3, 0)),
        simd.load(x, (4, 0)), simd.load(x, (5, 0)), simd.load(x, (6, 0)), simd.load(x, (7, 0)),
    )  # fmt: skip


@PRECISIONS
def test_totals_of_eight_registers_are_added_in_their_order(dtype):
    x = np.random.default_rng(1).integers(-50, 50, (8, width_of(dtype))).astype(dtype)  # whole: sums are exact
    sums = np.ones((3, 12))
    eight_totals(x, sums)
    wanted = np.ones((3, 12))
    wanted[1, 2:10] += x.sum(axis=1)
    assert np.array_equal(sums, wanted)


@numba.njit
def first_of(x, row, column):
    simd.prefetch(x, (row, column), L1)
    simd.prefetch(x, (row + len(x), column), L2)  # beyond the array: does no harm
    return simd.total(simd.load(x, (row, column)))


@pytest.mark.parametrize("index", [np.int32, np.uint32, np.int64, np.uint64])
def test_any_integers_are_places(index):
    x = np.arange(96, dtype=np.float32).reshape(3, 32)
    assert first_of(x, index(2), index(16)) == x[2, 16:].sum()


@numba.njit
def lowest(bits):
    return simd.lowest_bit(bits)


def test_the_lowest_bit():
    assert [lowest(np.uint64(bits)) for bits in (1, 12, 1 << 63)] == [0, 2, 63]


@PRECISIONS
def test_layout_begins_at_cache_lines_and_fills_up_with_zeros(dtype):
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype)
    laid = panels(vectors, dtype, 4)
    assert laid.shape == (2, 3, 4)
    assert laid.ctypes.data % BYTES == 0
    assert np.array_equal(laid.transpose(0, 2, 1).reshape(8, 3)[:5], vectors)
    assert not laid[1, :, 1:].any()
    assert [round_up(n, 4) for n in (0, 1, 4, 5)] == [0, 4, 4, 8]


@numba.njit
def products(rows, columns, length, out):
    multiply(out, rows, columns, length, 16, 48)


@numba.njit
def transposed(rows, out):
    transpose(rows, out, 48)


@numba.njit
def into_rows(matrix, ids, factors, vectors):
    multiply_into_rows(matrix, ids, factors, vectors, 4, 8, 8, 1, 48)


def test_products_of_small_matrices():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(16, 48)).astype(np.float32)
    others = rng.normal(size=(GROUPS * WIDTH, 48)).astype(np.float32)
    columns, out = np.zeros((GROUPS, 48, WIDTH), np.float32), np.zeros((16, GROUPS * WIDTH), np.float32)
    for g in range(GROUPS):
        transposed(others[g * WIDTH : (g + 1) * WIDTH], columns[g])
        assert np.array_equal(columns[g], others[g * WIDTH : (g + 1) * WIDTH].T)
    products(rows, columns, 40, out)
    # 48 products of numbers below 4 in size: a rounding of each sum is below 1e-5, and they add up at random.
    np.testing.assert_allclose(out, rows[:, :40] @ others[:, :40].T, rtol=0, atol=1e-4)
    matrix, ids, factors = rows.copy(), np.array([3, 0, 3, 9]), rng.normal(size=(4, 8)).astype(np.float32)
    wanted = rows.astype(float)
    np.add.at(wanted, ids, factors.astype(float) @ others[:8])  # a row that is listed twice changes twice
    into_rows(matrix, ids, factors, others[:8].copy())
    np.testing.assert_allclose(matrix, wanted, rtol=0, atol=1e-4)
