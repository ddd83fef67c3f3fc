"""Videos that are made: digits that bounce, balls that fall, and shapes whose masks are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError

Frames = NDArray[np.uint8]


def moving_digits(
    images: ArrayLike, n: int, length: int = 8, size: int = 64, *, digits: int = 1, speed: float = 3.0, seed: int = 0
) -> tuple[Frames, NDArray[np.int64], NDArray[np.float64]]:
    """Make videos of pictures that move evenly and bounce off the walls: Moving MNIST.

    Played backwards they are videos of the same kind, so nothing can tell which way time runs.

    Parameters
    ----------
    images : array of uint8, shape (m, h, w)
        What moves; white on black.
    n, length, size : int
        Videos, frames of each, and their side in pixels.
    digits : int, default 1
        Pictures in a video.
    speed : float, default 3
        Pixels from frame to frame, in a direction drawn for each picture.
    seed : int, default 0

    Returns
    -------
    videos : ndarray of uint8, shape (n, length, size, size, 1)
    which : ndarray of int64, shape (n, digits)
        The pictures that move in each video.
    directions : ndarray of float64, shape (n, digits)
        In which direction each moves at first, in radians.

    References
    ----------
    .. [1] Srivastava, Mansimov & Salakhutdinov, Unsupervised Learning of Video Representations using LSTMs, ICML 2015.

    Examples
    --------
    >>> videos, which, _ = moving_digits(np.full((5, 8, 8), 255, np.uint8), 3, length=4, size=16)
    >>> videos.shape, which.shape
    ((3, 4, 16, 16, 1), (3, 1))
    """
    pictures = np.asarray(images, dtype=np.uint8)
    height, width = pictures.shape[1:]
    if max(height, width) > size:
        raise UnlabeledError(f"pictures of {height} × {width} pixels do not fit into frames of {size}")
    random = np.random.default_rng(seed)
    which = random.integers(len(pictures), size=(n, digits))
    directions = random.uniform(0, 2 * np.pi, (n, digits))
    room = np.array([size - height, size - width], dtype=np.float64)
    start = random.uniform(0, 1, (n, digits, 2)) * room
    step = speed * np.stack((np.sin(directions), np.cos(directions)), -1)
    videos = np.zeros((n, length, size, size, 1), np.uint8)
    for video in range(n):
        for frame in range(length):
            for digit in range(digits):
                y, x = np.rint(_bounced(start[video, digit] + frame * step[video, digit], room)).astype(int)
                place = videos[video, frame, y : y + height, x : x + width, 0]
                np.maximum(place, pictures[which[video, digit]], out=place)
    return videos, which, directions


def falling_balls(n: int, length: int = 8, size: int = 16, *, seed: int = 0) -> Frames:
    """Make videos of a ball that is dropped, falls faster and faster, and stays where it lands.

    Parameters
    ----------
    n, length, size : int
        Videos, frames of each, and their side in pixels.
    seed : int, default 0

    Returns
    -------
    ndarray of uint8, shape (n, length, size, size, 1)
    """
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    radius = size / 8
    videos = np.empty((n, length, size, size, 1), np.uint8)
    for video in videos:
        x, top = random.uniform(radius, size - radius), random.uniform(radius, size / 3)
        gravity = random.uniform(0.7, 1.4) * 2 * size / length**2
        floor = size - radius
        for time, frame in enumerate(video):
            y = min(top + gravity * time**2 / 2, floor)
            inside = (rows + 0.5 - y) ** 2 + (columns + 0.5 - x) ** 2 < radius**2
            frame[..., 0] = np.where(inside, 255, 0)
    return videos


def moving_shapes(
    n: int, length: int = 8, size: int = 64, *, shapes: int = 3, speed: float = 2.0, seed: int = 0
) -> tuple[Frames, NDArray[np.int64]]:
    """Make videos of coloured, textured discs and boxes that move before a textured ground, with the mask of each.

    Parameters
    ----------
    n, length, size : int
        Videos, frames of each, and their side in pixels.
    shapes : int, default 3
        In each video; a later one hides an earlier one.
    speed : float, default 2
        Pixels from frame to frame.
    seed : int, default 0

    Returns
    -------
    videos : ndarray of uint8, shape (n, length, size, size, 3)
    masks : ndarray of int64, shape (n, length, size, size)
        Number of the shape, from 1; 0 is the ground.
    """
    random = np.random.default_rng(seed)
    videos = np.empty((n, length, size, size, 3), np.uint8)
    masks = np.zeros((n, length, size, size), np.int64)
    rows, columns = np.mgrid[:size, :size] + 0.5
    for video, mask in zip(videos, masks, strict=True):
        video[:] = _texture(random, size)
        for shape in range(1, shapes + 1):
            radius = random.uniform(size / 8, size / 5)
            room = np.full(2, size - 2 * radius)
            start, angle = random.uniform(0, 1, 2) * room, random.uniform(0, 2 * np.pi)
            texture, round_one = _texture(random, size), random.random() < 0.5
            for time in range(length):
                y, x = _bounced(start + speed * time * np.array([np.sin(angle), np.cos(angle)]), room) + radius
                away = np.stack((rows - y, columns - x))
                inside = (np.hypot(*away) if round_one else 1.15 * np.abs(away).max(0)) < radius
                # The texture moves with the shape.
                moved = np.roll(texture, (round(y), round(x)), (0, 1))
                video[time][inside] = moved[inside]
                mask[time][inside] = shape
    return videos, masks


def _bounced(position: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fold positions back into [0, room], as a mirror at each wall does."""
    safe = np.maximum(room, 1e-9)
    folded = np.abs(np.mod(position + safe, 2 * safe) - safe)
    return np.asarray(np.minimum(folded, room), np.float64)


def _texture(random: np.random.Generator, size: int) -> NDArray[Any]:
    """Make a patchwork of shades of one random colour, shape (size, size, 3)."""
    cell = max(1, size // 8)
    shades = random.uniform(0.6, 1, (-(-size // cell), -(-size // cell), 1))
    colour = random.uniform(40, 255, 3)
    patches = np.kron(shades, np.ones((cell, cell, 1)))[:size, :size]
    return (patches * colour).astype(np.uint8)
