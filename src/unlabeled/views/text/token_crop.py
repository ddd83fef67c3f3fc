"""Cutting a stretch out of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Generator

from unlabeled.data.text.tokenization.tokens import compacted, single_texts
from unlabeled.views import draw
from unlabeled.views.text.token_deletion import inner_places
from unlabeled.views.view import View, check


@dataclass(frozen=True)
class TokenCrop(View):
    """Keep a random stretch of a text, and the tokens that begin and end a text around it.

    Parameters
    ----------
    least, most : float, default 0.5 and 0.9
        Share of the text that is kept, drawn between these for each text; at least one token.

    Examples
    --------
    >>> import torch
    >>> from unlabeled.data.text.tokenization.tokens import padded
    >>> TokenCrop(1.0, 1.0)(padded([[2, 7, 8, 3]], pad=0)).ids
    tensor([[2, 7, 8, 3]])
    """

    least: float = 0.5
    most: float = 0.9

    def __post_init__(self) -> None:
        check(0 < self.least <= 1, self, "least", "a share of the text, above 0 and at most 1")
        check(self.least <= self.most <= 1, self, "most", "a share of the text, between least and 1")

    def __call__(self, batch: Any, generator: Generator | None = None) -> Any:
        """Give a stretch of each text, `Tokens` (see `View`)."""
        mask = single_texts(batch, f"{type(self).__name__} distorts").mask
        inner, places = inner_places(mask)
        count = inner.sum(1, keepdim=True).cpu()  # where the draws are, in float64, which not all devices have
        shape = (len(mask), 1)
        share = draw.uniform(shape, self.least, self.most, generator)
        # A product such as 10 · 0.3 may lie a rounding error above the whole number it stands for.
        span = (count * share - 1e-4).ceil().clamp_min(1).minimum(count)
        start = (draw.uniform(shape, 0.0, 1.0, generator) * (count - span + 1)).floor() + 1
        begin, end = start.long().to(mask.device), (start + span).long().to(mask.device)
        return compacted(batch._replace(mask=mask & (~inner | ((places >= begin) & (places < end)))))
