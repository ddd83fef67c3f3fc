from __future__ import annotations

import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from unlabeled.errors import UnlabeledError
from unlabeled.losses import batch_triplet, distances, miners, smooth_triplet, triplet
from unlabeled.losses.blockwise.distances import DISTANCES
from unlabeled.losses.blockwise.pairwise_reduction import score_memory

LABELS = [[0], [0, 0], [0, 1], [3, 3, 3, 3], [0, 1, 2, 3], [5, 0, 5, 2, 0, 5, 9], [0, -1, 0, 1, -1, 1, 1]]


def triplets(n, k, dtype):
    return (torch.randn(n, *shape, 4, dtype=dtype, requires_grad=True) for shape in ((), (), (k,) if k else ()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize(("n", "k"), [(1, None), (6, None), (5, 1), (4, 3)])
def test_agrees_with_the_loop(dtype, distance, n, k):
    a, p, negatives = triplets(n, k, dtype)
    gaps = []
    for i in range(n):
        own = negatives[i] if k else negatives[i : i + 1]
        gaps.append([distances(a[i], p[i], distance) - distances(a[i], other, distance) for other in own])
    m, tau = 0.5, 2.0
    expected = {
        (triplet, "negatives", "sum"): [sum((gap + m).clamp(min=0) for gap in row) for row in gaps],
        (triplet, "negatives", "hardest"): [(max(row) + m).clamp(min=0) for row in gaps],
        (smooth_triplet, "form", "softplus"): [sum(tau * (1 + (gap / tau).exp()).log() for gap in row) for row in gaps],
        (smooth_triplet, "form", "softmax"): [
            -tau * (1 / (1 + sum((gap / tau).exp() for gap in row))).log() for row in gaps
        ],
    }
    for (loss, option, chosen), each in expected.items():
        each = torch.stack(each)
        options = {option: chosen, "distance": distance, "margin" if loss is triplet else "temperature": None}
        options |= {"margin": m} if loss is triplet else {"temperature": tau}
        for reduction, reduced in {"none": each, "sum": each.sum(), "mean": each.mean()}.items():
            ours = loss(a, p, negatives, **options, reduction=reduction)
            torch.testing.assert_close(ours, reduced, rtol=1e-5, atol=1e-5)
            pair = [torch.autograd.grad(value.sum(), (a, p, negatives), retain_graph=True) for value in (ours, reduced)]
            torch.testing.assert_close(*pair, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("negatives", ["sum", "hardest"])
@pytest.mark.parametrize(("margin", "distance"), [(0.0, "euclidean"), (1.0, "squared"), (0.3, "cosine")])
def test_a_batch_agrees_with_the_triple_loop(dtype, labels, negatives, margin, distance):
    n = len(labels)
    z = torch.randn(n, 3, dtype=dtype, requires_grad=True)
    expected, counted = [], 0
    for a in range(n):
        others = [j for j in range(n) if j != a and labels[a] >= 0 and labels[j] >= 0]
        P, N = [j for j in others if labels[j] == labels[a]], [j for j in others if labels[j] != labels[a]]
        rows = [
            torch.stack([distances(z[a], z[p], distance) - distances(z[a], z[n], distance) + margin for n in N])
            for p in P
            if N
        ]
        of_positive = [row.relu().sum() if negatives == "sum" else row.max().relu() for row in rows]
        expected.append(torch.stack(of_positive).mean() if rows else z[a].sum() * 0)
        counted += bool(rows)
    expected = torch.stack(expected)
    options = {"margin": margin, "distance": distance, "negatives": negatives}
    with score_memory(2**10):  # a few rows at a time
        ours = batch_triplet(z, torch.tensor(labels), **options, reduction="none")
        gradients = torch.autograd.grad(ours.sum(), z)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected.sum(), z), rtol=1e-4, atol=1e-5)
    mean = batch_triplet(z, torch.tensor(labels), **options)
    assert mean.item() == pytest.approx(expected.sum().item() / max(1, counted), rel=1e-4, abs=1e-5)


def test_a_triplet_at_the_margin_gives_nothing():
    a, p, n = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 0.0]], requires_grad=True)
    assert triplet(a, p, n, margin=1.0).item() == 0
    assert triplet(a, p, n, margin=1.25).item() == 0.25
    assert triplet(a, n, p, margin=0.0).item() == 1
    assert torch.autograd.grad(triplet(a, p, n, margin=1.0), n)[0].abs().max() == 0


@pytest.mark.parametrize(("form", "negatives"), [("softplus", "sum"), ("softmax", "hardest")])
def test_the_smooth_loss_tends_to_the_hinge(form, negatives):
    a, p, n = (torch.randn(8, *shape, 3, dtype=torch.float64) for shape in ((), (), (5,)))
    hinge = triplet(a, p, n, margin=0.0, negatives=negatives, reduction="none")
    apart = []
    for tau in (1.0, 0.1, 0.01, 1e-3, 1e-6):
        smooth = smooth_triplet(a, p, n, temperature=tau, form=form, reduction="none")
        assert (smooth >= hinge - 1e-12).all()
        assert (smooth - hinge).abs().max() <= tau * (5 * math.log(2) if form == "softplus" else math.log(6))
        apart.append((smooth - hinge).abs().max().item())
    assert apart == sorted(apart, reverse=True)


def test_the_softmax_form_is_a_cross_entropy():
    a, p, n = (torch.randn(6, *shape, 3) for shape in ((), (), (4,)))
    scores = -torch.cat([distances(a, p)[:, None], distances(a[:, None], n)], dim=1) / 0.5
    expected = 0.5 * torch.nn.functional.cross_entropy(scores, torch.zeros(6, dtype=torch.int64))
    torch.testing.assert_close(smooth_triplet(a, p, n, temperature=0.5, form="softmax"), expected)


def test_identical_embeddings():
    same = torch.ones(3, 4, requires_grad=True)
    several = torch.ones(3, 7, 4)
    assert triplet(same, same, same, margin=0.25).item() == 0.25
    assert triplet(same, same, several, margin=0.25).item() == 7 * 0.25
    assert smooth_triplet(same, same, several, temperature=0.5).item() == pytest.approx(3.5 * math.log(2))
    softmax = smooth_triplet(same, same, several, temperature=0.5, form="softmax")
    assert softmax.item() == pytest.approx(0.5 * math.log(8))
    assert batch_triplet(same, torch.tensor([0, 0, 1]), margin=0.25).item() == 0.25
    for loss in (triplet(same, same.detach(), several), batch_triplet(same, torch.tensor([0, 0, 1]))):
        assert torch.autograd.grad(loss, same)[0].abs().max() == 0  # no direction to push in


def test_the_smooth_loss_has_half_the_slope_where_distances_are_equal():
    a, n = torch.tensor([[0.0]]), torch.tensor([[-2.0]])
    p = torch.tensor([[2.0]], requires_grad=True)
    assert torch.autograd.grad(smooth_triplet(a, p, n), p)[0].item() == 0.5


def test_gradients_agree_with_finite_differences():
    inputs = tuple(triplets(4, 3, torch.float64))
    for negatives in ("sum", "hardest"):
        assert torch.autograd.gradcheck(lambda a, p, n, s=negatives: triplet(a, p, n, margin=3.0, negatives=s), inputs)
    for form in ("softplus", "softmax"):
        assert torch.autograd.gradcheck(lambda a, p, n, f=form: smooth_triplet(a, p, n, form=f), inputs)
    z, labels = inputs[2].detach().flatten(0, 1).requires_grad_(), torch.arange(12) % 3
    assert torch.autograd.gradcheck(lambda z: batch_triplet(z, labels, margin=0.5), (z,))


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes, forwards and backwards."""

    entries = 0

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        made = operation(*arguments, **(keywords or {}))
        for tensor in made if isinstance(made, tuple) else (made,):
            self.entries = max(self.entries, tensor.numel() if isinstance(tensor, torch.Tensor) else 0)
        return made


def hardest(z, labels):
    a, p, n = miners.hardest(z, labels)
    return triplet(z[a], z[p], z[n])


@pytest.mark.parametrize("loss", [batch_triplet, hardest])
def test_neither_all_pairs_nor_all_triplets_are_ever_held(loss):
    z = torch.randn(1000, 8, requires_grad=True)
    with score_memory(2**19), Largest() as largest:
        loss(z, torch.arange(1000) % 10).backward()
    assert largest.entries <= 9000  # a block of 8 rows by 1,000, or the embeddings; all pairs are a million


def test_extreme_inputs_give_finite_losses_and_gradients():
    a, p, n = (torch.randn(5, 3) for _ in range(3))
    a[0], a[1], p[1], n[2] = 0, 0, 0, 1e30
    huge = (1e30 * a).requires_grad_()
    a.requires_grad_()
    for distance in DISTANCES:
        for anchor, loss in (
            (a, triplet(a, p, n, distance=distance, reduction="none")),
            (huge, triplet(huge, p * 1e30, n, distance=distance, reduction="none")),
            (a, smooth_triplet(a, p, n, temperature=1e-3, distance=distance, reduction="none")),
        ):
            assert loss.isfinite().all()
            assert torch.autograd.grad(loss.sum(), anchor)[0].isfinite().all()
    assert triplet(a * math.nan, p, n).isnan()
    assert batch_triplet(a * math.nan, torch.tensor([0, 0, 1, 1, 0])).isnan()


@pytest.mark.parametrize(
    ("loss", "keywords", "message"),
    [
        (triplet, {"margin": -0.1}, "margin must be a number from 0 up"),
        (triplet, {"margin": math.inf}, "margin must be a number from 0 up"),
        (triplet, {"negatives": "all"}, "unknown negatives 'all'"),
        (triplet, {"distance": "cosin"}, "did you mean 'cosine'"),
        (smooth_triplet, {"temperature": 0.0}, "temperature must be a positive number"),
        (smooth_triplet, {"form": "soft"}, "unknown form 'soft'"),
    ],
)
def test_bad_options_are_refused(loss, keywords, message):
    x = torch.ones(2, 3)
    with pytest.raises(UnlabeledError, match=message):
        loss(x, x, x, **keywords)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (2, 0, 3), (3, 1, 3), (2, 1, 1, 3)])
def test_negatives_that_do_not_fit_are_refused(shape):
    x = torch.ones(2, 3)
    with pytest.raises(UnlabeledError, match=r"negatives must have shape \(2, 3\) or \(2, k, 3\)"):
        triplet(x, x, torch.ones(shape))
    with pytest.raises(UnlabeledError, match="labels must be"):
        batch_triplet(x, torch.zeros(3, dtype=torch.int64))
