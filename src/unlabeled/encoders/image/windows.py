"""An encoder of overlapping windows: an instance is a row, or a grid, of parts that are encoded one by one."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.features import Features
from unlabeled.modalities import Preprocessing


class Windows(Encoder):
    """Encodes each window of an instance by itself; what comes out is the mean of the windows' vectors.

    Parameters
    ----------
    preprocessing : Preprocessing
        Of whole instances: images, cut into squares, or vectors, taken as sequences.
    encoder : Encoder or dict
        The encoder of a window, or its description.
    size : int
        Pixels along a side of a window, or its columns.
    stride : int
        From one window to the next.
    """

    architecture = "windows"

    def __init__(
        self, preprocessing: Preprocessing, *, encoder: Encoder | dict[str, Any], size: int, stride: int
    ) -> None:
        super().__init__(preprocessing)
        part = preprocessing.part(size)
        self.inner = encoder if isinstance(encoder, Encoder) else from_description(encoder, part)
        self.size, self.stride, self.dim = size, stride, self.inner.dim

    def settings(self) -> dict[str, Any]:
        """Give the inner encoder's description, size and stride."""
        return {"encoder": self.inner.describe(), "size": self.size, "stride": self.stride}

    def windows(self, values: Tensor) -> Tensor:
        """Map instances to a vector for each window: shape (n, rows, columns, dim); a sequence has one column."""
        cut = self.preprocessing.cut(values, self.size, self.stride)
        vectors: Tensor = self.inner(cut.flatten(0, 2))
        return vectors.view(*cut.shape[:3], self.dim)

    def forward(self, values: Tensor) -> Tensor:
        """Map instances to vectors, shape (n, dim)."""
        return self.windows(values).mean(dim=(1, 2))

    def features(self, values: Tensor) -> Features:
        """Give the vectors of the windows, row by row: shape (n, rows · columns, dim)."""
        return Features(self.windows(values).flatten(1, 2))
