from __future__ import annotations

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import check_embeddings, reduce, unit


@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1.0, 1e20, 3e38])
def test_rows_of_any_size_become_unit_vectors(scale):
    z = torch.tensor([[0.6, 0.8, 0.0]], dtype=torch.float64).mul(scale).float()
    # 1e-40 is subnormal, where float32 itself keeps only about 16 bits.
    torch.testing.assert_close(unit(z), torch.tensor([[0.6, 0.8, 0.0]]), rtol=1e-4, atol=0)


def test_a_zero_row_stays_zero_with_its_gradient():
    z = torch.zeros(1, 3, requires_grad=True)
    unit(z).backward(torch.tensor([[1.0, -2.0, 3.0]]))
    assert z.grad.tolist() == [[1.0, -2.0, 3.0]]


def test_the_gradient_is_that_of_normalisation():
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(unit, (z,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_becomes_single(dtype):
    assert unit(torch.ones(2, 2, dtype=dtype)).dtype == torch.float32


def test_reductions():
    losses = torch.tensor([1.0, 3.0])
    assert reduce(losses, "mean").item() == 2
    assert reduce(losses, "sum").item() == 4
    assert reduce(losses, "none") is losses
    with pytest.raises(UnlabeledError, match="reduction must be"):
        reduce(losses, "max")


@pytest.mark.parametrize("z", [torch.ones(3), torch.ones(0, 3), torch.ones(3, 0), torch.ones(2, 2, 2)])
def test_what_is_not_a_table_is_refused(z):
    with pytest.raises(UnlabeledError, match=r"must have shape \(n, d\)"):
        check_embeddings(z)
