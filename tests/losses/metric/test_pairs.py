from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import batch_contrastive, contrastive, distances
from unlabeled.losses.blockwise.pairwise_reduction import score_memory

# Singletons, duplicates, unlabelled rows, a single class, no pair at all.
LABELS = [[0], [0, 0], [0, 1], [3, 3, 3, 3], [0, 1, 2, 3], [5, 0, 5, 2, 0, 5, 9], [0, -1, 0, 1, -1]]


PULLING = ["euclidean", "squared", "cosine"]


@pytest.mark.parametrize("distance", PULLING)
def test_alike_pairs_cost_least_where_they_are_the_same(distance):
    x = torch.eye(3)[:1]
    for y in (torch.eye(3)[1:2], -x, x + 0.1 * torch.randn(1, 3)):
        alike = torch.tensor([True])
        assert contrastive(x, x, alike, distance=distance) < contrastive(x, y, alike, distance=distance)


def test_the_inner_product_is_not_least_for_the_same_and_refused():
    x, labels = torch.eye(4), torch.tensor([0, 0, 1, 1])
    with pytest.raises(UnlabeledError, match="means orthogonal; take 'cosine'"):
        contrastive(x, x, labels > 0, distance="inner_product")
    with pytest.raises(UnlabeledError, match="means orthogonal; take 'cosine'"):
        batch_contrastive(x, labels, distance="inner_product")


def of_pair(D, alike, margin):
    """Hadsell's equation for one pair."""
    return D**2 if alike else (margin - D).clamp(min=0) ** 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("distance", PULLING)
def test_pairs_agree_with_the_loop(dtype, distance):
    x, y = torch.randn(9, 4, dtype=dtype, requires_grad=True), torch.randn(9, 4, dtype=dtype, requires_grad=True)
    alike = torch.tensor([True, False, True, False, False, True, False, False, True])
    expected = torch.stack([of_pair(distances(a, b, distance), s, 2.0) for a, b, s in zip(x, y, alike, strict=True)])
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        ours = contrastive(x, y, alike, margin=2.0, distance=distance, reduction=reduction)
        torch.testing.assert_close(ours, reduced)
        gradients = [torch.autograd.grad(loss.sum(), (x, y), retain_graph=True) for loss in (ours, reduced)]
        torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_a_batch_agrees_with_the_double_loop(dtype, labels, distance):
    n = len(labels)
    z = torch.randn(n, 3, dtype=dtype, requires_grad=True)
    expected = []
    for i in range(n):
        terms = [
            of_pair(distances(z[i], z[j], distance), labels[i] == labels[j], 1.5)
            for j in range(n)
            if j != i and labels[i] >= 0 and labels[j] >= 0
        ]
        expected.append(torch.stack(terms).mean() if terms else z[i].sum() * 0)
    expected = torch.stack(expected)
    options = {"margin": 1.5, "distance": distance}
    with score_memory(2**10):  # a few rows at a time
        ours = batch_contrastive(z, torch.tensor(labels), **options, reduction="none")
        gradients = torch.autograd.grad(ours.sum(), z)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected.sum(), z), rtol=1e-4, atol=1e-5)
    counted = max(1, sum(len([j for j in labels if j >= 0]) > 1 for label in labels if label >= 0))
    mean = batch_contrastive(z, torch.tensor(labels), **options)
    assert mean.item() == pytest.approx(expected.sum().item() / counted, rel=1e-4, abs=1e-5)


def test_gradients_agree_with_finite_differences():
    x, y = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    alike = torch.tensor([True, False, False, True])
    assert torch.autograd.gradcheck(lambda x, y: contrastive(x, y, alike, margin=3.0), (x, y))
    labels = torch.tensor([0, 1, 0, 1])
    assert torch.autograd.gradcheck(lambda x: batch_contrastive(x, labels, margin=3.0), (x,))


def test_exact_values():
    here, there = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    yes, no = torch.tensor([True]), torch.tensor([False])
    assert contrastive(here, there, yes).item() == 25
    assert contrastive(here, there, no, margin=5.0).item() == 0  # at the margin
    assert contrastive(here, there, no, margin=7.0).item() == 4  # (7 − 5)², where a margin on D² would give 49 − 25
    assert contrastive(here, here, yes).item() == 0
    assert contrastive(here, here, no, margin=0.0).item() == 0


def test_extreme_embeddings():
    x = torch.tensor([[0.0, 0.0], [1e15, -1e15], [1e-30, 0.0], [0.0, 0.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1])
    for loss in (
        contrastive(x, x.detach().flip(0), labels > 0),
        batch_contrastive(x, labels),
        batch_contrastive(x, labels, distance="cosine"),
        contrastive(x * 1e18, x, labels > 0, distance="cosine"),
    ):
        assert loss.isfinite()
        assert torch.autograd.grad(loss, x)[0].isfinite().all()
    assert contrastive(x * 1e20, -x, labels < 1).item() == math.inf  # 1e35 squared
    assert batch_contrastive(x * math.nan, labels).isnan()


@pytest.mark.parametrize(
    ("alike", "keywords", "message"),
    [
        (torch.ones(3), {}, "one truth value a pair"),
        (torch.ones(2, dtype=torch.bool), {}, "one truth value a pair, 3 in all"),
        (torch.ones(3) > 0, {"margin": -1.0}, "margin must be a number from 0 up, not -1.0"),
        (torch.ones(3) > 0, {"distance": "l2"}, "unknown distance 'l2'"),
        (torch.ones(3) > 0, {"reduction": "all"}, "reduction"),
    ],
)
def test_bad_input_is_refused(alike, keywords, message):
    x = torch.ones(3, 2)
    with pytest.raises(UnlabeledError, match=message):
        contrastive(x, x, alike, **keywords)
    if keywords:
        with pytest.raises(UnlabeledError, match=message):
            batch_contrastive(x, torch.zeros(3, dtype=torch.int64), **keywords)


def test_an_empty_batch_and_wrong_labels_are_refused():
    with pytest.raises(UnlabeledError, match="at least one row"):
        batch_contrastive(torch.ones(0, 2), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(UnlabeledError, match="labels must be"):
        batch_contrastive(torch.ones(3, 2), torch.zeros(3))
