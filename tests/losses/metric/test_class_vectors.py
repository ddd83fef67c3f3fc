from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import arc_face, proxy_nca


def arc_face_loop(z, labels, weight, m, s):
    losses = []
    for v, y in zip(z, labels, strict=True):
        angles = [(v @ w / (v.norm() * w.norm())).clamp(-1, 1).acos() for w in weight]
        moved = (angles[y] + m).cos() if angles[y] <= math.pi - m else angles[y].cos() - m * math.sin(m)
        logits = [s * (moved if c == y else angle.cos()) for c, angle in enumerate(angles)]
        losses.append(-(logits[y] - torch.logsumexp(torch.stack(logits), 0)))
    return torch.stack(losses)


def proxy_loop(z, labels, proxies, tau):
    losses = []
    for v, y in zip(z, labels, strict=True):
        shares = [(-((v / v.norm() - p / p.norm()) ** 2).sum() / tau).exp() for p in proxies]
        losses.append(-(shares[y] / sum(shares)).log())
    return torch.stack(losses)


CASES = {
    "arc_face": (
        lambda z, y, w, reduction: arc_face(z, y, w, margin=0.9, scale=5.0, reduction=reduction),
        lambda z, y, w: arc_face_loop(z, y, w, 0.9, 5.0),
    ),
    "proxy_nca": (
        lambda z, y, w, reduction: proxy_nca(z, y, w, temperature=0.3, reduction=reduction),
        lambda z, y, w: proxy_loop(z, y, w, 0.3),
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("n", "c", "d"), [(1, 1, 2), (9, 4, 3), (4, 6, 8)])
def test_agrees_with_the_loop(dtype, name, n, c, d):
    ours, loop = CASES[name]
    z = (2 * torch.randn(n, d, dtype=dtype)).requires_grad_()
    weight = torch.randn(c, d, dtype=dtype, requires_grad=True)
    labels = torch.arange(n) * 5 % c
    expected = loop(z, labels, weight)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        found = ours(z, labels, weight, reduction)
        torch.testing.assert_close(found, reduced, rtol=1e-4, atol=1e-5)
        pair = [torch.autograd.grad(value.sum(), (z, weight), retain_graph=True) for value in (found, reduced)]
        torch.testing.assert_close(*pair, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_finite_differences(name):
    z, weight = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    labels = torch.tensor([0, 3, 1, 1])
    assert torch.autograd.gradcheck(lambda z, w: CASES[name][0](z, labels, w, "mean"), (z, weight))


def test_the_margin_is_an_angle():
    """At 0.4 rad from its own vector and π/2 from the other, the margin of 0.3 makes it 0.7."""
    z = torch.tensor([[math.cos(0.4), math.sin(0.4), 0.0]], dtype=torch.float64)
    weight = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 5.0]], dtype=torch.float64)
    expected = math.log(1 + math.exp(-3 * math.cos(0.7)))
    assert arc_face(z, torch.tensor([0]), weight, margin=0.3, scale=3.0).item() == pytest.approx(expected)


def test_the_loss_falls_all_the_way_as_the_angle_to_the_own_vector_falls():
    angles = torch.linspace(0, math.pi, 200, dtype=torch.float64)
    z = torch.stack([angles.cos(), angles.sin(), 0 * angles], dim=1)
    weight = torch.eye(3, dtype=torch.float64)[[0, 2]]
    losses = arc_face(z, torch.zeros(200, dtype=torch.int64), weight, margin=0.5, scale=4.0, reduction="none")
    assert (losses.diff() > 0).all()


@pytest.mark.parametrize("name", CASES)
def test_extreme_inputs_give_finite_losses_and_gradients(name):
    z = torch.randn(5, 3)
    z[0], z[1], z[2], z[3] = 0, 1e30, torch.tensor([1.0, 0, 0]), torch.tensor([-1.0, 0, 0])
    z.requires_grad_()
    weight, labels = torch.eye(3).requires_grad_(), torch.tensor([0, 1, 0, 0, 2])  # 2 and 3 stand at angles 0 and π
    loss = CASES[name][0](z, labels, weight, "none")
    assert loss.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(loss.sum(), (z, weight)))
    assert CASES[name][0](z * math.nan, labels, weight, "mean").isnan()
    assert CASES[name][0](z[:1], labels[:1], weight[:1], "mean").item() == 0  # a single class


@pytest.mark.parametrize("loss", [arc_face, proxy_nca])
def test_bad_input_is_refused(loss):
    z, weight = torch.ones(3, 2), torch.ones(4, 2)
    for labels in ([0, 1, 4], [0, -1, 2]):
        with pytest.raises(UnlabeledError, match="vectors for 4 classes, so labels must lie between 0 and 3"):
            loss(z, torch.tensor(labels), weight)
    with pytest.raises(UnlabeledError, match="labels must be"):
        loss(z, torch.tensor([0, 1]), weight)
    with pytest.raises(UnlabeledError, match="of one length"):
        loss(z, torch.tensor([0, 1, 2]), torch.ones(4, 3))
    with pytest.raises(UnlabeledError, match="an angle in radians"):
        arc_face(z, torch.tensor([0, 1, 2]), weight, margin=28.6)
    with pytest.raises(UnlabeledError, match="temperature"):
        proxy_nca(z, torch.tensor([0, 1, 2]), weight, temperature=-1.0)
