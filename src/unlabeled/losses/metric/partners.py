"""Losses of two towers in which some pairs belong together beside each row's own: equal captions, equal images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.losses.blockwise.embedding_checks import check_pair, unit
from unlabeled.losses.blockwise.row_blocks import mean_by_rows
from unlabeled.losses.contrastive.symmetric_cross_entropy import ceiled_scale
from unlabeled.processes import gather

Codes = tuple[Tensor, ...]


def clip_of_partners(images: Tensor, texts: Tensor, scale: Tensor, same: Codes) -> Tensor:
    r"""Give CLIP's loss, in which pairs with the same caption or the same image are no negatives of each other.

    With u and v at unit length, s the scale, and P(i) the pairs other than i that share a code with i,

    .. math:: L = -\frac{1}{2n} \sum_i \Big(
              \log \frac{\exp(s\,u_i \cdot v_i)}{\sum_{j \notin P(i)} \exp(s\,u_i \cdot v_j)}
              + \log \frac{\exp(s\,u_i \cdot v_i)}{\sum_{j \notin P(i)} \exp(s\,u_j \cdot v_i)} \Big)

    Without shared codes this is `unlabeled.losses.clip`. A few rows at a time are compared, in the backward pass again,
    so memory grows with n.

    Parameters
    ----------
    images, texts : Tensor, shape (n, d)
    scale : scalar Tensor
        At most 100 counts, as in `unlabeled.losses.clip`.
    same : tuple of Tensor of int64, shape (n,)
        Numbers that are equal where two pairs belong together.

    Returns
    -------
    Tensor
        A scalar.

    Examples
    --------
    >>> vectors, code = torch.randn(4, 8), torch.zeros(4, dtype=torch.int64)
    >>> float(clip_of_partners(vectors, vectors, torch.tensor(10.0), (code,)))  # all captions are equal
    0.0
    """
    check_pair(images, texts)
    u, v = unit(images), unit(texts)
    u = u * ceiled_scale(scale, u)
    ways = (_each_finds_its_own(u, v, same), _each_finds_its_own(v, u, same))
    return (ways[0] + ways[1]) / 2


def siglip_of_partners(images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor, same: Codes) -> Tensor:
    """Give SigLIP's loss, in which pairs with the same caption or the same image are no negatives of each other.

    As `unlabeled.losses.siglip`, without the terms of images and texts of two pairs that share a code.
    """
    check_pair(images, texts)
    u, v = unit(images) * scale, unit(texts)

    def losses(scores: Tensor, own: Tensor, shared: Tensor) -> Tensor:
        against = functional.softplus(scores + bias).masked_fill(shared | own, 0).sum(1)
        match = scores.masked_fill(~own, 0).sum(1) + bias
        return against + functional.softplus(-match)

    return _by_rows(u, v, same, losses)


def _each_finds_its_own(x: Tensor, c: Tensor, same: Codes) -> Tensor:
    def losses(scores: Tensor, own: Tensor, shared: Tensor) -> Tensor:
        return scores.masked_fill(shared, -torch.inf).logsumexp(1) - scores.masked_fill(~own, 0).sum(1)

    return _by_rows(x, c, same, losses)


def _by_rows(x: Tensor, c: Tensor, same: Codes, losses: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Compare x with the c of all processes, and average the losses."""
    everyone, codes = gather(c), [gather(code) for code in same]
    places = torch.arange(len(everyone), device=c.device)

    def of_rows(scores: Tensor, numbers: Tensor) -> Tensor:
        own = numbers[:, None] == places[None]
        shared = torch.zeros_like(own)
        for code in codes:
            shared |= code[numbers][:, None] == code[None]
        return losses(scores, own, shared & ~own)

    return mean_by_rows(x, everyone, of_rows)
