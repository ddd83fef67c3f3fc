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
    halvings : {3, 2, 1}, default 3
        How many of the pairs halve the picture. Two leave maps of a quarter of its side, for methods that ask where
        things are. ``"conv:2"`` is this encoder with two.

    Raises
    ------
    UnlabeledError
        If the images are too small to be halved three times, or `halvings` is not one of those numbers.
    """

    architecture = "conv"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, preprocessing: ImagePreprocessing, *, width: int = 32, halvings: int = 3) -> None:
        super().__init__(preprocessing)
        if halvings not in (1, 2, 3):
            raise UnlabeledError(f"encoder 'conv' halves a picture once, twice or three times, not {halvings} times")
        if preprocessing.size < SMALLEST:
            raise UnlabeledError(
                f"encoder 'conv' halves a picture three times and needs {SMALLEST} pixels a side, "
                f"not {preprocessing.size}; take a larger size, or encoder 'mlp'"
            )
        self.width, self.halvings, self.dim = width, halvings, 6 * width

        def pair_start(inputs: int, outputs: int, halving: bool) -> nn.Sequential:
            return convolution(inputs, outputs, *((2, 2, 0) if halving else (3, 1, 1)))

        self.body = nn.Sequential(
            convolution(preprocessing.channels, width, kernel=4, stride=2, padding=1),
            convolution(width, width),
            pair_start(width, 3 * width, halvings > 1),
            convolution(3 * width, 3 * width),
            pair_start(3 * width, 6 * width, halvings > 2),
            convolution(6 * width, 6 * width),
        )

    def settings(self) -> dict[str, Any]:
        """Give width and halvings."""
        return {"width": self.width, "halvings": self.halvings}

    @classmethod
    def named(cls, rest: str, preprocessing: Any) -> Conv:
        """Build ``conv``, or ``conv:2`` with another number of halvings."""
        if not rest:
            return cls(preprocessing)
        if not rest.isdecimal():
            raise UnlabeledError(f"what follows 'conv:' is how often the picture is halved, 1 to 3, not {rest!r}")
        return cls(preprocessing, halvings=int(rest))

    def forward(self, batch: Tensor) -> Tensor:
        """Map images, shape (n, channels, h, w), to vectors, shape (n, 6 · width)."""
        vectors: Tensor = self.features(batch).vectors.mean(dim=(2, 3))
        return vectors

    def features(self, values: Tensor) -> Features:
        """Give the maps before the mean, shape (n, 6 · width, h / 8, w / 8) with three halvings."""
        return Features(self.body(2 * values - 1))


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Sequential:
    """Make a convolution with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
