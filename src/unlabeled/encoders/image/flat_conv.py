"""The course's convolutional encoder for autoencoders: it keeps where things are, down to one flat vector."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing


class FlatConv(Encoder):
    """Convolutions with 32, 64 (stride 2), 64 (stride 2) and 64 channels and LeakyReLU, then flattened.

    Nothing is averaged over places, so a decoder can put everything back; `dim` therefore grows with the picture:
    64 · ⌈size / 4⌉².

    Parameters
    ----------
    preprocessing : ImagePreprocessing
        Of images of any size and any number of channels.
    """

    architecture = "flat_conv"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, preprocessing: ImagePreprocessing) -> None:
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
        if batch.shape[1:] != self.preprocessing.shape:
            raise UnlabeledError(
                f"encoder 'flat_conv' was made for images of shape {self.preprocessing.shape}, not "
                f"{tuple(batch.shape[1:])}: its vectors grow with the image; for views of another size take 'conv'"
            )
        vectors: Tensor = self.body(batch)
        return vectors

    def features(self, values: Tensor) -> Features:
        """Give the maps before they are flattened, shape (n, 64, ⌈size / 4⌉, ⌈size / 4⌉)."""
        return Features(self.body[:-1](values))
