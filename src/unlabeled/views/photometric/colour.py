"""Views that change colour linearly. In a row they compose into one 3 × 4 matrix an image.

In luma–chroma coordinates a colour is its luma Y = 0.299 R + 0.587 G + 0.114 B and two chroma coordinates I and Q.
There, brightness, contrast, saturation, hue and grey are all of one form, with m the mean luma of the image:

    Y ↦ b (c Y + (1 - c) m),    (I, Q) ↦ b c s · rotation by θ of (I, Q).

Gains multiply and angles add, so the order of these steps makes no difference; sequences that draw a random order
differ from one another only in what they clamp along the way.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cache

import torch
from torch import Generator, Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.views import draw
from unlabeled.views.geometric import affine
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.view import Operation, check

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luma (ITU-R BT.601)."""

_YIQ = (LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def luma_weights(images: Tensor) -> Tensor:
    """Give the weight of each channel in the luma; `images` has its channels in dimension 1.

    Raises
    ------
    UnlabeledError
        If there are neither three channels (RGB) nor one (grey).
    """
    channels = images.shape[1]
    if channels not in (1, 3):
        raise UnlabeledError(f"colour is defined for 3 channels (RGB) or 1 (grey); these images have {channels}")
    return torch.tensor(LUMA if channels == 3 else (1.0,), dtype=images.dtype, device=images.device)


def colour_matrices(mean: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """Make the matrices that change brightness, contrast, saturation and hue.

    Parameters
    ----------
    mean : Tensor, shape (n, c)
        Mean colour of each image, about whose luma contrast pivots; c is 1 or 3.
    brightness, contrast, saturation : Tensor, shape (n,)
        Gains; 1 changes nothing.
    hue : Tensor, shape (n,)
        Turn of the chroma as a fraction of a full circle, from red towards yellow; 0 changes nothing.

    Returns
    -------
    Tensor, shape (n, c, c + 1)
        From a pixel (R, G, B, 1), or (grey, 1), to its new colour.
    """
    weights = luma_weights(mean)
    c = len(weights)
    to_luma = weights.expand(c, c)  # replaces every channel by the luma
    turn = _quarter_turn_of_chroma().to(mean) if c == 3 else torch.zeros_like(to_luma)
    luma_gain, chroma_gain = brightness * contrast, brightness * contrast * saturation
    straight, across = chroma_gain * (hue * 2 * torch.pi).cos(), chroma_gain * (hue * 2 * torch.pi).sin()

    def times(gain: Tensor, matrix: Tensor) -> Tensor:
        return gain[:, None, None] * matrix

    linear = times(straight, torch.eye(c).to(mean)) + times(luma_gain - straight, to_luma) + times(across, turn)
    pivot = brightness * (1 - contrast) * (mean @ weights)
    return torch.cat((linear, pivot[:, None, None].expand(-1, c, 1)), 2)


@cache
def _quarter_turn_of_chroma() -> Tensor:
    """Make the matrix that replaces a colour by its chroma, turned by 90° at luma 0; shape (3, 3)."""
    yiq = torch.tensor(_YIQ, dtype=torch.float64)
    turn = torch.tensor([[0, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=torch.float64)
    return yiq.inverse() @ turn @ yiq


@dataclass(frozen=True)
class Recolour(Operation):
    """Base of the operations that change colour linearly: a subclass gives a matrix an image."""

    @abstractmethod
    def matrices(self, mean: Tensor, generator: Generator | None) -> Tensor:
        """Draw a matrix for each image, given its mean colour, shape (n, c); shape (n, c, c + 1)."""

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a matrix for every image and recolour the chosen ones."""
        matrices = self.matrices(canvas.mean(), generator)
        chosen = chosen.to(matrices.device)[:, None, None]
        canvas.recolour(torch.where(chosen, matrices, affine.identity_like(matrices)))


@dataclass(frozen=True)
class ColourJitter(Recolour):
    """Change brightness, contrast, saturation and hue at random.

    The gains are drawn uniformly from [max(0, 1 - a), 1 + a]. Contrast pivots about the mean luma of the image as it
    stands, that is after a crop that comes before: a view's contrast is about what the view shows. Hue turns the
    chroma at constant luma, which is linear; libraries that turn the hue of HSV hold its V constant instead, and may
    change the luma. Grey images have neither saturation nor hue; brightness and contrast apply to them.

    Parameters
    ----------
    brightness, contrast, saturation : float, defaults 0.8
        The a of each gain.
    hue : float, default 0.2
        Largest turn to either side, as a fraction of a full circle; at most 0.5.
    p : float, default 0.8
        Probability for each image.

    References
    ----------
    .. [1] Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020.

    Examples
    --------
    >>> import torch
    >>> ColourJitter()(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    p: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("brightness", "contrast", "saturation"):
            check(getattr(self, field) >= 0, self, field, "0 or above")
        check(0 <= self.hue <= 0.5, self, "hue", "between 0 and 0.5")

    def matrices(self, mean: Tensor, generator: Generator | None) -> Tensor:
        """Draw three gains and an angle."""
        spreads = (self.brightness, self.contrast, self.saturation)
        ranges = [(max(0.0, 1 - spread), 1 + spread) for spread in spreads] + [(-self.hue, self.hue)]
        drawn = [draw.uniform((len(mean),), low, high, generator) for low, high in ranges]
        return colour_matrices(mean, *torch.stack(drawn).to(mean.dtype).to(mean.device))


@dataclass(frozen=True)
class Grey(Recolour):
    """Drop the colour: every channel becomes the luma.

    Parameters
    ----------
    p : float, default 0.2
        Probability for each image.
    """

    p: float = 0.2

    def matrices(self, mean: Tensor, generator: Generator | None) -> Tensor:
        """Give the matrix of saturation 0."""
        one, zero = mean.new_ones(len(mean)), mean.new_zeros(len(mean))
        return colour_matrices(mean, brightness=one, contrast=one, saturation=zero, hue=zero)


@dataclass(frozen=True)
class Invert(Recolour):
    """Turn each image into its negative, x ↦ 1 - x, channel by channel.

    Parameters
    ----------
    p : float, default 1.0
        Probability for each image.
    """

    p: float = 1.0

    def matrices(self, mean: Tensor, generator: Generator | None) -> Tensor:
        """Give the matrix [-1 | 1]."""
        n, c = mean.shape
        negative = torch.cat((-torch.eye(c), torch.ones(c, 1)), 1)
        return negative.to(mean).expand(n, c, c + 1)
