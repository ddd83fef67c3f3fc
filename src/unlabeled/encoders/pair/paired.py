"""An encoder with two inputs: it sees a pair of instances as one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.modalities import Preprocessing


class Paired(Encoder):
    """Lays two instances on each other (an image's channels, a vector's columns) and encodes them together.

    The vector of a single instance is that of its pair with itself.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of one instance.
    encoder : Encoder or dict
        The encoder of a pair, or its description.
    """

    architecture = "paired"

    def __init__(self, preprocessing: Preprocessing, *, encoder: Encoder | dict[str, Any]) -> None:
        super().__init__(preprocessing)
        both = preprocessing.doubled()
        self.inner = encoder if isinstance(encoder, Encoder) else from_description(encoder, both)
        self.dim = self.inner.dim

    def settings(self) -> dict[str, Any]:
        """Give the inner encoder's description."""
        return {"encoder": self.inner.describe()}

    def pair(self, first: Tensor, second: Tensor) -> Tensor:
        """Map pairs of instances to vectors, shape (n, dim)."""
        vectors: Tensor = self.inner(torch.cat([first, second], dim=1))
        return vectors

    def forward(self, values: Tensor) -> Tensor:
        """Map instances, each paired with itself, to vectors, shape (n, dim)."""
        return self.pair(values, values)
