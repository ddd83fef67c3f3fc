"""Deleting tokens of a text at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor

from unlabeled.data.text.tokenization.tokens import compacted, single_texts
from unlabeled.views import draw
from unlabeled.views.view import View, check


@dataclass(frozen=True)
class TokenDeletion(View):
    """Delete each token of a text with a probability; what is left moves together.

    The first and the last token, which begin and end a text, stay, and so does at least one between them.

    Parameters
    ----------
    p : float, default 0.6

    Examples
    --------
    >>> import torch
    >>> from unlabeled.data.text.tokenization.tokens import padded
    >>> TokenDeletion(p=1.0)(padded([[2, 7, 7, 3]], pad=0)).ids
    tensor([[2, 7, 3]])
    """

    p: float = 0.6

    def __post_init__(self) -> None:
        check(0 <= self.p <= 1, self, "p", "a probability, between 0 and 1")

    def __call__(self, batch: Any, generator: Generator | None = None) -> Any:
        """Give copies of texts, `Tokens`, without some of their tokens (see `View`)."""
        mask = single_texts(batch, f"{type(self).__name__} distorts").mask
        inner, _ = inner_places(mask)
        chance = draw.uniform(tuple(mask.shape), 0.0, 1.0, generator)
        deleted = (chance < self.p).to(mask.device)
        spared = chance.float().to(mask.device).masked_fill(~inner, -1).argmax(1, keepdim=True)
        kept = (mask & ~(inner & deleted)).scatter(1, spared, mask.gather(1, spared))
        return compacted(batch._replace(mask=kept))


def inner_places(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Say which tokens are neither the first nor the last of their text, and number all tokens of a text from 0."""
    places = mask.long().cumsum(1) - 1
    return mask & (places > 0) & (places < mask.sum(1, keepdim=True) - 1), places
