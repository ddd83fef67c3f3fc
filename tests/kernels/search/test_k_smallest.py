import re

import numba
import numpy as np
import pytest

from unlabeled.kernels.search import k_smallest


def heaps(queries, k):
    return np.full((queries, k), np.inf, np.float32), np.full((queries, k), 10**9)


@pytest.mark.parametrize("k", [1, 2, 3, 10, 65])
def test_the_heap_holds_the_k_smallest(k):
    rng = np.random.default_rng(k)
    products = rng.integers(0, 30, (6, 200)).astype(np.float32)  # many ties
    offsets = rng.integers(0, 5, 200).astype(np.float32)
    exclude = np.array([-1, 0, 199, 70, 100, -1])
    scores, indices = heaps(6, k)
    for start, end in [(0, 64), (64, 65), (65, 200)]:
        tile = np.ascontiguousarray(products[:, start:end])
        k_smallest.k_smallest(tile, offsets[start:end], start, exclude, scores, indices)
    for q in range(6):
        every = sorted((offsets[j] - products[q, j], j) for j in range(200) if j != exclude[q])
        assert sorted(zip(scores[q], indices[q], strict=True)) == every[:k]
        assert (scores[q, 0], indices[q, 0]) == every[k - 1]  # the worst is the root


def test_the_comparison_is_vectorised():
    # Without this the kernel is several times slower; a change of the loop that loses it would go unnoticed otherwise.
    fresh = numba.njit(nogil=True)(k_smallest.k_smallest.py_func)  # code from the cache cannot be inspected
    fresh(np.zeros((1, 64), np.float32), np.zeros(64, np.float32), 0, np.zeros(1, int), *heaps(1, 3))
    code = fresh.inspect_llvm(fresh.signatures[0])
    assert re.search(r"fcmp olt <\d+ x float>", code)
    assert "gather" not in code  # numbers are read side by side, not one by one
