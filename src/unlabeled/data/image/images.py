"""A collection of pictures, read when they are needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.image.decode import MAX_PIXELS, Fit, UnreadableError, check_fit, picture, picture_size, pixels
from unlabeled.data.image.image_sources import open_origin, stored_content
from unlabeled.data.instances import CACHE_BYTES
from unlabeled.data.labels import labels_of
from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    from unlabeled.data.image.prepared import PreparedImages

_LARGEST_DEFAULT_SIZE = 64
_SIZES_READ = 256


class Images:
    """A lazy collection of images: opening it reads names, not pixels.

    Parameters
    ----------
    source : path, list, array, tensor or dataset
        - A folder, searched through; hidden files are left out. Sub-folders are the classes if there are
          two or more and nearly every image lies in one; below ``train``, ``val`` and so on, those of the next level.
        - A parquet file, or a folder of them, in the Hugging Face image layout: a column ``image`` of structs with
          ``bytes`` and ``path``, or a binary column; optionally ``label`` (with ClassLabel names), ``class``,
          ``category`` or ``target``.
        - A text file with one path a line, relative to it; blank lines and lines that start with ``#`` are passed over.
        - A list of paths, PIL images, encoded bytes or arrays.
        - An array or tensor, or a ``.npy`` (memory-mapped) or ``.npz`` file, of shape (n, h, w), (n, h, w, c) or
          (n, c, h, w), uint8 or float in [0, 1].
        - A map-style torch dataset whose items are images or (image, label).
    labels : path, LabelTable or sequence of length n, optional
        Labels in place of the source's own: a label file (see `read_labels`), matched by id, or one class each.

    Attributes
    ----------
    ids : list of str
        For files the path relative to the source, with POSIX slashes, or as listed; else ``"0"``, ``"1"``, ...
    labels : ndarray of int64, shape (n,), or None
        Class numbers, −1 where unlabelled. They are for judging; learning without labels never reads them.
    classes : list of str or None
        Names of the classes; those that look like numbers are ordered by value.
    fingerprint : str
        SHA-256 of the content's identity: names and contents of files, bytes for what is in memory.

    Raises
    ------
    UnlabeledError
        If the source is missing, empty or of no known kind, or an array holds values that are no pixels.

    Examples
    --------
    >>> images = Images(np.zeros((5, 28, 28), dtype=np.uint8))
    >>> len(images), images.ids[:2], images.decode(0).size
    (5, ['0', '1'], (28, 28))
    >>> prepared = images.prepare()
    >>> prepared.size, prepared.channels
    (28, 3)
    """

    kind: ClassVar[str] = "image"

    def __init__(self, source: Any, *, labels: Any = None) -> None:
        self.origin = open_origin(source)
        self.source = os.fspath(source) if isinstance(source, (str, os.PathLike)) else type(source).__name__
        self._labels = None if labels is None else labels_of(labels, self.ids)

    def __len__(self) -> int:
        return len(self.origin)

    def __repr__(self) -> str:
        return f"Images({len(self):,} from {self.source})"

    @property
    def ids(self) -> list[str]:
        """Names of the images."""
        return self.origin.ids

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know of how the source was read, a sentence each."""
        return getattr(self.origin, "remarks", ())

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Class numbers, −1 where unlabelled, or None."""
        return self.origin.labels if self._labels is None else self._labels[0]

    @property
    def classes(self) -> list[str] | None:
        """Names of the classes, or None."""
        return self.origin.classes if self._labels is None else self._labels[1]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what identifies the content; worked out when first asked for."""
        return self.origin.fingerprint()

    def decode(self, index: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
        """Decode one whole image for display, upright, as 8-bit grey (``"L"``) or ``"RGB"``.

        Raises
        ------
        UnlabeledError
            If it cannot be read, by name.
        """
        try:
            return picture(self.origin.read(index), max_pixels)
        except UnreadableError as error:
            raise self.unreadable(index, str(error)) from error

    def square(
        self, index: int, size: int, fit: Fit = "crop", channels: int = 3, max_pixels: int = MAX_PIXELS
    ) -> NDArray[np.uint8]:
        """Decode one image to a square; see `unlabeled.data.image.decode.pixels`. `UnreadableError` if it cannot be."""
        return pixels(self.origin.read(index), size, fit, channels, max_pixels)

    def pictures(self, indices: Sequence[int] | NDArray[np.int64], size: int, fit: Fit = "pad") -> NDArray[np.uint8]:
        """Decode some images as thumbnails.

        Parameters
        ----------
        indices : sequence of int
        size : int
            Side of the thumbnails, in pixels.
        fit : {"pad", "crop", "squash"}, default "pad"
            How an image that is not square is made so.

        Returns
        -------
        ndarray of uint8, shape (n, size, size, 3)
        """
        check_fit(fit)
        thumbnails = np.empty((len(indices), size, size, 3), dtype=np.uint8)
        for thumbnail, index in zip(thumbnails, indices, strict=True):
            try:
                thumbnail[:] = self.square(int(index), size, fit).transpose(1, 2, 0)
            except UnreadableError as error:
                raise self.unreadable(int(index), str(error)) from error
        return thumbnails

    def content_codes(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number some readable images from 0, shape (n,), in the order in which they come first.

        Those that are stored alike, byte for byte, have the same number.
        """
        numbers: dict[str, int] = {}
        digests = (fingerprint(stored_content(self.origin.read(index))) for index in indices.tolist())
        return np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], dtype=np.int64)

    def natural_size(self, max_pixels: int = MAX_PIXELS) -> int:
        """Give the size used when none is asked for: the median of the shorter sides, at most 64 pixels.

        Images that are all of one size up to 64 keep it. The median is that of up to 256 images, spread evenly.
        """
        chosen = np.unique(np.linspace(0, len(self) - 1, _SIZES_READ).astype(int))
        shorter = []
        for index in chosen.tolist():
            try:
                shorter.append(min(picture_size(self.origin.read(index), max_pixels)))
            except UnreadableError:  # preparing the images will say so
                continue
        return min(_LARGEST_DEFAULT_SIZE, int(np.median(shorter))) if shorter else _LARGEST_DEFAULT_SIZE

    def prepare(
        self,
        size: int | None = None,
        fit: Fit = "crop",
        channels: int = 3,
        on_error: Literal["raise", "skip"] = "raise",
        cache_bytes: int = CACHE_BYTES,
        workers: int | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Callable[[int, int], object] | None = None,
    ) -> PreparedImages:
        """Decode every image once, find those that cannot be read, and give a collection ready for learning.

        The parameters are those of `PreparedImages`.
        """
        from unlabeled.data.image.prepared import PreparedImages

        return PreparedImages(
            self,
            size=size,
            fit=fit,
            channels=channels,
            on_error=on_error,
            cache_bytes=cache_bytes,
            workers=workers,
            max_pixels=max_pixels,
            progress=progress,
        )

    def unreadable(self, index: int, reason: str) -> UnlabeledError:
        """Make the error for an image that cannot be read."""
        of = "" if self.source in ("list", "tuple") else f" of {self.source}"
        return UnlabeledError(f"cannot read image {self.ids[index]!r}{of}: {reason}")
