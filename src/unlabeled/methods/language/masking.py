"""Hiding tokens for a masked language model."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.views import draw


def mask_tokens(values: Tokens, tokenizer: SubwordTokenizer, share: float = 0.15) -> tuple[Tokens, Tensor]:
    """Choose tokens to predict, and hide most of them.

    Of the chosen tokens 80 % become the mask token, 10 % a random token, and 10 % stay as they are, so that the
    network cannot know which of the tokens it sees are right. Special tokens and padding are never chosen, and a random
    token is never a special one. A row with any token to choose has at least one chosen.

    Parameters
    ----------
    values : Tokens, shape (n, length)
    tokenizer : SubwordTokenizer
    share : float, default 0.15
        Of the tokens that may be chosen, in each row on average.

    Returns
    -------
    shown : Tokens
    chosen : Tensor of bool, shape (n, length)

    References
    ----------
    .. [1] Devlin, Chang, Lee & Toutanova, BERT: Pre-training of Deep Bidirectional Transformers for Language
       Understanding, NAACL 2019.
    """
    ids, mask = values
    device, shape = ids.device, tuple(ids.shape)
    ordinary = torch.ones(len(tokenizer), dtype=torch.bool)
    ordinary[tokenizer.special_ids] = False
    possible = mask & ordinary.to(device)[ids]
    counts = possible.sum(1)
    # The number of a row is rounded up or down at random, so that the share holds on average for short rows too.
    wanted = (counts * share + draw.uniform((len(ids),), 0.0, 1.0).float().to(device)).floor().long()
    wanted = torch.minimum(wanted.clamp_min(1), counts)
    order = draw.uniform(shape, 0.0, 1.0).float().to(device).masked_fill(~possible, 2.0).argsort(1)
    places = torch.arange(ids.shape[1], device=device).expand_as(ids)
    chosen = torch.zeros_like(mask).scatter(1, order, places < wanted[:, None])
    fate = draw.uniform(shape, 0.0, 1.0).float().to(device)
    others = ordinary.nonzero()[:, 0].to(device)
    drawn = others[draw.choice(shape, len(others)).to(device)]
    shown = torch.where(chosen & (fate < 0.8), tokenizer.special_id("mask"), ids)
    shown = torch.where(chosen & (fate >= 0.9), drawn, shown)
    return Tokens(shown, mask), chosen
