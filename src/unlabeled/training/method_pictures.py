"""What a fitted method can show of itself: pictures in rows, with a name for each column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Pictures:
    """Pictures for a report.

    Parameters
    ----------
    title : str
        What they are: "Reconstructions".
    caption : str
        A sentence that says what one sees.
    names : tuple of str
        What stands beneath each column.
    pictures : ndarray of uint8, shape (rows, columns, h, w, 3)
    """

    title: str
    caption: str
    names: tuple[str, ...]
    pictures: NDArray[np.uint8]

    @classmethod
    def side_by_side(cls, title: str, caption: str, **columns: Tensor) -> Pictures:
        """Put batches of images in [0, 1], each of shape (n, 1 or 3, h, w), beside each other under their names."""
        names = tuple(name.replace("_", " ") for name in columns)
        return cls(title, caption, names, np.stack([in_colour(images) for images in columns.values()], axis=1))

    @classmethod
    def grid(cls, title: str, caption: str, images: Tensor, columns: int = 8) -> Pictures:
        """Put images without names into rows of `columns`; what is left over from whole rows is left out."""
        columns = min(columns, len(images))
        whole = len(images) // columns * columns
        pictures = in_colour(images[:whole])
        return cls(title, caption, ("",) * columns, pictures.reshape(-1, columns, *pictures.shape[1:]))


def in_colour(images: Tensor) -> NDArray[np.uint8]:
    """Turn images in [0, 1], shape (n, 1 or 3, h, w), into bytes of shape (n, h, w, 3)."""
    three = images.detach().float().cpu().expand(-1, 3, -1, -1)
    return np.ascontiguousarray((three.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
