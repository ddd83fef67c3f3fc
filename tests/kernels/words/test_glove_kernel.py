"""The kernel of GloVe against NumPy and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from unlabeled.kernels.words.glove_kernel import descent
from unlabeled.methods.words.counting.tiling import Tiling
from unlabeled.methods.words.glove import Factors


def parameters(words: int, dim: int, dtype: type, seed: int = 0) -> dict[str, np.ndarray]:
    """Make vectors, biases and AdaGrad's sums at random."""
    rng = np.random.default_rng(seed)
    made = {name: rng.normal(size=(words, dim)) for name in ("w", "c")} | {
        name: rng.normal(size=words) for name in "bd"
    }
    made |= {f"sum_{name}": 1 + rng.random(made[name].shape) for name in "wcbd"}
    return {name: array.astype(dtype) for name, array in made.items()}


def packed(p: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lay them out as the kernel wants them."""
    words, dim = p["w"].shape
    model = Factors.initial(words, dim, 0)
    inputs, outputs = model.inputs.astype(p["w"].dtype), model.outputs.astype(p["w"].dtype)
    width = inputs.shape[1] // 2
    for matrix, vectors, bias, place in ((inputs, "w", "b", dim), (outputs, "c", "d", dim + 1)):
        matrix[:, :dim], matrix[:, place] = p[vectors], p[bias]
        matrix[:, width : width + dim], matrix[:, width + place] = p[f"sum_{vectors}"], p[f"sum_{bias}"]
    return inputs, outputs


def unpacked(inputs: np.ndarray, outputs: np.ndarray, dim: int) -> dict[str, np.ndarray]:
    width = inputs.shape[1] // 2
    p = {}
    for matrix, vectors, bias, place in ((inputs, "w", "b", dim), (outputs, "c", "d", dim + 1)):
        p |= {vectors: matrix[:, :dim], bias: matrix[:, place]}
        p |= {f"sum_{vectors}": matrix[:, width : width + dim], f"sum_{bias}": matrix[:, width + place]}
    return p


def run(p: dict[str, np.ndarray], places: np.ndarray, targets: np.ndarray, rate: float) -> tuple[float, dict]:
    """Take one step for each nonzero, in order."""
    dim = p["w"].shape[1]
    inputs, outputs = packed(p)
    bounds = np.array([0, len(places)])
    kernel = descent(inputs.shape[1] // 2)
    cost = kernel(places.astype(np.int32), targets.astype(p["w"].dtype), bounds[:1], bounds[1:], inputs, outputs, rate)
    return cost, unpacked(inputs, outputs, dim)


def slow_run(p: dict[str, np.ndarray], places: np.ndarray, targets: np.ndarray, rate: float) -> tuple[float, dict]:
    """The same as a person would write it down, in float64."""
    p = {name: array.astype(np.float64) for name, array in p.items()}
    cost = 0.0
    for (i, j), (log_x, f) in zip(places, targets, strict=True):
        difference = p["w"][i] @ p["c"][j] + p["b"][i] + p["d"][j] - log_x
        cost += f * difference**2 / 2
        by_w, by_c, by_bias = f * difference * p["c"][j], f * difference * p["w"][i], f * difference
        for name, row, gradient in (("w", i, by_w), ("c", j, by_c), ("b", i, by_bias), ("d", j, by_bias)):
            step = rate * gradient
            p[name][row] -= step / np.sqrt(p[f"sum_{name}"][row])
            p[f"sum_{name}"][row] += step**2
    return cost, p


@pytest.mark.parametrize("dim", [1, 14, 15, 30, 100])
@pytest.mark.parametrize(("dtype", "close"), [(np.float64, 1e-12), (np.float32, 1e-3)])
def test_the_kernel_is_the_slow_loop(dim, dtype, close):
    # In float32 forty steps with differences of the order of 10 let rounding of 1e-7 grow to about 1e-5 (times dim).
    rng = np.random.default_rng(dim)
    p = parameters(7, dim, dtype)
    places, targets = rng.integers(0, 7, (40, 2)), np.stack([rng.normal(size=40), rng.random(40)], 1)
    cost, after = run(p, places, targets, 0.05)
    expected_cost, expected = slow_run(p, places, targets, 0.05)
    assert cost == pytest.approx(expected_cost, rel=close)
    for name, array in expected.items():
        np.testing.assert_allclose(after[name], array, rtol=close, atol=close)


def test_the_ones_and_the_padding_stay_as_they_are():
    rng = np.random.default_rng(0)
    p = parameters(5, 20, np.float32)
    inputs, outputs = packed(p)
    before = inputs.copy(), outputs.copy()
    places, targets = rng.integers(0, 5, (5000, 2)).astype(np.int32), rng.normal(size=(5000, 2)).astype(np.float32)
    targets[:, 1] = np.abs(targets[:, 1])
    descent(32)(places, targets, np.array([0]), np.array([5000]), inputs, outputs, np.float32(0.05))
    for matrix, old, one in ((inputs, before[0], 21), (outputs, before[1], 20)):
        assert (matrix[:, one] == 1).all()
        assert (matrix[:, 22:32] == 0).all()
        assert np.array_equal(matrix[:, 32 + 22 :], old[:, 32 + 22 :])
        assert (matrix[:, :20] != old[:, :20]).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), x=st.floats(0.01, 1e4), alpha=st.floats(0, 2))
def test_the_gradient_is_that_of_finite_differences(seed, x, alpha):
    """A step from sums of 1 is η times the gradient of ½ f d², f and d straight from the definition of J."""
    p = parameters(2, 5, np.float64, seed)
    p |= {name: np.ones_like(array) for name, array in p.items() if name.startswith("sum_")}

    def cost(p):
        f = min(1, (x / 100) ** alpha)
        return 0.5 * f * (p["w"][0] @ p["c"][1] + p["b"][0] + p["d"][1] - np.log(x)) ** 2

    tiles = Tiling.of(csr_array(([x], ([0], [1])), shape=(2, 2)), 64, 100, alpha, 0, 1)
    targets = np.array([[np.log(x), min(1, (x / 100) ** alpha)]])
    np.testing.assert_allclose(tiles.targets, targets, rtol=1e-6)
    value, after = run(p, tiles.places, targets, 1.0)
    assert value == pytest.approx(cost(p), rel=1e-12)
    for name in "wcbd":
        for place in np.ndindex(p[name].shape):
            h = 1e-5
            moved = [{**p, name: p[name].copy()} for _ in range(2)]
            moved[0][name][place] += h
            moved[1][name][place] -= h
            numeric = (cost(moved[0]) - cost(moved[1])) / (2 * h)
            # A quadratic: central differences err by rounding only, about 1e-16 · cost / h.
            assert p[name][place] - after[name][place] == pytest.approx(numeric, rel=1e-6, abs=1e-8)
