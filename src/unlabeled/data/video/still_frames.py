"""Videos that are kept as single pictures: a folder of images, or an array."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.arrays import picture_from
from unlabeled.data.fingerprint import file_digest
from unlabeled.data.image.decode import Raw, UnreadableError, picture, picture_size, pixels
from unlabeled.data.video.square import Square


class StillFrames:
    """Frames that are images, shown at a constant rate.

    Parameters
    ----------
    frames : sequence of Path, or ndarray of shape (t, c, h, w)
        Files, or pixels: uint8 or float in [0, 1].
    frame_rate : float
        Frames a second.
    """

    def __init__(self, frames: Sequence[Path] | NDArray[Any], frame_rate: float) -> None:
        self._frames = frames
        self.times: NDArray[np.float64] = np.arange(len(frames)) / frame_rate

    @property
    def grey(self) -> bool:
        """Whether the frames are an array of one channel."""
        return isinstance(self._frames, np.ndarray) and self._frames.shape[1] == 1

    def identity(self) -> Iterator[str | bytes | NDArray[Any]]:
        """Give the names and digests of files, or the array."""
        if isinstance(self._frames, np.ndarray):
            yield self._frames
            return
        for path in self._frames:
            yield path.name
            yield file_digest(path)

    def shorter_side(self) -> int:
        """Give the shorter side of the first frame, in pixels."""
        return min(self._size)

    def read(self, wanted: NDArray[np.int64], square: Square | None = None) -> Iterator[NDArray[np.uint8]]:
        """Decode some frames; see `unlabeled.data.video.videos.Video`."""
        for index in wanted.tolist():
            try:
                self._check_size(index)
                if square is not None:
                    yield pixels(self._raw(index), square.size, square.fit, square.channels)
                else:
                    yield np.asarray(picture(self._raw(index)).convert("RGB")).transpose(2, 0, 1)
            except UnreadableError as error:
                raise UnreadableError(f"{self._name(index)}: {error}") from error

    def _check_size(self, index: int) -> None:
        """Refuse a file of another size than the first: fitted by itself, it would seem to have moved."""
        if isinstance(self._frames, np.ndarray):
            return
        size = picture_size(self._raw(index))
        if size != self._size:
            raise UnreadableError(
                f"it is {size[0]} × {size[1]} pixels, and the first frame {self._size[0]} × {self._size[1]}"
            )

    @cached_property
    def _size(self) -> tuple[int, int]:
        return picture_size(self._raw(0))

    def _raw(self, index: int) -> Raw:
        frame = self._frames[index]
        return frame if isinstance(frame, Path) else picture_from(frame)

    def _name(self, index: int) -> str:
        frame = self._frames[index]
        return frame.name if isinstance(frame, Path) else f"frame {index}"


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort by numbers as numbers: ``frame10`` comes after ``frame9``.

    Examples
    --------
    >>> sorted([Path("frame10.png"), Path("frame9.png")], key=natural_order)[0].name
    'frame9.png'
    """
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
