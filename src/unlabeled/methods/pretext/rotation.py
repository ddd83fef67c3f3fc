"""Rotation prediction: to know which way is up, one must know what is in the picture."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.training.bases.validated import Validated
from unlabeled.views import rotate90


class Rotation(Validated):
    r"""An image is turned by 0, 90, 180 or 270 degrees, and the network says by which.

    Split: x is t in all four positions, y which of them each is. Loss: the cross-entropy of the four-way answer,

    .. math:: L = -\frac{1}{4N} \sum_{i=1}^{N} \sum_{r=0}^{3} \log p(r \mid \mathrm{turn}_r(t_i))

    References
    ----------
    .. [1] Gidaris, Singh & Komodakis, Unsupervised Representation Learning by Predicting Image Rotations, ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = Rotation(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "pretext"

    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def build(self, encoder: Encoder) -> Network:
        """Add a classifier of four turns, with a layer of its own for what only the answer needs."""
        return Network(encoder, head=projection_head(encoder.dim, 4))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show all four positions, hide which is which."""
        turns = torch.arange(4, device=batch.values.device).repeat_interleave(len(batch))
        return rotate90(batch.values.repeat(4, 1, 1, 1), turns), turns

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of the answer."""
        return F.cross_entropy(net.head(net.encoder(x)), y)
