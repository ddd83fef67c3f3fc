"""An image cut into three by three tiles, without the traces by which a network could cheat.

A network that is to say where a tile belongs will use whatever tells it: a line that goes on across a cut, the colour
fringes of a lens, which grow towards the corners, or plain brightness. So tiles are cut with gaps between them and
jitter, each shows one colour channel only, and each is brought to the same mean and deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.errors import UnlabeledError
from unlabeled.views.draw import choice

SMALLEST = 24
"""Pixels a side below which tiles are too small to show anything."""


@dataclass(frozen=True)
class ImageGrid:
    """How an image of a size is cut into 3 × 3 tiles.

    Each cell of the grid is a third of the image. A tile is smaller than its cell by the gap, which is always between
    two tiles, and by the jitter, within which its place is drawn. Tiles are then enlarged to `side`.

    Parameters
    ----------
    size : int
        Pixels a side of the image, at least 24.

    Raises
    ------
    UnlabeledError
        If the image is too small.

    Examples
    --------
    >>> grid = ImageGrid(32)
    >>> grid.cell, grid.gap, grid.tile, grid.side
    (10, 1, 8, 16)
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < SMALLEST:
            raise UnlabeledError(
                f"images are cut into 3 × 3 tiles, which needs {SMALLEST} pixels a side, not {self.size}; "
                "set a larger size"
            )

    @property
    def cell(self) -> int:
        """Pixels a side of a cell."""
        return self.size // 3

    @property
    def gap(self) -> int:
        """Pixels between two tiles at least, and the range of the jitter."""
        return max(1, self.cell // 8)

    @property
    def tile(self) -> int:
        """Pixels a side of a tile as it is cut."""
        return self.cell - 2 * self.gap

    @property
    def side(self) -> int:
        """Pixels a side of a tile as it is shown: half the image's, a multiple of 8."""
        return -(-self.size // 16) * 8

    def cut(self, images: Tensor) -> Tensor:
        """Cut tiles at random places within their cells.

        Parameters
        ----------
        images : Tensor, shape (n, c, size, size)

        Returns
        -------
        Tensor, shape (n, 9, c, tile, tile)
            Row by row.
        """
        n, device = len(images), images.device
        places = choice((n, 9, 2), self.gap + 1).to(device)
        corners = torch.cartesian_prod(*2 * (torch.arange(3, device=device) * self.cell,)) + places
        within = torch.arange(self.tile, device=device)
        rows, columns = (corners[:, :, axis, None] + within for axis in (0, 1))
        which = torch.arange(n, device=device)[:, None, None, None]
        # Indices before and after the channels bring these to the end.
        return images[which, :, rows[:, :, :, None], columns[:, :, None, :]].permute(0, 1, 4, 2, 3)

    def shown(self, images: Tensor) -> Tensor:
        """Cut tiles and take away what would give their place away; shape (n, 9, c, side, side)."""
        tiles = standardised(one_channel(self.cut(images)))
        enlarged = F.interpolate(tiles.flatten(0, 1), (self.side, self.side), mode="bilinear")
        return enlarged.view(-1, 9, *enlarged.shape[1:])


def one_channel(tiles: Tensor) -> Tensor:
    """Show one colour channel, drawn for each tile by itself, in all channels; tiles of shape (n, 9, c, h, w)."""
    n, count, channels = tiles.shape[:3]
    kept = choice((n, count, 1, 1, 1), channels).to(tiles.device)
    return tiles.gather(2, kept.expand(-1, -1, 1, *tiles.shape[3:])).expand_as(tiles)


def standardised(tiles: Tensor) -> Tensor:
    """Bring each tile to mean ½ and deviation ¼; one that is even everywhere becomes ½."""
    numbers = (2, 3, 4)
    deviation = tiles.std(numbers, keepdim=True, correction=0)
    return 0.5 + 0.25 * (tiles - tiles.mean(numbers, keepdim=True)) / deviation.clamp(min=1e-3)


def assembled(tiles: Tensor) -> Tensor:
    """Put tiles, shape (n, 9, c, h, w), side by side to images, shape (n, c, 3h, 3w)."""
    n, _, channels, height, width = tiles.shape
    grid = tiles.view(n, 3, 3, channels, height, width).permute(0, 3, 1, 4, 2, 5)
    return grid.reshape(n, channels, 3 * height, 3 * width)
