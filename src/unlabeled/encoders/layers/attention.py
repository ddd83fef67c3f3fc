"""Attention over rows of tokens: who may see whom, and the weighted sum."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.encoders.layers.dropout import dropout as dropped

Cache = list[tuple[Tensor, Tensor]]
"""Keys and values of the tokens already read, layer by layer, each of shape (n, heads, length, dim)."""


def positions_of(mask: Tensor) -> Tensor:
    """Number the real tokens of each row from 0, whatever padding stands before or among them.

    Examples
    --------
    >>> positions_of(torch.tensor([[False, True, True], [True, False, True]]))
    tensor([[0, 0, 1],
            [0, 0, 1]])
    """
    return (mask.long().cumsum(1) - 1).clamp_min(0)


def visible(mask: Tensor, queries: int, causal: bool) -> Tensor | None:
    """Say which keys each query may attend to; None means all of them.

    Parameters
    ----------
    mask : Tensor of bool, shape (n, keys)
        True for real tokens.
    queries : int
        The last so many of the keys ask.
    causal : bool
        Whether a query sees only itself and what is before it.

    Returns
    -------
    Tensor of bool, shape (n, 1, queries, keys) or (n, 1, 1, keys), or None
        False becomes a score of −∞, so what is hidden has a weight of exactly zero.
    """
    keys = mask.shape[1]
    # Looking at the mask would make a GPU wait; there a mask costs nothing in return.
    whole = mask.device.type == "cpu" and bool(mask.all())
    if not causal or queries == 1:
        return None if whole else mask[:, None, None, :]
    past = torch.ones(queries, keys, dtype=torch.bool, device=mask.device).tril(keys - queries)
    # A padding token sees itself: a row of scores that are all −∞ has no softmax.
    own = torch.eye(queries, keys, dtype=torch.bool, device=mask.device).roll(keys - queries, 1)
    allowed: Tensor = ((mask[:, None, :] & past) | own)[:, None]
    return allowed


def attend(q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """Attend with several heads.

    Parameters
    ----------
    q, k, v : Tensor, shape (n, heads, length, dim / heads)
    seen : Tensor of bool, optional
        From `visible`; by default everything is seen.
    dropout : float, default 0
        Share of the attention weights that are set to zero.

    Returns
    -------
    Tensor, shape (n, length, dim)
    """
    # In training on a processor the fused kernel is slow: its backward in bfloat16, and all of it with dropout.
    if q.device.type == "cpu" and (dropout > 0 or (q.requires_grad and q.dtype == torch.bfloat16)):
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if seen is not None:
            # The least number and not −∞: the same weights of zero, and a text without a token stays a number.
            scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        summed = dropped(scores.softmax(-1), dropout) @ v
    else:
        summed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=dropout)
    return summed.transpose(1, 2).flatten(2)


def by_head(x: Tensor, heads: int) -> Tensor:
    """Reshape (n, length, dim) into (n, heads, length, dim / heads)."""
    parts: Tensor = x.unflatten(-1, (heads, -1))
    return parts.transpose(1, 2)


def remember(cache: Cache | None, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Append the keys and values of new tokens to those of the old ones, and give all."""
    if cache is None:
        return k, v
    if layer < len(cache):
        k, v = torch.cat([cache[layer][0], k], 2), torch.cat([cache[layer][1], v], 2)
        cache[layer] = (k, v)
    else:
        cache.append((k, v))
    return k, v
