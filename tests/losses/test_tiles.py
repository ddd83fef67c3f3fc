from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from unlabeled.errors import UnlabeledError
from unlabeled.losses import tiles
from unlabeled.losses.tiles import log_sum_exp, log_sum_exp_of_others


def small_tiles(size):
    return lambda z: [slice(start, min(start + size, len(z))) for start in range(0, len(z), size)]


def loop(anchors, candidates, own=None):
    """One anchor, one candidate at a time."""
    rows = []
    for i, a in enumerate(anchors):
        kept = [torch.dot(a, c) for j, c in enumerate(candidates) if own is None or j != i + own]
        rows.append(torch.logsumexp(torch.stack(kept), 0))
    return torch.stack(rows)


@settings(deadline=None, max_examples=60)
@given(m=st.integers(1, 9), before=st.integers(0, 5), after=st.integers(1, 5), size=st.integers(1, 8), data=st.data())
def test_any_tiling_gives_the_value_and_gradient_of_the_loop(m, before, after, size, data):
    own = data.draw(st.sampled_from([None, before]))
    generator = torch.Generator().manual_seed(m + 10 * before)
    a = torch.randn(m, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    c = torch.randn(before + m + after, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    share = torch.randn(m, dtype=torch.float64, generator=generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "_blocks", small_tiles(size))
        ours = log_sum_exp(a, c, own)
        ours_gradients = torch.autograd.grad(ours @ share, (a, c))
    expected = loop(a, c, own)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(ours_gradients, torch.autograd.grad(expected @ share, (a, c)))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_others_is_every_row_but_its_own(monkeypatch, size):
    monkeypatch.setattr(tiles, "_blocks", small_tiles(size))
    z = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    share = torch.randn(7, dtype=torch.float64)
    ours = log_sum_exp_of_others(z)
    gradient = torch.autograd.grad(ours @ share, z)
    expected = loop(z, z, own=0)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected @ share, z))


@pytest.mark.parametrize("size", [2, 100])
def test_gradients_agree_with_finite_differences(monkeypatch, size):
    monkeypatch.setattr(tiles, "_blocks", small_tiles(size))
    a = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    c = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(log_sum_exp, (a, c))
    assert torch.autograd.gradcheck(log_sum_exp, (a, c, 1))
    assert torch.autograd.gradcheck(log_sum_exp_of_others, (c,))


def test_the_real_tile_size_is_exact_to_rounding():
    z = torch.randn(1300, 16, requires_grad=True)  # three tiles of the processor's size, the last one partial
    scores = (z.double() @ z.double().T).fill_diagonal_(-math.inf)
    expected = scores.logsumexp(1)
    (gradient,) = torch.autograd.grad(expected.sum(), z)
    for ours in (log_sum_exp_of_others(z), log_sum_exp(z, z, own=0)):
        # float32 keeps 24 bits: scores of about 50 are rounded by 3e-6, and there are a few roundings.
        torch.testing.assert_close(ours.double(), expected, rtol=1e-6, atol=1e-5)
        torch.testing.assert_close(torch.autograd.grad(ours.sum(), z)[0], gradient, rtol=1e-4, atol=1e-4)


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes, forwards and backwards."""

    entries = 0

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        made = operation(*arguments, **(keywords or {}))
        if isinstance(made, torch.Tensor):
            self.entries = max(self.entries, made.numel())
        return made


@pytest.mark.parametrize("function", [log_sum_exp_of_others, lambda z: log_sum_exp(z, z)])
def test_the_matrix_is_never_held(function):
    z = torch.randn(2000, 8, requires_grad=True)
    with Largest() as largest:
        function(z).sum().backward()
    assert z.numel() < largest.entries <= 512 * 512 < len(z) ** 2 / 15


def test_no_candidates_left_gives_minus_infinity_and_no_gradient():
    z = torch.ones(1, 2, requires_grad=True)
    for lse in (log_sum_exp_of_others(z), log_sum_exp(z, z, own=0)):
        assert lse.tolist() == [-math.inf]
        assert torch.autograd.grad(lse.sum(), z)[0].tolist() == [[0.0, 0.0]]


def test_large_scores_neither_overflow_nor_vanish():
    z = torch.tensor([[1e4], [1e4], [-1e4]], requires_grad=True)
    lse = log_sum_exp_of_others(z)
    assert lse.tolist() == [1e8, 1e8, -1e8]  # where float32 is too coarse to show the log 2 of the last
    assert torch.autograd.grad(lse.sum(), z)[0].isfinite().all()


def test_nan_is_handed_on():
    z = torch.randn(4, 2)
    z[1, 0] = math.nan
    assert log_sum_exp_of_others(z).isnan().all()


def test_autocast_changes_nothing():
    z = torch.randn(40, 16, requires_grad=True)
    plain = log_sum_exp_of_others(z)
    (gradient,) = torch.autograd.grad(plain.sum(), z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (z @ z.T).dtype == torch.bfloat16  # so autocast is at work
        for cast in (log_sum_exp_of_others(z), log_sum_exp(z, z, own=0)):
            assert cast.dtype == torch.float32
            torch.testing.assert_close(cast, plain)
            torch.testing.assert_close(torch.autograd.grad(cast.sum(), z)[0], gradient)


@pytest.mark.parametrize("function", [log_sum_exp_of_others, lambda z: log_sum_exp(z, z)])
def test_a_second_derivative_is_refused(function):
    z = torch.randn(4, 2, requires_grad=True)
    with pytest.raises(UnlabeledError, match="differentiated once, not twice"):
        torch.autograd.grad(function(z).sum(), z, create_graph=True)


def test_backward_may_run_twice_on_a_kept_graph():
    z = torch.randn(4, 2, requires_grad=True)
    value = log_sum_exp_of_others(z).sum()
    first = torch.autograd.grad(value, z, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(value, z), first)
