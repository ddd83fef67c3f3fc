"""Sums over the rows of a matrix of pair scores that is never held whole.

A loss that compares every embedding with every other looks at n² scores. Held at once they fill the memory long before
the embeddings do, so they are made here tile by tile, each is folded into its rows' running sums, and it is forgotten;
the backward pass makes it again. Memory is that of the embeddings and a few tiles, whatever n is. The values and the
gradients are those of the whole matrix, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.precision import full_precision
from unlabeled.losses.blockwise.scores import DOT, Score

# A matrix of scores within the budget is kept for the backward pass. One beyond it is made twice, in tiles of 1/16 of
# the budget: on a processor 1 MiB stays in the cache, on a GPU 32 MiB keep the number of launches small.
TILES_KEPT = 16
_budget: ContextVar[int | None] = ContextVar("score_memory", default=None)


@contextmanager
def score_memory(size: int) -> Iterator[None]:
    """Set how much memory losses that compare all embeddings may use for scores.

    It changes how the work is cut up, and so time and memory, but not what comes out, except for rounding.

    Parameters
    ----------
    size : int
        Bytes. The default is 16 MiB on a processor and 512 MiB on a GPU. A loss takes up to about this much beside
        what grows linearly with the batch.

    Raises
    ------
    UnlabeledError
        If it is under 1 KiB.

    Examples
    --------
    >>> from unlabeled.losses import nt_xent
    >>> x, y = torch.randn(2, 500, 8)
    >>> with score_memory(2**16):
    ...     small = nt_xent(x, y)
    >>> bool(torch.isclose(small, nt_xent(x, y)))
    True
    """
    if size < 2**10:
        raise UnlabeledError(f"memory for scores must be at least 1024 bytes, not {size}")
    token = _budget.set(size)
    try:
        yield
    finally:
        _budget.reset(token)


def single(z: Tensor) -> Tensor:
    """Bring half precision to single, and leave double."""
    return z.to(torch.promote_types(z.dtype, torch.float32))


def tile_entries(z: Tensor) -> int:
    """Count the scores of these embeddings that one tile may hold."""
    size = _budget.get() or (2**24 if z.device.type == "cpu" else 2**29)
    return max(1, size // (TILES_KEPT * single(z[:0]).element_size()))


# --- what is summed ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sum:
    """A sum over the scores of a row: its value without any, how a tile is added, and how it depends on each score."""

    empty: float
    add: Callable[[Tensor, Tensor, int], Tensor]  # running sums, tile, its dimension that is summed → running sums
    slope: Callable[[Tensor, Tensor], Tensor]  # tile, sums → derivatives, shaped like the tile


# A score that is left out is −inf, which adds nothing to any of these sums and has slope 0.
LOG_SUM_EXP = Sum(
    -math.inf,
    lambda running, tile, dim: torch.logaddexp(running, tile.logsumexp(dim)),
    # Where nothing was summed the log is −inf; 0 in its place gives exp(−inf − 0) = 0 instead of NaN.
    lambda tile, sums: (tile - sums.masked_fill(sums == -math.inf, 0)).exp_(),
)
SUM_SOFTPLUS = Sum(
    0.0,
    lambda running, tile, dim: running + functional.softplus(tile).sum(dim),
    lambda tile, sums: tile.sigmoid(),
)
SUM_SQUARED_HINGE = Sum(
    0.0,
    lambda running, tile, dim: running + tile.relu().square_().sum(dim),
    lambda tile, sums: tile.relu().mul_(2),
)


@dataclass(frozen=True)
class Term:
    """One sum a row: which of the pairs it takes, by their labels, and what their scores are multiplied with first."""

    sum: Sum = LOG_SUM_EXP
    among: Literal["all", "same", "different"] = "all"
    scale: float = 1.0


def pair_sums(
    terms: tuple[Term, ...],
    anchors: Tensor,
    candidates: Tensor | None = None,
    *,
    score: Score = DOT,
    labels: tuple[Tensor, Tensor] | None = None,
    own: int | None = None,
    columns: bool = False,
) -> tuple[Tensor, ...]:
    """Sum over the scores of each anchor with the candidates, in as many ways as there are terms.

    Parameters
    ----------
    terms : tuple of Term
        The sums to take.
    anchors : Tensor, shape (m, d)
        Floating point; half precision is computed in single.
    candidates : Tensor, shape (n, d), optional
        By default the anchors are compared with each other, and none with itself, at about half the price of
        `candidates=anchors, own=0`: the matrix is symmetric, so a tile serves its rows and its columns.
    score : Score
        The measure of two embeddings.
    labels : pair of Tensors, shapes (m,) and (n,), optional
        Labels of the anchors and of the candidates, which "same" and "different" go by. Those with −1 are unlabelled
        and in no such pair.
    own : int, optional
        Where the anchors themselves stand among the candidates: anchor i is candidate i + own and is left out.
    columns : bool, default=False
        Also sum for each candidate over the anchors, from the same tiles.

    Returns
    -------
    tuple of Tensor, shape (m,)
        One a term; with `columns`, then one a term of shape (n,).
    """
    refuse_transforms()
    kind = anchors.dtype if candidates is None else torch.promote_types(anchors.dtype, candidates.dtype)
    kind = torch.promote_types(kind, torch.float32)
    anchors = anchors.to(kind)
    plan = _Plan(terms, score, labels, own, columns, symmetric=candidates is None, entries=tile_entries(anchors))
    others = anchors if candidates is None else candidates.to(kind)
    return _PairSums.apply(anchors, others, plan)  # type: ignore[no-any-return]  # torch gives `apply` no type


def log_sum_exp(anchors: Tensor, candidates: Tensor, own: int | None = None) -> Tensor:
    """Log of the summed exponentials of each anchor's dot products with the candidates.

    Lᵢ = log Σⱼ exp(aᵢ · cⱼ), where j = i + `own` is left out.

    Divide one side by the temperature, or both by its square root, to get the usual scaled similarities.

    Parameters
    ----------
    anchors : Tensor, shape (m, d)
        Floating point; half precision is computed in single.
    candidates : Tensor, shape (n, d)
        What each anchor is compared with.
    own : int, optional
        Where the anchors themselves stand among the candidates: anchor i is candidate i + own and is left out.
        By default no candidate is left out.

    Returns
    -------
    Tensor, shape (m,)
        −inf for an anchor that is left without candidates; its gradient is zero. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        From `backward(create_graph=True)`: a second derivative would need all tiles at once.

    Examples
    --------
    >>> a, c = torch.zeros(1, 3), torch.zeros(5, 3)
    >>> bool(torch.isclose(log_sum_exp(a, c).exp(), torch.tensor(5.0)))
    True
    """
    return pair_sums((Term(),), anchors, candidates, own=own)[0]


def log_sum_exp_of_others(z: Tensor) -> Tensor:
    """Log of the summed exponentials of each row's dot products with all other rows.

    Lᵢ = log Σ_{j ≠ i} exp(zᵢ · zⱼ)

    The same as ``log_sum_exp(z, z, own=0)`` at about half the price: the matrix is symmetric, so a tile serves its
    rows and its columns.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Floating point; half precision is computed in single.

    Returns
    -------
    Tensor, shape (n,)
        −inf for a single row, which has no others. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        From `backward(create_graph=True)`, as for `log_sum_exp`.

    Examples
    --------
    >>> bool(torch.isclose(log_sum_exp_of_others(torch.zeros(4, 2)).exp(), torch.tensor(3.0)).all())
    True
    """
    return pair_sums((Term(),), z)[0]


# --- how it is summed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Plan:
    """Which tiles there are, and which of their scores each term takes."""

    terms: tuple[Term, ...]
    score: Score
    labels: tuple[Tensor, Tensor] | None
    own: int | None
    columns: bool
    symmetric: bool
    entries: int

    def tiles(self, m: int, n: int) -> list[tuple[slice, slice]]:
        """Cut the matrix up; of a symmetric one, take what is on and above the diagonal."""
        width = max(1, min(n, math.isqrt(self.entries)))
        height = width if self.symmetric else min(m, self.entries // width)
        width = width if self.symmetric else max(1, min(n, self.entries // height))
        down, across = _blocks(m, height), _blocks(n, width)
        return [(rows, columns) for i, rows in enumerate(down) for columns in across[i * self.symmetric :]]

    def kept(self, m: int, n: int) -> bool:
        """Tell whether the matrix is small enough to be kept for the backward pass."""
        return m * n <= TILES_KEPT * self.entries

    def chosen(self, term: Term, scores: Tensor, rows: slice, columns: slice) -> Tensor:
        """Scale a tile for one term, with −inf where a pair is not its."""
        tile = scores if term.scale == 1 else scores * term.scale
        if term.among != "all":
            assert self.labels is not None
            tile = tile.masked_fill(_differ(term.among, self.labels[0][rows, None], self.labels[1][columns]), -math.inf)
        own = 0 if self.symmetric else self.own
        if own is not None:
            # Also in the scores themselves when they are not copied: that is no score of a pair, and none reads it.
            tile.diagonal(rows.start + own - columns.start).fill_(-math.inf)
        return tile


def _differ(among: str, a: Tensor, c: Tensor) -> Tensor:
    """Tell which pairs are not among those wanted."""
    wanted = a == c if among == "same" else a != c
    return ~(wanted & (a >= 0) & (c >= 0))


def _blocks(length: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


class _PairSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, plan: _Plan) -> tuple[Tensor, ...]:
        m, n = len(anchors), len(candidates)
        down = [anchors.new_full((m,), term.sum.empty) for term in plan.terms]
        # A symmetric matrix holds above its diagonal what is missing below, so what its columns add is its rows'.
        across = down if plan.symmetric else [anchors.new_full((n,), term.sum.empty) for term in plan.terms]
        kept = []
        with full_precision(anchors):
            for rows, columns in plan.tiles(m, n):
                scores = plan.score(anchors[rows], candidates[columns])
                for i, term in enumerate(plan.terms):
                    tile = plan.chosen(term, scores, rows, columns)
                    down[i][rows] = term.sum.add(down[i][rows], tile, 1)
                    if plan.columns or (plan.symmetric and rows != columns):
                        across[i][columns] = term.sum.add(across[i][columns], tile, 0)
                if plan.kept(m, n):
                    kept.append(scores)
        ctx.plan = plan
        ctx.save_for_backward(anchors, candidates, *down, *across, *kept)
        return (*down, *across) if plan.columns else tuple(down)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        _refuse_second_derivative()
        plan: _Plan = ctx.plan
        k = len(plan.terms)
        anchors, candidates, *saved = ctx.saved_tensors
        down, across, kept = saved[:k], saved[k : 2 * k], saved[2 * k :]
        to_rows = gradients[:k]
        to_columns = gradients[-k:] if plan.columns or plan.symmetric else None
        to_anchors, to_candidates = torch.zeros_like(anchors), torch.zeros_like(candidates)
        with full_precision(anchors):
            for t, (rows, columns) in enumerate(plan.tiles(len(anchors), len(candidates))):
                a, c = anchors[rows], candidates[columns]
                scores = kept[t].clone() if kept else plan.score(a, c)
                weights = torch.zeros_like(scores)
                for i, term in enumerate(plan.terms):
                    tile = plan.chosen(term, scores, rows, columns)
                    part = term.sum.slope(tile, down[i][rows, None]).mul_(to_rows[i][rows, None])
                    if to_columns:
                        part += term.sum.slope(tile, across[i][columns]).mul_(to_columns[i][columns])
                    weights.add_(part, alpha=term.scale)
                to_anchors[rows] += plan.score.gradient(a, c, scores, weights)
                if plan.symmetric and rows != columns:
                    to_anchors[columns] += plan.score.gradient(c, a, scores.T, weights.T)
                elif not plan.symmetric and ctx.needs_input_grad[1]:
                    to_candidates[columns] += plan.score.gradient(c, a, scores.T, weights.T)
        return to_anchors, None if plan.symmetric else to_candidates, None


def refuse_transforms() -> None:
    """Refuse the transforms of `torch.func`, which cannot see through scores that are made twice.

    Raises
    ------
    UnlabeledError
        Inside `torch.func.grad`, `vmap` and their like.
    """
    if torch._C._are_functorch_transforms_active():
        raise UnlabeledError(
            "a loss computed by tiles cannot be transformed by torch.func (grad, vmap, jacrev, ...); "
            "call loss.backward() or torch.autograd.grad"
        )


def _refuse_second_derivative() -> None:
    if torch.is_grad_enabled():  # which autograd does for create_graph=True, and only then
        raise UnlabeledError(
            "a loss computed by tiles can be differentiated once, not twice; call backward without create_graph=True"
        )
