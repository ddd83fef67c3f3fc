"""Attention: the way taken in training gives what the fused kernel gives."""

import pytest
import torch

from unlabeled.encoders.layers.attention import attend, visible

MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])


def inputs(dtype, **settings):
    generator = torch.Generator().manual_seed(0)
    drawn = (torch.randn(2, 3, 6, 8, generator=generator) for _ in range(3))
    return [x.to(dtype).requires_grad_(**settings) for x in drawn]


@pytest.mark.parametrize("causal", [False, True])
def test_training_in_bfloat16_is_the_fused_kernel_in_float32(causal):
    seen = visible(MASK, 6, causal)
    exact, half = inputs(torch.float32), inputs(torch.bfloat16)
    wanted, found = attend(*exact, seen, 0.0), attend(*half, seen, 0.0)
    real = MASK[..., None].expand_as(wanted)
    # bfloat16 has 8 bits, and a weight is a product of two sums.
    torch.testing.assert_close(found.float()[real], wanted[real], atol=0.05, rtol=0.05)
    for made in (wanted, found):
        (made * MASK[..., None]).square().sum().backward()
    for ours, theirs in zip(half, exact, strict=True):
        torch.testing.assert_close(ours.grad.float(), theirs.grad, atol=0.15, rtol=0.1)


def test_dropout_keeps_the_mean_and_hides_what_is_hidden():
    q, k, v = inputs(torch.float32)
    seen = visible(MASK, 6, causal=False)
    torch.manual_seed(0)
    draws = torch.stack([attend(q, k, v, seen, 0.3) for _ in range(4000)])
    wanted = attend(q, k, v, seen, 0.0)
    # The mean of 4000 draws deviates by about 0.01.
    torch.testing.assert_close(draws.mean(0), wanted, atol=0.08, rtol=0)
    changed = v.detach().clone()
    changed[1, :, 4:] = 100.0
    torch.manual_seed(0)
    one = attend(q, k, v, seen, 0.3)
    torch.manual_seed(0)
    assert torch.equal(one, attend(q, k, changed, seen, 0.3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_in_training_too_a_future_token_has_a_weight_of_exactly_zero(dtype):
    # Dropout, and bfloat16 with gradients, go the way that is no fused kernel.
    dropout = 0.3 if dtype == torch.float32 else 0.0
    q, k, v = inputs(dtype, requires_grad=True)
    found = []
    for future in (0.0, 1e4):
        keys, values = k.clone(), v.clone()
        keys[:, :, 4], values[:, :, 4] = future, future
        torch.manual_seed(0)
        found.append(attend(q, keys, values, visible(MASK, 6, causal=True), dropout)[:, :4])
    assert torch.equal(*found)
    k.grad = v.grad = None
    attend(q, k, v, visible(MASK, 6, causal=True), dropout)[:, :4].float().square().sum().backward()
    assert not k.grad[:, :, 4:].any()
    assert not v.grad[:, :, 4:].any()


def test_a_text_without_tokens_has_a_number():
    q, k, v = inputs(torch.bfloat16)
    assert torch.isfinite(attend(q, k, v, torch.zeros(2, 1, 1, 6, dtype=torch.bool), 0.1)).all()
