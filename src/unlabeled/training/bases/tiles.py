"""Methods that ask where the tiles of an image belong."""

from __future__ import annotations

from typing import ClassVar

import torch

from unlabeled.encoders import Encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing
from unlabeled.training.bases.validated import Validated
from unlabeled.views.geometric.image_grid import ImageGrid


class Tiles(Validated):
    """Base of methods whose encoder sees the tiles of an image, each by itself, which are smaller than the image."""

    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def prepare(self, preprocessing: Preprocessing) -> None:
        """See how images of this size are cut."""
        super().prepare(preprocessing)
        self._grid = ImageGrid(preprocessing.shape[-1])

    @torch.no_grad()
    def check_takes_tiles(self, encoder: Encoder) -> None:
        """Refuse an encoder that takes images of its own size only, or whose vectors grow with the image.

        Raises
        ------
        UnlabeledError
        """
        channels, size, _ = encoder.preprocessing.shape
        training, side = encoder.training, self._grid.side
        device = next((parameter.device for parameter in encoder.parameters()), None)
        try:
            fits = encoder.eval()(torch.zeros(1, channels, side, side, device=device)).shape == (1, encoder.dim)
        except (AssertionError, RuntimeError, ValueError):  # each library says it otherwise
            fits = False
        encoder.train(training)
        if not fits:
            raise UnlabeledError(
                f"encoder {encoder.architecture!r} for images of {size} pixels does not take their tiles, which are "
                f"shown at {side} pixels; take an encoder for any size, such as 'conv', or another size"
            )
