"""A small network of 3-D convolutions, for clips of 8 to about 64 pixels."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.errors import UnlabeledError

SMALLEST = 8


class Conv3D(Encoder):
    """Four convolutions over space and time with batch normalisation and ReLU; the mean over what is left.

    Space is halved three times and time once, if there is more than one frame.

    Parameters
    ----------
    preprocessing : VideoPreprocessing
        Of clips of at least 8 pixels a side.
    width : int, default 24
        Channels of the first convolution; the others have two, four and eight times as many, and the last number is
        the length `dim` of the vector.

    References
    ----------
    .. [1] Tran et al., Learning Spatiotemporal Features with 3D Convolutional Networks, ICCV 2015.
    """

    architecture: ClassVar[str] = "conv3d"
    modalities: ClassVar[tuple[str, ...]] = ("video",)
    preprocessing: Any  # a VideoPreprocessing

    def __init__(self, preprocessing: Any, *, width: int = 24) -> None:
        super().__init__(preprocessing)
        if preprocessing.size < SMALLEST:
            raise UnlabeledError(
                f"encoder 'conv3d' needs {SMALLEST} pixels a side, not {preprocessing.size}; take a larger size"
            )
        self.width, self.dim = width, 8 * width
        self.body = nn.Sequential(
            _block(preprocessing.channels, width, (3, 4, 4), (1, 2, 2), (1, 1, 1)),
            _block(width, 2 * width, (3, 4, 4), (1, 2, 2), (1, 1, 1)),
            _block(2 * width, 4 * width, (3, 4, 4), (2, 2, 2), (1, 1, 1)),
            _block(4 * width, 8 * width, (3, 1, 1), (1, 1, 1), (1, 0, 0)),
        )

    def settings(self) -> dict[str, Any]:
        """Give the width."""
        return {"width": self.width}

    def forward(self, batch: Tensor) -> Tensor:
        """Map clips, shape (n, t, channels, h, w), to vectors, shape (n, dim)."""
        return self.features(batch).vectors.mean(1)

    def features(self, values: Tensor) -> Features:
        """Map clips to a vector for every two frames, in order; shape (n, ⌈t/2⌉, dim)."""
        volumes = self.body(2 * values.transpose(1, 2) - 1)
        return Features(volumes.mean((3, 4)).transpose(1, 2))


def _block(
    inputs: int, outputs: int, kernel: tuple[int, int, int], stride: tuple[int, int, int], padding: tuple[int, int, int]
) -> nn.Sequential:
    return nn.Sequential(
        PaddedConv3d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )


class PaddedConv3d(nn.Conv3d):
    """A convolution over time and space that lays the zeros around its input itself.

    Left to do so, the bfloat16 kernel of oneDNN (PyTorch 2.14) gives gradients of the weights that are wrong or no
    numbers where the input is hardly larger than the padding, such as two frames padded by one.
    """

    def forward(self, volumes: Tensor) -> Tensor:
        """Map (n, inputs, t, h, w) to (n, outputs, t', h', w')."""
        t, h, w = (int(side) for side in self.padding)
        padded = F.pad(volumes, (w, w, h, h, t, t))
        return F.conv3d(padded, self.weight, self.bias, self.stride)
