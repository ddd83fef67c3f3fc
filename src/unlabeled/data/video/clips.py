"""Clips: short runs of frames from videos, all of one length and size, ready for learning."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.counted import counted
from unlabeled.data.batch import Batch, labels_at
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.image.decode import Fit, UnreadableError, check_fit
from unlabeled.data.image.prepared import Skipped
from unlabeled.data.instances import CACHE_BYTES, Named, mapped_ahead, prefetched
from unlabeled.data.video.clip_names import clip_name
from unlabeled.data.video.square import Square
from unlabeled.data.video.video_protocol import FRAME_RATE, Video
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.kernels.processors import processor_count
from unlabeled.setting_checks import check_whole_number

_LARGEST_DEFAULT_SIZE = 64
_SIZES_READ = 16
_MOST_WORKERS = 8
_SAME_TIME = 1e-6  # seconds: two times that differ by less are one, but for rounding

A = TypeVar("A")

Integers = NDArray[np.int64]


class Cut(NamedTuple):
    """The clips of one video: the frames of each, shape (clips, length), and when it begins and ends, in seconds."""

    frames: Integers
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]


class VideoCollection(Named, Protocol):
    """What must be known of a collection of videos to cut it into clips; `unlabeled.data.Videos` is one."""

    source: str

    @property
    def grey(self) -> bool:
        """Whether all videos are arrays of one channel."""
        ...

    def __getitem__(self, index: int) -> Video: ...

    def unreadable(self, index: int, reason: str) -> UnlabeledError:
        """Make the error for a video that cannot be read."""
        ...


class Clips:
    """Clips of videos; satisfies `Instances`.

    Every video is looked through once for its frames' times, without decoding. If the frames of all clips fit in
    `cache_bytes` they are then decoded once and kept, and clips that overlap share them. If not, the first frame of
    each video is decoded, to find those that cannot be, and every batch decodes its own frames ahead of its use, so
    only as many batches as are fetched ahead are in memory.

    Parameters
    ----------
    videos : VideoCollection
    length : int, default 8
        Frames in a clip.
    stride : int, optional
        Frames, at the rate `fps`, from the start of a clip to that of the next one in the same video; by default
        `length`, so that clips do not overlap.
    fps : float, optional
        Frames a second at which videos are seen: of each tick of such a clock, the frame that is shown then. By
        default all frames of a video follow one another, whatever their times.
    size : int, optional
        Side in pixels; by default the median of the videos' shorter sides, at most 64.
    fit : {"crop", "squash", "pad"}, default "crop"
        How a frame that is not square becomes so; see `unlabeled.data.PreparedImages`.
    channels : {3, 1}, optional
        Colour or grey; by default grey if all videos are arrays of one channel.
    on_error : {"raise", "skip"}, default "raise"
        What to do about a video that cannot be read or is shorter than a clip: stop and name it, or leave it out and
        list it in `skipped`.
    cache_bytes : int, default 2**30
        Most bytes of pixels to keep in memory. 0 keeps none.
    workers : int, optional
        Videos that are decoded at the same time; by default one for each processor that the process may use, at
        most 8.
    progress : callable, optional
        Called as ``progress(done, total)`` with the number of videos looked through.

    Attributes
    ----------
    ids : list of str
        The video's name and the seconds from which to which the clip runs, as a media fragment:
        ``"talk.mp4#t=1.5,3"``.
    labels, classes
        Those of the clips' videos.
    groups : ndarray of int64, shape (n,)
        Position in `videos` of each clip's video: two clips of one video must not be in both parts of a split.
    starts, ends : ndarray of float64, shape (n,)
        Seconds.
    skipped : list of Skipped
        Videos that were left out: ``id`` and ``reason``.

    Raises
    ------
    UnlabeledError
        If a setting is not usable, a video cannot be read and `on_error` is ``"raise"``, or none can.

    Examples
    --------
    >>> from unlabeled.data import Videos
    >>> videos = Videos(np.zeros((2, 10, 16, 16, 1), dtype=np.uint8), frame_rate=10)
    >>> clips = Clips(videos, length=4, stride=3)
    >>> clips
    Clips(6 of 4×1×16×16 from 2 videos)
    >>> clips.ids[1]
    '0#t=0.3,0.7'
    """

    kind: ClassVar[str] = "video"

    def __init__(
        self,
        videos: VideoCollection,
        length: int = 8,
        *,
        stride: int | None = None,
        fps: float | None = None,
        size: int | None = None,
        fit: Fit = "crop",
        channels: int | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        cache_bytes: int = CACHE_BYTES,
        workers: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        check_fit(fit)
        if on_error not in ("raise", "skip"):
            raise unknown_name("on_error", on_error, ["raise", "skip"])
        if channels not in (None, 1, 3):
            raise UnlabeledError(f"channels must be 3 (colour) or 1 (grey), not {channels!r}")
        for name, value in (("length", length), ("stride", stride), ("size", size)):
            if value is not None:
                check_whole_number(name, value)
        if fps is not None and not 0 < fps < math.inf:
            raise UnlabeledError(f"fps must be a number of frames a second above zero, not {fps!r}")
        self.videos, self.length, self.stride, self.fps = videos, int(length), int(stride or length), fps
        self.fit, self.channels = fit, channels or (1 if videos.grey else 3)
        self.workers = workers or min(_MOST_WORKERS, processor_count())
        self.skipped: list[Skipped] = []
        self._stop = on_error == "raise"
        cuts = self._cuts()
        self.size: int = _natural_size(videos, list(cuts)) if size is None else int(size)
        # The frames that clips use, video after video: `_frames[_first[v] : _first[v + 1]]` are those of video v.
        used = [np.unique(cuts[v].frames) if v in cuts else np.zeros(0, np.int64) for v in range(len(videos))]
        self._frames, self._first = np.concatenate(used), np.cumsum([0, *map(len, used)])
        self._store = self._decode_all(list(cuts), cache_bytes, progress or (lambda done, total: None), cuts)
        self.groups: Integers = np.repeat(list(cuts), [len(cut.starts) for cut in cuts.values()]).astype(np.int64)
        self.starts = np.concatenate([cut.starts for cut in cuts.values()])
        self.ends = np.concatenate([cut.ends for cut in cuts.values()])
        self._rows = np.concatenate([self._first[v] + np.searchsorted(used[v], cut.frames) for v, cut in cuts.items()])

    def __len__(self) -> int:
        return len(self.groups)

    def __repr__(self) -> str:
        left_out = f", {len(self.skipped):,} skipped" if self.skipped else ""
        shape = f"{self.length}×{self.channels}×{self.size}×{self.size}"
        return f"Clips({len(self):,} of {shape} from {len(np.unique(self.groups)):,} videos{left_out})"

    @cached_property
    def ids(self) -> list[str]:
        """Names of the clips."""
        spans = zip(self.groups.tolist(), self.starts.tolist(), self.ends.tolist(), strict=True)
        return [clip_name(self.videos.ids[video], start, end) for video, start, end in spans]

    @property
    def labels(self) -> Integers | None:
        """Class numbers of the clips' videos, −1 where unlabelled, or None."""
        return None if self.videos.labels is None else self.videos.labels[self.groups]

    @property
    def source(self) -> str:
        """What the videos were opened from, for messages."""
        return self.videos.source

    @property
    def classes(self) -> list[str] | None:
        """Names of the classes, or None."""
        return self.videos.classes

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the videos' own fingerprint, of what the frames are brought to, and of which make a clip."""
        what = f"{self.length} {self.size} {self.fit} {self.channels}"
        return fingerprint([self.videos.fingerprint, what, self._frames, self._first, self._rows])

    def gather(self, indices: Tensor) -> Batch:
        """Give the clips at `indices`, uint8 of shape (n, length, channels, size, size), in memory of their own."""
        return Batch(self._pixels_at(self._rows[indices.cpu().numpy()]), labels_at(self.labels, indices), indices)

    def _pixels_at(self, rows: Integers) -> Tensor:
        if self._store is not None:
            return torch.from_numpy(self._store[rows])
        wanted, places = np.unique(rows, return_inverse=True)
        pixels = self._room(len(wanted))
        bounds = np.searchsorted(wanted, self._first)

        def decode(video: int) -> None:
            part = slice(bounds[video], bounds[video + 1])
            reason = self._read(video, self._frames[wanted[part]], pixels[part])
            if reason is not None:
                raise self.videos.unreadable(video, f"{reason} (its first frame could be read before)")

        with closing(self._in_threads(decode, np.flatnonzero(np.diff(bounds)).tolist())) as done:
            for _ in done:
                pass
        return torch.from_numpy(pixels[places.reshape(rows.shape)])

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead; see `prefetched`."""
        return prefetched(self.gather, index_batches, prefetch)

    def _cuts(self) -> dict[int, Cut]:
        """Cut every video that can be read and is long enough."""
        cuts: dict[int, Cut] = {}
        for video in range(len(self.videos)):
            try:
                cuts[video] = cut(self.videos[video].times, self.length, self.stride, self.fps)
            except UnreadableError as error:
                self._leave_out(video, str(error))
        self._some_left(cuts)
        return cuts

    def _decode_all(
        self, videos: list[int], cache_bytes: int, progress: Callable[[int, int], object], cuts: dict[int, Cut]
    ) -> NDArray[np.uint8] | None:
        """Decode all frames, or only the first of each video if there is no room; take broken videos out of `cuts`."""
        needed = len(self._frames) * self.channels * self.size**2
        store = self._room(len(self._frames)) if needed <= cache_bytes else None

        def decode(video: int) -> tuple[int, str | None]:
            first, end = self._first[video : video + 2]
            if store is None:
                return video, self._read(video, self._frames[first : first + 1], self._room(1))
            return video, self._read(video, self._frames[first:end], store[first:end])

        with closing(self._in_threads(decode, videos)) as results:
            for done, (video, reason) in enumerate(results, start=1):
                if reason is not None:
                    self._leave_out(video, reason)
                    del cuts[video]
                progress(done, len(videos))
        self._some_left(cuts)
        return store

    def _read(self, video: int, frames: Integers, out: NDArray[np.uint8]) -> str | None:
        """Decode some frames of a video into `out`; give the reason if that cannot be done."""
        square = Square(self.size, self.fit, self.channels)
        try:
            for place, frame in zip(out, self.videos[video].read(frames, square), strict=True):
                place[:] = frame
        except UnreadableError as error:
            return str(error)
        return None

    def _room(self, frames: int) -> NDArray[np.uint8]:
        return np.empty((frames, self.channels, self.size, self.size), dtype=np.uint8)

    def _in_threads(self, function: Callable[[int], A], videos: list[int]) -> Generator[A, None, None]:
        return mapped_ahead(function, videos, ahead=2 * self.workers, workers=self.workers)

    def _leave_out(self, video: int, reason: str) -> None:
        if self._stop:
            error = self.videos.unreadable(video, reason)
            if len(self.videos) == 1:
                raise error
            raise UnlabeledError(f"{error}. Mend or remove it, or leave out such videos: on_error='skip'")
        self.skipped.append(Skipped(self.videos.ids[video], reason))

    def _some_left(self, cuts: dict[int, Cut]) -> None:
        if not cuts:
            raise UnlabeledError(
                f"none of the {len(self.videos)} videos of {self.videos.source} gives a clip; "
                f"the first, {self.skipped[0].id!r}: {self.skipped[0].reason}"
            )


def cut(times: NDArray[np.float64], length: int, stride: int, fps: float | None) -> Cut:
    """Cut a video into clips.

    Parameters
    ----------
    times : ndarray of float64, shape (t,)
        Seconds at which its frames are shown, from 0, rising.
    length, stride, fps
        As in `Clips`.

    Raises
    ------
    UnreadableError
        If the video is shorter than a clip.

    Examples
    --------
    >>> times = np.array([0.0, 0.1, 0.2, 0.7])  # the third frame stands for half a second
    >>> cut(times, length=2, stride=2, fps=5).frames
    array([[0, 2],
           [2, 2]])
    """
    last = float(np.median(np.diff(times))) if len(times) > 1 else 1 / (fps or FRAME_RATE)
    if fps is None:
        ticks, edges = np.arange(len(times)), np.append(times, times[-1] + last)
    else:
        edges = np.arange(math.floor((times[-1] + last) * fps + _SAME_TIME) + 1) / fps
        ticks = np.searchsorted(times, edges[:-1] + _SAME_TIME, side="right") - 1
    if len(ticks) < length:
        at = "" if fps is None else f" at {fps:g} a second"
        raise UnreadableError(f"it has {counted(len(ticks), 'frame')}{at}, and a clip {length}")
    starts = np.arange(0, len(ticks) - length + 1, stride)
    return Cut(ticks[starts[:, None] + np.arange(length)].astype(np.int64), edges[starts], edges[starts + length])


def _natural_size(videos: VideoCollection, chosen: list[int]) -> int:
    """Give the median of the shorter sides, at most 64 pixels, of up to 16 videos spread evenly."""
    some = np.unique(np.linspace(0, len(chosen) - 1, _SIZES_READ).astype(int))
    shorter = [videos[chosen[i]].shorter_side() for i in some.tolist()]
    return min(_LARGEST_DEFAULT_SIZE, int(np.median(shorter)))
