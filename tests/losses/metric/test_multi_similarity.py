from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import multi_similarity

LABELS = [[3], [4, 4], [0, 1, 0, 2, 1, 0, 7], [5, 5, 5, 5], [0, 1, 2], [-1, 3, -1, 3, 0], [2, 2, 1, 1, 2, -1, 1, 9]]


def loop(z, labels, alpha, beta, base):
    """Wang's equation, one pair at a time."""
    z = [row / row.norm() for row in z]
    losses = []
    for i in range(len(z)):
        positive = negative = torch.ones((), dtype=z[0].dtype) + z[i].sum() * 0
        for j in range(len(z)):
            known = -1 not in (labels[i], labels[j])
            if j != i and known and labels[i] == labels[j]:
                positive = positive + torch.exp(-alpha * (torch.dot(z[i], z[j]) - base))
            elif j != i and known:
                negative = negative + torch.exp(beta * (torch.dot(z[i], z[j]) - base))
        losses.append(positive.log() / alpha + negative.log() / beta)
    return torch.stack(losses)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("parameters", [(2.0, 50.0, 0.5), (1.0, 1.0, -0.3)])
@pytest.mark.parametrize("labels", LABELS)
def test_agrees_with_the_double_loop(dtype, parameters, labels):
    labels = torch.tensor(labels)
    alpha, beta, base = parameters
    z = torch.randn(len(labels), 3, dtype=dtype, requires_grad=True)
    expected = loop(z, labels.tolist(), *parameters)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        ours = multi_similarity(z, labels, alpha=alpha, beta=beta, base=base, reduction=reduction)
        torch.testing.assert_close(ours, reduced, rtol=1e-4, atol=1e-5)
        gradients = [torch.autograd.grad(v.sum(), z, retain_graph=True) for v in (ours, reduced)]
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


def test_at_one_place_it_is_known():
    labels = torch.tensor([0, 0, 0, 1])
    each = multi_similarity(torch.ones(4, 3), labels, alpha=2, beta=50, base=0.5, reduction="none")
    expected = [math.log(1 + 2 * math.exp(-1)) / 2 + math.log(1 + math.exp(25)) / 50] * 3
    assert each.tolist() == pytest.approx([*expected, math.log(1 + 3 * math.exp(25)) / 50])


def test_as_the_sharpness_grows_only_the_hardest_negative_counts():
    z = torch.randn(20, 3)
    each = multi_similarity(z, torch.arange(20), beta=1e5, base=-1.0, reduction="none")
    cosines = torch.nn.functional.cosine_similarity(z[:, None], z, dim=2).fill_diagonal_(-2)
    torch.testing.assert_close(each, cosines.amax(dim=1) + 1, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_sharpness_not_above_zero_is_refused(name):
    with pytest.raises(UnlabeledError, match=f"{name} must be a positive number, not 0"):
        multi_similarity(torch.ones(2, 3), torch.tensor([0, 0]), **{name: 0})
