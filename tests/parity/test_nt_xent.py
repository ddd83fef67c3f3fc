"""NT-Xent against lightly's, an independent implementation that holds the whole matrix."""

from __future__ import annotations

import pytest
import torch

from unlabeled.losses import nt_xent

lightly_loss = pytest.importorskip("lightly.loss", reason="lightly is not installed (extra: bench)")


def test_default_temperatures_agree():
    assert lightly_loss.NTXentLoss().temperature == 0.5
    x, y = torch.randn(8, 4), torch.randn(8, 4)
    torch.testing.assert_close(nt_xent(x, y), lightly_loss.NTXentLoss()(x, y))


@pytest.mark.parametrize(("n", "d"), [(1, 4), (5, 16), (256, 128), (700, 32)])
@pytest.mark.parametrize("temperature", [0.5, 0.05])
def test_value_and_gradient_agree(n, d, temperature):
    x, y = torch.randn(n, d, requires_grad=True), torch.randn(n, d, requires_grad=True)
    ours, theirs = nt_xent(x, y, temperature), lightly_loss.NTXentLoss(temperature)(x, y)
    # Scores of up to 20 are rounded to 24 bits in both.
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    pairs = zip(torch.autograd.grad(ours, (x, y)), torch.autograd.grad(theirs, (x, y)), strict=True)
    for mine, other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
