"""Where pictures come from: something that knows their names and labels and reads one when asked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.arrays import ArrayImages, as_array, load_array, picture_of
from unlabeled.data.classes import UNLABELLED, encode, encode_values
from unlabeled.data.fingerprint import file_digest, fingerprint
from unlabeled.data.image.decode import HEIF_SUFFIXES, SUFFIXES, Raw, UnreadableError
from unlabeled.data.paths import (
    describe_suffixes,
    existing,
    files_left_out,
    files_under,
    id_of,
    listed_paths,
    with_suffix_in,
)
from unlabeled.errors import UnlabeledError

# A dataset may compute its items, so only this many of them, spread evenly, enter its fingerprint.
_FINGERPRINT_ITEMS = 256
SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
"""Names of folders that divide a collection for learning and judging, and are no classes."""
STRAYS = 0.1
"""The largest share of images outside all class folders at which the others still are classes."""


class Origin(Protocol):
    """Pictures that are read one at a time."""

    @property
    def ids(self) -> list[str]:
        """Give one name per picture."""
        ...

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Give class numbers, −1 where unlabelled, or None if the source has no labels."""
        ...

    @property
    def classes(self) -> list[str] | None:
        """Give the names of the classes, or None."""
        ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> Raw:
        """Give one picture, as stored; any thread may ask."""
        ...

    def release(self) -> None:
        """Let go of what is held to read faster; there will be little more to read."""
        ...

    def fingerprint(self) -> str:
        """Hash what identifies the content."""
        ...


class Items:
    """Files, encoded bytes, PIL images and arrays, in a list; or callables that give encoded bytes when needed."""

    labels: NDArray[np.int64] | None
    classes: list[str] | None

    def __init__(
        self,
        items: Sequence[Any],
        ids: list[str],
        classes_of: list[str | None] | None = None,
        remarks: Sequence[str] = (),
    ) -> None:
        self._items, self.ids, self.remarks = items, ids, tuple(remarks)
        self.labels, self.classes = (None, None) if classes_of is None else encode(classes_of)

    def __len__(self) -> int:
        return len(self._items)

    def read(self, index: int) -> Raw:
        """Give the item, an array as a picture."""
        return _raw(self._items[index])

    def release(self) -> None:
        """Hold nothing, so let nothing go."""

    def fingerprint(self) -> str:
        """Hash names and contents."""
        pairs = zip(self.ids, self._items, strict=True)
        return fingerprint(part for name, item in pairs for part in (name, *stored_content(item)))


class DatasetImages:
    """A map-style torch dataset whose items are images, or tuples that start with an image and a label."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._lock = Lock()  # datasets are written for worker processes, not threads
        self.ids = [str(i) for i in range(len(dataset))]
        if not self.ids:
            raise UnlabeledError("the dataset is empty")

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, index: int) -> Raw:
        """Ask the dataset for one item and give its image."""
        return _raw(self._item(index)[0])

    def release(self) -> None:
        """Hold nothing, so let nothing go."""

    def fingerprint(self) -> str:
        """Hash the length and up to 256 items, spread evenly."""
        chosen = np.unique(np.linspace(0, len(self) - 1, _FINGERPRINT_ITEMS).astype(int)).tolist()
        return fingerprint([str(len(self)), *(part for index in chosen for part in self._identity(index))])

    def _identity(self, index: int) -> Iterable[str | bytes | NDArray[Any]]:
        try:
            return stored_content(self.read(index))
        except UnreadableError:
            return ["unreadable"]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Give the labels: the dataset's ``targets`` if it has them, else those of all items, read when first asked."""
        return None if self._encoded is None else self._encoded[0]

    @property
    def classes(self) -> list[str] | None:
        """Give the dataset's ``classes`` if it has them, else the labels as names."""
        return None if self._encoded is None else self._encoded[1]

    @cached_property
    def _encoded(self) -> tuple[NDArray[np.int64], list[str]] | None:
        targets, names = getattr(self._dataset, "targets", None), getattr(self._dataset, "classes", None)
        if targets is None or len(targets) != len(self):
            if not self._holds_pairs():
                return None
            targets = [self._label(index) for index in range(len(self))]
        if names is not None and all(isinstance(name, str) for name in names):
            return np.asarray(targets, dtype=np.int64), list(names)
        return encode_values(targets)

    def _item(self, index: int) -> Sequence[Any]:
        """Give an item as a sequence that starts with the image."""
        try:
            with self._lock:
                item = self._dataset[index]
        except Exception as error:  # whatever a dataset raises, it is this one item that cannot be had
            raise UnreadableError(f"{type(error).__name__}: {error}") from error
        return item if isinstance(item, (tuple, list)) else (item,)

    def _holds_pairs(self) -> bool:
        for index in range(len(self)):  # the first item that can be had decides, which is nearly always item 0
            with suppress(UnreadableError):
                return len(self._item(index)) > 1
        return False

    def _label(self, index: int) -> Any:
        try:
            label = self._item(index)[1]
        except UnreadableError:  # preparing the images will report it
            return UNLABELLED
        return label.item() if hasattr(label, "item") else label


def _raw(item: Any) -> Raw:
    if callable(item) and not isinstance(item, (Path, Image.Image)):
        try:
            return bytes(item())
        except OSError as error:
            raise UnreadableError(error.strerror or str(error)) from error
    if isinstance(item, (Path, bytes, Image.Image)):
        return item
    if isinstance(item, (bytearray, memoryview)):
        return bytes(item)
    return picture_of(as_array(item), channels_first=hasattr(item, "detach"))


def stored_content(item: Any) -> Iterable[str | bytes | NDArray[Any]]:
    """Give what a picture is stored as, for a fingerprint; of a file its digest."""
    if isinstance(item, Path):
        return [file_digest(item)]
    if callable(item) and not isinstance(item, Image.Image):
        return [bytes(item())]
    if isinstance(item, (bytes, bytearray, memoryview)):
        return [bytes(item)]
    if isinstance(item, Image.Image):
        try:
            return [item.mode, str(item.size), item.tobytes()]
        except (OSError, SyntaxError):  # opened but not yet loaded, and damaged
            return [item.mode, str(item.size), "unreadable"]
    return [as_array(item)]


def open_origin(source: Any) -> Origin:
    """Find out what `source` is and give the pictures in it; see `unlabeled.data.Images` for what it may be."""
    if isinstance(source, Items):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _from_path(existing(os.fspath(source)))
    if hasattr(source, "ndim") and hasattr(source, "dtype") and source.ndim > 1:
        return ArrayImages(source)
    if isinstance(source, (list, tuple)) or hasattr(source, "tolist"):
        return _from_list(list(source))
    if hasattr(source, "__getitem__") and hasattr(source, "__len__") and not isinstance(source, Mapping):
        return DatasetImages(source)
    raise UnlabeledError(
        f"cannot read images from {type(source).__name__}: give a folder, a parquet, NumPy or text file, a list of "
        "paths or images, an array, or a dataset with a length and items"
    )


def _from_path(path: Path) -> Origin:
    if path.is_dir():
        return _from_folder(path)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from unlabeled.data.tabular.parquet import ParquetImages

        return ParquetImages([path], path)
    if suffix in (".npy", ".npz"):
        array, labels = load_array(path)
        return ArrayImages(array, labels, str(path))
    if suffix in SUFFIXES:
        return Items([path], [path.name])
    if suffix == ".txt":
        return Items(*listed_paths(path))
    raise UnlabeledError(
        f"{path}: images are not read from {suffix or 'files without a suffix'}, but from a folder, .parquet, .npy, "
        ".npz, .txt (a list of paths) or an image file"
    )


def _from_folder(folder: Path) -> Origin:
    files = files_under(folder)
    images = with_suffix_in(files, SUFFIXES)
    if not images:
        tables = with_suffix_in(files, {".parquet"})
        if tables:
            from unlabeled.data.tabular.parquet import ParquetImages

            return ParquetImages(tables, folder)
        if not files:
            raise UnlabeledError(f"the folder {folder} is empty (hidden files do not count)")
        raise UnlabeledError(
            f"the folder {folder} holds no images; it has {describe_suffixes(files)}. "
            f"Images end in {', '.join(sorted(SUFFIXES))}"
        )
    inner = [image.relative_to(folder) for image in images]
    classes, remarks = folder_classes(inner, "images")
    return Items(images, [id_of(path) for path in inner], classes, [*_left_out(folder, files), *remarks])


def folder_classes(paths: Sequence[Path], what: str) -> tuple[list[str | None] | None, list[str]]:
    """Read classes off the names of folders: the first level, or the second below ``train``, ``val`` and the like.

    A few instances that lie outside all class folders are unlabelled. If they are more than one in ten, the folders
    are not taken for classes. `what` names the instances in what is said about that.
    """
    tops = {path.parts[0].lower() for path in paths if len(path.parts) > 1}
    level = 1 if tops and tops <= SPLITS else 0
    names = [id_of(Path(path.parts[level])) if len(path.parts) > level + 1 else None for path in paths]
    strays = [id_of(path) for path, name in zip(paths, names, strict=True) if name is None]
    if len(set(names) - {None}) < 2:
        return None, []
    if len(strays) > STRAYS * len(paths):
        return None, [f"Folders are not taken for classes: {len(strays)} {what} lie outside them, such as {strays[0]}"]
    said = [f"{len(strays)} {what} outside the class folders are unlabelled, such as {strays[0]}"] if strays else []
    return names, said


def _left_out(folder: Path, files: Sequence[Path]) -> list[str]:
    """Say which files of the folder are no pictures that can be read."""
    heif = with_suffix_in(files, HEIF_SUFFIXES - SUFFIXES)
    hint = "; HEIC is read where pillow-heif is installed: pip install 'unlabeled[heif]'" if heif else ""
    return [said + hint for said in files_left_out(folder, files, SUFFIXES, "images")]


def _from_list(items: list[Any]) -> Origin:
    if not items:
        raise UnlabeledError("the list of images is empty")
    items = [Path(item).expanduser() if isinstance(item, (str, os.PathLike)) else item for item in items]
    for i, item in enumerate(items):
        if not isinstance(item, (Path, bytes, bytearray, memoryview, Image.Image)) and getattr(item, "ndim", 0) < 2:
            raise UnlabeledError(f"item {i} of the list is {item!r:.60}: no path, PIL image, encoded bytes or array")
    missing = [i for i, item in enumerate(items) if isinstance(item, Path) and not item.is_file()]
    if missing:
        raise UnlabeledError(
            f"{len(missing)} of {len(items)} listed files do not exist, first number {missing[0]}: {items[missing[0]]}"
        )
    return Items(items, [id_of(item) if isinstance(item, Path) else str(i) for i, item in enumerate(items)])
