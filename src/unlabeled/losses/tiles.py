"""Log-sum-exp over the rows of a similarity matrix that is never held whole.

A contrastive loss compares every embedding with every other: n² dot products. Held at once they fill the memory long
before the embeddings do, so they are made here tile by tile, each is folded into its rows' running log-sum-exp, and it
is forgotten; the backward pass makes it again. Memory is that of the embeddings and a few tiles, whatever n is.
The value and the gradient are those of the whole matrix, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError


def log_sum_exp(anchors: Tensor, candidates: Tensor, own: int | None = None) -> Tensor:
    """Log of the summed exponentials of each anchor's dot products with the candidates.

    Lᵢ = log Σⱼ exp(aᵢ · cⱼ), where j = i + `own` is left out.

    Divide one side by the temperature, or both by its square root, to get the usual scaled similarities.

    Parameters
    ----------
    anchors : Tensor, shape (m, d)
        float32 or float64.
    candidates : Tensor, shape (n, d)
        Of the same type.
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
    return _LogSumExp.apply(anchors, candidates, own)  # type: ignore[no-any-return]


def log_sum_exp_of_others(z: Tensor) -> Tensor:
    """Log of the summed exponentials of each row's dot products with all other rows.

    Lᵢ = log Σ_{j ≠ i} exp(zᵢ · zⱼ)

    The same as ``log_sum_exp(z, z, own=0)`` at about half the price: the matrix is symmetric, so a tile serves its
    rows and its columns.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        float32 or float64.

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
    return _LogSumExpOfOthers.apply(z)  # type: ignore[no-any-return]


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, candidates: Tensor, own: int | None) -> Tensor:
        lse = anchors.new_full((len(anchors),), -math.inf)
        with _full_precision(anchors):
            for rows in _blocks(anchors):
                for columns in _blocks(candidates):
                    tile = _tile(anchors, candidates, rows, columns, own)
                    lse[rows] = torch.logaddexp(lse[rows], tile.logsumexp(1))
        ctx.own = own
        ctx.save_for_backward(anchors, candidates, lse)
        return lse

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        _refuse_second_derivative()
        anchors, candidates, lse = ctx.saved_tensors
        to_anchors, to_candidates = torch.zeros_like(anchors), torch.zeros_like(candidates)
        lse, share = _column(lse), gradients[0][:, None]
        with _full_precision(anchors):
            for rows in _blocks(anchors):
                for columns in _blocks(candidates):
                    tile = _tile(anchors, candidates, rows, columns, ctx.own)
                    weights = tile.sub_(lse[rows]).exp_().mul_(share[rows])
                    to_anchors[rows] += weights @ candidates[columns]
                    to_candidates[columns] += weights.T @ anchors[rows]
        return to_anchors, to_candidates, None


class _LogSumExpOfOthers(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        lse = z.new_full((len(z),), -math.inf)
        tile = None
        with _full_precision(z):
            for rows, columns in _upper_triangle(z):
                tile = _tile(z, z, rows, columns, own=0)
                lse[rows] = torch.logaddexp(lse[rows], tile.logsumexp(1))
                if rows != columns:
                    lse[columns] = torch.logaddexp(lse[columns], tile.logsumexp(0))
        # A matrix of one tile is kept: small batches then cost no more than the textbook formula.
        ctx.save_for_backward(z, lse, tile if len(_blocks(z)) == 1 else None)
        return lse

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        _refuse_second_derivative()
        z, lse, kept = ctx.saved_tensors
        to_z = torch.zeros_like(z)
        lse, share = _column(lse), gradients[0][:, None]
        with _full_precision(z):
            for rows, columns in _upper_triangle(z):
                tile = _tile(z, z, rows, columns, own=0) if kept is None else kept
                weights = (tile - lse[rows]).exp_().mul_(share[rows])
                weights += (tile - lse[columns].T).exp_().mul_(share[columns].T)
                to_z[rows] += weights @ z[columns]
                if rows != columns:
                    to_z[columns] += weights.T @ z[rows]
        return to_z


def _tile(anchors: Tensor, candidates: Tensor, rows: slice, columns: slice, own: int | None) -> Tensor:
    """Make the similarities of some anchors and some candidates, with −inf where an anchor meets itself."""
    tile = anchors[rows] @ candidates[columns].T
    if own is not None:
        tile.diagonal(rows.start + own - columns.start).fill_(-math.inf)
    return tile


def _blocks(z: Tensor) -> list[slice]:
    # On a processor a tile of 1 MiB stays in its cache; on a GPU one of 64 MiB keeps the number of launches small.
    size = 512 if z.device.type == "cpu" else 4096
    return [slice(start, min(start + size, len(z))) for start in range(0, len(z), size)]


def _upper_triangle(z: Tensor) -> Iterator[tuple[slice, slice]]:
    blocks = _blocks(z)
    return ((rows, columns) for i, rows in enumerate(blocks) for columns in blocks[i:])


def _column(lse: Tensor) -> Tensor:
    # Where nothing was summed the log is −inf; 0 in its place gives weights exp(−inf − 0) = 0 instead of NaN.
    return lse.masked_fill(lse == -math.inf, 0)[:, None]


def _full_precision(z: Tensor) -> AbstractContextManager[Any]:
    """Switch autocast off: similarities rounded to 8 bits would not tell near negatives apart."""
    kind = z.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def _refuse_second_derivative() -> None:
    if torch.is_grad_enabled():  # which autograd does for create_graph=True, and only then
        raise UnlabeledError(
            "a loss computed by tiles can be differentiated once, not twice; call backward without create_graph=True"
        )
