"""What the frames of a clip are brought to."""

from __future__ import annotations

from typing import NamedTuple

from unlabeled.data.image.decode import Fit


class Square(NamedTuple):
    """Side in pixels, how a frame that is not square becomes so, and 3 (RGB) or 1 (grey) channels.

    See `unlabeled.data.image.decode.pixels` for the geometry.
    """

    size: int
    fit: Fit = "crop"
    channels: int = 3
