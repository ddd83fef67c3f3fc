from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from unlabeled.errors import UnlabeledError
from unlabeled.losses import kl_gaussian


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (5, 3)])
def test_agrees_with_torch_distributions(dtype, n, d):
    mean, log_variance = torch.randn(n, d, dtype=dtype), torch.randn(n, d, dtype=dtype)
    one = torch.ones((), dtype=dtype)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0 * one, one)).sum(dim=1)
    torch.testing.assert_close(kl_gaussian(mean, log_variance, reduction="none"), expected)
    torch.testing.assert_close(kl_gaussian(mean, log_variance), expected.mean())
    torch.testing.assert_close(kl_gaussian(mean, log_variance, reduction="sum"), expected.sum())


def test_exact_values():
    zero = torch.zeros(3, 4)
    assert kl_gaussian(zero, zero).item() == 0
    assert kl_gaussian(zero + 3, zero).item() == 18  # 4 · 9 / 2: summed over the dimensions, averaged over the rows
    tiny = torch.full((1, 1), 1e-6, dtype=torch.float64)
    assert kl_gaussian(0 * tiny, tiny).item() == pytest.approx(2.5e-13, rel=1e-3)


def test_gradient_agrees_with_finite_differences():
    inputs = tuple(torch.randn(3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(kl_gaussian, inputs)


def test_extremes_and_bad_input():
    zero = torch.zeros(1, 1)
    assert kl_gaussian(zero, zero + 100).item() == math.inf
    assert kl_gaussian(zero, zero - 1e30).isfinite()
    assert kl_gaussian(zero * math.nan, zero).isnan()
    with pytest.raises(UnlabeledError, match="shapes differ"):
        kl_gaussian(zero, torch.zeros(1, 2))
