"""Where each pixel of a view comes from: maps of positions, and the one resampling that carries them out.

A position (x, y) is measured in pixels from the image's upper left corner, so that the pixel in row i and column j has
its centre at (j + ½, i + ½) and an image of width w ends at x = w. A map goes from a position in the result back to one
in the source, as a matrix of shape (2, 3). Beyond its edges an image is continued by its mirror image: no dark corners
appear that a network could take for a feature, and every pixel of a view is a weighted mean of pixels of the image.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from unlabeled.errors import UnlabeledError
from unlabeled.views.photometric.gaussian_blur import gaussian_blur

Size = tuple[int, int]
"""Height and width, in pixels."""


def axis_aligned(scale: Tensor, offset: Tensor) -> Tensor:
    """Make the maps x ↦ scale · x + offset, axis by axis.

    Parameters
    ----------
    scale, offset : Tensor, shape (n, 2)
        Along x and along y.

    Returns
    -------
    Tensor, shape (n, 2, 3)
        The maps.
    """
    return torch.cat((torch.diag_embed(scale), offset[:, :, None]), 2)


def stretch(n: int, source: Size, result: Size) -> Tensor:
    """Make the map that resizes n whole images from one size to another; shape (n, 2, 3)."""
    scale = torch.tensor([source[1] / result[1], source[0] / result[0]], dtype=torch.float64).expand(n, 2)
    return axis_aligned(scale, torch.zeros_like(scale))


def about_centre(linear: Tensor, size: Size) -> Tensor:
    """Make the maps that act by the matrices `linear`, shape (n, 2, 2), and leave the image's centre where it is."""
    centre = torch.tensor([[size[1] / 2], [size[0] / 2]], dtype=torch.float64)
    return torch.cat((linear, centre - linear @ centre), 2)


def turn(cosine: Tensor, sine: Tensor, size: Size) -> Tensor:
    """Make the maps that turn an image counter-clockwise about its centre; cosine and sine have shape (n,)."""
    return about_centre(torch.stack((cosine, -sine, sine, cosine), 1).view(-1, 2, 2), size)


def quarter_turns(turns: Tensor, size: Size) -> Tensor:
    """Make the maps that turn an image counter-clockwise by `turns` · 90°; turns have shape (n,) on the CPU.

    Raises
    ------
    UnlabeledError
        If images are not square: a batch has one shape, and a quarter turn would give some of them another.
    """
    if size[0] != size[1]:
        raise UnlabeledError(f"turns by 90° need square images; these are {size[0]} × {size[1]} (height × width)")
    angle = turns.double() * (torch.pi / 2)
    return turn(angle.cos().round(), angle.sin().round(), size)


def rotate90(images: Tensor, turns: Tensor) -> Tensor:
    """Turn each image counter-clockwise by its own number of quarter turns, exactly.

    Parameters
    ----------
    images : Tensor, shape (n, c, s, s)
        Square images.
    turns : Tensor, int64, shape (n,)
        Quarter turns, 0 to 3.

    Returns
    -------
    Tensor, shape (n, c, s, s)
        The turned images.

    Raises
    ------
    UnlabeledError
        If the images are not square, or there are not as many turns as images.

    Examples
    --------
    >>> import torch
    >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> rotate90(image, torch.tensor([1]))
    tensor([[[[2., 4.],
              [1., 3.]]]])
    """
    if turns.shape != images.shape[:1]:
        raise UnlabeledError(f"{len(images)} images need turns of shape ({len(images)},); got {tuple(turns.shape)}")
    size = (images.shape[2], images.shape[3])
    return resample(images, quarter_turns(turns.cpu(), size), size)


def resample(images: Tensor, maps: Tensor, size: Size) -> Tensor:
    """Make each pixel of the result by looking up its position in the source.

    Where a map takes pixel centres to pixel centres (flips, quarter turns, whole shifts, nothing at all) pixels are
    copied and the result is exact; elsewhere they are interpolated bilinearly.

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
        The source.
    maps : Tensor, float64, shape (n, 2, 3), on the CPU
        From positions in the result to positions in the source.
    size : tuple of int
        Height and width of the result.

    Returns
    -------
    Tensor, shape (n, c, *size)
        A new tensor.
    """
    exact = _keeps_pixels(maps)
    if exact.all():
        return _copied(images, maps, size)
    result = _interpolated(images, maps, size)
    if exact.any():
        rows = exact.nonzero().squeeze(1)
        here = rows.to(images.device)
        result.index_copy_(0, here, _copied(images.index_select(0, here), maps[rows], size))
    return result


def _keeps_pixels(maps: Tensor) -> Tensor:
    """Tell which maps take every pixel centre to a pixel centre; shape (n,)."""
    linear, centre = maps[:, :, :2], maps.sum(2) - maps[:, :, :2].sum(2) / 2
    one_a_row = ((linear == 0) | (linear.abs() == 1)) & (linear.abs().sum(2, keepdim=True) == 1)
    return one_a_row.flatten(1).all(1) & ((centre - 0.5) % 1 == 0).all(1)


def _copied(images: Tensor, maps: Tensor, size: Size) -> Tensor:
    """Resample where every position is a pixel's centre."""
    n, c, height, width = images.shape

    def index(column: Tensor, row: Tensor) -> Tensor:
        """Give the place, in a flattened image, of the pixel that each position of the result shows; shape (n, k)."""
        position = maps[:, :, :1] * (column + 0.5) + maps[:, :, 1:2] * (row + 0.5) + maps[:, :, 2:]
        ends = torch.tensor([[width], [height]])
        position = position % (2 * ends)
        x, y = torch.minimum(position, 2 * ends - position).long().unbind(1)  # half a pixel above it: cut off
        return y * width + x

    # Along a row and along a column only one coordinate changes, so the place is a sum of one term for each.
    first = torch.zeros(1)
    by_column, by_row = index(torch.arange(size[1]), first), index(first, torch.arange(size[0]))
    by_column, by_row = by_column.to(images.device), (by_row - by_row[:, :1]).to(images.device)
    places = (by_column[:, None, :] + by_row[:, :, None]).flatten(1)
    return images.flatten(2).gather(2, places[:, None].expand(n, c, size[0] * size[1])).view(n, c, *size)


def _interpolated(images: Tensor, maps: Tensor, size: Size) -> Tensor:
    """Resample bilinearly."""
    images = _smoothed(images, maps)
    ends = torch.tensor([[images.shape[3]], [images.shape[2]]])
    maps = 2 * maps / ends  # in grid_sample's unit, where an image runs from -1 to 1
    by_column = maps[:, :, :1] * (torch.arange(size[1]) + 0.5) + maps[:, :, 2:] - 1
    by_row = maps[:, :, 1:2] * (torch.arange(size[0]) + 0.5)
    by_column, by_row = (part.to(images.dtype).to(images.device) for part in (by_column, by_row))
    # One plane for x and one for y: they are written, and then read, faster than pairs side by side.
    grid = (by_column[:, :, None, :] + by_row[:, :, :, None]).permute(0, 2, 3, 1)
    return grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _smoothed(images: Tensor, maps: Tensor) -> Tensor:
    """Smooth images that are about to shrink, so that detail finer than the new pixels does not turn into a pattern."""
    # Source pixels a step in the result strides over, along x and y; the width for it is the usual rule of thumb.
    strides = maps[:, :, :2].abs().amax(2)
    sigma = ((strides - 1) / 2).clamp(min=0)
    if not sigma.any():
        return images
    return gaussian_blur(images, sigma.to(images.dtype).to(images.device), float(sigma.max()))
