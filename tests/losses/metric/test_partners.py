from __future__ import annotations

import numpy as np
import pytest
import torch

from unlabeled.losses import clip, siglip
from unlabeled.losses.metric.partners import clip_of_partners, siglip_of_partners


def vectors(n: int = 6, d: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(n, d, dtype=torch.float64), torch.randn(n, d, dtype=torch.float64)


def unlike(n: int = 6) -> tuple[torch.Tensor, ...]:
    return (torch.arange(n), torch.arange(n))


def test_without_shared_codes_they_are_the_plain_losses():
    images, texts = vectors()
    scale, bias = torch.tensor(7.0), torch.tensor(-3.0)
    torch.testing.assert_close(clip_of_partners(images, texts, scale, unlike()), clip(images, texts, scale))
    torch.testing.assert_close(
        siglip_of_partners(images, texts, scale, bias, unlike()), siglip(images, texts, scale, bias)
    )


def test_pairs_that_share_a_code_are_no_negatives():
    """By plain loops; 0 and 2 have the same caption, 3 and 4 the same picture."""
    images, texts = vectors()
    codes = (torch.tensor([0, 1, 2, 3, 3, 5]), torch.tensor([9, 1, 9, 3, 4, 5]))
    partners = {(0, 2), (2, 0), (3, 4), (4, 3)}
    u, v = (x / x.norm(dim=1, keepdim=True) for x in (images, texts))
    s, b = 7.0, -3.0
    softmax, sigmoid = [], []
    for i in range(6):
        allowed = [j for j in range(6) if (i, j) not in partners]
        own = s * float(u[i] @ v[i])
        softmax.append(np.log(sum(np.exp(s * float(u[i] @ v[j])) for j in allowed)) - own)
        softmax.append(np.log(sum(np.exp(s * float(u[j] @ v[i])) for j in allowed)) - own)
        signs = [1 if i == j else -1 for j in allowed]
        scores = [s * float(u[i] @ v[j]) + b for j in allowed]
        sigmoid.append(sum(np.log1p(np.exp(-y * x)) for y, x in zip(signs, scores, strict=True)))
    scale, bias = torch.tensor(s), torch.tensor(b)
    assert float(clip_of_partners(images, texts, scale, codes)) == pytest.approx(np.mean(softmax), rel=1e-6)
    assert float(siglip_of_partners(images, texts, scale, bias, codes)) == pytest.approx(np.mean(sigmoid), rel=1e-6)


def test_equal_captions_alone_give_nothing_to_learn():
    images, texts = vectors()
    images.requires_grad_()
    loss = clip_of_partners(images, texts, torch.tensor(7.0), (torch.zeros(6, dtype=torch.int64),))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)  # in single precision
    assert images.grad.abs().max() < 1e-6


def test_the_scale_can_leave_its_ceiling():
    """Above 100 the gradient passes where it leads down, and not where it leads further up."""
    images, texts = vectors()
    for other, moves in ((texts, True), (images, False)):
        log_scale = torch.tensor(np.log(300.0), requires_grad=True)
        clip_of_partners(images, other, log_scale.exp(), unlike()).backward()
        assert (log_scale.grad > 0) == moves


def test_gradients_are_those_of_finite_differences():
    images, texts = (x.requires_grad_() for x in vectors(4, 3))
    codes = (torch.tensor([0, 0, 2, 3]),)
    scale = torch.tensor(5.0, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a, b: clip_of_partners(a, b, scale, codes), (images, texts))
    assert torch.autograd.gradcheck(
        lambda a, b: siglip_of_partners(a, b, scale, torch.tensor(-1.0), codes), (images, texts)
    )
