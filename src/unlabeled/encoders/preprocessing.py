"""Preprocessing: the exact way from a user's instance to the tensor a network sees."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an instance before the network, the same in training, in `transform` and after loading.

    Images are decoded to `channels` × `size` × `size` bytes by the rule `fit` and scaled to [0, 1].
    Vectors of length `size` are standardised: (x − mean) / scale, column by column.

    Parameters
    ----------
    kind : {"image", "vector"}
        The modality.
    size : int
        Pixels along a side, or columns of a vector.
    channels : int, default 3
        Colour channels of an image.
    fit : {"crop", "squash", "pad"}, default "crop"
        How an image that is not square is made so (see `unlabeled.data.Images`).
    mean, scale : tuple of float
        Of each column of a vector; empty for images.
    """

    kind: Literal["image", "vector"]
    size: int
    channels: int = 3
    fit: Literal["crop", "squash", "pad"] = "crop"
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @classmethod
    def of_vectors(cls, vectors: np.ndarray[Any, Any]) -> Preprocessing:
        """Measure the columns of `vectors`, shape (n, d); a constant column keeps the scale 1."""
        mean = vectors.mean(axis=0, dtype=np.float64)
        scale = vectors.std(axis=0, dtype=np.float64)
        # The deviation of a constant column may be rounding noise of the mean; dividing by it would magnify that noise.
        noise = 1e-12 * np.abs(mean)
        scale = np.where(scale > noise, scale, 1.0)
        return cls("vector", vectors.shape[1], mean=tuple(mean.tolist()), scale=tuple(scale.tolist()))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one instance as the network sees it."""
        return (self.size,) if self.kind == "vector" else (self.channels, self.size, self.size)

    def canonical(self, batch: Tensor) -> Tensor:
        """Bring a batch of instances to the network's units, on the batch's device.

        Parameters
        ----------
        batch : Tensor
            Images as uint8, shape (n, channels, size, size), or vectors as float32, shape (n, size).

        Returns
        -------
        Tensor
            Float32, same shape: images in [0, 1], vectors standardised.
        """
        if tuple(batch.shape[1:]) != self.shape:
            raise UnlabeledError(
                f"instances of shape {tuple(batch.shape[1:])} came to an encoder made for shape {self.shape}"
            )
        if self.kind == "image":
            return batch.float().div_(255)
        mean = torch.tensor(self.mean, dtype=torch.float64, device=batch.device)
        scale = torch.tensor(self.scale, dtype=torch.float64, device=batch.device)
        # In double precision, because a column's mean may be far larger than its deviation.
        return ((batch.double() - mean) / scale).float()

    def to_dict(self) -> dict[str, Any]:
        """Describe it in JSON's types."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> Preprocessing:
        """Make it again from its description."""
        as_given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in description.items()}
        return cls(**as_given)
