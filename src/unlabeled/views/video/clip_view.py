"""A view of clips: a view of images, with the same parameters for all frames of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.views.video.clip_canvas import ClipCanvas
from unlabeled.views.video.frame_sampling import FrameSampling
from unlabeled.views.view import ImageView, View


@dataclass(frozen=True)
class ClipView(View):
    """Distort clips, float of shape (n, t, c, h, w) with values in [0, 1].

    A crop is the same box in every frame and a change of colour the same change, so motion stays what it was. Noise is
    one pattern for all frames; put it into `per_frame` if it should flicker.

    Parameters
    ----------
    per_clip : ImageView
        Drawn once a clip.
    per_frame : ImageView, optional
        Drawn once a frame, after `per_clip`.
    sampling : FrameSampling, optional
        Which frames are taken, before anything else; by default all.

    Examples
    --------
    >>> from unlabeled.views import ColourJitter, simclr
    >>> view = ClipView(simclr(32), per_frame=ColourJitter(p=0.5), sampling=FrameSampling(8))
    >>> view(torch.rand(2, 16, 3, 48, 48)).shape
    torch.Size([2, 8, 3, 32, 32])
    """

    kind: ClassVar[str] = "video"

    per_clip: ImageView
    per_frame: ImageView | None = None
    sampling: FrameSampling | None = None

    def __call__(self, batch: Tensor, generator: Generator | None = None) -> Tensor:
        """Give a distorted copy of `batch`, each clip with its own random parameters (see `View`)."""
        if batch.ndim != 5 or not batch.is_floating_point():
            raise UnlabeledError(
                "a view of clips needs floats in [0, 1] of shape (n, frames, channels, height, width); "
                f"got {batch.dtype} of shape {tuple(batch.shape)}"
            )
        clips = batch if self.sampling is None else self.sampling(batch, generator)
        # Half precision cannot hold positions in an image; such batches are computed in single precision.
        canvas = ClipCanvas(clips if clips.dtype in (torch.float32, torch.float64) else clips.float())
        with torch.autocast(batch.device.type, enabled=False):
            self.per_clip.paint(canvas, torch.ones(len(clips), dtype=torch.bool), generator)
            clips = canvas.finished().to(batch.dtype)
        if self.per_frame is None:
            return clips
        frames = self.per_frame(clips.flatten(0, 1), generator)
        return frames.view(*clips.shape[:2], *frames.shape[1:])
