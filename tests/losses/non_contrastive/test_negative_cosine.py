from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import byol, sim_siam


def test_agrees_with_the_loop():
    q, z = torch.randn(9, 5, dtype=torch.float64), torch.randn(9, 5, dtype=torch.float64)
    expected = [((a / a.norm() - b / b.norm()) ** 2).sum().item() for a, b in zip(q, z, strict=True)]
    assert byol(q, z, reduction="none").tolist() == pytest.approx(expected)
    assert byol(q, z).item() == pytest.approx(sum(expected) / 9)
    assert byol(q, z, reduction="sum").item() == pytest.approx(sum(expected))


@pytest.mark.parametrize(("angle", "loss"), [(0, 0), (60, 1), (90, 2), (180, 4)])
def test_known_angles(angle, loss):
    radians = math.radians(angle)
    q = torch.tensor([[1e20, 0.0]])
    z = torch.tensor([[math.cos(radians), math.sin(radians)]])
    assert byol(q, z).item() == pytest.approx(loss, abs=1e-6)


def test_gradient_reaches_the_prediction_and_never_the_target():
    q, z = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    byol(q, z).backward()
    assert z.grad is None
    assert q.grad.abs().sum() > 0


def test_gradient_agrees_with_finite_differences():
    z = torch.randn(3, 4, dtype=torch.float64)
    q = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda q: byol(q, z), (q,))


def test_zero_rows_and_nan():
    zero = torch.zeros(1, 2)
    assert byol(zero, torch.ones(1, 2)).item() == 2
    assert byol(torch.full((1, 2), math.nan), torch.ones(1, 2)).isnan()


def test_mismatched_shapes_are_refused():
    for loss in (byol, sim_siam):
        with pytest.raises(UnlabeledError, match="shapes differ"):
            loss(torch.ones(2, 3), torch.ones(3, 3))


def test_sim_siam_is_half_of_byol_less_one():
    p, z = torch.randn(9, 5, requires_grad=True), torch.randn(9, 5, requires_grad=True)
    for reduction in ("none", "mean"):
        torch.testing.assert_close(sim_siam(p, z, reduction=reduction), byol(p, z, reduction=reduction) / 2 - 1)
    expected = [-(a @ b / a.norm() / b.norm()).item() for a, b in zip(p, z, strict=True)]
    assert sim_siam(p, z, reduction="none").tolist() == pytest.approx(expected, rel=1e-5)
    sim_siam(p, z).backward()
    assert z.grad is None
    assert p.grad.abs().sum() > 0
    assert torch.autograd.gradcheck(lambda p: sim_siam(p, z.double()), (p.detach().double().requires_grad_(),))
