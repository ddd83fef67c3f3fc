"""Images ready for learning: all of one size, checked, in memory if they fit and decoded on demand if not."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import ClassVar, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.arrays import ArrayImages
from unlabeled.data.batch import Batch, labels_at
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.image.decode import MAX_PIXELS, Fit, UnreadableError, check_fit
from unlabeled.data.image.image_sources import Origin
from unlabeled.data.instances import CACHE_BYTES, Named, mapped_ahead, prefetched
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.kernels.processors import processor_count
from unlabeled.setting_checks import check_whole_number

_IMAGES_PER_TASK = 16
_MOST_WORKERS = 8
# Threads take turns at Python's interpreter, and for a file this small in memory a turn costs more than its decoding.
_SMALL_FILE = 4096


class ImageCollection(Named, Protocol):
    """What must be known of a collection of pictures to prepare it; `unlabeled.data.Images` is one."""

    origin: Origin
    source: str

    @property
    def ids(self) -> list[str]:
        """Names of the images."""
        ...

    def natural_size(self, max_pixels: int = ...) -> int:
        """Give the side that is used when none is asked for."""
        ...

    def square(self, index: int, size: int, fit: Fit, channels: int, max_pixels: int) -> NDArray[np.uint8]:
        """Decode one image to a square."""
        ...

    def unreadable(self, index: int, reason: str) -> UnlabeledError:
        """Make the error for an image that cannot be read."""
        ...


@dataclass(frozen=True)
class Skipped:
    """An image that was left out, and why."""

    id: str
    reason: str


class PreparedImages:
    """Images decoded to one size; satisfies `Instances`. Made by `Images.prepare`.

    All images are decoded once, in threads, which finds those that cannot be read. The pixels are kept if they fit
    in `cache_bytes`; if not, every batch is decoded anew, ahead of its use, and only as many batches as are fetched
    ahead are in memory. An array that has the size already is neither decoded nor copied, and stays on disk if it is
    memory-mapped.

    Parameters
    ----------
    images : ImageCollection
    size : int, optional
        Side in pixels. By default the median of the shorter sides, at most 64 (see `Images.natural_size`), so images
        all of one small size keep it.
    fit : {"crop", "squash", "pad"}, default "crop"
        ``"crop"``: the shorter side becomes `size` and the middle is kept. ``"squash"``: both sides become `size`.
        ``"pad"``: the longer side becomes `size`, the rest is filled with the image's mean colour.
    channels : {3, 1}, default 3
        Colour or grey.
    on_error : {"raise", "skip"}, default "raise"
        What to do about an image that cannot be read: stop and name it, or leave it out and list it in `skipped`.
    cache_bytes : int, default 2**30
        Most bytes of pixels to keep in memory. 0 keeps none.
    workers : int, optional
        Decoding threads; by default one for each processor that the process may use, at most 8, and only one for
        small files in memory.
    max_pixels : int, default 100,000,000
        An image with more is not decoded, but counts as one that cannot be read.
    progress : callable, optional
        Called as ``progress(done, total)`` while the images are decoded.

    Attributes
    ----------
    kept : ndarray of int64, shape (n,)
        Positions in `images` of the images that are here.
    skipped : list of Skipped
        Those that are not: ``id`` and ``reason``.
    ids, labels, classes
        As in `images`, of those kept.
    pixels : ndarray of uint8, shape (n, channels, size, size), or None
        All pixels, possibly a view of a mapped file; None if they are decoded on demand.

    Raises
    ------
    UnlabeledError
        If an image cannot be read and `on_error` is ``"raise"``, or none can.
    """

    kind: ClassVar[str] = "image"

    def __init__(
        self,
        images: ImageCollection,
        *,
        size: int | None = None,
        fit: Fit = "crop",
        channels: int = 3,
        on_error: Literal["raise", "skip"] = "raise",
        cache_bytes: int = CACHE_BYTES,
        workers: int | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        check_fit(fit)
        if on_error not in ("raise", "skip"):
            raise unknown_name("on_error", on_error, ["raise", "skip"])
        if channels not in (1, 3):
            raise UnlabeledError(f"channels must be 3 (colour) or 1 (grey), not {channels!r}")
        if size is not None:
            check_whole_number("size", size, most=math.isqrt(max_pixels))
        self.images, self.fit, self.channels, self.max_pixels = images, fit, channels, max_pixels
        self.size: int = images.natural_size(max_pixels) if size is None else int(size)
        self.workers = workers or self._default_workers()
        self.kept: NDArray[np.int64] = np.arange(len(images), dtype=np.int64)
        self.skipped: list[Skipped] = []
        self.pixels = self._pixels_as_they_are()
        if self.pixels is None:
            self.pixels = self._decode_all(cache_bytes, on_error, progress or (lambda done, total: None))

    def __len__(self) -> int:
        return len(self.kept)

    def __repr__(self) -> str:
        left_out = f", {len(self.skipped):,} skipped" if self.skipped else ""
        return f"PreparedImages({len(self):,} of {self.channels}×{self.size}×{self.size}{left_out})"

    @cached_property
    def ids(self) -> list[str]:
        """Names of the images kept."""
        return [self.images.ids[i] for i in self.kept]

    @cached_property
    def labels(self) -> NDArray[np.int64] | None:
        """Class numbers of the images kept, −1 where unlabelled, or None."""
        return None if self.images.labels is None else self.images.labels[self.kept]

    @property
    def classes(self) -> list[str] | None:
        """Names of the classes, or None."""
        return self.images.classes

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images' own fingerprint, the geometry and which of them are kept."""
        return fingerprint([self.images.fingerprint, f"{self.size} {self.fit} {self.channels}", self.kept])

    def gather(self, indices: Tensor) -> Batch:
        """Give the images at `indices`, values uint8 of shape (n, channels, size, size), in memory of their own."""
        return Batch(self._pixels_at(indices.cpu().numpy()), labels_at(self.labels, indices), indices)

    def _pixels_at(self, wanted: NDArray[np.int64]) -> Tensor:
        if self.pixels is not None:
            return torch.from_numpy(np.ascontiguousarray(self.pixels[wanted]))
        wanted = self.kept[wanted]
        batch = np.empty((len(wanted), self.channels, self.size, self.size), dtype=np.uint8)
        # In the order they are stored, so that neighbours in one parquet row group are read together.
        with closing(self._decoded(wanted, np.argsort(wanted), batch)) as tasks:
            for index, reason in chain.from_iterable(tasks):
                raise self.images.unreadable(index, f"{reason} (it could be read before)")
        return torch.from_numpy(batch)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead; see `prefetched`."""
        return prefetched(self.gather, index_batches, prefetch)

    def _default_workers(self) -> int:
        try:
            first = [self.images.origin.read(index) for index in range(min(8, len(self.images)))]
        except UnreadableError:  # decoding will say so
            first = []
        if first and all(isinstance(raw, bytes) and len(raw) < _SMALL_FILE for raw in first):
            return 1
        return min(_MOST_WORKERS, processor_count())

    def _pixels_as_they_are(self) -> NDArray[np.uint8] | None:
        """View an array of the right size and type as the pixels, without a copy."""
        origin = self.images.origin
        if not isinstance(origin, ArrayImages) or origin.planes.dtype != np.uint8:
            return None
        count, channels, height, width = origin.planes.shape
        if height != self.size or width != self.size or channels not in (1, self.channels):
            return None
        return np.broadcast_to(origin.planes, (count, self.channels, height, width))

    def _decode_all(
        self, cache_bytes: int, on_error: str, progress: Callable[[int, int], object]
    ) -> NDArray[np.uint8] | None:
        """Decode every image, keep the pixels if there is room, and sort out the unreadable ones."""
        shape = (len(self.images), self.channels, self.size, self.size)
        store = np.empty(shape, dtype=np.uint8) if math.prod(shape) <= cache_bytes else None
        bad: list[int] = []
        with closing(self._decoded(self.kept, self.kept, store)) as tasks:
            for task, failures in enumerate(tasks, start=1):
                for index, reason in failures:
                    if on_error == "raise":
                        error = self.images.unreadable(index, reason)
                        if len(self.images) == 1:
                            raise error
                        raise UnlabeledError(f"{error}. Mend or remove it, or leave out such images: on_error='skip'")
                    bad.append(index)
                    self.skipped.append(Skipped(self.images.ids[index], reason))
                progress(min(task * _IMAGES_PER_TASK, len(self.images)), len(self.images))
        if len(bad) == len(self.images):
            raise UnlabeledError(
                f"none of the {len(bad)} images of {self.images.source} can be read; "
                f"the first, {self.skipped[0].id!r}: {self.skipped[0].reason}"
            )
        self.kept = np.delete(self.kept, bad)
        if store is None:
            return None
        self.images.origin.release()
        for row, source in enumerate(self.kept if bad else ()):  # in place, for a copy would take the memory twice
            store[row] = store[source]
        return store[: len(self.kept)]

    def _decoded(
        self, indices: NDArray[np.int64], order: NDArray[np.int64], out: NDArray[np.uint8] | None
    ) -> Generator[list[tuple[int, str]], None, None]:
        """Decode image ``indices[row]`` into ``out[row]`` for each row in `order`; yield the failures of each task."""

        def decode(rows: NDArray[np.int64]) -> list[tuple[int, str]]:
            failures = []
            for row in rows:
                index = int(indices[row])
                try:
                    square = self.images.square(index, self.size, self.fit, self.channels, self.max_pixels)
                except UnreadableError as error:
                    failures.append((index, str(error)))
                    continue
                if out is not None:
                    out[row] = square
            return failures

        tasks = (order[start : start + _IMAGES_PER_TASK] for start in range(0, len(order), _IMAGES_PER_TASK))
        return mapped_ahead(decode, tasks, ahead=4 * self.workers, workers=self.workers)
