"""Views that destroy part of an image: cutout and noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor

from unlabeled.views import draw
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.view import Operation, check


def cut_out(images: Tensor, centre: Tensor, fraction: float) -> Tensor:
    """Paint a grey box over each image.

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
        The images.
    centre : Tensor, shape (n, 2)
        Of the box: (x, y) as fractions of the width and height, from 0 to 1. Where the box reaches over the image's
        edge, it is cut off.
    fraction : float
        Width and height of the box, as a fraction of the image's, rounded to whole pixels.

    Returns
    -------
    Tensor, shape (n, c, h, w)
        The result; the box has the value 0.5.
    """

    def covered(length: int, middle: Tensor) -> Tensor:
        side = round(fraction * length)
        first = (middle * length).floor() - side // 2
        place = torch.arange(length, device=images.device) - first[:, None]
        return (place >= 0) & (place < side)

    columns = covered(images.shape[3], centre[:, 0])
    rows = covered(images.shape[2], centre[:, 1])
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0.5)


def add_noise(images: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
    """Add noise, shape (n, c, h, w), in each image's own strength, shape (n,)."""
    return images + sigma[:, None, None, None] * noise


@dataclass(frozen=True)
class Cutout(Operation):
    """Paint a grey box over each image, at a place of its own.

    Parameters
    ----------
    fraction : float, default 0.5
        Width and height of the box, as a fraction of the image's. The centre lies anywhere in the image, so part of
        the box may lie outside it.
    p : float, default 1.0
        Probability for each image.

    References
    ----------
    .. [1] DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.
    """

    fraction: float = 0.5
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(0 <= self.fraction <= 1, self, "fraction", "between 0 and 1")

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a centre for every image and paint the chosen ones."""
        centre = draw.uniform((len(chosen), 2), 0.0, 1.0, generator)
        canvas.change(partial(cut_out, fraction=self.fraction), chosen, centre)


@dataclass(frozen=True)
class Noise(Operation):
    """Add Gaussian noise, independent in every value.

    Parameters
    ----------
    sigma : tuple of float, default (0.0, 0.1)
        Range of the noise's standard deviation, on the scale where white is 1; drawn uniformly.
    p : float, default 1.0
        Probability for each image.
    """

    sigma: tuple[float, float] = (0.0, 0.1)
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(0 <= self.sigma[0] <= self.sigma[1], self, "sigma", "a range (low, high), not below 0")

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a strength and the noise for every image and disturb the chosen ones."""
        sigma = draw.uniform((len(chosen),), *self.sigma, generator)
        noise = draw.normal((len(chosen), canvas.channels, *canvas.size), generator)
        canvas.change(add_noise, chosen, sigma, noise)
