"""Features: the vectors of an instance's parts, before they become one vector."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Features(NamedTuple):
    """What an encoder knows about the parts of its instances.

    Attributes
    ----------
    vectors : Tensor
        Of tokens, shape (n, length, dim), or a feature map, shape (n, channels, h, w).
    mask : Tensor of bool, shape (n, length), or None
        True where a token is real; None where all are.
    """

    vectors: Tensor
    mask: Tensor | None = None

    def maps(self) -> Tensor:
        """Give feature maps, shape (n, channels, h, w); tokens of a square grid of patches go to their places."""
        vectors = self.vectors
        if vectors.ndim > 3:
            return vectors
        side = round(vectors.shape[1] ** 0.5)
        return vectors.transpose(1, 2).reshape(len(vectors), vectors.shape[2], side, side)
