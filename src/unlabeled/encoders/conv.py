"""A small convolutional network, for images of about 8 to 64 pixels."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.preprocessing import Preprocessing


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Make a 3×3 convolution with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Conv(Encoder):
    """Six 3×3 convolutions with batch normalisation; three of them halve the picture; the mean over places comes out.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of images of any size and any number of channels.
    width : int, default 32
        Channels of the first layer; the last has eight times as many, which is the result's length `dim`.
    """

    architecture = "conv"

    def __init__(self, preprocessing: Preprocessing, *, width: int = 32) -> None:
        super().__init__(preprocessing)
        self.width, self.dim = width, 8 * width
        self.body = nn.Sequential(
            convolution(preprocessing.channels, width),
            convolution(width, 2 * width, stride=2),
            convolution(2 * width, 2 * width),
            convolution(2 * width, 4 * width, stride=2),
            convolution(4 * width, 4 * width),
            convolution(4 * width, 8 * width, stride=2),
        )

    def settings(self) -> dict[str, Any]:
        """Give the width."""
        return {"width": self.width}

    def forward(self, batch: Tensor) -> Tensor:
        """Map images, shape (n, channels, h, w), to vectors, shape (n, 8 · width)."""
        vectors: Tensor = self.body(2 * batch - 1).mean(dim=(2, 3))
        return vectors
