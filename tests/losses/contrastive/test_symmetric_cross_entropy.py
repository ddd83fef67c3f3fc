from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses import clip, info_nce, siglip


def units(z):
    return [row / row.norm() for row in z]


def clip_loop(images, texts, scale):
    """Both directions, one pair at a time."""
    u, v = units(images), units(texts)
    losses = []
    for i in range(len(u)):
        right = (scale * torch.dot(u[i], v[i])).exp()
        to_text = right / sum((scale * torch.dot(u[i], v[j])).exp() for j in range(len(v)))
        to_image = right / sum((scale * torch.dot(u[j], v[i])).exp() for j in range(len(u)))
        losses.append(-(to_text.log() + to_image.log()) / 2)
    return torch.stack(losses)


def siglip_loop(images, texts, scale, bias):
    """Every image with every text, one pair at a time."""
    u, v = units(images), units(texts)
    losses = []
    for i in range(len(u)):
        logits = [scale * torch.dot(u[i], v[j]) + bias for j in range(len(v))]
        losses.append(-sum(torch.sigmoid(x if i == j else -x).log() for j, x in enumerate(logits)))
    return torch.stack(losses)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "d"), [(1, 3), (2, 1), (7, 5), (12, 2)])
@pytest.mark.parametrize("loss", ["clip", "siglip"])
def test_agrees_with_the_double_loop(dtype, n, d, loss):
    x = 3 * torch.randn(n, d, dtype=dtype)
    x = (x + x.sign()).requires_grad_()
    y = torch.randn(n, d, dtype=dtype)
    y = (y + y.sign()).requires_grad_()  # rounding in the gradient of a direction grows as the row gets shorter
    log_scale = torch.tensor(2.0, dtype=dtype, requires_grad=True)
    bias = torch.tensor([-3.0], dtype=dtype, requires_grad=True)
    learnt = (x, y, log_scale, bias)
    function, reference, more = (clip, clip_loop, ()) if loss == "clip" else (siglip, siglip_loop, (bias,))
    expected = reference(x, y, log_scale.exp(), *more).flatten()
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        ours = function(x, y, log_scale.exp(), *more, reduction=reduction)
        torch.testing.assert_close(ours, reduced, rtol=1e-5, atol=1e-5)
        ours, theirs = (
            torch.autograd.grad(v.sum(), learnt, materialize_grads=True, retain_graph=True) for v in (ours, reduced)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)


def test_several_tiles_agree_with_the_textbook_matrix():
    n = 1300
    x, y = torch.randn(n, 32, requires_grad=True), torch.randn(n, 32, requires_grad=True)
    scores = functional.normalize(x.double()) @ functional.normalize(y.double()).T * 20
    own = torch.arange(n)
    textbook = (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2
    pairwise = -functional.logsigmoid((scores - 10) * (2 * torch.eye(n) - 1)).sum() / n
    for ours, expected in [(clip(x, y, 20.0), textbook), (siglip(x, y, 20.0), pairwise)]:
        assert ours.dtype == torch.float32
        assert ours.item() == pytest.approx(expected.item(), rel=1e-6)
        for a, b in zip(*(torch.autograd.grad(v, (x, y), retain_graph=True) for v in (ours, expected)), strict=True):
            assert (a - b).norm() <= 1e-5 * b.norm()


@pytest.mark.parametrize("n", [1, 2, 600])
def test_identical_embeddings(n):
    same = torch.tensor([[0.3, -2.0, 5.0]]).repeat(n, 1)
    assert clip(same, same).item() == pytest.approx(math.log(n), abs=1e-5)
    assert siglip(same, same).item() == pytest.approx(n * math.log(2), rel=1e-5)  # 10 · 1 − 10 = 0: a coin toss each


def test_it_is_symmetric_and_is_symmetric_info_nce():
    x, y = torch.randn(2, 9, 4)
    torch.testing.assert_close(clip(x, y), clip(y, x))
    torch.testing.assert_close(siglip(x, y), siglip(y, x))
    torch.testing.assert_close(clip(x, y, 5.0), info_nce(x, y, 1 / 5, symmetric=True))


def test_a_scale_beyond_a_hundred_counts_as_a_hundred():
    x, y = torch.randn(2, 9, 4)
    torch.testing.assert_close(clip(x, y, 1000.0), clip(x, y, 100.0))
    within = torch.tensor(math.log(99), requires_grad=True)
    clip(x, y, within.exp()).backward()
    assert within.grad != 0


@pytest.mark.parametrize(
    ("function", "keywords", "message"),
    [
        (clip, {"scale": 0.0}, "scale must be a positive number, not 0.0"),
        (clip, {"scale": math.nan}, "scale"),
        (clip, {"scale": torch.ones(2)}, r"scale must be one number, not a tensor of shape \(2,\)"),
        (siglip, {"scale": -1.0}, "scale"),
        (siglip, {"bias": torch.ones(2)}, "bias must be one number"),
        (siglip, {"reduction": "average"}, "'average'"),
    ],
)
def test_bad_settings_are_refused(function, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        function(torch.ones(2, 3), torch.ones(2, 3), **keywords)
