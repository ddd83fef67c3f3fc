"""A collection of videos, read when they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.arrays import ArrayImages, load_array
from unlabeled.data.classes import encode
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.image.decode import SUFFIXES as IMAGE_SUFFIXES
from unlabeled.data.image.decode import UnreadableError
from unlabeled.data.image.image_sources import folder_classes
from unlabeled.data.labels import labels_of
from unlabeled.data.paths import (
    describe_suffixes,
    existing,
    files_left_out,
    files_under,
    id_of,
    listed_paths,
    with_suffix_in,
)
from unlabeled.data.video.square import Square
from unlabeled.data.video.still_frames import StillFrames, natural_order
from unlabeled.data.video.video_protocol import FRAME_RATE, Video
from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    from unlabeled.data.video.clips import Clips

_SUFFIXES = ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .mpe .ogv .wmv .flv .3gp .ts .mts .m2ts .vob"
SUFFIXES = frozenset(_SUFFIXES.split())
"""Files that are videos. GIF is not among them: as everywhere else in this package it is an image."""


class Videos:
    """A lazy collection of videos: opening it reads names, not frames.

    Parameters
    ----------
    source : path, list or array
        - A folder, searched through, of video files; or, if it has none, of folders of frames: every folder with
          images in it is a video, its frames in the order of their names, numbers as numbers. First-level sub-folders
          are the classes, by the rules of `unlabeled.data.Images`.
        - A video file; or a text file with one path a line, relative to it.
        - A list of paths, or of arrays (t, h, w) or (t, h, w, c).
        - An array of shape (n, t, h, w, c) or (n, t, c, h, w), also in a ``.npy`` (memory-mapped) or ``.npz`` file:
          uint8, or float in [0, 1].
    labels : path, LabelTable or sequence of length n, optional
        Labels of the videos in place of the source's own; see `unlabeled.data.Images`.
    frame_rate : float, default 25
        Frames a second of what has no times of its own: folders of frames and arrays.

    Attributes
    ----------
    ids : list of str
        For files and folders the path relative to the source, or as listed; else ``"0"``, ``"1"``, ...
    labels : ndarray of int64, shape (n,), or None
        Class numbers, −1 where unlabelled.
    classes : list of str or None
    remarks : tuple of str
        What a user should know about what was left out.

    Raises
    ------
    UnlabeledError
        If the source is missing, empty or of no known kind.

    Examples
    --------
    >>> videos = Videos(np.zeros((2, 10, 16, 16, 3), dtype=np.uint8), frame_rate=10)
    >>> videos, videos[0].times[:3].tolist()
    (Videos(2 from ndarray), [0.0, 0.1, 0.2])
    >>> videos.clips(length=4).ids[:2]
    ['0#t=0,0.4', '0#t=0.4,0.8']
    """

    kind: ClassVar[str] = "video"

    def __init__(self, source: Any, *, labels: Any = None, frame_rate: float = FRAME_RATE) -> None:
        if not 0 < frame_rate < float("inf"):
            raise UnlabeledError(f"frame_rate must be a number of frames a second above zero, not {frame_rate!r}")
        self.source = os.fspath(source) if isinstance(source, (str, os.PathLike)) else type(source).__name__
        self.ids, self._videos, tops, self.remarks = _opened(source, frame_rate)
        self.labels: NDArray[np.int64] | None = None
        self.classes: list[str] | None = None
        if tops is not None:
            self.labels, self.classes = encode(tops)
        if labels is not None:
            self.labels, self.classes = labels_of(labels, self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Videos({len(self):,} from {self.source})"

    def __getitem__(self, index: int) -> Video:
        return self._videos[index]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the names and of what identifies each content; worked out when first asked for."""
        pairs = zip(self.ids, self._videos, strict=True)
        return fingerprint(part for name, video in pairs for part in (name, *video.identity()))

    @property
    def grey(self) -> bool:
        """Whether all videos are arrays of one channel."""
        return all(isinstance(video, StillFrames) and video.grey for video in self._videos)

    def read(
        self, index: int, square: Square | None = None, frames: NDArray[np.int64] | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Decode frames of one video in turn, by default all; see `Video.read`.

        Raises
        ------
        UnlabeledError
            If it cannot be read, by name.
        """
        try:
            video = self._videos[index]
            yield from video.read(np.arange(len(video.times)) if frames is None else frames, square)
        except UnreadableError as error:
            raise self.unreadable(index, str(error)) from error

    def clips(self, length: int = 8, **options: Any) -> Clips:
        """Cut the videos into clips ready for learning; the parameters are those of `Clips`."""
        from unlabeled.data.video.clips import Clips

        return Clips(self, length, **options)

    def unreadable(self, index: int, reason: str) -> UnlabeledError:
        """Make the error for a video that cannot be read."""
        return UnlabeledError(f"cannot read video {self.ids[index]!r} of {self.source}: {reason}")


_Opened = tuple[list[str], list[Video], "list[str | None] | None", tuple[str, ...]]


def _opened(source: Any, frame_rate: float) -> _Opened:
    """Find out what `source` is; give names, videos, classes if folders tell them, and remarks."""
    if isinstance(source, (str, os.PathLike)):
        path = existing(os.fspath(source))
        if path.is_dir():
            return _from_folder(path, frame_rate)
        suffix = path.suffix.lower()
        if suffix in (".npy", ".npz"):
            return _from_array(load_array(path)[0], frame_rate, str(path))
        if suffix == ".txt":
            paths, ids = listed_paths(path)
            return ids, [_video_file(file) for file in paths], None, ()
        if suffix not in SUFFIXES:
            raise UnlabeledError(f"{path}: a video ends in {', '.join(sorted(SUFFIXES))}, not in {suffix or 'nothing'}")
        return [id_of(Path(path.name))], [_video_file(path)], None, ()
    if hasattr(source, "ndim") and hasattr(source, "dtype"):
        return _from_array(source, frame_rate, "the array")
    if isinstance(source, (list, tuple)) and source:
        ids = [id_of(Path(s)) if isinstance(s, (str, os.PathLike)) else str(i) for i, s in enumerate(source)]
        return ids, [_from_item(item, frame_rate, f"item {i} of the list") for i, item in enumerate(source)], None, ()
    raise UnlabeledError(
        "videos are a folder, a video file, a list of them, or an array of shape (n, t, h, w, c), "
        f"not {'an empty list' if isinstance(source, (list, tuple)) else type(source).__name__}"
    )


def _from_folder(folder: Path, frame_rate: float) -> _Opened:
    files = files_under(folder)
    found = with_suffix_in(files, SUFFIXES)
    if found:
        inner = [path.relative_to(folder) for path in found]
        videos: list[Video] = [_video_file(path) for path in found]
    else:
        images = with_suffix_in(files, IMAGE_SUFFIXES)
        if not images:
            what = f"it has {describe_suffixes(files)}" if files else "it is empty"
            raise UnlabeledError(f"the folder {folder} holds neither videos nor folders of frames: {what}")
        frames: dict[Path, list[Path]] = {}
        for image in images:
            frames.setdefault(image.parent.relative_to(folder), []).append(image)
        inner = list(frames)
        videos = [StillFrames(sorted(paths, key=natural_order), frame_rate) for paths in frames.values()]
    classes, remarks = folder_classes(inner, "videos")
    left_out = files_left_out(folder, files, SUFFIXES if found else IMAGE_SUFFIXES, "videos" if found else "frames")
    ids = [id_of(path if path.name else Path(folder.resolve().name)) for path in inner]
    return ids, videos, classes, (*left_out, *remarks)


def _from_item(item: Any, frame_rate: float, name: str) -> Video:
    if isinstance(item, (str, os.PathLike)):
        path = existing(os.fspath(item))
        if not path.is_dir():
            return _video_file(path)
        images = with_suffix_in(sorted(path.iterdir(), key=natural_order), IMAGE_SUFFIXES)
        if not images:
            raise UnlabeledError(f"{name}: the folder {path} holds no images to be frames")
        return StillFrames(images, frame_rate)
    if getattr(item, "ndim", 0) not in (3, 4):
        raise UnlabeledError(f"{name} is no video: give a path, or an array of shape (t, h, w) or (t, h, w, c)")
    return StillFrames(ArrayImages(item, name=name).planes, frame_rate)


def _from_array(array: Any, frame_rate: float, name: str) -> _Opened:
    if array.ndim != 5:
        hint = {
            4: "; for one video add an axis, x[None]; for grey ones x[..., None]",
            3: "; for one x[None, ..., None]",
        }
        raise UnlabeledError(
            f"{name} has shape {tuple(array.shape)}; videos are (n, t, h, w, c) or (n, t, c, h, w)"
            + hint.get(array.ndim, "")
        )
    count, length = array.shape[:2]
    if not count or not length:
        raise UnlabeledError(f"{name} holds no frames: its shape is {tuple(array.shape)}")
    planes = ArrayImages(array.reshape(-1, *array.shape[2:]), name=name).planes
    planes = planes.reshape(count, length, *planes.shape[1:])
    return [str(i) for i in range(count)], [StillFrames(planes[i], frame_rate) for i in range(count)], None, ()


def _video_file(path: Path) -> Video:
    from unlabeled.data.video.video_file import VideoFile  # here, for FFmpeg is large

    return VideoFile(path)
