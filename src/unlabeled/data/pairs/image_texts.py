"""A collection of pairs of an image and a text, or of one half of them."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.classes import encode_values
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.image.images import Images
from unlabeled.data.labels import labels_of
from unlabeled.data.pairs.caption_files import Captioned, from_folder, from_shards, from_table
from unlabeled.data.paths import existing
from unlabeled.errors import UnlabeledError

TABLES = frozenset({".csv", ".tsv", ".parquet", ".jsonl", ".ndjson"})


class ImageTexts:
    """Images with captions; an image may have several, and a caption may belong to several images.

    Parameters
    ----------
    source : path or list
        - A folder of images, each with a text file of the same name beside it; every line is a caption.
        - A ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` table with a column of images (paths, or bytes in the Hugging
          Face layout) and a column of captions.
        - A ``.tar`` file of the webdataset layout, or a list of such files.
        - A list of (image, caption), where an image is whatever `Images` takes in a list.
    column : str, optional
        The column of captions, if it is not called caption, text, title, description or sentence. Several with commas
        between them, such as ``"title,keywords"``, are joined; a list is one caption.
    labels : path, LabelTable or sequence of length n, optional
        Labels in place of the source's own.

    Attributes
    ----------
    images : Images or None
        None if there are texts only.
    captions : list of str or None
        One a pair; None if there are images only.
    image_of : ndarray of int64, shape (n,)
        Position in `images` of each pair's image.
    ids : list of str
        The image's; from the second caption of an image on with ``#2``, ``#3``, ... behind it.
    labels : ndarray of int64, shape (n,), or None
    classes : list of str or None

    Raises
    ------
    UnlabeledError
        If the source is missing, empty, or lacks images or captions.

    Examples
    --------
    >>> grey = np.zeros((8, 8), np.uint8)
    >>> pairs = ImageTexts([(grey, "nothing"), (grey + 255, "snow")])
    >>> pairs, pairs.ids
    (ImageTexts(2 pairs of 2 images from list), ['0', '1'])
    """

    kind: ClassVar[str] = "pair"
    images: Images | None
    captions: list[str] | None
    labels: NDArray[np.int64] | None
    classes: list[str] | None
    remarks: tuple[str, ...] = ()

    def __init__(self, source: Any, *, column: str | None = None, labels: Any = None) -> None:
        self.source = os.fspath(source) if isinstance(source, (str, os.PathLike)) else type(source).__name__
        found = _opened(source, column)
        self.images, self.captions, self.remarks = found.images, found.captions, found.remarks
        self.image_of = np.array(found.image_of, dtype=np.int64)
        self.ids = _numbered([found.images.ids[i] for i in found.image_of])
        self.labels, self.classes = (None, None) if found.labels is None else encode_values(found.labels)
        if labels is not None:
            self.labels, self.classes = labels_of(labels, self.ids)

    @classmethod
    def of_images(cls, images: Images) -> ImageTexts:
        """Make pairs that have only their images."""
        half = cls.__new__(cls)
        half.source, half.images, half.captions = images.source, images, None
        half.image_of, half.ids = np.arange(len(images)), list(images.ids)
        half.labels, half.classes = images.labels, images.classes
        return half

    @classmethod
    def of_texts(cls, texts: list[str], source: str = "list") -> ImageTexts:
        """Make pairs that have only their texts."""
        half = cls.__new__(cls)
        half.source, half.images, half.captions = source, None, list(texts)
        half.image_of, half.ids = np.full(len(texts), -1), [str(i) for i in range(len(texts))]
        half.labels, half.classes = None, None
        return half

    def __len__(self) -> int:
        return len(self.image_of)

    def __repr__(self) -> str:
        of = "" if self.images is None else f" of {len(self.images):,} images"
        return f"ImageTexts({len(self):,} pairs{of} from {self.source})"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images' own fingerprint, the captions, and which belong together."""
        return fingerprint([self.images.fingerprint if self.images else "", *(self.captions or ()), self.image_of])


def _opened(source: Any, column: str | None) -> Captioned:
    if isinstance(source, (str, os.PathLike)):
        path = existing(os.fspath(source))
        if path.is_dir():
            shards = sorted(path.glob("*.tar"))
            return from_shards(shards) if shards else from_folder(path)
        suffix = path.suffix.lower()
        if suffix == ".tar":
            return from_shards([path])
        if suffix in TABLES:
            return from_table(path, column)
        raise UnlabeledError(f"{path}: pairs are read from a folder, .tar, {', '.join(sorted(TABLES))}, not {suffix}")
    items = list(source) if isinstance(source, (list, tuple)) else []
    if items and all(isinstance(item, (str, os.PathLike)) and Path(item).suffix == ".tar" for item in items):
        return from_shards([existing(os.fspath(item)) for item in items])
    for number, item in enumerate(items):
        if not isinstance(item, (list, tuple)) or len(item) != 2 or not isinstance(item[1], str):
            raise UnlabeledError(f"item {number} of the list is no pair (image, caption): {item!r:.60}")
    if not items:
        raise UnlabeledError(f"pairs are a path, or a list of (image, caption), not {type(source).__name__}")
    return Captioned(Images([image for image, _ in items]), [text for _, text in items], list(range(len(items))))


def _numbered(names: list[str]) -> list[str]:
    """Make names unlike each other: the second one of a name gets ``#2``."""
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return numbered
