"""Methods that damage an instance and learn to restore it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.image.map_decoder import MapDecoder
from unlabeled.training.bases.validated import Validated
from unlabeled.training.inference import canonical_instances, evaluating, inferred
from unlabeled.training.loop import own_randomness
from unlabeled.training.method_pictures import Pictures


class ImageRestorer(nn.Module):
    """Says, from the encoder's feature maps and the damaged image, what must be added to the image."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        channels = encoder.preprocessing.shape[0]
        self.decoder = MapDecoder(encoder, channels, beside=channels)

    def forward(self, encoder: Encoder, x: Tensor) -> Tensor:
        """Map damaged images to restored ones, both of shape (n, c, h, w)."""
        addition: Tensor = self.decoder(encoder.features(x).maps(), x)
        return x + addition.float()


class VectorRestorer(nn.Module):
    """Decodes the encoder's vector by an MLP with two hidden layers."""

    def __init__(self, encoder: Encoder, width: int = 256) -> None:
        super().__init__()
        self.decoder = nn.Sequential(
            nn.Linear(encoder.dim, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, encoder.preprocessing.shape[0]),
        )

    def forward(self, encoder: Encoder, x: Tensor) -> Tensor:
        """Map damaged vectors to restored ones, both of shape (n, d)."""
        restored: Tensor = self.decoder(encoder(x)).float()
        return restored


class Restoration(Validated, ABC):
    """Base of methods whose split is a damaged copy and the instance itself: they say how to `damage`."""

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    minimum_rows: ClassVar[int] = 2
    restorers: ClassVar[Mapping[str, type[nn.Module]]] = {"image": ImageRestorer, "vector": VectorRestorer}

    @abstractmethod
    def damage(self, values: Tensor) -> Tensor:
        """Make damaged copies of instances in canonical units."""

    def build(self, encoder: Encoder) -> Network:
        """Add a decoder that restores."""
        return Network(encoder, decoder=self.restorers[encoder.preprocessing.kind](encoder))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show a damaged copy, ask for the undamaged instance."""
        return self.damage(batch.values), batch.values

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Squared error, summed over an instance's numbers and averaged over the batch."""
        restored: Tensor = net.decoder(net.encoder, x)
        return (restored - y).square().flatten(1).sum(1).mean()

    def restore(self, X: Any) -> NDArray[np.float32]:
        """Restore damaged instances.

        Parameters
        ----------
        X : as in `fit`
            Damaged instances. Images are brought to the size that the method was fitted on.

        Returns
        -------
        ndarray of float32, shape (n, channels, size, size) or (n, d)
            Images in [0, 1]; vectors in the columns' own units.
        """
        return inferred(self, X, lambda net, x: net.decoder(net.encoder, x))

    def pictures(self, X: Any) -> Pictures | None:
        """Show instances, damaged copies of them, and what is restored from these."""
        with evaluating(self) as (net, device), own_randomness():
            torch.manual_seed(0)
            clean = canonical_instances(self, X, device)
            damaged = self.damage(clean)
            restored = net.decoder(net.encoder, damaged)
        return Pictures.side_by_side(
            "Restored",
            "Each row: an instance, a damaged copy of it, and what the method restores from the copy.",
            instance=clean,
            damaged=damaged,
            restored=restored,
        )
