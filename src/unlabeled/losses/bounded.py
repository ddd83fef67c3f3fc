"""A learnt number within bounds that does not get stuck beyond them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from unlabeled.processes import all_reduce_sum


def bounded(value: Tensor, least: float = -math.inf, most: float = math.inf) -> Tensor:
    """Clamp a number; beyond a bound, the gradient passes only if it leads back.

    `torch.clamp` has no gradient there, so a number that has once gone beyond a bound stays there for ever.

    Examples
    --------
    >>> x = torch.tensor(7.0, requires_grad=True)
    >>> bounded(x, most=5.0).backward()  # a larger value costs more, so descent leads back
    >>> x.grad
    tensor(1.)
    """
    inside: Tensor = _Bounded.apply(value, least, most)
    return inside


class _Bounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, least: float, most: float) -> Tensor:
        ctx.below, ctx.above = value < least, value > most
        return value.clamp(least, most)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        # Whether it leads back is told by the gradient of all processes, the same in each.
        joint = all_reduce_sum(gradient)
        away = (ctx.above & (joint <= 0)) | (ctx.below & (joint >= 0))
        return torch.where(away, 0, gradient), None, None
