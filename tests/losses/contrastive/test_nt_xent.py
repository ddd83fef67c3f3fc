from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses import nt_xent, sup_con


def loop(x, y, temperature):
    """SimCLR's equation, one pair at a time."""
    views = [v / v.norm() if v.norm() > 0 else v for v in [*x, *y]]
    n, losses = len(x), []
    for i in range(2 * n):
        other = i + n if i < n else i - n
        denominator = sum(torch.exp(torch.dot(views[i], views[j]) / temperature) for j in range(2 * n) if j != i)
        losses.append(-torch.log(torch.exp(torch.dot(views[i], views[other]) / temperature) / denominator))
    return torch.stack(losses)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "d", "temperature"), [(1, 3, 0.5), (2, 1, 0.5), (3, 8, 0.1), (7, 5, 1.0), (12, 2, 0.07)])
def test_agrees_with_the_double_loop(dtype, n, d, temperature):
    x = (3 * torch.randn(n, d, dtype=dtype)).requires_grad_()
    y = torch.randn(n, d, dtype=dtype, requires_grad=True)
    expected = loop(x, y, temperature)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        torch.testing.assert_close(nt_xent(x, y, temperature, reduction=reduction), reduced, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(nt_xent(x, y, temperature), (x, y))
    torch.testing.assert_close(ours, torch.autograd.grad(expected.mean(), (x, y)), rtol=1e-4, atol=1e-5)


def test_several_tiles_agree_with_the_textbook_matrix():
    n = 700  # 1,400 views: three tiles a side
    x, y = torch.randn(n, 32, requires_grad=True), torch.randn(n, 32, requires_grad=True)
    z = functional.normalize(torch.cat([x, y]).double(), dim=1)
    scores = (z @ z.T / 0.2).fill_diagonal_(-math.inf)
    expected = functional.cross_entropy(scores, torch.arange(2 * n).roll(n))
    ours = nt_xent(x, y, 0.2)
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(expected.item(), rel=1e-6)
    gradients = torch.autograd.grad(ours, (x, y))
    for a, b in zip(gradients, torch.autograd.grad(expected, (x, y)), strict=True):
        assert (a - b).norm() <= 1e-5 * b.norm()


@pytest.mark.parametrize("n", [1, 2, 5, 256, 600])
@pytest.mark.parametrize("temperature", [0.5, 0.05, 1.0])
def test_identical_embeddings_give_log_of_the_number_of_others(n, temperature):
    same = torch.tensor([[0.3, -2.0, 5.0]]).repeat(n, 1)
    exact = math.log(2 * n - 1)
    # The loss is (1/τ + ln(2n − 1)) − 1/τ; each term is rounded to 24 bits a few times.
    assert nt_xent(same, same, temperature).item() == pytest.approx(exact, abs=3e-7 * (1 / temperature + exact))


def test_perfect_views_far_from_all_others_give_nothing():
    x = torch.eye(4)
    assert nt_xent(x, x, temperature=1e-3).item() == pytest.approx(0, abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 6), seed=st.integers(0, 99), scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e30]))
def test_value_ignores_length_order_and_which_view_is_first(n, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, 4, generator=generator), torch.randn(n, 4, generator=generator)
    value = nt_xent(x, y).item()
    order = torch.randperm(n, generator=generator)
    assert nt_xent(y, x).item() == pytest.approx(value, abs=1e-5)
    assert nt_xent(x[order], y[order]).item() == pytest.approx(value, abs=1e-5)
    assert nt_xent(x * scale, y).item() == pytest.approx(value, abs=1e-5)
    assert -1e-5 <= value <= math.log(2 * n - 1) + 4  # cosines over τ = 0.5 lie in [−2, 2]


@pytest.mark.parametrize("temperature", [0.5, 1e-3])
def test_extreme_embeddings_give_finite_losses_and_gradients(temperature):
    x = torch.randn(6, 3)
    x[0], x[1], x[2] = 0, 1e38, 1e-38
    y = torch.randn(6, 3)
    y[0], y[3] = 0, 0
    x.requires_grad_()
    loss = nt_xent(x, y, temperature)
    loss.backward()
    assert loss.isfinite()
    assert x.grad[[0, 1, 3, 4, 5]].isfinite().all()
    assert x.grad[0].abs().max() < 10 / temperature**0.5  # a zero vector's gradient is not blown up by 1/0


def test_one_instance_has_nothing_to_repel():
    x, y = torch.randn(1, 3, requires_grad=True), torch.randn(1, 3)
    loss = nt_xent(x, y)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert x.grad.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("x", "y", "keywords", "message"),
    [
        (torch.ones(2, 3), torch.ones(3, 3), {}, r"shapes differ: \(2, 3\) and \(3, 3\)"),
        (torch.ones(2, 3), torch.ones(2, 4), {}, "shapes differ"),
        (torch.ones(0, 3), torch.ones(0, 3), {}, "at least one row"),
        (torch.ones(2, 0), torch.ones(2, 0), {}, "at least one row and one column"),
        (torch.ones(3), torch.ones(3), {}, r"shape \(n, d\)"),
        (torch.ones(2, 3, dtype=torch.int64), torch.ones(2, 3), {}, "floating-point"),
        (torch.ones(2, 3), torch.ones(2, 3), {"temperature": 0.0}, "temperature must be a positive number, not 0.0"),
        (torch.ones(2, 3), torch.ones(2, 3), {"temperature": math.nan}, "temperature"),
        (torch.ones(2, 3), torch.ones(2, 3), {"reduction": "average"}, "'average'"),
    ],
)
def test_bad_input_is_refused(x, y, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        nt_xent(x, y, **keywords)


def sup_con_loop(z, labels, temperature):
    """Khosla's equation, one pair at a time: the losses, and which rows count."""
    z = [row / row.norm() if row.norm() > 0 else row for row in z]
    losses, counted = [], []
    for i in range(len(z)):
        scores = {j: torch.dot(z[i], z[j]) / temperature for j in range(len(z)) if j != i}
        positives = [j for j in scores if labels[j] == labels[i] != -1]
        counted.append(len(positives) > 0)
        everyone = torch.stack([s.exp() for s in scores.values()]).sum() if scores else None
        each = [-(scores[p].exp() / everyone).log() for p in positives]
        losses.append(sum(each) / len(each) if each else z[i].sum() * 0)
    return torch.stack(losses), torch.tensor(counted)


LABELS = [
    [4, 4],
    [0, 1, 0, 2, 1, 0, 7],
    [5, 5, 5, 5],
    [0, 1, 2],
    [-1, 3, -1, 3, 0],
    [2, 2, 1, 1, 2, 1, 9, -1, -1, -1, 2],
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("labels", LABELS)
def test_sup_con_agrees_with_the_double_loop(dtype, temperature, labels):
    labels = torch.tensor(labels)
    z = (2 * torch.randn(len(labels), 4, dtype=dtype)).requires_grad_()
    expected, counted = sup_con_loop(z, labels, temperature)
    mean = expected.sum() / counted.sum().clamp_min(1)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": mean}.items():
        ours = sup_con(z, labels, temperature, reduction=reduction)
        torch.testing.assert_close(ours, reduced, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(sup_con(z, labels, temperature), z)
    torch.testing.assert_close(ours, torch.autograd.grad(mean, z), rtol=1e-4, atol=1e-5)


def test_sup_con_with_one_positive_each_is_nt_xent():
    x, y = torch.randn(2, 300, 8)
    labels = torch.randperm(300).repeat(2)
    ours = sup_con(torch.cat([x, y]), labels, 0.5, reduction="none")
    torch.testing.assert_close(ours, nt_xent(x, y, 0.5, reduction="none"), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [2, 5, 300])
def test_sup_con_of_one_class_at_one_place_is_the_log_of_the_number_of_others(n):
    one_class = torch.zeros(n, dtype=torch.int64)
    # The sum of 300 rows is rounded 300 times.
    assert sup_con(torch.ones(n, 3), one_class).item() == pytest.approx(math.log(n - 1), abs=5e-5)


def test_sup_con_without_any_positive_is_nothing():
    for labels in ([1, 2, 3], [-1, -1, -1]):
        z = torch.randn(3, 2, requires_grad=True)
        loss = sup_con(z, torch.tensor(labels))
        loss.backward()
        assert loss.item() == 0
        assert z.grad.abs().max() == 0


@pytest.mark.parametrize("kind", [torch.int32, torch.int64, torch.uint8])
def test_sup_con_takes_any_integers_as_labels(kind):
    z = torch.randn(5, 3)
    far_apart = torch.tensor([0, 200, 0, 200, 7])
    torch.testing.assert_close(sup_con(z, far_apart.to(kind)), sup_con(z, torch.tensor([2, 1, 2, 1, 0])))
