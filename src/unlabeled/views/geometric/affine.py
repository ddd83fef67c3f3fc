"""Affine maps, one an instance: x ↦ A x + b as the matrix [A | b], shape (n, d, d + 1).

Positions in an image (d = 2) and colours of a pixel (d = 1 or 3) are both moved by such maps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def identity_like(maps: Tensor) -> Tensor:
    """Give the map that moves nothing, with the shape, dtype and device of `maps`."""
    return torch.eye(*maps.shape[1:], dtype=maps.dtype, device=maps.device).expand_as(maps)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """Give the map x ↦ outer(inner(x)); shapes (n, d, d + 1)."""
    product = outer[:, :, :-1] @ inner
    product[:, :, -1] += outer[:, :, -1]
    return product


def apply(maps: Tensor, points: Tensor) -> Tensor:
    """Move one point an instance; points have shape (n, d)."""
    return (maps[:, :, :-1] @ points[:, :, None]).squeeze(2) + maps[:, :, -1]
