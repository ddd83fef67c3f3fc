from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses import consistency, distillation, entropy, sharpen


def softmax(row):
    exponentials = [math.exp(v - max(row)) for v in row]
    return [e / sum(exponentials) for e in exponentials]


def kl(q, p):
    return sum(a * math.log(a / b) for a, b in zip(q, p, strict=True) if a > 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_sharpen_agrees_with_the_loop(dtype, temperature):
    p = torch.rand(6, 4, dtype=dtype)
    p /= p.sum(dim=1, keepdim=True)
    for row, ours in zip(p.tolist(), sharpen(p, temperature).tolist(), strict=True):
        powers = [v ** (1 / temperature) for v in row]
        assert ours == pytest.approx([power / sum(powers) for power in powers], rel=1e-5)


def test_sharpen_at_its_limits():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(sharpen(p, 1.0), p)
    one_hot = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [1, 0, 0], [0, 0, 0]])
    torch.testing.assert_close(sharpen(p, 1e-3), one_hot)
    torch.testing.assert_close(sharpen(p[:2], 1e6), torch.full((2, 3), 1 / 3))
    assert sharpen(p * math.nan).isnan().all()
    with pytest.raises(UnlabeledError, match="temperature must be a positive number, not 0"):
        sharpen(p, 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "c"), [(1, 1), (5, 4)])
def test_losses_agree_with_the_loop(dtype, n, c):
    x, t = 2 * torch.randn(n, c, dtype=dtype), torch.randn(n, c, dtype=dtype)
    target = t.softmax(dim=1)
    if c > 1:
        target[0] = torch.eye(c, dtype=dtype)[1]  # a one-hot row
    labels = torch.arange(n) % c
    labels[-1] = -1
    p, q = [softmax(row) for row in x.tolist()], target.tolist()
    T, alpha = 3.0, 0.7
    soft = [
        T * T * kl(softmax([v / T for v in b]), softmax([v / T for v in a]))
        for a, b in zip(x.tolist(), t.tolist(), strict=True)
    ]
    hard = [-math.log(row[y]) if y >= 0 else 0 for row, y in zip(p, labels.tolist(), strict=True)]
    options = {"temperature": T, "alpha": alpha}
    cases = [
        (lambda r: entropy(x, reduction=r), [-sum(v * math.log(v) for v in row) for row in p]),
        (
            lambda r: consistency(x, target, reduction=r),
            [sum((a - b) ** 2 for a, b in zip(*rows, strict=True)) / c for rows in zip(p, q, strict=True)],
        ),
        (lambda r: consistency(x, target, "kl", reduction=r), [kl(b, a) for a, b in zip(p, q, strict=True)]),
        (
            lambda r: consistency(x, target, "ce", reduction=r),
            [-sum(b * math.log(a) for a, b in zip(*rows, strict=True)) for rows in zip(p, q, strict=True)],
        ),
        (lambda r: distillation(x, t, **options, reduction=r), soft),
        (
            lambda r: distillation(x, t, labels, **options, reduction=r),
            [alpha * s + (1 - alpha) * h for s, h in zip(soft, hard, strict=True)],
        ),
    ]
    for loss, expected in cases:
        assert loss("none").tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert loss("sum").item() == pytest.approx(sum(expected), rel=1e-4, abs=1e-6)
        assert loss("mean").item() == pytest.approx(sum(expected) / n, rel=1e-4, abs=1e-6)


def test_gradients_agree_with_finite_differences_and_never_reach_the_target():
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    t = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, -1, 2, 1])
    losses = [entropy, *(lambda x, k=k: consistency(x, t.softmax(dim=1), k) for k in ("mse", "ce", "kl"))]
    losses += [lambda x: distillation(x, t), lambda x: distillation(x, t, labels)]
    for loss in losses:
        assert torch.autograd.gradcheck(loss, (x,))
        loss(x).backward()
    assert t.grad is None


def test_exact_values():
    logits = torch.tensor([[1.0, -2.0, 0.5]])
    assert entropy(torch.zeros(1, 8)).item() == pytest.approx(math.log(8))
    assert consistency(logits, logits.softmax(dim=1), "kl").item() == pytest.approx(0, abs=1e-7)
    assert consistency(logits, logits.softmax(dim=1)).item() == pytest.approx(0, abs=1e-14)
    assert distillation(logits, logits + 5).item() == pytest.approx(0, abs=1e-6)
    labels = torch.tensor([2])
    hard = functional.cross_entropy(logits, labels)
    torch.testing.assert_close(distillation(logits, -logits, labels, alpha=0.0), hard)


def test_cold_distillation_keeps_its_gradient():
    """T² makes up for the two factors 1 / T of the gradient, so at high T it tends to that of matching logits."""
    x, t = torch.randn(3, 5, dtype=torch.float64, requires_grad=True), torch.randn(3, 5, dtype=torch.float64)
    centred = (x - x.mean(dim=1, keepdim=True)) - (t - t.mean(dim=1, keepdim=True))
    (gradient,) = torch.autograd.grad(distillation(x, t, temperature=1e4, reduction="sum"), x)
    torch.testing.assert_close(gradient, centred.detach() / 5, rtol=1e-3, atol=1e-4)


def test_huge_logits_give_finite_losses_and_gradients():
    x = torch.tensor([[1e30, -1e30, 0.0], [200.0, -200.0, 0.0]], requires_grad=True)
    target = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    losses = [entropy(x), *(consistency(x, target, k) for k in ("mse", "ce", "kl"))]
    losses += [distillation(x, x.detach().flip(1), temperature=1e-3), distillation(x, x, torch.tensor([2, -1]))]
    for loss in losses:
        assert loss.isfinite()
        assert torch.autograd.grad(loss, x)[0].isfinite().all()
    assert entropy(x * math.nan).isnan()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: consistency(x, x[:1]), r"one shape \(n, classes\), not \(2, 3\) and \(1, 3\)"),
        (lambda x: consistency(x, x, "l2"), "unknown kind of agreement 'l2'"),
        (lambda x: consistency(x[:0], x[:0]), "at least one row"),
        (lambda x: entropy(x.long()), "floating-point"),
        (lambda x: distillation(x, x[:, :2]), "logits and teacher must have one shape"),
        (lambda x: distillation(x, x, alpha=1.5), "alpha must lie between 0"),
        (lambda x: distillation(x, x, temperature=-1.0), "temperature"),
        (lambda x: distillation(x, x, torch.tensor([0, 3])), "there are 3 classes, but a label is 3"),
        (lambda x: distillation(x, x, torch.tensor([0.0, 1.0])), "labels must be"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(UnlabeledError, match=message):
        call(torch.ones(2, 3))
