"""Heads compute in full precision behind an encoder that does not."""

import pytest
import torch

from unlabeled.encoders.heads import projection_head


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_head_behind_bfloat16_gives_what_float32_gives(layers):
    head = projection_head(8, 4, layers=layers)
    z = torch.randn(16, 8, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head(z)
    assert found.dtype == torch.float32
    assert torch.equal(found, head(z.float()))
    found.square().sum().backward()
    assert z.grad is not None
    assert z.grad.dtype == torch.bfloat16


def test_a_head_of_float64_stays_one():
    head = projection_head(8, 4).double()
    assert head(torch.ones(3, 8, dtype=torch.float64)).dtype == torch.float64
