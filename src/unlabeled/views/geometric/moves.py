"""Views that move pixels: crop, resize, flip, shift, turn and shear. In a row they compose into one resampling."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from unlabeled.views import draw
from unlabeled.views.geometric import geometry
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.geometric.geometry import Size
from unlabeled.views.view import ImageView, Operation, check


@dataclass(frozen=True)
class Resize(ImageView):
    """Resize whole images to a square, bilinearly; images that shrink are smoothed first.

    Parameters
    ----------
    size : int
        Side of the square, in pixels.

    Examples
    --------
    >>> import torch
    >>> Resize(24)(torch.rand(2, 3, 32, 40)).shape
    torch.Size([2, 3, 24, 24])
    """

    size: int

    def __post_init__(self) -> None:
        check(self.size >= 1, self, "size", "a number of pixels, at least 1")

    def paint(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Resize all images, chosen or not: a batch has one size."""
        square = (self.size, self.size)
        canvas.move(geometry.stretch(len(chosen), canvas.size, square), square)


@dataclass(frozen=True)
class Move(Operation):
    """Base of the operations that move pixels: a subclass says where each position of the result lies in the image."""

    @abstractmethod
    def maps(self, n: int, size: Size, generator: Generator | None) -> Tensor:
        """Draw a map for each of n images of the given size; float64, shape (n, 2, 3) (see `geometry`)."""

    def result(self, size: Size) -> Size:
        """Give the size of the result for images of the given size: the same, unless a subclass says otherwise."""
        return size

    def apply(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Draw a map for every image; those not chosen are only brought to the result's size."""
        n, result = len(chosen), self.result(canvas.size)
        maps = self.maps(n, canvas.size, generator)
        plain = geometry.stretch(n, canvas.size, result)
        canvas.move(torch.where(chosen[:, None, None], maps, plain), result)


@dataclass(frozen=True)
class RandomCrop(Move):
    """Cut a box of random area and shape out of each image and resize it.

    The area is uniform in `scale`, the logarithm of width / height uniform in the logarithms of `ratio`, and the place
    uniform among those where the box lies inside the image, in whole pixels. A box that does not fit is drawn again,
    up to ten times; after that the largest box of an admissible shape is cut from the centre.

    Parameters
    ----------
    scale : tuple of float, default (0.08, 1.0)
        Range of the box's area, as a fraction of the image's.
    ratio : tuple of float, default (3/4, 4/3)
        Range of the box's width / height.
    size : int, optional
        Side of the resulting square, in pixels; None keeps the image's own height and width.
    p : float, default 1.0
        Probability for each image.

    References
    ----------
    .. [1] Szegedy et al., "Going Deeper with Convolutions", 2015.

    Examples
    --------
    >>> import torch
    >>> RandomCrop(size=24)(torch.rand(8, 3, 32, 40)).shape
    torch.Size([8, 3, 24, 24])
    """

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    size: int | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(0 < self.scale[0] <= self.scale[1] <= 1, self, "scale", "a range (low, high) of areas within (0, 1]")
        check(0 < self.ratio[0] <= self.ratio[1], self, "ratio", "a range (low, high) above 0")
        check(self.size is None or self.size >= 1, self, "size", "a number of pixels, at least 1, or None")

    def result(self, size: Size) -> Size:
        """Give the size of the crops."""
        return size if self.size is None else (self.size, self.size)

    def maps(self, n: int, size: Size, generator: Generator | None) -> Tensor:
        """Draw a box for each image and map the result onto it."""
        corner, box = self.boxes(n, size, generator)
        result = self.result(size)
        return geometry.axis_aligned(box / torch.tensor([result[1], result[0]]), corner)

    def boxes(self, n: int, size: Size, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw the boxes: the upper left corner (x, y) and the extent (width, height) of each.

        Parameters
        ----------
        n : int
            Number of images.
        size : tuple of int
            Their height and width.
        generator : torch.Generator, optional
            Source of randomness.

        Returns
        -------
        corner, extent : Tensor, float64, shape (n, 2)
            In whole pixels.
        """
        height, width = size
        area = height * width * draw.uniform((n, 10), *self.scale, generator)
        ratio = draw.uniform((n, 10), math.log(self.ratio[0]), math.log(self.ratio[1]), generator).exp()
        tries = torch.stack(((area * ratio).sqrt().round(), (area / ratio).sqrt().round()), 2)
        # The largest admissible box comes last; of the boxes that fit, the first is taken.
        shape = min(max(width / height, self.ratio[0]), self.ratio[1])
        largest = torch.tensor([min(width, round(height * shape)), min(height, round(width / shape))])
        tries = torch.cat((tries, largest.clamp(min=1).to(tries).expand(n, 1, 2)), 1)
        whole = torch.tensor([width, height])
        fits = ((tries >= 1) & (tries <= whole)).all(2)
        first = fits.byte().argmax(1)
        extent = tries[torch.arange(n), first]
        corner = (draw.uniform((n, 2), 0.0, 1.0, generator) * (whole - extent + 1)).floor()
        centred = ((whole - extent) / 2).floor()
        return torch.where((first == 10)[:, None], centred, corner), extent


@dataclass(frozen=True)
class Flip(Move):
    """Mirror each image left to right.

    Parameters
    ----------
    p : float, default 0.5
        Probability for each image.

    Examples
    --------
    >>> import torch
    >>> Flip(p=1.0)(torch.tensor([[[[0.1, 0.2, 0.3]]]]))
    tensor([[[[0.3000, 0.2000, 0.1000]]]])
    """

    p: float = 0.5

    def maps(self, n: int, size: Size, generator: Generator | None) -> Tensor:
        """Map x to width - x."""
        scale, offset = torch.tensor([[-1.0, 1.0], [size[1], 0.0]], dtype=torch.float64)
        return geometry.axis_aligned(scale.expand(n, 2), offset.expand(n, 2))


@dataclass(frozen=True)
class Shift(Move):
    """Move each image by a whole number of pixels along x and along y; the gap shows the image's mirror image.

    Parameters
    ----------
    fraction : float, default 0.125
        Largest shift, as a fraction of the width or the height, rounded down to whole pixels.
    p : float, default 1.0
        Probability for each image.

    References
    ----------
    .. [1] Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence", 2020.
    """

    fraction: float = 0.125
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(0 <= self.fraction <= 1, self, "fraction", "between 0 and 1")

    def maps(self, n: int, size: Size, generator: Generator | None) -> Tensor:
        """Draw a shift along each axis."""
        furthest = [math.floor(self.fraction * length) for length in (size[1], size[0])]
        shifts = [draw.choice((n,), 2 * most + 1, generator) - most for most in furthest]
        return geometry.axis_aligned(torch.ones(n, 2, dtype=torch.float64), torch.stack(shifts, 1).double())


@dataclass(frozen=True)
class Rotate90(Move):
    """Turn each image by 0°, 90°, 180° or 270°, each as likely as the others; images must be square.

    Parameters
    ----------
    p : float, default 1.0
        Probability for each image.

    References
    ----------
    .. [1] Gidaris et al., "Unsupervised Representation Learning by Predicting Image Rotations", 2018.
    """

    p: float = 1.0

    def maps(self, n: int, size: Size, generator: Generator | None) -> Tensor:
        """Draw a number of quarter turns."""
        return geometry.quarter_turns(draw.choice((n,), 4, generator), size)


@dataclass(frozen=True)
class Rotate(Move):
    """Turn each image about its centre by a small angle.

    Parameters
    ----------
    degrees : float, default 15.0
        Largest angle to either side; drawn uniformly.
    p : float, default 1.0
        Probability for each image.
    """

    degrees: float = 15.0
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(0 <= self.degrees <= 180, self, "degrees", "an angle from 0 to 180")

    def maps(self, n: int, size: Size, generator: Generator | None) -> Tensor:
        """Draw an angle."""
        angle = draw.uniform((n,), -math.radians(self.degrees), math.radians(self.degrees), generator)
        return geometry.turn(angle.cos(), angle.sin(), size)


@dataclass(frozen=True)
class Shear(Move):
    """Slant each image about its centre: rows slide along x in proportion to y, or columns along y to x.

    Parameters
    ----------
    amount : float, default 0.3
        Largest slide, in pixels for each pixel of distance from the centre, to either side; drawn uniformly.
        Which of the two axes slides is drawn too.
    p : float, default 1.0
        Probability for each image.
    """

    amount: float = 0.3
    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.amount >= 0, self, "amount", "0 or above")

    def maps(self, n: int, size: Size, generator: Generator | None) -> Tensor:
        """Draw an axis and a slide."""
        slide = draw.uniform((n,), -self.amount, self.amount, generator)
        along_x = draw.bernoulli(n, 0.5, generator)
        one = torch.ones_like(slide)
        linear = torch.stack((one, slide * along_x, slide * ~along_x, one), 1)
        return geometry.about_centre(linear.view(n, 2, 2), size)
