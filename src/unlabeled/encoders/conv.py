"""A small convolutional network, for images of 8 to about 64 pixels."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing

SMALLEST = 8


class Conv(Encoder):
    """Six convolutions with batch normalisation and ReLU, in three pairs: one halves the picture, one looks around.

    The picture is halved at the very door, because convolutions at full resolution cost most and say least, and by
    kernels no wider than they must be; for the same reason the first pair is the narrow one. What comes out is the
    mean over the places that are left.

    Parameters
    ----------
    preprocessing : ImagePreprocessing
        Of images of at least 8 pixels a side and any number of channels.
    width : int, default 32
        Channels of the first pair; the second has three times as many, the last six times, which is the result's
        length `dim`.

    Raises
    ------
    UnlabeledError
        If the images are too small to be halved three times.
    """

    architecture = "conv"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, preprocessing: ImagePreprocessing, *, width: int = 32) -> None:
        super().__init__(preprocessing)
        if preprocessing.size < SMALLEST:
            raise UnlabeledError(
                f"encoder 'conv' halves a picture three times and needs {SMALLEST} pixels a side, "
                f"not {preprocessing.size}; take a larger size, or encoder 'mlp'"
            )
        self.width, self.dim = width, 6 * width
        self.body = nn.Sequential(
            convolution(preprocessing.channels, width, kernel=4, stride=2, padding=1),
            convolution(width, width),
            convolution(width, 3 * width, kernel=2, stride=2, padding=0),
            convolution(3 * width, 3 * width),
            convolution(3 * width, 6 * width, kernel=2, stride=2, padding=0),
            convolution(6 * width, 6 * width),
        )

    def settings(self) -> dict[str, Any]:
        """Give the width."""
        return {"width": self.width}

    def forward(self, batch: Tensor) -> Tensor:
        """Map images, shape (n, channels, h, w), to vectors, shape (n, 6 · width)."""
        vectors: Tensor = self.features(batch).vectors.mean(dim=(2, 3))
        return vectors

    def features(self, values: Tensor) -> Features:
        """Give the maps before the mean, shape (n, 6 · width, h / 8, w / 8)."""
        return Features(self.body(2 * values - 1))


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Sequential:
    """Make a convolution with values normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
