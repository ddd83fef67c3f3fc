"""A video file, read with PyAV (FFmpeg): which frames it has and when they are shown, and the pixels of some of them.

=============================  ======================================================================
variable frame rate            frames are chosen by presentation time stamp, never by counting
rotation (display matrix)      applied, in steps of 90°
pixels that are not square     the width is scaled
sound, subtitles, cover art    passed over
no time stamps at all          frames are counted at the average rate
damaged or truncated           refused by name; missing frames are not filled up
=============================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.fingerprint import file_digest
from unlabeled.data.image.decode import MAX_PIXELS, UnreadableError, scaled_sides
from unlabeled.data.video.square import Square

SEEK_OVER = 32
"""Frames that are decoded and dropped rather than skipped by a seek: a seek costs about as much."""

_USUAL_RATE = 25.0  # frames a second, for a stream that says nothing about time


class _Index(NamedTuple):
    """Time stamps of all frames in the order in which they are shown, and which of them are key frames."""

    stamps: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    seconds: float  # of one unit of the stamps
    counted: bool  # the stamps are mere numbers, for the file has none


class VideoFile:
    """One video file. It is opened for each reading and closed again, so any thread may read.

    Parameters
    ----------
    path : Path
    max_pixels : int, default 100,000,000
        Largest width × height accepted.
    """

    def __init__(self, path: Path, max_pixels: int = MAX_PIXELS) -> None:
        self.path, self.max_pixels = path, max_pixels

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """Seconds from the first frame at which each frame is shown; found without decoding."""
        stamps = self._index.stamps
        times: NDArray[np.float64] = (stamps - stamps[0]) * self._index.seconds
        return times

    def identity(self) -> list[str | bytes | NDArray[Any]]:
        """Give size and time of change."""
        return [file_digest(self.path)]

    def shorter_side(self) -> int:
        """Give the shorter side in pixels, from the header."""
        with self._opened() as (_, stream):
            return int(min(stream.width, stream.height))

    def read(self, wanted: NDArray[np.int64], square: Square | None = None) -> Iterator[NDArray[np.uint8]]:
        """Decode some frames, upright.

        Parameters
        ----------
        wanted : ndarray of int64
            Positions in `times`, rising.
        square : Square, optional
            What the frames are brought to; None leaves their size and gives RGB.

        Yields
        ------
        ndarray of uint8, shape (channels, height, width)

        Raises
        ------
        UnreadableError
            If a frame cannot be decoded.
        """
        index = self._index
        with self._opened() as (container, stream):
            aspect = float(stream.sample_aspect_ratio or 1)
            for run in _runs(wanted, index.is_key):
                for frame in self._frames(container, stream, run, index):
                    yield _pixels(frame, aspect, square)

    def _frames(self, container: Any, stream: Any, wanted: NDArray[np.int64], index: _Index) -> Iterator[Any]:
        """Give for each wanted frame the one that is shown at its time: the last that is not later."""
        frames = _from_here(container, stream, index)
        if wanted[0] > 0 and not index.counted:
            container.seek(int(index.stamps[wanted[0]]), stream=stream)
            frames = _from_here(container, stream, index)
        held, following = next(frames, None), next(frames, None)
        if wanted[0] > 0 and (held is None or held[0] > index.stamps[wanted[0]]):  # a seek went too far: from the start
            container.seek(int(index.stamps[0]), stream=stream)
            frames = _from_here(container, stream, index)
            held, following = next(frames, None), next(frames, None)
        for stamp in index.stamps[wanted].tolist():
            while following is not None and following[0] <= stamp:
                held, following = following, next(frames, None)
            if held is None or held[0] > stamp or (following is None and held[0] < stamp):
                at = (stamp - index.stamps[0]) * index.seconds
                raise UnreadableError(f"the frame at {at:.2f} s cannot be decoded; the file is damaged or cut off")
            yield held[1]

    @cached_property
    def _index(self) -> _Index:
        with self._opened() as (container, stream):
            packets = [p for p in container.demux(stream) if p.size and not p.is_discard]
            stamps = [p.pts for p in packets]
            keys = [p.is_keyframe for p in packets]
            seconds = float(stream.time_base or 0)
            rate = float(stream.average_rate or stream.guessed_rate or _USUAL_RATE)
        if not stamps:
            raise UnreadableError("the video has no frames")
        if None not in stamps and seconds > 0:
            unique, first = np.unique(np.array(stamps, np.int64), return_index=True)
            return _Index(unique, np.array(keys, bool)[first], seconds, counted=False)
        with self._opened() as (container, stream):
            count = sum(1 for _ in container.decode(stream))
        if not count:
            raise UnreadableError("none of its frames can be decoded")
        return _Index(np.arange(count), np.arange(count) == 0, 1 / rate, counted=True)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        """Yield the container and its video stream; every failure of FFmpeg becomes `UnreadableError`."""
        try:
            # Named as a file, so that neither a colon in its name nor a playlist in it leads anywhere else.
            with av.open(f"file:{self.path}", options={"protocol_whitelist": "file"}) as container:
                yield container, self._video_stream(container)
        except av.error.FFmpegError as error:
            raise UnreadableError(error.strerror or str(error)) from error

    def _video_stream(self, container: Any) -> Any:
        streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
        if not streams:
            raise UnreadableError("it has no video stream")
        stream = streams[0]
        if stream.codec_context is None:
            raise UnreadableError("FFmpeg has no decoder for its codec; convert it, for example to H.264")
        if stream.width * stream.height > self.max_pixels:
            raise UnreadableError(f"{stream.width} × {stream.height} pixels are more than {self.max_pixels:,}")
        stream.thread_type = "SLICE"  # threads that decode whole frames can deadlock beside PyTorch's
        return stream


def _runs(wanted: NDArray[np.int64], is_key: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Cut the wanted frames where so many lie between two of them, a key frame among these, that a seek is quicker."""
    keys = np.concatenate(([0], np.cumsum(is_key)))
    far = np.diff(wanted) > SEEK_OVER
    key_between = keys[wanted[1:] + 1] > keys[wanted[:-1] + 1]
    return [run for run in np.split(wanted, np.flatnonzero(far & key_between) + 1) if len(run)]


def _from_here(container: Any, stream: Any, index: _Index) -> Iterator[tuple[int, Any]]:
    """Decode on, and give each frame with its time stamp."""
    for number, frame in enumerate(container.decode(stream)):
        if index.counted:
            yield number, frame
        elif frame.pts is not None:
            yield frame.pts, frame


def _pixels(frame: Any, aspect: float, square: Square | None) -> NDArray[np.uint8]:
    """Scale, convert and turn a frame in as few steps as there are."""
    turns = round(frame.rotation / 90) % 4
    shown = (max(1, round(frame.width * aspect)), frame.height)
    upright = shown[::-1] if turns % 2 else shown
    width, height = upright if square is None else scaled_sides(upright, square.size, square.fit)
    if turns % 2:
        width, height = height, width
    # Area averaging does not alias when it shrinks; when it enlarges it would repeat pixels.
    how = "AREA" if width < frame.width else "BICUBIC"
    array = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=how, threads=1)
    array = np.rot90(array, turns)
    if square is None:
        return np.ascontiguousarray(array.transpose(2, 0, 1))
    array = _middle(array, square.size)
    if square.channels == 1:
        return np.asarray(Image.fromarray(np.ascontiguousarray(array)).convert("L"))[None]
    return np.ascontiguousarray(array.transpose(2, 0, 1))


def _middle(array: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cut out the middle, or lay the frame on a square of its mean colour."""
    height, width, _ = array.shape
    top, left = max(0, height - size) // 2, max(0, width - size) // 2
    array = array[top : top + size, left : left + size]
    if array.shape[:2] == (size, size):
        return array
    whole = np.empty((size, size, 3), np.uint8)
    whole[:] = np.rint(array.mean((0, 1)))
    top, left = (size - array.shape[0]) // 2, (size - array.shape[1]) // 2
    whole[top : top + array.shape[0], left : left + array.shape[1]] = array
    return whole
