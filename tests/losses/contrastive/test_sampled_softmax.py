"""The sampled softmax: exact with all classes, unbiased with some, small whatever their number."""

import math

import pytest
import torch
from torch.nn import functional as F

from unlabeled.errors import UnlabeledError
from unlabeled.losses import sampled_softmax


@pytest.fixture
def given():
    return F.normalize(torch.randn(5, 4, dtype=torch.float64), dim=1), torch.randn(9, 4, dtype=torch.float64)


def test_with_all_classes_it_is_the_cross_entropy(given):
    z, classes = given
    labels = torch.tensor([0, 3, 8, 3, 1])
    found = sampled_softmax(z, classes, labels, negatives=8, temperature=0.5, reduction="none")
    for i in range(5):
        scores = [float(z[i] @ v / v.norm()) / 0.5 for v in classes]
        by_hand = math.log(sum(math.exp(s) for s in scores)) - scores[labels[i]]
        assert float(found[i]) == pytest.approx(by_hand, rel=1e-9)
    assert float(sampled_softmax(z, classes, labels, negatives=8, temperature=0.5)) == pytest.approx(
        float(found.mean())
    )


def test_the_sum_over_other_classes_is_estimated_without_bias(given):
    z, classes = given
    labels = torch.tensor([0, 3, 8, 3, 1])
    exact = sampled_softmax(z, classes, labels, negatives=8, temperature=1.0, reduction="none").expm1()
    draws = [
        sampled_softmax(z, classes, labels, negatives=4, temperature=1.0, reduction="none").expm1() for _ in range(4000)
    ]
    # e^L − 1 is the sum of the others over the own; its mean over 4,000 draws has an error of about one per cent.
    torch.testing.assert_close(torch.stack(draws).mean(0), exact, rtol=0.05, atol=0)


def test_classes_that_were_not_drawn_get_no_gradient():
    classes = torch.randn(1000, 8, requires_grad=True)
    labels = torch.arange(4)
    sampled_softmax(F.normalize(torch.randn(4, 8), dim=1), classes, labels, negatives=16).backward()
    touched = classes.grad.abs().sum(1) > 0
    assert 4 <= int(touched.sum()) <= 20
    assert touched[labels].all()


def test_a_row_whose_negatives_all_hit_its_own_class_says_nothing():
    torch.manual_seed(0)
    z = torch.tensor([[1.0, 0.0]], requires_grad=True)
    classes = torch.eye(3, 2) + 0.1
    losses = torch.stack([sampled_softmax(z, classes, torch.tensor([0]), negatives=1) for _ in range(40)])
    losses.sum().backward()
    assert (losses == 0).any()
    assert torch.isfinite(losses).all()
    assert torch.isfinite(z.grad).all()


def test_too_few_classes_are_refused():
    with pytest.raises(UnlabeledError, match="at least 2 classes"):
        sampled_softmax(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([0]))
    with pytest.raises(UnlabeledError, match="1 negative"):
        sampled_softmax(torch.ones(1, 2), torch.ones(3, 2), torch.tensor([0]), negatives=0)


def test_half_precision_and_autocast_are_computed_in_single():
    z, classes, labels = F.normalize(torch.randn(6, 8), dim=1), torch.randn(9, 8), torch.arange(6)
    plain = sampled_softmax(z, classes, labels, reduction="none")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (z @ classes.T).dtype == torch.bfloat16  # so autocast is at work
        torch.testing.assert_close(sampled_softmax(z, classes, labels, reduction="none"), plain)
    half = sampled_softmax(z.bfloat16(), classes.bfloat16(), labels, reduction="none")
    torch.testing.assert_close(
        half, sampled_softmax(z.bfloat16().float(), classes.bfloat16().float(), labels, reduction="none")
    )
