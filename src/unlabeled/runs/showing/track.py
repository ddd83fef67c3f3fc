"""Tracking with a run: masks or points of the first frame are followed through a video and drawn over it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from unlabeled.data.image.decode import UnreadableError, picture
from unlabeled.data.paths import existing
from unlabeled.data.video import Videos
from unlabeled.data.video.write_video import check_video_name, write_video
from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.overlay import mask_overlay, point_overlay
from unlabeled.files import check_output
from unlabeled.methods.video.tracking_by_colorization import TrackingByColorization
from unlabeled.registry import saved_method
from unlabeled.runs.grouping.write_table import inputs_of
from unlabeled.runs.run import Run

MOST_OBJECTS = 32
"""Different colours up to which each is an object; a mask with more has soft edges, and is cut at half brightness."""


def track(
    run: str | os.PathLike[str],
    video: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    mask: str | os.PathLike[str] | None = None,
    points: Sequence[tuple[float, float]] | None = None,
    size: int | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Follow what a mask or points mark in the first frame, and write the video with it drawn over.

    Parameters
    ----------
    run : path
        A run of `TrackingByColorization`.
    video : path
        One video file, or a folder of frames.
    out : path
        The video to write.
    mask : path, optional
        A picture of the size of the frames: black is the background, every other colour an object.
    points : sequence of (x, y), optional
        In place of a mask, in pixels.
    size : int, optional
        Pixels a side to which frames are brought, see `TrackingByColorization.track`.
    overwrite : bool, default False
        Replace a file that is already there.

    Returns
    -------
    dict
        ``out``, ``frames``, ``seconds``, and ``objects`` with the number of pixels of each in the first and in the last
        frame, or ``points`` with where each is at the end.

    Raises
    ------
    UnlabeledError
        If the run is of another method, or video, mask or points are not usable.
    """
    check_video_name(out)
    check_output(out, inputs_of(run, video, mask), overwrite=overwrite)
    model = _tracker(run)
    videos = Videos(existing(video))
    if len(videos) != 1:
        raise UnlabeledError(f"{video} holds {len(videos)} videos; name one of them")
    numbers = None if mask is None else read_mask(mask)
    found = model.track(videos, numbers, points=points, size=size)
    draw = mask_overlay if points is None else point_overlay
    times = videos[0].times
    write_video(_drawn(videos, found, draw), times, out)
    result: dict[str, Any] = {"out": str(out), "frames": len(found), "seconds": float(times[-1])}
    if points is not None:
        return result | {"points": [[round(x, 1), round(y, 1)] for x, y in found[-1].tolist()]}
    marked = [number for number in np.unique(found[0]).tolist() if number]
    sizes = [{"object": n, "first": int((found[0] == n).sum()), "last": int((found[-1] == n).sum())} for n in marked]
    return result | {"objects": sizes}


def read_mask(path: str | os.PathLike[str]) -> NDArray[np.int64]:
    """Read a mask: black and transparent are 0, and other colours are numbered from 1, in the order of their values.

    Raises
    ------
    UnlabeledError
        If it cannot be read as a picture.
    """
    try:
        shown = picture(Path(existing(path))).convert("RGB")
        with Image.open(path) as stored:
            if stored.has_transparency_data:  # what is transparent is background, and not the white beneath it
                opaque = (
                    ImageOps.exif_transpose(stored).convert("RGBA").getchannel("A").point(lambda a: 255 * (a > 127))
                )
                shown = Image.composite(shown, Image.new("RGB", shown.size), opaque)
        pixels = np.asarray(shown).astype(np.int64)
    except UnreadableError as error:
        raise UnlabeledError(f"cannot read the mask {path}: {error}") from error
    codes = pixels @ np.array([65536, 256, 1])
    colours = np.unique(codes[codes > 0])
    if len(colours) > MOST_OBJECTS:
        return np.asarray(pixels.mean(2) > 127, np.int64)
    return np.where(codes > 0, np.searchsorted(colours, codes) + 1, 0).astype(np.int64)


def _tracker(run: str | os.PathLike[str]) -> TrackingByColorization:
    folder = Run(run).folder / "model"
    name = saved_method(folder)
    if name != "tracking_by_colorization":
        raise UnlabeledError(
            f"the run in {run} was learnt by {name}, which does not track; "
            "learn one with: unlabeled learn videos/ --method tracking_by_colorization"
        )
    return TrackingByColorization.load(folder)


def _drawn(videos: Videos, found: NDArray[Any], draw: Any) -> Iterator[NDArray[np.uint8]]:
    for frame, what in zip(videos.read(0), found, strict=True):
        yield draw(frame, what)
