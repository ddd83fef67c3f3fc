"""Writing a video file, H.264 where FFmpeg has it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.files import written_aside

WRITTEN = frozenset({".mp4", ".m4v", ".mov", ".mkv"})
_UNIT = Fraction(1, 90_000)  # of a second, in which times are written


def write_video(
    frames: Iterable[NDArray[np.uint8]], times: NDArray[np.float64], path: str | os.PathLike[str], crf: int = 18
) -> None:
    """Write frames with their times, whole or not at all.

    Parameters
    ----------
    frames : iterable of ndarray of uint8, shape (3, h, w)
        One frame in memory at a time; an odd last row or column is left out, which H.264 cannot hold.
    times : ndarray of float64, shape (t,)
        Seconds at which the frames are shown.
    path : path
        Its name ends in ``.mp4``, ``.m4v``, ``.mov`` or ``.mkv``.
    crf : int, default 18
        Quality of H.264, from 0 (lossless) to 51; 18 looks like the original.

    Raises
    ------
    UnlabeledError
        If the ending is another one, or the frames cannot be encoded.
    """
    import av

    check_video_name(path)
    rate = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 25.0
    with written_aside(path) as aside:
        try:
            with av.open(f"file:{aside}", "w") as container:
                good = "libx264" in av.codecs_available
                stream = container.add_stream(
                    "libx264" if good else "mpeg4",
                    rate=Fraction(rate).limit_denominator(1001),
                    options={"crf": str(crf)} if good else {"qscale": "3"},
                )
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = _UNIT if good else stream.codec_context.time_base
                for time, frame in zip(times.tolist(), frames, strict=True):
                    even = frame[:, : frame.shape[1] // 2 * 2, : frame.shape[2] // 2 * 2]
                    if not even.size:
                        raise UnlabeledError(
                            f"{path}: frames of {frame.shape[2]} × {frame.shape[1]} pixels are too small"
                        )
                    if not stream.codec_context.is_open:
                        stream.height, stream.width = even.shape[1:]
                    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even.transpose(1, 2, 0)), format="rgb24")
                    picture.time_base, picture.pts = _UNIT, round(time / _UNIT)
                    container.mux(stream.encode(picture))
                container.mux(stream.encode())
        except av.error.FFmpegError as error:
            raise UnlabeledError(f"{path} cannot be written as a video: {error.strerror or error}") from error


def check_video_name(path: str | os.PathLike[str]) -> None:
    """Refuse a name that is no video's."""
    if Path(path).suffix.lower() not in WRITTEN:
        raise UnlabeledError(f"{path}: the video is written as {', '.join(sorted(WRITTEN))}, so its name ends in these")
