"""Choosing frames: a shorter run of a clip, from a random start at a random pace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.views import draw
from unlabeled.views.view import View, check


@dataclass(frozen=True)
class FrameSampling(View):
    """Take a run of frames from each clip; they stay in order.

    Parameters
    ----------
    length : int
        Frames to take.
    max_pace : int, default 1
        The largest step between two frames that are taken. The step is drawn from 1 up to it, as far as the clip has
        room for it, and then the start.

    Examples
    --------
    >>> FrameSampling(4, max_pace=2)(torch.rand(8, 16, 3, 32, 32)).shape
    torch.Size([8, 4, 3, 32, 32])
    """

    kind: ClassVar[str] = "video"

    length: int
    max_pace: int = 1

    def __post_init__(self) -> None:
        check(self.length >= 1, self, "length", "a number of frames, at least 1")
        check(self.max_pace >= 1, self, "max_pace", "a number of frames, at least 1")

    def __call__(self, batch: Tensor, generator: Generator | None = None) -> Tensor:
        """Give shape (n, length, c, h, w) of clips of shape (n, t, c, h, w)."""
        n, t = batch.shape[:2]
        if t < self.length:
            raise UnlabeledError(f"{self} cannot take {self.length} frames from clips of {t}")
        paces = min(self.max_pace, (t - 1) // (self.length - 1)) if self.length > 1 else 1
        pace = 1 + draw.choice((n,), paces, generator)
        room = t - (self.length - 1) * pace
        start = (draw.uniform((n,), 0.0, 1.0, generator) * room).long()
        frames = (start[:, None] + pace[:, None] * torch.arange(self.length)).to(batch.device)
        return batch[torch.arange(n, device=batch.device)[:, None], frames]
