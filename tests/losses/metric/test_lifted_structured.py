from __future__ import annotations

import math

import pytest
import torch

from unlabeled.losses import lifted_structured

LABELS = [[3], [4, 4], [0, 1, 0, 2, 1, 0, 7], [5, 5, 5, 5], [0, 1, 2], [-1, 3, -1, 3, 0], [2, 2, 1, 1, 2, -1, 1, 9]]


def loop(z, labels, margin):
    """Oh Song's equation over all ordered positive pairs: each row's sum, and how many pairs there are."""

    def push(i):
        others = [k for k in range(len(z)) if labels[k] != labels[i] and -1 not in (labels[i], labels[k])]
        return sum(torch.exp(margin - (z[i] - z[k]).norm()) for k in others)

    rows, pairs = [], 0
    for i in range(len(z)):
        row = z[i].sum() * 0
        for j in range(len(z)):
            if j != i and labels[i] == labels[j] != -1:
                pairs += 1
                both = push(i) + push(j)
                if isinstance(both, torch.Tensor):
                    row = row + ((z[i] - z[j]).norm() + both.log()).clamp_min(0) ** 2 / 2
        rows.append(row)
    return torch.stack(rows), pairs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("labels", LABELS)
def test_agrees_with_the_loop_over_pairs(dtype, margin, labels):
    z = torch.randn(len(labels), 3, dtype=dtype, requires_grad=True)
    expected, pairs = loop(z, labels, margin)
    labels = torch.tensor(labels)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.sum() / max(pairs, 1)}.items():
        ours = lifted_structured(z, labels, margin, reduction=reduction)
        torch.testing.assert_close(ours, reduced, rtol=1e-4, atol=1e-5)
        gradients = [torch.autograd.grad(v.sum(), z, retain_graph=True) for v in (ours, reduced)]
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("labels", [[5, 5, 5], [0, 1, 2], [-1, -1, -1]])
def test_without_positives_or_without_negatives_there_is_nothing(labels):
    z = torch.randn(3, 2, requires_grad=True)
    loss = lifted_structured(z, torch.tensor(labels))
    loss.backward()
    assert loss.item() == 0
    assert z.grad.abs().max() == 0


def test_rows_at_one_place_have_a_known_loss_and_no_direction():
    z = torch.ones(4, 3, requires_grad=True)
    loss = lifted_structured(z, torch.tensor([0, 0, 1, 1]), margin=1.0)
    loss.backward()
    assert loss.item() == pytest.approx((math.log(4) + 1) ** 2 / 2)
    assert z.grad.abs().max() == 0


def test_negatives_far_away_push_nothing():
    z = torch.tensor([[0.0], [0.5], [90.0], [90.5]])
    assert lifted_structured(z, torch.tensor([0, 0, 1, 1])).item() == 0


def test_an_offset_shared_by_all_changes_nothing():
    z, labels = torch.randn(50, 4), torch.arange(50) % 10
    near, far = (lifted_structured(z + offset, labels).item() for offset in (0, 300))
    # 300 in float32 is known to 3e-5, and so are the differences of the rows there.
    assert far == pytest.approx(near, rel=1e-4)
