"""Overlays: masks and points drawn over a picture in colours that can be told apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.explore.figures.palette import PALETTE

_COLOURS = np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in PALETTE], dtype=np.float32)


def mask_overlay(frame: NDArray[np.uint8], mask: NDArray[np.int64], strength: float = 0.5) -> NDArray[np.uint8]:
    """Tint each object of a mask in a colour of its own, and draw its outline.

    Parameters
    ----------
    frame : ndarray of uint8, shape (3, h, w)
    mask : ndarray of int64, shape (h, w)
        0 is the background, which stays as it is.
    strength : float, default 0.5
        How much of the colour is laid over an object.

    Returns
    -------
    ndarray of uint8, shape (3, h, w)

    Examples
    --------
    >>> frame, mask = np.zeros((3, 4, 4), np.uint8), np.eye(4, dtype=np.int64)
    >>> mask_overlay(frame, mask)[:, 0, 1].tolist()
    [0, 0, 0]
    """
    colours = _COLOURS[(mask - 1) % len(_COLOURS)].transpose(2, 0, 1)
    inside, edge = mask != 0, outline(mask)
    share = np.where(edge, 1.0, strength) * inside
    blended: NDArray[np.uint8] = np.rint(frame * (1 - share) + colours * share).astype(np.uint8)
    return blended


def outline(mask: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which pixels touch a pixel of another number."""
    edge = np.zeros(mask.shape, dtype=bool)
    down, right = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    return edge


def point_overlay(frame: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw a disc with a white rim at each point (x, y), as large as a fortieth of the frame; shape (3, h, w)."""
    drawn = frame.copy()
    height, width = frame.shape[1:]
    rows, columns = np.mgrid[:height, :width]
    radius = max(2.0, min(height, width) / 40)
    for number, (x, y) in enumerate(points.tolist()):
        away = np.hypot(rows - y, columns - x)
        drawn[:, away <= radius] = 255
        drawn[:, away <= 0.75 * radius] = _COLOURS[number % len(_COLOURS)][:, None].astype(np.uint8)
    return drawn
