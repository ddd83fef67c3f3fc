"""Rotation prediction: to know which way is up, one must know what is in the picture."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.training.self_supervised import SelfSupervised
from unlabeled.views import rotate90


class Rotation(SelfSupervised):
    r"""An image is turned by 0, 90, 180 or 270 degrees, and the network says by which.

    Split: x is t in all four positions, y which of them each is. Loss: the cross-entropy of the four-way answer,

    .. math:: L = -\frac{1}{4N} \sum_{i=1}^{N} \sum_{r=0}^{3} \log p(r \mid \mathrm{turn}_r(t_i))

    A vector is turned likewise: by quarter turns in the plane of each pair of neighbouring columns, after
    standardising; the last of an odd number of columns stays.

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

    def build(self, encoder: Encoder) -> Network:
        """Add a classifier of four turns, with a layer of its own for what only the answer needs."""
        return Network(encoder, head=projection_head(encoder.dim, 4))

    def split(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Show all four positions, hide which is which."""
        turns = torch.arange(4, device=t.device).repeat_interleave(len(t))
        turn = rotate90 if t.dim() == 4 else turn_columns
        return turn(t.repeat(4, *[1] * (t.dim() - 1)), turns), turns

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of the answer."""
        return F.cross_entropy(net.head(net.encoder(x)).float(), y)


def turn_columns(vectors: Tensor, turns: Tensor) -> Tensor:
    """Turn each pair of neighbouring columns by `turns` quarter turns: (a, b) → (−b, a), once, twice or thrice.

    Parameters
    ----------
    vectors : Tensor, shape (n, d)
        What is turned.
    turns : Tensor of int, shape (n,)
        Quarter turns of each row, 0 to 3.
    """
    a, b = vectors[:, 0:-1:2], vectors[:, 1::2]
    pairs = torch.stack(
        (torch.stack((a, b), 2), torch.stack((-b, a), 2), torch.stack((-a, -b), 2), torch.stack((b, -a), 2))
    )
    turned = pairs[turns, torch.arange(len(vectors), device=vectors.device)].flatten(1)
    return torch.cat((turned, vectors[:, turned.shape[1] :]), 1)
