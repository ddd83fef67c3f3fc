"""Products of a few vectors with a list of rows against NumPy's."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from unlabeled.kernels.words.rows import row_lists, row_products
from unlabeled.kernels.words.rows.row_products import ROWS, TALL

SIZES = pytest.mark.parametrize("dim", [16, 112, 304])
PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
LISTED = 16


@numba.njit
def names(matrix, chosen):
    return np.array([row_lists.address(matrix, i) for i in chosen])


@numba.njit
def weight_place(i, j, n, m):
    return row_products.weight_place(i, j, n, m)


@numba.njit
def weights_size(n, m):
    return row_products.weights_size(n, m)


def calls(dim):
    """Make functions that call the kernels' parts, for vectors of length `dim`."""

    @numba.njit
    def score(scores, vectors, n, others, m):
        row_products.score_rows(scores, vectors, n, others, m, dim)

    @numba.njit
    def score_path(scores, wanted, vectors, n, others, m, turns, start):
        row_products.score_path(scores, wanted, vectors, n, others, m, turns, start, dim)

    @numba.njit
    def exchange_tiles(vectors, n, weights, others, m):
        row_products.exchange_tiles(vectors, n, weights, others, m, dim)

    return score, score_path, exchange_tiles


@pytest.fixture(scope="module")
def made():
    return {dim: calls(dim) for dim in (16, 112, 304)}


def matrix(count, dim, dtype, seed):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(dtype)


def near(dtype):
    # Up to 304 additions to sums of up to 60, each rounded by up to 2e-6 in float32, add up to about 304 ** 0.5 * 2e-6.
    return {"rtol": 1e-6, "atol": 1e-4} if dtype is np.float32 else {"rtol": 0, "atol": 1e-11}


def places(n, m):
    return np.array([[weight_place(i, j, n, m) for j in range(m)] for i in range(n)], np.int64).reshape(n, m)


def exchanged(a, left, weights, b, right):
    """Let rows of a and b change each other, a tile of `TALL` rows of a after the other."""
    for first in range(0, len(left), TALL):
        tile, shares = left[first : first + TALL], weights[first : first + TALL]
        old_a, old_b = a[tile], b[right]
        np.add.at(a, tile, shares @ old_b)
        np.add.at(b, right, shares.T @ old_a)


@pytest.mark.parametrize("n", [1, 3, 4, 6, 10])
@pytest.mark.parametrize("m", [1, 4, 7])
def test_every_weight_has_a_place_of_its_own(n, m):
    found = places(n, m)
    assert len(set(found.ravel().tolist())) == n * m
    assert found.min() == 0
    assert found.max() < weights_size(n, m) - TALL * ROWS + 1


@SIZES
@PRECISIONS
def test_products_equal_those_of_matrices(made, dim, dtype):
    score, score_path, exchange_tiles = made[dim]
    for n in range(11):
        for m in (0, 1, 2, 3, 4, 7, 9):
            vectors, a, b = matrix(n + 1, dim, dtype, n), matrix(20, dim, dtype, n), matrix(30, dim, dtype, m)
            rng = np.random.default_rng(n * m)
            left, right = rng.choice(20, LISTED, replace=False), rng.choice(30, LISTED, replace=False)
            a[left[:n]] = vectors[:n]
            left_rows, right_rows, at = names(a, left), names(b, right), places(n, m)
            room = weights_size(n, m)
            scores, again, wanted = (np.full(room + 1, 7, dtype) for _ in range(3))
            turns = rng.integers(2, size=40).astype(dtype)
            score(scores, vectors, n, right_rows, m)
            score_path(again, wanted, left_rows, n, right_rows, m, turns, 5)
            for found in (scores, again):
                np.testing.assert_allclose(found[at], vectors[:n] @ b[right[:m]].T, **near(dtype))
            assert np.array_equal(wanted[at], np.broadcast_to(turns[5 : 5 + m], (n, m)))
            assert [list(numbers[room:]) for numbers in (scores, again, wanted)] == [[7]] * 3

            spread, weights = np.full(room, np.nan, dtype), matrix(n, m, dtype, 3)
            spread[at] = weights
            new_a, new_b = a.copy(), b.copy()
            exchanged(new_a, left[:n], weights, new_b, right[:m])
            exchange_tiles(left_rows, n, spread, right_rows, m)
            np.testing.assert_allclose(a, new_a, **near(dtype))
            np.testing.assert_allclose(b, new_b, **near(dtype))


@SIZES
@PRECISIONS
def test_a_vector_named_twice_is_changed_twice(made, dim, dtype):
    *_, exchange_tiles = made[dim]
    a, b = matrix(6, dim, dtype, 0), matrix(4, dim, dtype, 1)
    left, right = np.array([2, 2, 1, 5, 2, 0]), np.array([3, 0, 2])  # one of a vector's names is in the second tile
    weights, spread = matrix(6, 3, dtype, 2), np.zeros(weights_size(6, 3), dtype)
    spread[places(6, 3)] = weights
    new_a, new_b = a.copy(), b.copy()
    exchanged(new_a, left, weights, new_b, right)
    exchange_tiles(names(a, left), 6, spread, names(b, right), 3)
    np.testing.assert_allclose(a, new_a, **near(dtype))
    np.testing.assert_allclose(b, new_b, **near(dtype))
