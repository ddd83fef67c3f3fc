"""Label propagation in a video: each place of a frame takes the labels of the most similar places before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.memory import check_memory

PLACES_AT_ONCE = 1024


class LabelPropagation(NamedTuple):
    """Carry label maps of the first frame through all frames.

    Parameters
    ----------
    memory : int
        Earlier frames that are copied from, beside the first.
    radius : float
        How far, as a share of the frame's side, a place is searched for.
    top : int
        Most similar places that are copied from.
    temperature : float
        Of the softmax over their similarities.
    """

    memory: int
    radius: float
    top: int
    temperature: float

    def __call__(self, features: Iterable[Tensor], first: Tensor) -> Iterator[Tensor]:
        """Give the label maps of all frames, one after another; only the frames copied from are in memory.

        Parameters
        ----------
        features : iterable of Tensor, shape (d, height, width)
            Of each frame in turn; of length 1 at each place.
        first : Tensor, shape (labels, height, width)
            Shares of the labels in the first frame.

        Yields
        ------
        Tensor, shape (labels, height, width)
        """
        near = neighbourhood(first.shape[1], first.shape[2], self.radius, first.device)
        seen: deque[tuple[Tensor, Tensor]] = deque(maxlen=self.memory)
        start: tuple[Tensor, Tensor] | None = None
        for frame in features:
            now = frame.flatten(1)
            if start is None:
                labels = first.flatten(1)
                start = (now, labels)
            else:
                labels = self._copied([start, *seen], now, near)
                seen.append((now, labels))
            yield labels.view(first.shape)

    def _copied(self, before: list[tuple[Tensor, Tensor]], now: Tensor, near: Tensor) -> Tensor:
        """Copy labels, shape (labels, places), to the places of a frame; a few at a time to bound the memory."""
        references = torch.cat([features for features, _ in before], 1)
        labels = torch.cat([labels for _, labels in before], 1)
        parts = []
        for part in torch.arange(now.shape[1], device=now.device).split(PLACES_AT_ONCE):
            similarity = (references.T @ now[:, part]).masked_fill(~near[:, part].repeat(len(before), 1), -torch.inf)
            best, places = similarity.topk(min(self.top, len(similarity)), dim=0)
            parts.append((labels[:, places] * (best / self.temperature).softmax(0)).sum(1))
        return torch.cat(parts, 1)


def neighbourhood(height: int, width: int, radius: float, device: torch.device) -> Tensor:
    """Tell which places lie within a radius, a share of the side, of each other; at least the eight neighbours do."""
    places = height * width
    check_memory(2 * places**2, f"tracking on a grid of {height} × {width} places", "take a smaller size")
    rows, columns = torch.arange(height) / height, torch.arange(width) / width
    limit = max(radius, 1.01 / min(height, width))
    above, beside = ((line[:, None] - line[None]).abs() <= limit for line in (rows, columns))
    return (above[:, None, :, None] & beside[None, :, None, :]).reshape(places, places).to(device)


def point_maps(points: Any, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """Spread each point over the four places around it; shape (k, *grid).

    Raises
    ------
    UnlabeledError
        If the points are not pairs (x, y) inside the frame.
    """
    array = np.asarray(points, dtype=np.float64)
    inside = array.ndim == 2 and array.shape[1:] == (2,) and len(array) and np.isfinite(array).all()
    if not inside or (array < 0).any() or (array >= np.array(size[::-1])).any():
        raise UnlabeledError(f"points are pairs (x, y) inside frames of {size[1]} × {size[0]} pixels")
    maps = torch.zeros(len(array), *grid, dtype=torch.float32)
    for number, (x, y) in enumerate(array.tolist()):
        row = min(max((y + 0.5) * grid[0] / size[0] - 0.5, 0.0), grid[0] - 1.0)
        column = min(max((x + 0.5) * grid[1] / size[1] - 0.5, 0.0), grid[1] - 1.0)
        for r in (int(row), min(int(row) + 1, grid[0] - 1)):
            for c in (int(column), min(int(column) + 1, grid[1] - 1)):
                maps[number, r, c] += max(0.0, 1 - abs(row - r)) * max(0.0, 1 - abs(column - c))
    return maps / maps.sum((1, 2), keepdim=True)


def point_positions(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Give where points are: the centre of gravity of the places that have at least half of the largest share.

    Parameters
    ----------
    maps : Tensor, shape (k, height, width)
    size : tuple of int
        Height and width of the frames in pixels.

    Returns
    -------
    Tensor, shape (k, 2)
        (x, y) in pixels.
    """
    height, width = maps.shape[1:]
    flat = maps.flatten(1)
    weights = flat * (flat >= flat.amax(1, keepdim=True) / 2)
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    y = (rows.flatten().to(maps) + 0.5) * size[0] / height - 0.5
    x = (columns.flatten().to(maps) + 0.5) * size[1] / width - 0.5
    return torch.stack(((weights * x).sum(1), (weights * y).sum(1)), 1)
