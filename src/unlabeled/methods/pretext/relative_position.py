"""Relative position: to say on which side a piece of a picture lay, one must know what it is a piece of."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.training.bases.tiles import Tiles

NEIGHBOURS = (0, 1, 2, 3, 5, 6, 7, 8)
"""Cells around the middle one, row by row; their order gives the number of the answer."""


class RelativePosition(Tiles):
    r"""Of two tiles of an image, the network says on which of eight sides of the first the second lay.

    Split: x are the middle tile m of a 3 × 3 grid and one of its neighbours, y where that neighbour was. All eight are
    asked about in each step. Loss, with f the encoder and h a small classifier of the two vectors:

    .. math:: L = -\frac{1}{8N} \sum_{i=1}^{N} \sum_{k=1}^{8} \log p\big(k \mid h(f(m_i), f(t_{ik}))\big)

    Tiles have gaps between them and jitter, show one colour channel, and have the same mean and deviation, so that
    neither edges that go on nor the colour fringes of a lens give the answer away (see
    `unlabeled.views.geometric.image_grid`).

    References
    ----------
    .. [1] Doersch, Gupta & Efros, Unsupervised Visual Representation Learning by Context Prediction, ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((32, 32, 32, 3))
    >>> model = RelativePosition(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (32, 192)
    """

    principle: ClassVar[str] = "pretext"

    def build(self, encoder: Encoder) -> Network:
        """Add a classifier of two vectors."""
        self.check_takes_tiles(encoder)
        return Network(encoder, head=projection_head(2 * encoder.dim, 8, hidden=encoder.dim))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show nine tiles, hide which neighbour is where."""
        tiles = self._grid.shown(batch.values)
        return tiles, torch.arange(8, device=tiles.device).repeat(len(batch))

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of the answers about all eight neighbours."""
        return F.cross_entropy(self._answers(net, x), y)

    def _answers(self, net: Any, tiles: Tensor) -> Tensor:
        """Give the logits, shape (8n, 8): one row for each neighbour of each image."""
        vectors = net.encoder(tiles.flatten(0, 1)).unflatten(0, (-1, 9))
        middle = vectors[:, 4:5].expand(-1, 8, -1)
        logits: Tensor = net.head(torch.cat((middle, vectors[:, NEIGHBOURS]), 2).flatten(0, 1))
        return logits
