"""The course's convolutional encoder for autoencoders: it keeps where things are, down to one flat vector."""

from __future__ import annotations

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.preprocessing import Preprocessing


class FlatConv(Encoder):
    """Convolutions with 32, 64 (stride 2), 64 (stride 2) and 64 channels and LeakyReLU, then flattened.

    Nothing is averaged over places, so a decoder can put everything back; `dim` therefore grows with the picture:
    64 · ⌈size / 4⌉².

    Parameters
    ----------
    preprocessing : Preprocessing
        Of images of any size and any number of channels.
    """

    architecture = "flat_conv"

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__(preprocessing)
        layers: list[nn.Module] = []
        inputs = preprocessing.channels
        for outputs, stride in [(32, 1), (64, 2), (64, 2), (64, 1)]:
            layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU()]
            inputs = outputs
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.dim = inputs * (-(-preprocessing.size // 4)) ** 2

    def forward(self, batch: Tensor) -> Tensor:
        """Map images, shape (n, channels, size, size), to vectors, shape (n, dim)."""
        vectors: Tensor = self.body(batch)
        return vectors
