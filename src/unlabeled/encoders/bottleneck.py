"""An encoder whose vector is squeezed to a chosen length."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.features import Features
from unlabeled.modalities import Preprocessing


class Bottleneck(Encoder):
    """A dense layer after another encoder: the latent code of an autoencoder.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of the inner encoder.
    encoder : Encoder or dict
        The inner encoder, or its description.
    dim : int
        Length of the code.
    """

    architecture = "bottleneck"

    def __init__(self, preprocessing: Preprocessing, *, encoder: Encoder | dict[str, Any], dim: int) -> None:
        super().__init__(preprocessing)
        self.inner = encoder if isinstance(encoder, Encoder) else from_description(encoder, preprocessing)
        self.latent = nn.Linear(self.inner.dim, dim)
        self.dim = dim

    def settings(self) -> dict[str, Any]:
        """Give the inner encoder's description and the length of the code."""
        return {"encoder": self.inner.describe(), "dim": self.dim}

    def forward(self, batch: Tensor) -> Tensor:
        """Map a batch to codes, shape (n, dim)."""
        code: Tensor = self.latent(self.inner(batch))
        return code

    def features(self, values: Tensor) -> Features:
        """Give the features of the inner encoder."""
        return self.inner.features(values)
