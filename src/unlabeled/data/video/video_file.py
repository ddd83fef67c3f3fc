"""A video file, read with PyAV (FFmpeg): which frames it has and when they are shown, and the pixels of some of them.

=============================  ======================================================================
variable frame rate            frames are chosen by presentation time stamp, never by counting
rotation (display matrix)      applied, in steps of 90°
pixels that are not square     the width is scaled
sound, subtitles, cover art    passed over
no time stamps, or guessed     frames are counted at the average rate
containers without an index    read from the start: after a seek, FFmpeg's time stamps are another frame's or missing
damaged or truncated           refused by name; missing frames are not filled up
=============================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from unlabeled.data.fingerprint import file_digest
from unlabeled.data.image.decode import MAX_PIXELS, UnreadableError
from unlabeled.data.instances import mapped_ahead
from unlabeled.data.video.frame_scaler import FrameScaler
from unlabeled.data.video.square import Square

SEEK_OVER = 32
"""Frames that are decoded and dropped rather than skipped by a seek: a seek costs about as much."""

LONG, AHEAD = 16, 4
"""From how many frames on one is scaled in a thread while the next is decoded, and how many may wait for that."""

_USUAL_RATE = 25.0  # frames a second, for a stream that says nothing about time
_SEEKABLE = frozenset({"mov", "matroska", "avi", "flv", "asf"})  # formats of FFmpeg with an index of key frames
_SKIPPABLE = frozenset({"h264", "hevc", "vp8", "vp9", "mpeg4", "mpeg1video", "mpeg2video"})
"""Decoders that are asked at each packet whether to skip it; that of AV1 is asked once, and skips from then on."""
_REORDERED = frozenset({"h264", "hevc"})  # codecs whose frames in AVI get times of the order in which they are stored


class _Index(NamedTuple):
    """Time stamps of all frames in the order in which they are shown, and from which of them reading can start."""

    stamps: NDArray[np.int64]
    is_start: NDArray[np.bool_]  # key frames that a seek finds; only the first where none can be relied on
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
        """Give the digest of the content."""
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
            scaler = FrameScaler(aspect, square)
            for run in _runs(wanted, index.is_start):
                frames = self._frames(container, stream, run, index)
                if len(run) < LONG:
                    yield from map(scaler, frames)
                    continue
                with closing(mapped_ahead(scaler, frames, ahead=AHEAD, workers=1)) as scaled:
                    yield from scaled

    def _frames(self, container: Any, stream: Any, wanted: NDArray[np.int64], index: _Index) -> Iterator[Any]:
        """Give for each wanted frame the one that is shown at its time: the last that is not later."""
        stamps = frozenset(index.stamps[wanted].tolist())
        frames = _from_here(container, stream, index, stamps)
        sought = bool(index.is_start[1 : wanted[0] + 1].any())
        if sought:
            container.seek(int(index.stamps[wanted[0]]), stream=stream)
            frames = _from_here(container, stream, index, stamps)
        held, following = next(frames, None), next(frames, None)
        if sought and (held is None or held[0] > index.stamps[wanted[0]]):  # the seek went too far: from the start
            container.seek(int(index.stamps[0]), stream=stream)
            frames = _from_here(container, stream, index, stamps)
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
            stamps, keys = [], []
            for packet in container.demux(stream):  # which is not kept: all of them are the whole compressed video
                if packet.size and not packet.is_discard:
                    stamps.append(packet.pts)
                    keys.append(packet.is_keyframe)
            formats = set(container.format.name.split(","))
            guessed = "avi" in formats and stream.codec_context.has_b_frames and stream.codec_context.name in _REORDERED
            seconds = float(stream.time_base or 0)
            rate = float(stream.average_rate or stream.guessed_rate or _USUAL_RATE)
        if not stamps:
            raise UnreadableError("the video has no frames")
        if None not in stamps and seconds > 0 and not guessed:
            unique, first = np.unique(np.array(stamps, np.int64), return_index=True)
            is_start = np.array(keys, bool)[first] if formats & _SEEKABLE else np.arange(len(unique)) == 0
            return _Index(unique, is_start, seconds, counted=False)
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
            raise UnreadableError(self._reason(error)) from error

    def _reason(self, error: Any) -> str:
        """Say what FFmpeg's error means for the file."""
        if isinstance(error, (av.error.EOFError, av.error.InvalidDataError)):
            if self.path.stat().st_size == 0:
                return "the file is empty"
            return "it holds no frames that FFmpeg can read; it is no video, or is damaged or cut off"
        if isinstance(error, av.error.ArgumentError):
            return f"a frame cannot be decoded; it is damaged, or of many more than {self.max_pixels:,} pixels"
        return str(error.strerror or error)

    def _video_stream(self, container: Any) -> Any:
        streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
        if not streams:
            raise UnreadableError("it has no video stream")
        stream = streams[0]
        if stream.codec_context is None:
            raise UnreadableError("FFmpeg has no decoder for its codec; convert it, for example to H.264")
        if stream.width * stream.height > self.max_pixels:
            raise UnreadableError(f"{stream.width} × {stream.height} pixels are more than {self.max_pixels:,}")
        # Frames may grow after the header. FFmpeg counts in whole blocks, which are a little more.
        stream.codec_context.options = {"max_pixels": str(2 * self.max_pixels)}
        stream.thread_type = "SLICE"  # threads that decode whole frames can deadlock beside PyTorch's
        return stream


def _runs(wanted: NDArray[np.int64], is_start: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Cut the wanted frames where so many lie between two of them, a key frame among these, that a seek is quicker."""
    keys = np.concatenate(([0], np.cumsum(is_start)))
    far = np.diff(wanted) > SEEK_OVER
    key_between = keys[wanted[1:] + 1] > keys[wanted[:-1] + 1]
    return [run for run in np.split(wanted, np.flatnonzero(far & key_between) + 1) if len(run)]


def _from_here(container: Any, stream: Any, index: _Index, wanted: frozenset[int]) -> Iterator[tuple[int, Any]]:
    """Decode on, and give each frame with its time stamp; those that are neither wanted nor needed may be missing."""
    if index.counted:
        yield from enumerate(container.decode(stream))
        return
    skips = stream.codec_context.name in _SKIPPABLE
    for packet in container.demux(stream):
        if skips:
            needed = packet.pts in wanted or packet.pts is None
            stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
        for frame in packet.decode():
            if frame.pts is not None:
                yield frame.pts, frame
