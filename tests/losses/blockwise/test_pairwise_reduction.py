from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from unlabeled.errors import UnlabeledError
from unlabeled.losses import log_sum_exp, log_sum_exp_of_others, score_memory
from unlabeled.losses.blockwise.pairwise_reduction import LOG_SUM_EXP, SUM_SOFTPLUS, SUM_SQUARED_HINGE, Term, pair_sums
from unlabeled.losses.blockwise.scores import DOT, EUCLIDEAN, SQUARED

SCORE = {
    DOT: torch.dot,
    SQUARED: lambda a, c: -(a - c).square().sum(),
    EUCLIDEAN: lambda a, c: -(a - c).norm(),
}
OF_SCORES = {
    LOG_SUM_EXP: lambda scores: torch.logsumexp(scores, 0),
    SUM_SOFTPLUS: lambda scores: torch.log1p(scores.exp()).sum(),
    SUM_SQUARED_HINGE: lambda scores: scores.clamp_min(0).square().sum(),
}
EVERY_SUM = tuple(Term(each) for each in OF_SCORES)
WANTED = {
    "all": lambda a, c: True,
    "same": lambda a, c: a == c != -1,
    "different": lambda a, c: a != c and -1 not in (a, c),
}


def loop(term, anchors, candidates, score=DOT, labels=None, own=None):
    """One anchor, one candidate at a time."""
    rows = []
    for i, a in enumerate(anchors):
        scores = [
            term.scale * SCORE[score](a, c)
            for j, c in enumerate(candidates)
            if (own is None or j != i + own)
            and (labels is None or WANTED[term.among](int(labels[0][i]), int(labels[1][j])))
        ]
        rows.append(OF_SCORES[term.sum](torch.stack(scores)) if scores else anchors.sum() * 0 + term.sum.empty)
    return torch.stack(rows)


terms = st.builds(
    Term,
    sum=st.sampled_from([LOG_SUM_EXP, SUM_SOFTPLUS, SUM_SQUARED_HINGE]),
    among=st.sampled_from(["all", "same", "different"]),
    scale=st.sampled_from([1.0, 1.0, -2.0, 0.5]),
)


@settings(deadline=None, max_examples=80)
@given(
    m=st.integers(1, 9),
    before=st.integers(0, 5),
    after=st.integers(1, 5),
    memory=st.sampled_from([2**10, 2**11, 2**14, 2**24]),
    score=st.sampled_from([DOT, SQUARED, EUCLIDEAN]),
    several=st.lists(terms, min_size=1, max_size=2).map(tuple),
    kind=st.sampled_from(["rectangle", "own", "columns", "others"]),
    seed=st.integers(0, 99),
)
def test_any_sums_in_any_tiles_are_those_of_the_loop(m, before, after, memory, score, several, kind, seed):
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(m, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    c = torch.randn(before + m + after, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    labels = tuple(torch.randint(-1, 3, (len(z),), generator=generator) for z in (a, c))
    own = before if kind == "own" else None
    with score_memory(memory):
        if kind == "others":
            c, labels, own = a, (labels[0], labels[0]), 0
            ours = pair_sums(several, a, score=score, labels=labels)
        else:
            ours = pair_sums(several, a, c, score=score, labels=labels, own=own, columns=kind == "columns")
        expected = [loop(term, a, c, score, labels, own) for term in several]
        if kind == "columns":
            expected += [loop(term, c, a, score, labels[::-1]) for term in several]
        shares = [torch.randn(len(sums), dtype=torch.float64, generator=generator) for sums in expected]
        gradients = [
            torch.autograd.grad(
                sum(torch.where(e.isinf(), 0, s) @ share for s, e, share in zip(sums, expected, shares, strict=True)),
                (a, c),
                materialize_grads=True,
            )
            for sums in (ours, expected)
        ]
    torch.testing.assert_close(ours, tuple(expected))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("memory", [2**10, 2**20])
def test_gradients_agree_with_finite_differences(memory):
    a = torch.randn(8, 2, dtype=torch.float64, requires_grad=True)
    c = torch.randn(19, 2, dtype=torch.float64, requires_grad=True)
    with score_memory(memory):
        assert torch.autograd.gradcheck(log_sum_exp, (a, c, 1))
        assert torch.autograd.gradcheck(log_sum_exp_of_others, (c,))
        assert torch.autograd.gradcheck(lambda a, c: pair_sums(EVERY_SUM, a, c, score=SQUARED), (a, c))
        assert torch.autograd.gradcheck(lambda a, c: pair_sums(EVERY_SUM, a, c, score=EUCLIDEAN), (a, c))


@pytest.mark.parametrize("memory", [2**20, 2**24])
def test_many_tiles_are_exact_to_rounding(memory):
    z = torch.randn(1300, 16, requires_grad=True)
    scores = (z.double() @ z.double().T).fill_diagonal_(-math.inf)
    expected = scores.logsumexp(1)
    (gradient,) = torch.autograd.grad(expected.sum(), z)
    with score_memory(memory):
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


@pytest.mark.parametrize("n", [10, 2500])
@pytest.mark.parametrize(
    "function",
    [
        log_sum_exp_of_others,
        lambda z: log_sum_exp(z, z),
        lambda z: log_sum_exp(z, z[:50]),
        lambda z: log_sum_exp(z[:50], z),
    ],
)
def test_tiles_are_as_large_as_the_memory_allows_and_the_matrix_is_never_held(function, n):
    z = torch.randn(n, 8, requires_grad=True)
    with Largest() as largest:
        function(z).sum().backward()
    assert largest.entries <= 512 * 512  # 16 MiB for scores, a sixteenth of it a tile
    if n == 2500:
        assert largest.entries > 100_000
        with score_memory(2**22), Largest() as smaller:
            function(z).sum().backward()
        assert smaller.entries <= 256 * 256


def test_what_is_kept_for_the_backward_pass_is_within_the_memory():
    z = torch.randn(600, 4, requires_grad=True)
    for memory, kept in [(600 * 600 * 4, True), (600 * 600 * 4 - 1, False)]:
        with score_memory(memory), Saved() as saved:
            log_sum_exp(z, z)
        assert sum(t.numel() for t in saved.tensors if t.shape[-1] != 4) - 2 * 600 == (600 * 600 if kept else 0)


class Saved(torch.autograd.graph.saved_tensors_hooks):
    """Notes what is kept for the backward pass."""

    def __init__(self):
        self.tensors = []
        super().__init__(lambda t: self.tensors.append(t) or t, lambda t: t)

    def __enter__(self):
        super().__enter__()
        return self


def test_the_memory_in_force_forwards_is_that_of_the_backward_pass():
    z = torch.randn(40, 3, requires_grad=True)
    with score_memory(2**10):
        value = log_sum_exp_of_others(z).sum()
    (outside,) = torch.autograd.grad(value, z)
    torch.testing.assert_close(outside, torch.autograd.grad(log_sum_exp_of_others(z).sum(), z)[0])
    with pytest.raises(UnlabeledError, match="at least 1024 bytes, not 10"), score_memory(10):
        pass


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


def test_rows_at_one_place_have_distance_zero_and_no_gradient():
    z = torch.ones(3, 2, requires_grad=True)
    (total,) = pair_sums((Term(),), z, score=EUCLIDEAN)
    assert total.tolist() == pytest.approx([math.log(2)] * 3)
    assert torch.autograd.grad(total.sum(), z)[0].abs().max() == 0


def test_nan_is_handed_on():
    z = torch.randn(4, 2)
    z[1, 0] = math.nan
    assert log_sum_exp_of_others(z).isnan().all()
    for score in (SQUARED, EUCLIDEAN):
        assert all(sums.isnan().all() for sums in pair_sums(EVERY_SUM, z, score=score))


def test_half_precision_and_autocast_are_computed_in_single():
    z = torch.randn(40, 16, requires_grad=True)
    plain = log_sum_exp_of_others(z)
    (gradient,) = torch.autograd.grad(plain.sum(), z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (z @ z.T).dtype == torch.bfloat16  # so autocast is at work
        for cast in (log_sum_exp_of_others(z), log_sum_exp(z, z, own=0)):
            assert cast.dtype == torch.float32
            torch.testing.assert_close(cast, plain)
            torch.testing.assert_close(torch.autograd.grad(cast.sum(), z)[0], gradient)
    half = z.detach().half().requires_grad_()
    assert log_sum_exp(half, half.double()).dtype == torch.float64
    lse = log_sum_exp_of_others(half)
    torch.testing.assert_close(lse, log_sum_exp_of_others(half.float()))
    assert torch.autograd.grad(lse.sum(), half)[0].dtype == torch.float16


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
