"""Inpainting: what was in a hole is known to who knows what is around it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.image.masks import read_mask
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.image.map_decoder import MapDecoder
from unlabeled.training.bases.validated import Validated
from unlabeled.training.inference import canonical_instances, evaluating, inferred
from unlabeled.training.loop import own_randomness
from unlabeled.training.method_pictures import Pictures
from unlabeled.views.draw import uniform


class Inpainting(Validated):
    r"""A block is cut out of an image, and the network paints what was there.

    Split: x is t with a grey block, and where the block is; y is t. The block's sides are a quarter to a half of the
    image's, and it lies anywhere. Loss, with M the hidden pixels of an image, c its channels, f the encoder and g a
    decoder that sees the encoder's feature maps, the image with its hole, and the mask:

    .. math:: L = \frac1N \sum_{i=1}^{N} \frac{1}{c\,|M_i|} \sum_{p \in M_i} \lVert t_{ip} - g(f(x_i))_p \rVert^2

    This is the context encoder without its adversarial loss, so what is painted is the mean of what might be there.

    References
    ----------
    .. [1] Pathak, Krähenbühl, Donahue, Darrell & Efros, Context Encoders: Feature Learning by Inpainting, CVPR 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = Inpainting(epochs=1, random_state=0, progress=False).fit(images)
    >>> mask = np.zeros((8, 8))
    >>> mask[2:5, 2:5] = 1
    >>> model.inpaint(images, mask).shape
    (64, 1, 8, 8)
    """

    principle: ClassVar[str] = "pretext"

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    minimum_rows: ClassVar[int] = 2

    def build(self, encoder: Encoder) -> Network:
        """Add a decoder that sees the image with its hole, and where the hole is."""
        channels = encoder.preprocessing.shape[0]
        return Network(encoder, decoder=MapDecoder(encoder, channels, beside=channels + 1))

    def split(self, batch: Batch) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Show images with a hole each, and where it is; ask for the images."""
        hole = blocks(batch.values)
        return (with_hole(batch.values, hole), hole), batch.values

    def loss(self, net: Network, x: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        """Mean squared error over the hidden pixels of an image, and then over the images."""
        shown, hole = x
        errors = (self._painted(net, shown, hole) - y).square().mean(1, keepdim=True) * hole
        return (errors.flatten(1).sum(1) / hole.flatten(1).sum(1)).mean()

    def inpaint(self, X: Any, mask: Any) -> NDArray[np.float32]:
        """Paint what is behind a mask; all other pixels stay as they are.

        Parameters
        ----------
        X : as in `fit`
        mask : path, PIL image or array of shape (size, size)
            Not zero (white) where to paint; the same for all images, of the size that they are brought to.

        Returns
        -------
        ndarray of float32, shape (n, channels, size, size)
            In [0, 1].

        Raises
        ------
        UnlabeledError
            If the mask has another size, or marks no pixel or every one.
        """
        with evaluating(self):  # says first that nothing was fitted
            size = self.encoder_.preprocessing.shape[-1]
        marked = torch.from_numpy(read_mask(mask, (size, size))).float()

        def painted(net: Network, values: Tensor) -> Tensor:
            hole = marked.to(values.device).expand(len(values), 1, -1, -1)
            return torch.where(hole > 0, self._painted(net, with_hole(values, hole), hole), values)

        return inferred(self, X, painted)

    def pictures(self, X: Any) -> Pictures | None:
        """Show images, the same with a hole, and painted."""
        with evaluating(self) as (net, device), own_randomness():
            torch.manual_seed(0)
            values = canonical_instances(self, X, device)
            hole = blocks(values)
            seen = with_hole(values, hole)
            painted = torch.where(hole > 0, self._painted(net, seen, hole), values)
        return Pictures.side_by_side(
            "Inpainted",
            "Each row: an image, the same with a hole, and what the network paints there.",
            image=values,
            with_hole=seen,
            painted=painted,
        )

    def _painted(self, net: Network, seen: Tensor, hole: Tensor) -> Tensor:
        painted: Tensor = net.decoder(net.encoder.features(seen).maps(), torch.cat((seen, hole), 1))
        return painted.float()


def blocks(images: Tensor) -> Tensor:
    """Draw a block for each image, of a quarter to a half of its sides; shape (n, 1, h, w), 1 in the block."""
    marked = []
    for length in images.shape[2:]:
        side = (length * uniform((len(images), 1), 0.25, 0.5)).round().clamp(min=1)
        first = (uniform((len(images), 1), 0, 1) * (length - side + 1)).floor()
        place = torch.arange(length) - first
        marked.append((place >= 0) & (place < side))
    rows, columns = marked
    return (rows[:, :, None] & columns[:, None, :])[:, None].to(images)


def with_hole(images: Tensor, hole: Tensor) -> Tensor:
    """Make the hole grey, so that nothing of what was there is left."""
    return torch.where(hole > 0, torch.full_like(images, 0.5), images)
