"""A network for images on every frame of a clip; the vector of the clip is the mean of its frames'."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.features import Features
from unlabeled.encoders.make import make_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.views.photometric.colour import LUMA


class FrameWise(Encoder):
    """Encode each frame by itself, and take the mean over time.

    The mean does not depend on the order of the frames. Methods that ask about time read the vectors of the frames,
    which `features` gives in order.

    Parameters
    ----------
    preprocessing : VideoPreprocessing
    frame : Encoder or dict, optional
        The network for images, or its description; by default ``"conv"``.
    grey : bool, default False
        Replace the colours of each frame by its luma first, for networks that were trained without colour.
    """

    architecture: ClassVar[str] = "frames"
    modalities: ClassVar[tuple[str, ...]] = ("video",)
    usage: ClassVar[str] = "frames:<image encoder>"
    preprocessing: Any  # a VideoPreprocessing

    def __init__(
        self, preprocessing: Any, *, frame: Encoder | dict[str, Any] | None = None, grey: bool = False
    ) -> None:
        super().__init__(preprocessing)
        description = {"architecture": "conv"} if frame is None else frame
        made = description if isinstance(description, Encoder) else from_description(description, preprocessing.frame)
        if "image" not in made.modalities:
            raise UnlabeledError(f"frames are encoded by an encoder of images, not by {made.architecture!r}")
        self.frame, self.grey, self.dim = made, grey, made.dim

    @classmethod
    def named(cls, rest: str, preprocessing: Any) -> Self:
        """Build it around the encoder of images that `rest` names, such as ``"timm:resnet18:pretrained"``."""
        return cls(preprocessing, frame=make_encoder(rest or "conv", preprocessing.frame))

    def settings(self) -> dict[str, Any]:
        """Describe the network for images."""
        return {"frame": self.frame.describe(), "grey": self.grey}

    def forward(self, batch: Tensor) -> Tensor:
        """Map clips, shape (n, t, channels, h, w), to vectors, shape (n, dim)."""
        return self.over_time(self.features(batch).vectors)

    def features(self, values: Tensor) -> Features:
        """Map clips to the vectors of their frames, shape (n, t, dim)."""
        vectors = self.frame(self._frames(values))
        return Features(vectors.view(*values.shape[:2], -1))

    def maps(self, batch: Tensor) -> Tensor:
        """Map clips to the feature maps of their frames, shape (n, t, channels, height, width)."""
        maps = self.frame.features(self._frames(batch)).vectors
        if maps.dim() != 4:
            raise UnlabeledError(
                f"encoder {self.frame.architecture!r} has no feature maps; take 'conv' or a timm model"
            )
        return maps.view(*batch.shape[:2], *maps.shape[1:])

    def over_time(self, vectors: Tensor) -> Tensor:
        """Sum up the vectors of the frames, shape (n, t, dim), in one a clip."""
        return vectors.mean(1)

    def _frames(self, batch: Tensor) -> Tensor:
        frames = batch.flatten(0, 1)
        if self.grey and frames.shape[1] == 3:
            frames = (frames * frames.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True).expand_as(frames)
        return frames.contiguous(memory_format=torch.channels_last)
