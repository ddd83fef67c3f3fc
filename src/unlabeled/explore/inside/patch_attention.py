"""Attention between the patches of an image, layer by layer and head by head."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.encoders.image.vit import ViT
from unlabeled.explore.inside.layer_outputs import captured


@torch.no_grad()
def patch_attention(encoder: ViT, images: Tensor) -> Tensor:
    r"""Give the attention of every patch to every other, softmax of :math:`q \cdot k / \sqrt d`.

    Parameters
    ----------
    encoder : ViT
    images : Tensor, shape (n, c, h, w)
        In canonical units.

    Returns
    -------
    Tensor, shape (n, layers, heads, patches, patches)
        Rows, the patches that attend, sum to 1.
    """
    layers = {str(i): layer.query_key_value for i, layer in enumerate(encoder.layers)}
    with captured(layers) as kept:  # type: ignore[arg-type]
        encoder(images)
    found = []
    for name in layers:
        n, length, width = kept[name].shape
        parts = kept[name].view(n, length, 3, encoder.heads, width // 3 // encoder.heads)
        query, key, _ = parts.permute(2, 0, 3, 1, 4)
        found.append((query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1))
    return torch.stack(found, 1)
