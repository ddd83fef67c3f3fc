from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import soft_nearest_neighbours

DISTANCE = {
    "squared": lambda a, c: (a - c).square().sum(),
    "euclidean": lambda a, c: (a - c).norm(),
    "cosine": lambda a, c: 1 - torch.dot(a, c) / (a.norm() * c.norm()),
    "inner_product": lambda a, c: -torch.dot(a, c),
}
LABELS = [[4, 4], [0, 1, 0, 2, 1, 0, 7], [5, 5, 5, 5], [0, 1, 2], [-1, 3, -1, 3, 0], [2, 2, 1, 1, 2, 1, 9, -1, -1, 2]]


def loop(z, labels, temperature, distance):
    """Frosst's equation, one pair at a time: the losses, and which rows count."""
    losses, counted = [], []
    for i in range(len(z)):
        weights = {j: torch.exp(-DISTANCE[distance](z[i], z[j]) / temperature) for j in range(len(z)) if j != i}
        right = [w for j, w in weights.items() if labels[j] == labels[i] != -1]
        counted.append(len(right) > 0)
        losses.append(-torch.log(sum(right) / sum(weights.values())) if right else z[i].sum() * 0)
    return torch.stack(losses), torch.tensor(counted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("distance", list(DISTANCE))
@pytest.mark.parametrize("labels", LABELS)
def test_agrees_with_the_double_loop(dtype, distance, labels):
    labels = torch.tensor(labels)
    z = torch.randn(len(labels), 3, dtype=dtype, requires_grad=True)
    expected, counted = loop(z, labels, 0.7, distance)
    mean = expected.sum() / counted.sum().clamp_min(1)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": mean}.items():
        ours = soft_nearest_neighbours(z, labels, 0.7, distance=distance, reduction=reduction)
        torch.testing.assert_close(ours, reduced, rtol=1e-4, atol=1e-5)
        gradients = [torch.autograd.grad(v.sum(), z, retain_graph=True) for v in (ours, reduced)]
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


def test_at_one_place_it_is_the_share_of_the_class():
    labels = torch.tensor([0] * 30 + [1] * 70)
    each = soft_nearest_neighbours(torch.ones(100, 3), labels, reduction="none")
    torch.testing.assert_close(each[:30].exp(), torch.full((30,), 99 / 29))
    torch.testing.assert_close(each[30:].exp(), torch.full((70,), 99 / 69))


def test_classes_apart_give_nothing_though_a_class_has_two_clusters():
    z = torch.tensor([[0.0], [0.1], [100.0], [100.1], [50.0], [50.1]])
    assert soft_nearest_neighbours(z, torch.tensor([0, 0, 0, 0, 1, 1])).item() == pytest.approx(0, abs=1e-6)


def test_an_offset_shared_by_all_changes_nothing():
    z, labels = torch.randn(50, 4), torch.arange(50) % 3
    for distance in ("squared", "euclidean"):
        near, far = (soft_nearest_neighbours(z + offset, labels, distance=distance) for offset in (0, 300))
        # 300 in float32 is known to 3e-5, and so are the differences of the rows there.
        assert far.item() == pytest.approx(near.item(), abs=1e-4)


def test_all_of_one_class_give_nothing():
    z = torch.randn(9, 4, requires_grad=True)
    loss = soft_nearest_neighbours(z, torch.full((9,), 6))
    assert loss.item() == 0
    assert torch.autograd.grad(loss, z)[0].abs().max() < 1e-6


def test_an_unknown_distance_is_refused():
    with pytest.raises(UnlabeledError, match="did you mean 'cosine'"):
        soft_nearest_neighbours(torch.ones(2, 3), torch.tensor([0, 0]), distance="cosin")


def test_far_rows_neither_overflow_nor_vanish():
    z = torch.tensor([[0.0], [1e4], [2e4]], requires_grad=True)
    loss = soft_nearest_neighbours(z, torch.tensor([0, 1, 0]), temperature=1e-3)
    assert loss.item() == pytest.approx((4e8 - 1e8) * 1e3, rel=1e-5)  # both ends are nearer to the one between
    assert math.isfinite(torch.autograd.grad(loss, z)[0].abs().max().item())
