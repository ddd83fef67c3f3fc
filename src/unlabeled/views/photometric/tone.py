"""Views that change tones by a curve: solarize, posterize, autocontrast, equalize."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from unlabeled.views import draw
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.view import Operation, check


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert the values at or above each image's threshold, shape (n,); solarize(x) = 1 - x there."""
    images = images.clamp(0, 1)
    return torch.where(images >= _per_image(threshold), 1 - images, images)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the leading bits of each value as an 8-bit number; `bits`, shape (n,), lie between 1 and 8."""
    step = 2 ** (8 - _per_image(bits))
    return (_eight_bit(images) / step).floor() * step / 255


def autocontrast(images: Tensor) -> Tensor:
    """Stretch each channel so that its values run from 0 to 1; a channel of one value stays as it is."""
    low, high = images.amin((-2, -1), keepdim=True), images.amax((-2, -1), keepdim=True)
    flat = low == high
    return torch.where(flat, images, (images - low) / torch.where(flat, 1, high - low))


def equalize(images: Tensor) -> Tensor:
    """Spread each channel's values so that every tone is about as frequent as every other.

    Values are rounded to 8 bits; with h their histogram, value v becomes (Σ_{u<v} h_u + s/2) / s, rounded down, where
    s is the number of pixels a tone, the most frequent last one left out: the rule of Pillow's `ImageOps.equalize`.

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
        The images.

    Returns
    -------
    Tensor, shape (n, c, h, w)
        Multiples of 1/255.
    """
    tones = _eight_bit(images).long().flatten(2)
    histogram = torch.zeros(*tones.shape[:2], 256, dtype=torch.int64, device=images.device)
    histogram.scatter_add_(2, tones, torch.ones_like(tones))
    last = histogram.gather(2, tones.amax(2, keepdim=True))
    step = (tones.shape[2] - last) // 255
    below = histogram.cumsum(2) - histogram
    curve = ((below + step // 2) // step.clamp(min=1)).clamp(max=255)
    # With fewer than 255 pixels to spread there is no step, and the image stays as it is.
    equal = torch.where(step == 0, tones, curve.gather(2, tones))
    return equal.view(images.shape).to(images.dtype) / 255


def _eight_bit(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round()


def _per_image(parameter: Tensor) -> Tensor:
    return parameter[:, None, None, None]


@dataclass(frozen=True)
class Solarize(Operation):
    """Invert the values of each image that lie at or above a threshold.

    Parameters
    ----------
    threshold : tuple of float, default (0.5, 0.5)
        Range of the threshold; drawn uniformly.
    p : float, default 0.2
        Probability for each image.

    References
    ----------
    .. [1] Grill et al., "Bootstrap Your Own Latent", 2020.
    """

    threshold: tuple[float, float] = (0.5, 0.5)
    p: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check(0 <= self.threshold[0] <= self.threshold[1] <= 1, self, "threshold", "a range (low, high) within [0, 1]")

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a threshold for every image and solarize the chosen ones."""
        canvas.change(solarize, chosen, draw.uniform((len(chosen),), *self.threshold, generator))


@dataclass(frozen=True)
class Posterize(Operation):
    """Keep only the leading bits of each value, taken as an 8-bit number.

    Parameters
    ----------
    bits : tuple of int, default (4, 8)
        Fewest and most bits kept; each number between is as likely.
    p : float, default 1.0
        Probability for each image.
    """

    bits: tuple[int, int] = (4, 8)
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(1 <= self.bits[0] <= self.bits[1] <= 8, self, "bits", "a range (fewest, most) within 1 to 8")

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a number of bits for every image and posterize the chosen ones."""
        fewest, most = self.bits
        canvas.change(posterize, chosen, fewest + draw.choice((len(chosen),), most - fewest + 1, generator))


@dataclass(frozen=True)
class Autocontrast(Operation):
    """Stretch each channel so that its values run from 0 to 1.

    Parameters
    ----------
    p : float, default 1.0
        Probability for each image.
    """

    p: float = 1.0

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Stretch the chosen images; there is nothing to draw."""
        canvas.change(autocontrast, chosen)


@dataclass(frozen=True)
class Equalize(Operation):
    """Spread each channel's values so that every tone is about as frequent as every other.

    Parameters
    ----------
    p : float, default 1.0
        Probability for each image.
    """

    p: float = 1.0

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Equalize the chosen images; there is nothing to draw."""
        canvas.change(equalize, chosen)
