from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import barlow_twins, vicreg


def barlow_loop(x, y, weight):
    d, loss = x.shape[1], 0
    for k in range(d):
        for l in range(d):  # noqa: E741, the paper's own index
            a, b = x[:, k] - x[:, k].mean(), y[:, l] - y[:, l].mean()
            C = (a * b).sum() / ((a * a).sum() * (b * b).sum()).sqrt()
            loss = loss + ((1 - C) ** 2 if k == l else weight * C**2)
    return loss


def vicreg_loop(x, y, invariance, variance, covariance):
    n, d = x.shape
    loss = invariance * sum((x[i, k] - y[i, k]) ** 2 for i in range(n) for k in range(d)) / (n * d)
    for z in (x, y):
        centred = [z[:, k] - z[:, k].mean() for k in range(d)]
        for k in range(d):
            spread = ((centred[k] ** 2).sum() / (n - 1) + 1e-4).sqrt()
            loss = loss + variance / 2 * (1 - spread).clamp(min=0) / d
            for l in range(d):  # noqa: E741
                if k != l:
                    loss = loss + covariance * ((centred[k] * centred[l]).sum() / (n - 1)) ** 2 / d
    return loss


CASES = {
    "barlow_twins": (
        lambda x, y: barlow_twins(x, y, off_diagonal=0.3),
        lambda x, y: barlow_loop(x, y, 0.3),
    ),
    "vicreg": (
        lambda x, y: vicreg(x, y, invariance=3.0, variance=7.0, covariance=2.0),
        lambda x, y: vicreg_loop(x, y, 3.0, 7.0, 2.0),
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("n", "d"), [(4, 1), (3, 5), (9, 4)])
def test_agrees_with_the_loop(dtype, name, n, d):
    ours, loop = CASES[name]
    x = (0.5 * torch.randn(n, d, dtype=dtype) + 1).requires_grad_()
    y = torch.randn(n, d, dtype=dtype, requires_grad=True)
    values = ours(x, y), loop(x, y)
    torch.testing.assert_close(*values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*(torch.autograd.grad(v, (x, y)) for v in values), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_finite_differences(name):
    inputs = tuple(torch.randn(5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(CASES[name][0], inputs)


def test_barlow_twins_sees_neither_scale_nor_offset():
    x, y = torch.randn(50, 6), torch.randn(50, 6)
    value = barlow_twins(x, y).item()
    for scale in (1e-30, 1e-3, 1e30):
        assert barlow_twins(scale * x, -2 * scale * torch.ones(6) + y * scale).item() == pytest.approx(value, rel=1e-4)


def test_collapse():
    same = torch.ones(8, 5, requires_grad=True)
    assert barlow_twins(same, same).item() == 5  # nothing correlates with a constant
    assert vicreg(same, same).item() == pytest.approx(25 * 0.99)  # the spread is √10⁻⁴ = 0.01
    one_direction = torch.randn(8, 1).repeat(1, 5)
    assert barlow_twins(one_direction, one_direction, off_diagonal=0.5).item() == pytest.approx(0.5 * 20, rel=1e-5)
    for loss in (barlow_twins(same, same), vicreg(same, same)):
        assert torch.autograd.grad(loss, same)[0].isfinite().all()


@pytest.mark.parametrize("value", [1.0, 0.1, 3.3, 1e-20, 1e20, 123456.7])
@pytest.mark.parametrize("n", [3, 100])
def test_constant_columns_correlate_with_nothing_whatever_their_value(value, n):
    x, y = torch.full((n, 8), value, requires_grad=True), torch.full((n, 8), 3.3 * value)
    for loss in (barlow_twins(x, x), barlow_twins(x, y), barlow_twins(x, torch.randn(n, 8))):
        assert loss.item() == 8
        assert torch.autograd.grad(loss, x)[0].isfinite().all()


def test_a_collapsed_network_is_not_rewarded_for_its_rounding():
    row = torch.randn(16).expand(256, 16)
    noise = 1 + 1e-7 * torch.randint(-1, 2, (256, 16))  # the last bit, as a network's arithmetic leaves it
    assert barlow_twins(row, row).item() == 16
    assert barlow_twins(row * noise, row * noise).item() == 16
    # One constant column among live ones costs 1 more than the live ones alone.
    z = torch.randn(256, 5)
    with_constant = torch.cat([z, torch.full((256, 1), 0.1)], dim=1)
    assert barlow_twins(with_constant, with_constant).item() == pytest.approx(1 + barlow_twins(z, z).item(), rel=1e-4)


def test_vicreg_halves_the_variance_term():
    spread = torch.tensor([[2.0], [-2.0]])
    flat = torch.zeros(2, 1)
    assert vicreg(flat, spread, invariance=0.0, covariance=0.0).item() == pytest.approx(25 * 0.99 / 2)
    assert vicreg(flat, flat, invariance=0.0, covariance=0.0).item() == pytest.approx(25 * 0.99)


def test_half_precision_and_autocast_are_computed_in_single():
    x, y = torch.randn(40, 16), torch.randn(40, 16)
    for loss in (barlow_twins, vicreg):
        plain = loss(x, y)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(loss(x, y), plain)
        assert loss(x.bfloat16(), y.bfloat16()).dtype == torch.float32


def test_overflow_and_nan_show():
    x = torch.randn(4, 3)
    assert not vicreg(x * 1e20, x).isfinite()
    assert vicreg(x * 1e8, x).isfinite()
    for loss in (barlow_twins, vicreg):
        assert loss(x * math.nan, x).isnan()


@pytest.mark.parametrize("loss", [barlow_twins, vicreg])
def test_bad_input_is_refused(loss):
    with pytest.raises(UnlabeledError, match="at least two rows"):
        loss(torch.ones(1, 3), torch.ones(1, 3))
    with pytest.raises(UnlabeledError, match="shapes differ"):
        loss(torch.ones(2, 3), torch.ones(3, 3))
    option = "off_diagonal" if loss is barlow_twins else "variance"
    with pytest.raises(UnlabeledError, match=f"{option} is a weight"):
        loss(torch.ones(2, 3), torch.ones(2, 3), **{option: -1.0})
