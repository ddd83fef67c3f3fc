"""A network for images on every frame, and a small convolution over time above it."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.encoders.video.frame_wise import FrameWise


class TemporalConv(FrameWise):
    """Encode each frame by itself, look at three frames at a time in two layers, and take the mean over time.

    Unlike `FrameWise` alone, the vector of a clip depends on the order of its frames.

    Parameters
    ----------
    preprocessing : VideoPreprocessing
    frame, grey
        As for `FrameWise`.
    """

    architecture: ClassVar[str] = "temporal"
    usage: ClassVar[str] = "temporal:<image encoder>"

    def __init__(
        self, preprocessing: Any, *, frame: Encoder | dict[str, Any] | None = None, grey: bool = False
    ) -> None:
        super().__init__(preprocessing, frame=frame, grey=grey)
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Conv1d(self.dim, self.dim, 3, padding=1, bias=False), nn.BatchNorm1d(self.dim), nn.ReLU()]
        self.head = nn.Sequential(*layers)

    def features(self, values: Tensor) -> Features:
        """Map clips to vectors of their frames, shape (n, t, dim), each of which knows its neighbours in time."""
        frames = super().features(values).vectors
        return Features(self.head(frames.transpose(1, 2)).transpose(1, 2))
