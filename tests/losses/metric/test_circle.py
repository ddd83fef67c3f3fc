from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import circle
from unlabeled.losses.blockwise.pairwise_reduction import score_memory

LABELS = [[0], [0, 0], [0, 1], [3, 3, 3, 3], [0, 1, 2, 3], [5, 0, 5, 2, 0, 5, 9], [0, -1, 0, 1, -1, 1, 1]]


def loop(z, labels, m, gamma):
    """The paper's equation, one pair at a time; None for an anchor that lacks one kind of pair."""
    units = [v / v.norm() for v in z]
    losses = []
    for a in range(len(z)):
        raised, lowered = [], []
        for j in range(len(z)):
            if j == a or labels[a] < 0 or labels[j] < 0:
                continue
            s = units[a] @ units[j]
            if labels[j] == labels[a]:
                raised.append((-gamma * max(0.0, 1 + m - s.item()) * (s - (1 - m))).exp())
            else:
                lowered.append((gamma * max(0.0, s.item() + m) * (s - m)).exp())
        losses.append((1 + sum(raised) * sum(lowered)).log() if raised and lowered else None)
    return losses


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", LABELS)
def test_agrees_with_the_double_loop(dtype, labels):
    z = (3 * torch.randn(len(labels), 4, dtype=dtype)).requires_grad_()
    found = loop(z, labels, 0.25, 8.0)
    expected = torch.stack([z[i].sum() * 0 if loss is None else loss for i, loss in enumerate(found)])
    options = {"margin": 0.25, "scale": 8.0}
    with score_memory(2**10):
        ours = circle(z, torch.tensor(labels), **options, reduction="none")
        gradient = torch.autograd.grad(ours.sum(), z)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.sum(), z), rtol=1e-3, atol=1e-4)
    counted = max(1, sum(loss is not None for loss in found))
    mean = circle(z, torch.tensor(labels), **options).item()
    assert mean == pytest.approx(expected.sum().item() / counted, rel=1e-4, abs=1e-5)


def test_identical_embeddings():
    # One positive and one negative an anchor, cosine 1: log(1 + e^{γ(1 + m)(1 − m)} · e^{−γ m · m})
    z, labels = torch.ones(4, 3, dtype=torch.float64), torch.tensor([0, 0, 1, -1])
    m, gamma = 0.25, 2.0
    expected = math.log(1 + math.exp(gamma * (1 - m * m) - gamma * m * m))
    assert circle(z, labels, margin=m, scale=gamma).item() == pytest.approx(expected)


def test_extreme_inputs_give_finite_losses_and_gradients():
    z = torch.randn(6, 3)
    z[0], z[1] = 0, 1e30
    z.requires_grad_()
    for labels in ([0, 0, 1, 1, 2, 2], [0] * 6, list(range(6)), [-1] * 6):
        loss = circle(z, torch.tensor(labels), scale=1000.0)
        assert loss.isfinite()
        assert torch.autograd.grad(loss, z)[0].isfinite().all()
        assert loss.item() == 0 or labels[0] != labels[-1]
    assert circle(z * math.nan, torch.tensor([0, 0, 1, 1, 2, 2])).isnan()


def test_bad_options_are_refused():
    z, labels = torch.ones(2, 3), torch.tensor([0, 1])
    with pytest.raises(UnlabeledError, match="scale must be a positive number"):
        circle(z, labels, scale=0.0)
    with pytest.raises(UnlabeledError, match="margin"):
        circle(z, labels, margin=-1.0)
    with pytest.raises(UnlabeledError, match="labels must be"):
        circle(z, labels[:1])
