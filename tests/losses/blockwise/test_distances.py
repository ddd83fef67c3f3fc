from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import distance_matrix, distances
from unlabeled.losses.blockwise.distances import DISTANCES


def loop(a, b, name):
    """One coordinate at a time."""
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    squared = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    lengths = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return {
        "euclidean": math.sqrt(squared),
        "squared": squared,
        "cosine": 1 - (dot / lengths if lengths else 0),
        "inner_product": -dot,
    }[name]


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("m", "n", "d"), [(1, 1, 1), (3, 5, 2), (6, 2, 9)])
def test_agrees_with_the_loop(name, dtype, m, n, d):
    x, y = torch.randn(m, d, dtype=dtype), 3 * torch.randn(n, d, dtype=dtype) + 2
    y[0] = 0
    expected = [[loop(a, b, name) for b in y.tolist()] for a in x.tolist()]
    precision = {"rel": 1e-5, "abs": 1e-5} if dtype == torch.float32 else {"rel": 1e-12, "abs": 1e-12}
    matrix, pairs = distance_matrix(x, y, name), distances(x[:, None], y, name)
    assert matrix.dtype == pairs.dtype == dtype
    for i in range(m):
        assert matrix[i].tolist() == pytest.approx(expected[i], **precision)
        assert pairs[i].tolist() == pytest.approx(expected[i], **precision)


@pytest.mark.parametrize("name", DISTANCES)
def test_gradients_agree_with_finite_differences(name):
    x, y = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda x, y: distances(x, y, name), (x, y))
    assert torch.autograd.gradcheck(lambda x, y: distance_matrix(x, y, name), (x, y))
    assert torch.autograd.gradgradcheck(lambda x, y: distances(x, y, name), (x, y))


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_gradient_is_finite_where_embeddings_are_the_same(name, value):
    x, y = (torch.full((3, 4), value, requires_grad=True) for _ in range(2))
    for measured in (distances(x, y, name), distance_matrix(x, y, name)):
        gradients = torch.autograd.grad(measured.sum(), (x, y))
        assert measured.isfinite().all()
        assert all(gradient.isfinite().all() for gradient in gradients)
        if name in ("euclidean", "squared"):
            assert measured.max() < 1e-15
            assert all(gradient.abs().max() == 0 for gradient in gradients)


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e37])
def test_embeddings_of_any_size_give_finite_distances_and_gradients(name, size):
    x, y = ((size * torch.randn(4, 3)).requires_grad_() for _ in range(2))
    exact = distances(x.double(), y.double(), name).detach().clamp(-8.507e37, 8.507e37)
    for measured in (distances(x, y, name), distance_matrix(x, y, name).diagonal()):
        assert measured.isfinite().all()
        assert measured.tolist() == pytest.approx(exact.tolist(), rel=0.05, abs=1e-37)
        assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(measured.sum(), (x, y)))


def test_the_matrix_does_not_lose_small_distances_far_from_the_origin():
    x = torch.tensor([[1000.0, 1000.0], [1000.0, 1000.5], [1001.0, 1000.0]])
    torch.testing.assert_close(distance_matrix(x, x)[0], torch.tensor([0.0, 0.5, 1.0]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", DISTANCES)
def test_autocast_and_half_precision_change_only_the_input(name):
    x, y = torch.randn(30, 16), torch.randn(20, 16)
    plain = distance_matrix(x, y, name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (x @ y.T).dtype == torch.bfloat16  # so autocast is at work
        torch.testing.assert_close(distance_matrix(x, y, name), plain)
        torch.testing.assert_close(distances(x[:20], y, name), plain.diagonal(), rtol=1e-4, atol=1e-4)
    assert distances(x.bfloat16()[:20], y.bfloat16(), name).dtype == torch.float32


@pytest.mark.parametrize("name", DISTANCES)
def test_nan_is_handed_on(name):
    x = torch.tensor([[math.nan, 1.0], [1.0, 2.0]])
    assert distances(x, x, name).isnan().tolist() == [True, False]
    assert distance_matrix(x, x, name)[0].isnan().all()


@pytest.mark.parametrize("measure", [distances, distance_matrix])
def test_bad_input_is_refused(measure):
    x = torch.ones(2, 3)
    with pytest.raises(UnlabeledError, match="unknown distance 'euclidian'; did you mean 'euclidean'"):
        measure(x, x, "euclidian")
    with pytest.raises(UnlabeledError, match="of one length"):
        measure(x, torch.ones(2, 4))
    with pytest.raises(UnlabeledError, match="floating-point"):
        measure(x, torch.ones(2, 3, dtype=torch.int64))
    with pytest.raises(UnlabeledError, match=r"one length|at least one row and one column"):
        measure(torch.ones(2, 0), torch.ones(2, 0))
