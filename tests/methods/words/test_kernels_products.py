"""Products of a few vectors with a list of rows against NumPy's."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from unlabeled.methods.words.kernels import products, rows
from unlabeled.methods.words.kernels.products import ROWS, TALL

SIZES = pytest.mark.parametrize("dim", [16, 112, 304])
PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
LISTED = 16


@numba.njit
def names(matrix, chosen):
    return np.array([rows.address(matrix, i) for i in chosen])


@numba.njit
def weight_place(i, j, n, m):
    return products.weight_place(i, j, n, m)


@numba.njit
def weights_room(n, m):
    return products.weights_room(n, m)


def calls(dim):
    """Make functions that call the kernels' parts, for vectors of length `dim`."""

    @numba.njit
    def score(scores, vectors, n, others, m):
        products.score_rows(scores, vectors, n, others, m, dim)

    @numba.njit
    def score_path(scores, wanted, vectors, n, others, m, turns, start):
        products.score_path(scores, wanted, vectors, n, others, m, turns, start, dim)

    @numba.njit
    def push_vectors(changed, n, weights, others, m):
        products.push_vectors(changed, n, weights, others, m, dim)

    @numba.njit
    def push_rows(others, m, weights, vectors, n):
        products.push_rows(others, m, weights, vectors, n, dim)

    return score, score_path, push_vectors, push_rows


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


@pytest.mark.parametrize("n", [1, 3, 4, 6, 10])
@pytest.mark.parametrize("m", [1, 4, 7])
def test_every_weight_has_a_place_of_its_own(n, m):
    found = places(n, m)
    assert len(set(found.ravel().tolist())) == n * m
    assert found.min() == 0
    assert found.max() < weights_room(n, m) - TALL * ROWS + 1


@SIZES
@PRECISIONS
def test_products_equal_those_of_matrices(made, dim, dtype):
    score, score_path, push_vectors, push_rows = made[dim]
    for n in range(11):
        for m in (0, 1, 2, 3, 4, 7, 9):
            vectors, a, b = matrix(n + 1, dim, dtype, n), matrix(20, dim, dtype, n), matrix(30, dim, dtype, m)
            rng = np.random.default_rng(n * m)
            changed, right = rng.choice(20, LISTED, replace=False), rng.choice(30, LISTED, replace=False)
            changed_rows, right_rows, at = names(a, changed), names(b, right), places(n, m)
            room = weights_room(n, m)
            scores, again, wanted = (np.full(room + 1, 7, dtype) for _ in range(3))
            turns = rng.integers(2, size=40).astype(dtype)
            score(scores, vectors, n, right_rows, m)
            score_path(again, wanted, vectors, n, right_rows, m, turns, 5)
            np.testing.assert_allclose(scores[at], vectors[:n] @ b[right[:m]].T, **near(dtype))
            assert np.array_equal(scores, again)
            assert np.array_equal(wanted[at], np.broadcast_to(turns[5 : 5 + m], (n, m)))
            assert [list(numbers[room:]) for numbers in (scores, again, wanted)] == [[7]] * 3

            spread, weights = np.full(room, np.nan, dtype), matrix(n, m, dtype, 3)
            spread[at] = weights
            new_a, new_b = a.copy(), b.copy()
            new_a[changed[:n]] += weights @ b[right[:m]]
            push_vectors(changed_rows, n, spread, right_rows, m)
            np.testing.assert_allclose(a, new_a, **near(dtype))
            assert np.array_equal(b, new_b)
            new_b[right[:m]] += weights.T @ vectors[:n]
            push_rows(right_rows, m, spread, vectors, n)
            np.testing.assert_allclose(b, new_b, **near(dtype))


@SIZES
@PRECISIONS
def test_a_row_named_twice_is_changed_twice(made, dim, dtype):
    *_, push_vectors, push_rows = made[dim]
    a, b, vectors = matrix(4, dim, dtype, 0), matrix(3, dim, dtype, 1), matrix(3, dim, dtype, 4)
    twice, at = np.array([2, 2, 1]), places(3, 3)
    weights, spread = matrix(3, 3, dtype, 2), np.zeros(weights_room(3, 3), dtype)
    spread[at] = weights
    wanted = a.copy()
    np.add.at(wanted, twice, weights @ b)
    push_vectors(names(a, twice), 3, spread, names(b, np.arange(3)), 3)
    np.testing.assert_allclose(a, wanted, **near(dtype))
    np.add.at(wanted, twice, weights.T @ vectors)
    push_rows(names(a, twice), 3, spread, vectors, 3)
    np.testing.assert_allclose(a, wanted, **near(dtype))
