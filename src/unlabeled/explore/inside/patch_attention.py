"""Attention between the patches of an image, layer by layer and head by head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unlabeled.encoders import Encoder
from unlabeled.encoders.image.timm import Timm
from unlabeled.encoders.image.vit import ViT
from unlabeled.errors import UnlabeledError
from unlabeled.explore.inside.layer_outputs import captured


def has_patch_attention(encoder: Encoder) -> bool:
    """Tell whether this is our ``vit``, or a vision transformer of timm whose attention is of the plain kind."""
    return isinstance(encoder, ViT) or (isinstance(encoder, Timm) and bool(_attentions(encoder)))


@torch.no_grad()
def patch_attention(encoder: Encoder, images: Tensor) -> Tensor:
    r"""Give the attention of every patch to every other, softmax of :math:`q \cdot k / \sqrt d`.

    Parameters
    ----------
    encoder : Encoder
        Our ``vit``, or a vision transformer of timm, of which the class and register tokens are left out.
    images : Tensor, shape (n, c, h, w)
        In canonical units.

    Returns
    -------
    Tensor, shape (n, layers, heads, patches, patches)
        Rows, the patches that attend, sum to 1; to what the other tokens leave, where there are such.

    Raises
    ------
    UnlabeledError
        For other encoders.
    """
    if isinstance(encoder, Timm) and has_patch_attention(encoder):
        return _of_timm(encoder, images)
    if not isinstance(encoder, ViT):
        raise UnlabeledError(f"encoder {encoder.architecture!r} has no attention between patches that can be shown")
    layers: dict[str, nn.Module] = {
        str(i): layer.get_submodule("query_key_value") for i, layer in enumerate(encoder.layers)
    }
    with captured(layers) as kept:
        encoder(images)
    found = []
    for name in layers:
        n, length, width = kept[name].shape
        parts = kept[name].view(n, length, 3, encoder.heads, width // 3 // encoder.heads)
        query, key, _ = parts.permute(2, 0, 3, 1, 4)
        found.append((query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1))
    return torch.stack(found, 1)


def _attentions(encoder: Timm) -> list[nn.Module]:
    """Give the attention of each block of a timm model; nothing where one of them is of another kind."""
    layers = [getattr(block, "attn", None) for block in getattr(encoder.body, "blocks", [])]
    plain = all(type(layer).__name__ == "Attention" and hasattr(layer, "qkv") for layer in layers)
    return [layer for layer in layers if layer is not None] if plain else []


def _of_timm(encoder: Timm, images: Tensor) -> Tensor:
    layers: list[Any] = _attentions(encoder)
    with captured({str(i): layer.qkv for i, layer in enumerate(layers)}) as kept:
        encoder(images)
    first = int(getattr(encoder.body, "num_prefix_tokens", 0))
    found = []
    for i, layer in enumerate(layers):
        n, length, width = kept[str(i)].shape
        parts = kept[str(i)].view(n, length, 3, layer.num_heads, width // 3 // layer.num_heads)
        query, key, _ = parts.permute(2, 0, 3, 1, 4)
        query, key = layer.q_norm(query), layer.k_norm(key)
        attention = (layer.scale * query @ key.transpose(-1, -2)).softmax(-1)
        found.append(attention[..., first:, first:])
    return torch.stack(found, 1)
