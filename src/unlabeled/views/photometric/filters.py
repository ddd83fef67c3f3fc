"""Views that filter: each pixel becomes a function of its neighbours. Gaussian blur, sharpness, Sobel edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

from unlabeled.views import draw
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.photometric.gaussian_blur import gaussian_blur
from unlabeled.views.view import Operation, check


def sharpen(images: Tensor, factor: Tensor) -> Tensor:
    """Move each image away from its smoothed copy: smooth + factor · (image - smooth).

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
        The images.
    factor : Tensor, shape (n,)
        0 gives the smoothed copy, 1 the image, and more makes it sharper.

    Returns
    -------
    Tensor, shape (n, c, h, w)
        The result; pixels on the border, which lack neighbours, stay as they are.
    """
    across = images[..., :-2] + images[..., 1:-1] + images[..., 2:]
    neighbours = across[..., :-2, :] + across[..., 1:-1, :] + across[..., 2:, :]
    middle = images[..., 1:-1, 1:-1]
    smooth = (neighbours + 4 * middle) / 13  # weights 5 in the middle and 1 around it
    result = images.clone()
    result[..., 1:-1, 1:-1] = torch.lerp(smooth, middle, factor[:, None, None, None])
    return result


def sobel(images: Tensor) -> Tensor:
    """Give the strength of the edge at each pixel, channel by channel: √(g_x² + g_y²), with g by Sobel's filters.

    The filters are scaled so that an edge from 0 to 1 along a row or a column has strength 1. Edge pixels are repeated
    beyond the border.
    """
    padded = pad(images, (1, 1, 1, 1), mode="replicate")
    column = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    row = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    along_x = (column[..., 2:] - column[..., :-2]) / 4
    along_y = (row[..., 2:, :] - row[..., :-2, :]) / 4
    return torch.hypot(along_x, along_y)


@dataclass(frozen=True)
class Blur(Operation):
    """Blur each image with a Gaussian of its own width.

    Parameters
    ----------
    sigma : tuple of float, default (0.1, 2.0)
        Range of the Gaussian's standard deviation, in pixels, drawn uniformly. It is the width of the Gaussian, not
        of the kernel that holds it, which is wide enough for three standard deviations to each side.
    p : float, default 0.5
        Probability for each image.

    References
    ----------
    .. [1] Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020.

    Examples
    --------
    >>> import torch
    >>> Blur()(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    sigma: tuple[float, float] = (0.1, 2.0)
    p: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check(0 <= self.sigma[0] <= self.sigma[1], self, "sigma", "a range (low, high) of pixels, not below 0")

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a width for every image and blur the chosen ones."""
        sigma = draw.uniform((len(chosen),), *self.sigma, generator)
        canvas.change(partial(gaussian_blur, max_sigma=self.sigma[1]), chosen, sigma)


@dataclass(frozen=True)
class Sharpness(Operation):
    """Smooth or sharpen each image by a factor drawn uniformly from [max(0, 1 - amount), 1 + amount].

    Parameters
    ----------
    amount : float, default 0.9
        Largest departure of the factor from 1; below 1 smooths, above sharpens.
    p : float, default 1.0
        Probability for each image.
    """

    amount: float = 0.9
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.amount >= 0, self, "amount", "0 or above")

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a factor for every image and filter the chosen ones."""
        factor = draw.uniform((len(chosen),), max(0.0, 1 - self.amount), 1 + self.amount, generator)
        canvas.change(sharpen, chosen, factor)


@dataclass(frozen=True)
class Sobel(Operation):
    """Show the edges: each value becomes the strength of the edge there, channel by channel.

    Parameters
    ----------
    p : float, default 1.0
        Probability for each image.

    References
    ----------
    .. [1] Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020.
    """

    p: float = 1.0

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Filter the chosen images; there is nothing to draw."""
        canvas.change(sobel, chosen)
