"""A small convolutional network, for images of 8 to about 64 pixels."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities.image import ImagePreprocessing

SMALLEST = 8
Normalisation = Literal["batch", "layer"]


class Conv(Encoder):
    """Six convolutions with normalisation and ReLU, in three pairs: one halves the picture, one looks around.

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
    normalisation : {"batch", "layer"}, default "batch"
        Over what a convolution's results are normalised: each channel over the batch and its places, or each image over
        its channels and places, so that its vector depends on no other image in training either. ``"conv:layer"`` and
        ``"conv:2:layer"`` are this encoder with the latter.

    Raises
    ------
    UnlabeledError
        If the images are too small to be halved three times, or a setting is none of those above.
    """

    architecture = "conv"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(
        self,
        preprocessing: ImagePreprocessing,
        *,
        width: int = 32,
        halvings: int = 3,
        normalisation: Normalisation = "batch",
    ) -> None:
        super().__init__(preprocessing)
        if normalisation not in get_args(Normalisation):
            raise unknown_name("normalisation", normalisation, get_args(Normalisation))
        if halvings not in (1, 2, 3):
            raise UnlabeledError(f"encoder 'conv' halves a picture once, twice or three times, not {halvings} times")
        if preprocessing.size < SMALLEST:
            raise UnlabeledError(
                f"encoder 'conv' halves a picture three times and needs {SMALLEST} pixels a side, "
                f"not {preprocessing.size}; take a larger size, or encoder 'mlp'"
            )
        self.width, self.halvings, self.normalisation, self.dim = width, halvings, normalisation, 6 * width

        def layer(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Sequential:
            return convolution(inputs, outputs, kernel, stride, padding, normalisation)

        def pair_start(inputs: int, outputs: int, halving: bool) -> nn.Sequential:
            return layer(inputs, outputs, *((2, 2, 0) if halving else (3, 1, 1)))

        self.body = nn.Sequential(
            layer(preprocessing.channels, width, kernel=4, stride=2, padding=1),
            layer(width, width),
            pair_start(width, 3 * width, halvings > 1),
            layer(3 * width, 3 * width),
            pair_start(3 * width, 6 * width, halvings > 2),
            layer(6 * width, 6 * width),
        )

    def settings(self) -> dict[str, Any]:
        """Give width, halvings and normalisation."""
        return {"width": self.width, "halvings": self.halvings, "normalisation": self.normalisation}

    @classmethod
    def named(cls, rest: str, preprocessing: Any) -> Conv:
        """Build ``conv``, ``conv:2`` with another number of halvings, ``conv:layer``, or ``conv:2:layer``."""
        number, _, normalisation = rest.partition(":") if rest[:1].isdecimal() else ("", "", rest)
        if (number and not number.isdecimal()) or normalisation not in ("", *get_args(Normalisation)):
            raise UnlabeledError(
                "what follows 'conv:' is how often the picture is halved, 1 to 3, or 'layer' for layer normalisation, "
                f"or both, as in 'conv:2:layer'; not {rest!r}"
            )
        return cls(
            preprocessing, halvings=int(number or 3), normalisation="layer" if normalisation == "layer" else "batch"
        )

    def forward(self, batch: Tensor) -> Tensor:
        """Map images, shape (n, channels, h, w), to vectors, shape (n, 6 · width)."""
        vectors: Tensor = self.features(batch).vectors.mean(dim=(2, 3))
        return vectors

    def features(self, values: Tensor) -> Features:
        """Give the maps before the mean, shape (n, 6 · width, h / 8, w / 8) with three halvings."""
        if min(values.shape[2:]) < 2**self.halvings:
            raise UnlabeledError(
                f"encoder 'conv' halves an image {self.halvings} times and needs {2**self.halvings} pixels a side, not "
                f"{min(values.shape[2:])}; make views of at least that size"
            )
        return Features(self.body(2 * values - 1))


def convolution(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    padding: int = 1,
    normalisation: Normalisation = "batch",
) -> nn.Sequential:
    """Make a convolution with normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs) if normalisation == "batch" else nn.GroupNorm(1, outputs),
        nn.ReLU(inplace=True),
    )
