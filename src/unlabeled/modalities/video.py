"""Videos: cut into clips of one length, their frames brought to one size and to numbers in [0, 1]."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.arrays import load_array
from unlabeled.data.instances import Instances
from unlabeled.data.paths import holds_suffix
from unlabeled.data.video.clip_names import clip_span
from unlabeled.data.video.square import Square
from unlabeled.data.video.videos import SUFFIXES, Videos
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.modality import Modality, OnError
from unlabeled.modalities.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from unlabeled.views import View

CLIP_LENGTH = 8
BASELINE_SIDE = 16
"""Pixels a side of the frames of the raw baseline."""


@dataclass(frozen=True)
class VideoPreprocessing(Preprocessing):
    """Videos are cut into clips of `length` frames, `channels` × `size` × `size` bytes each, and scaled to [0, 1].

    Parameters
    ----------
    length : int
        Frames in a clip.
    size : int
        Pixels along a side.
    channels : int, default 3
        Colour channels.
    fit : {"crop", "squash", "pad"}, default "crop"
        How a frame that is not square is made so.
    stride : int, optional
        Frames from the start of a clip to that of the next; by default `length`.
    fps : float, optional
        Frames a second; by default those that the video has.
    """

    kind: ClassVar[str] = "video"
    length: int
    size: int
    channels: int = 3
    fit: Literal["crop", "squash", "pad"] = "crop"
    stride: int | None = None
    fps: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(length, channels, size, size)."""
        return (self.length, *self.frame.shape)

    @property
    def frame(self) -> ImagePreprocessing:
        """Give the preprocessing of a single frame."""
        return ImagePreprocessing(self.size, self.channels, self.fit)

    def canonical(self, values: Tensor) -> Tensor:
        """Scale uint8 clips, shape (n, length, channels, size, size), to [0, 1]."""
        if tuple(values.shape[1:]) != self.shape:
            raise UnlabeledError(f"clips of shape {tuple(values.shape[1:])} came to an encoder made for {self.shape}")
        return values.float().div_(255)

    def restored(self, values: Tensor) -> Tensor:
        """Give clips in [0, 1]."""
        return values.float().clamp(0, 1)


class VideoModality(Modality):
    """Moving pictures: video files, folders of them, folders of frames, arrays of five dimensions."""

    name: ClassVar[str] = "video"
    encoder: ClassVar[str] = "conv3d"
    formats: ClassVar[str] = "a folder of videos, .mp4, .avi, .mkv, .webm and others, or .npy of five dimensions"
    has_pictures: ClassVar[bool] = True
    from_one_source: ClassVar[bool] = True
    settings: ClassVar[tuple[str, ...]] = ("clip_length", "clip_stride", "fps")

    def accepts(self, source: Any) -> bool:
        """Take folders with videos in them, video files, lists of these, and arrays of five dimensions."""
        if isinstance(source, os.PathLike):
            return _is_path_of_videos(Path(source))
        if isinstance(source, (list, tuple)):
            return len(source) > 0 and (_is_video_name(source[0]) or getattr(source[0], "ndim", 0) == 4)
        return getattr(source, "ndim", 0) == 5

    def can_open(self, source: Any) -> bool:
        """Take folders of frames, lists of paths and arrays in files too; if they hold no videos, the error says so."""
        if isinstance(source, os.PathLike):
            return Path(source).is_dir() or Path(source).suffix.lower() in {".npy", ".npz", ".txt", *SUFFIXES}
        return self.accepts(source) or (isinstance(source, (list, tuple)) and len(source) > 0 and _is_path(source[0]))

    def open(self, source: Any) -> Videos:
        """Open videos."""
        return Videos(source)

    def prepare(
        self, data: Any, settings: Any, preprocessing: Any = None, on_error: OnError = "raise"
    ) -> tuple[Instances, Preprocessing]:
        """Cut the videos into clips; `settings` may say their `clip_length`, `clip_stride` and `fps`."""
        if not hasattr(data, "clips"):  # they are clips already
            return data, preprocessing or _measured(data)
        if preprocessing is None:
            length, stride = getattr(settings, "clip_length", CLIP_LENGTH), getattr(settings, "clip_stride", None)
            fps, size, channels, fit = getattr(settings, "fps", None), settings.size, settings.channels, settings.resize
        else:
            length, stride, fps = preprocessing.length, preprocessing.stride, preprocessing.fps
            size, channels, fit = preprocessing.size, preprocessing.channels, preprocessing.fit
        clips = data.clips(
            length,
            stride=stride,
            fps=fps,
            size=size,
            channels=channels,
            fit=fit,
            on_error=on_error,
            workers=settings.workers,
        )
        return clips, preprocessing or _measured(clips)

    @property
    def views(self) -> Mapping[str, Callable[[], View]]:
        """SimCLR's, weak and strong views, the same for all frames of a clip."""
        from unlabeled.views import ClipView, simclr, strong, weak

        return {
            "auto": lambda: ClipView(simclr()),
            "simclr": lambda: ClipView(simclr()),
            "weak": lambda: ClipView(weak()),
            "strong": lambda: ClipView(strong()),
        }

    def baseline(self, instances: Instances, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the pixels of all frames, averaged down to at most 16 a side."""
        import torch
        from torch.nn import functional as F

        parts = []
        for batch in instances.batches(torch.from_numpy(rows).split(256)):
            side = min(BASELINE_SIDE, batch.values.shape[-1])
            frames = batch.values.flatten(0, 1).float() / 255
            parts.append(F.adaptive_avg_pool2d(frames, side).view(len(batch), -1))
        return torch.cat(parts).numpy()

    def groups(self, instances: Any) -> NDArray[np.int64]:
        """Give the number of each clip's video."""
        groups: NDArray[np.int64] = instances.groups
        return groups

    def pictures(self, data: Any, ids: Sequence[str], largest: int = 96) -> NDArray[np.uint8]:
        """Draw each clip as four of its frames, evenly spread, in two rows; a whole video likewise."""
        side = max(2, largest // 2)
        drawn = np.empty((len(ids), 2 * side, 2 * side, 3), np.uint8)
        position = {name: row for row, name in enumerate(data.ids)}
        for picture, name in zip(drawn, ids, strict=True):
            video, start, end = clip_span(name)
            times = data[position[video]].times
            wanted = np.clip(np.searchsorted(times, _four_times(start, end, times), side="right") - 1, 0, None)
            chosen, places = np.unique(wanted, return_inverse=True)
            frames = np.stack(list(data.read(position[video], Square(side, "pad"), chosen)))[places]
            picture[:] = frames.reshape(2, 2, 3, side, side).transpose(0, 3, 1, 4, 2).reshape(2 * side, 2 * side, 3)
        return drawn

    def missing(self, data: Any, ids: Sequence[str]) -> list[str]:
        """List the clips whose videos are no longer there."""
        known = set(data.ids)
        return [name for name in ids if clip_span(name)[0] not in known]

    def summary(self, data: Any, instances: Any) -> str:
        """Say how many clips of how many videos there are, and of which size."""
        size = f"{instances.size}×{instances.size} pixels"
        return (
            f"{counted(len(instances), 'clip')} of {instances.length} frames of {size}, "
            f"from {counted(len(np.unique(instances.groups)), 'video')} of {instances.videos.source}"
        )


def _measured(clips: Any) -> VideoPreprocessing:
    return VideoPreprocessing(clips.length, clips.size, clips.channels, clips.fit, clips.stride, clips.fps)


def _four_times(start: float | None, end: float | None, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give four times, evenly spread over a clip, or over the video if no span is given."""
    first, last = (0.0, float(times[-1])) if start is None or end is None else (start, end)
    return first + (last - first) * (np.arange(4) + 0.5) / 4


def _is_path_of_videos(path: Path) -> bool:
    if path.is_dir():
        return holds_suffix(path, SUFFIXES)
    if path.suffix.lower() in (".npy", ".npz"):
        return load_array(path)[0].ndim == 5
    return _is_video_name(path)


def _is_video_name(item: Any) -> bool:
    return _is_path(item) and Path(item).suffix.lower() in SUFFIXES


def _is_path(item: Any) -> bool:
    return isinstance(item, (str, os.PathLike))
