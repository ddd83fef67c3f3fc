"""Smoothing with a Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad


def gaussian_blur(images: Tensor, sigma: Tensor, max_sigma: float) -> Tensor:
    """Convolve each image with a Gaussian of its own width; edge pixels are repeated beyond the edge.

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
        The images.
    sigma : Tensor, shape (n,) or (n, 2)
        Standard deviation in pixels, or one along x and one along y; 0 leaves an image as it is.
    max_sigma : float
        No sigma is larger. A Gaussian is cut off at 3 sigma, rounded up, and its weights are made to sum to one.

    Returns
    -------
    Tensor, shape (n, c, h, w)
        The blurred images.
    """
    n, c, height, width = images.shape
    radius = max(1, math.ceil(3 * max_sigma))
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    sigma = sigma.reshape(n, -1, 1).clamp(min=1e-3)  # keeps 0/0 away; every weight but the middle one is exactly 0
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2) * (offsets.abs() <= (3 * sigma).ceil())
    weights = (weights / weights.sum(2, keepdim=True)).expand(n, 2, -1)

    def kernel(axis: int) -> Tensor:
        return weights[:, axis].repeat_interleave(c, 0)

    # A Gaussian is separable: one convolution along x and one along y, every channel of every image a group.
    padded = pad(images, (radius, radius, radius, radius), mode="replicate").flatten(0, 1)[None]
    along_x = conv2d(padded, kernel(0)[:, None, None, :], groups=n * c)
    return conv2d(along_x, kernel(1)[:, None, :, None], groups=n * c).view(n, c, height, width)
