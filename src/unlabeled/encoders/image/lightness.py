"""An encoder that sees how light an image is and nothing of its colours."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.features import Features
from unlabeled.modalities import Preprocessing
from unlabeled.views.photometric.cielab import rgb_to_lab


class Lightness(Encoder):
    """Another encoder behind a filter: all three channels show the lightness L* of CIELAB, from 0 to 1.

    Parameters
    ----------
    preprocessing : ImagePreprocessing
        Of images in colour.
    encoder : Encoder or dict
        The inner encoder, or its description.
    """

    architecture = "lightness"

    def __init__(self, preprocessing: Preprocessing, *, encoder: Encoder | dict[str, Any]) -> None:
        super().__init__(preprocessing)
        self.inner = encoder if isinstance(encoder, Encoder) else from_description(encoder, preprocessing)
        self.dim = self.inner.dim

    def settings(self) -> dict[str, Any]:
        """Give the inner encoder's description."""
        return {"encoder": self.inner.describe()}

    def forward(self, values: Tensor) -> Tensor:
        """Map images in [0, 1], shape (n, 3, h, w), to vectors, shape (n, dim)."""
        vectors: Tensor = self.inner(lightness(values))
        return vectors

    def features(self, values: Tensor) -> Features:
        """Give the features of the inner encoder."""
        return self.inner.features(lightness(values))


def lightness(images: Tensor) -> Tensor:
    """Show the lightness of images, shape (n, 3, h, w), in all channels, from 0 to 1."""
    return (rgb_to_lab(images.float())[:, :1] / 100).clamp(0, 1).expand(-1, 3, -1, -1)
