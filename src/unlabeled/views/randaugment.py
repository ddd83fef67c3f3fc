"""RandAugment: a few operations for each image, drawn from a list."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Generator, Tensor

from unlabeled.views import draw
from unlabeled.views.compose import Compose
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.geometric.moves import Rotate, Shear, Shift
from unlabeled.views.photometric.colour import ColourJitter
from unlabeled.views.photometric.filters import Sharpness
from unlabeled.views.photometric.tone import Autocontrast, Equalize, Posterize, Solarize
from unlabeled.views.view import ImageView, check

OPERATIONS: tuple[ImageView, ...] = (
    Compose([]),
    Rotate(degrees=30.0),
    Shear(amount=0.3),
    Shift(fraction=0.3),
    ColourJitter(brightness=0.95, contrast=0.0, saturation=0.0, hue=0.0, p=1.0),
    ColourJitter(brightness=0.0, contrast=0.95, saturation=0.0, hue=0.0, p=1.0),
    ColourJitter(brightness=0.0, contrast=0.0, saturation=0.95, hue=0.0, p=1.0),
    Autocontrast(),
    Equalize(),
    Posterize(bits=(4, 8)),
    Sharpness(amount=0.95),
    Solarize(threshold=(0.0, 1.0), p=1.0),
)
"""The operations and ranges that FixMatch lists, with shears along both axes as one and shifts along both as one."""


@dataclass(frozen=True)
class RandAugment(ImageView):
    """Distort each image by a few operations drawn from a list, with replacement, each in a strength of its own.

    The operations an image has drawn are carried out in the order of the list, not in the order of drawing. In the
    default list moves come first, then colour, then the rest, so that all moves make one resampling.

    Parameters
    ----------
    count : int, default 2
        Operations for each image.
    operations : tuple of ImageView
        The list; by default identity, turn, shear, shift, brightness, contrast, saturation, autocontrast, equalize,
        posterize, sharpness and solarize, in the ranges of FixMatch.

    References
    ----------
    .. [1] Cubuk et al., "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space", 2020.
    .. [2] Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence", 2020.

    Examples
    --------
    >>> import torch
    >>> RandAugment()(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    count: int = 2
    operations: tuple[ImageView, ...] = OPERATIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "operations", tuple(self.operations))  # so that a list is saved as a tuple is
        check(self.count >= 0, self, "count", "0 or above")
        check(len(self.operations) > 0, self, "operations", "a list of at least one view")

    def paint(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw the operations of every image and carry out those of the chosen ones."""
        picks = draw.choice((len(chosen), self.count), len(self.operations), generator)
        for number, operation in enumerate(self.operations):
            for turn in range(self.count):
                operation.paint(canvas, chosen & (picks[:, turn] == number), generator)
