"""What one video is to whatever reads it: times of frames, and their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.video.square import Square

FRAME_RATE = 25.0
"""Frames a second of arrays and folders of frames, which hold no times of their own."""


class Video(Protocol):
    """One video: when its frames are shown, and their pixels."""

    @property
    def times(self) -> NDArray[np.float64]:
        """Give for each frame the seconds since the first at which it is shown; rising."""
        ...

    def identity(self) -> Iterable[str | bytes | NDArray[Any]]:
        """Give what identifies the content, for a fingerprint."""
        ...

    def shorter_side(self) -> int:
        """Give the shorter side of a frame, in pixels."""
        ...

    def read(self, wanted: NDArray[np.int64], square: Square | None = None) -> Iterator[NDArray[np.uint8]]:
        """Decode the frames at some positions in `times`, rising; uint8 of shape (channels, height, width).

        Without a `square` they keep their size, and are RGB. `UnreadableError` if one cannot be decoded.
        """
        ...
