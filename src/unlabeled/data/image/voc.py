"""Pictures with marked objects in the layout of the Pascal VOC challenge."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, Literal
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unlabeled.counted import counted
from unlabeled.data.fingerprint import file_digest, fingerprint
from unlabeled.data.image.decode import SUFFIXES, UnreadableError, picture, upright_size
from unlabeled.data.image.objects import Objects
from unlabeled.data.paths import existing
from unlabeled.data.plain_text import lines_of, read_plain_text
from unlabeled.errors import UnlabeledError

LARGEST_XML = 10_000_000
"""Bytes of one annotation; that of a picture with a thousand objects has 300,000."""
FLAG = re.compile(r"\s+-?[01]$")
SHOWN = 3


class VOC:
    """A folder of pictures with marked objects: ``JPEGImages``, ``Annotations`` and ``ImageSets/Main``.

    Opening it reads the annotations and the headers of the pictures, and says all that is wrong at once. Corners are
    taken as VOC has them, counted from 1 and both inside the box; of tools that count from 0, a corner at 0 is taken
    as 1. Elsewhere in the library boxes are edges (see `Objects`), so VOC's box from 1 to 10 is one from 0 to 10.

    Parameters
    ----------
    folder : path
    split : str, optional
        A file in ``ImageSets/Main`` that lists the pictures, such as ``"trainval"``; by default every annotation.
    classes : sequence of str, optional
        The classes that are known; any other is refused. By default those that occur.
    on_error : {"raise", "skip"}, default "raise"
        What to do with pictures that have something wrong: refuse all, or leave those out.

    Attributes
    ----------
    ids : list of str
        Names of the pictures, without suffix.
    objects : list of Objects
        Of each picture.
    sizes : list of (int, int)
        Width and height of each picture.
    classes : list of str
    skipped : list of (str, str)
        Pictures left out, and why.
    remarks : list of str
        What a user should know of how the folder was read.
    fingerprint : str
        SHA-256 over names, files and marked objects of the pictures.

    Raises
    ------
    UnlabeledError
        If a part of the layout, a picture or an annotation is missing or damaged; if a box is outside its picture or
        has no area; if a class is unknown; or if no picture has a box.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        split: str | None = None,
        *,
        classes: Any = None,
        on_error: Literal["raise", "skip"] = "raise",
    ) -> None:
        self.folder, self.split = existing(folder), split
        for part in ("JPEGImages", "Annotations"):
            if not (self.folder / part).is_dir():
                raise UnlabeledError(
                    f"{self.folder} has no folder {part}; the layout of Pascal VOC is JPEGImages, Annotations (one XML "
                    "file a picture) and ImageSets/Main"
                )
        pictures = self._pictures()
        known = None if classes is None else [str(name) for name in classes]
        self.ids: list[str] = []
        self.paths: list[Path] = []
        self.objects: list[Objects] = []
        self.sizes: list[tuple[int, int]] = []
        self.skipped: list[tuple[str, str]] = []
        for name in self._names():
            try:
                if name not in pictures:
                    raise UnreadableError("the picture is missing in JPEGImages")
                size = upright_size(pictures[name])
                objects = read_objects(self.folder / "Annotations" / f"{name}.xml", size, known)
            except UnreadableError as error:
                self.skipped.append((name, str(error)))
                continue
            self.ids.append(name)
            self.paths.append(pictures[name])
            self.objects.append(objects)
            self.sizes.append(size)
        if self.skipped and (on_error == "raise" or not self.ids):
            shown = "; ".join(f"{name}: {why}" for name, why in self.skipped[:SHOWN])
            raise UnlabeledError(
                f"{self.folder}: {counted(len(self.skipped), 'picture')} of {len(self.skipped) + len(self.ids):,} "
                f"cannot be used: {shown}{'; ...' * (len(self.skipped) > SHOWN)}"
            )
        found = {str(label) for objects in self.objects for label in objects.labels}
        self.classes = sorted(found) if known is None else known
        empty = sum(not len(objects.boxes) for objects in self.objects)
        if empty == len(self.objects):
            raise UnlabeledError(f"{self.folder}: no picture{self._of_split()} has a box, so there is nothing to find")
        self.remarks = [f"{counted(empty, 'picture')} without a box: nothing is there to find"] if empty else []

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"VOC({len(self):,} pictures{self._of_split()} of {self.folder})"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what identifies the content; worked out when first asked for."""
        parts: list[str | NDArray[np.generic]] = []
        for name, path, objects in zip(self.ids, self.paths, self.objects, strict=True):
            parts += [name, file_digest(path), objects.boxes, objects.difficult, *map(str, objects.labels)]
        return fingerprint(parts)

    def decode(self, index: int) -> Image.Image:
        """Decode a picture, upright, in RGB.

        Raises
        ------
        UnlabeledError
            If the file is damaged.
        """
        try:
            image = picture(self.paths[index]).convert("RGB")
        except UnreadableError as error:
            raise UnlabeledError(f"{self.paths[index]} cannot be read: {error}") from error
        if image.size != self.sizes[index]:
            raise UnlabeledError(f"{self.paths[index]} is turned by its EXIF data; save it upright, as its boxes are")
        return image

    def _of_split(self) -> str:
        return "" if self.split is None else f" of {self.split!r}"

    def _pictures(self) -> dict[str, Path]:
        files = sorted((self.folder / "JPEGImages").iterdir())
        return {file.stem: file for file in files if file.suffix.lower() in SUFFIXES and file.name[0] != "."}

    def _names(self) -> list[str]:
        """List the pictures of the split; a class's list has a flag 1, 0 or -1 after each name, which is dropped."""
        if self.split is None:
            files = sorted((self.folder / "Annotations").glob("*.xml"))
            names = [file.stem for file in files if file.name[0] != "."]
            if not names:
                raise UnlabeledError(f"{self.folder / 'Annotations'} holds no XML files")
            return names
        folder = self.folder / "ImageSets" / "Main"
        known = sorted(file.stem for file in folder.glob("*.txt")) if folder.is_dir() else []
        if self.split not in known:
            there = f"there are {', '.join(known)}" if known else "there are no lists of pictures there"
            raise UnlabeledError(f"{folder} has no {self.split}.txt: {there}")
        file = folder / f"{self.split}.txt"
        lines = lines_of(read_plain_text(file))
        names = list(dict.fromkeys(FLAG.sub("", line.strip()) for line in lines if line.strip()))
        if not names:
            raise UnlabeledError(f"{file} lists no pictures")
        for name in names:
            if "/" in name or "\\" in name or "\0" in name:
                raise UnlabeledError(f"{file}: {name!r} is no name of a picture; names are without folder and suffix")
        return names


def read_objects(path: Path, size: tuple[int, int], classes: list[str] | None = None) -> Objects:
    """Read the objects of one annotation.

    Parameters
    ----------
    path : Path
        An XML file.
    size : (int, int)
        Width and height of its picture.
    classes : list of str, optional
        The classes that are known.

    Raises
    ------
    UnreadableError
        With all that is wrong in it.
    """
    root = _parsed(path)
    stated = tuple(_number(root, f"size/{side}") for side in ("width", "height"))
    if all(stated) and stated != size:  # many tools write no size, or 0
        raise UnreadableError(
            f"{path.name} is for {stated[0]:g} × {stated[1]:g} pixels, but the picture has {size[0]} × {size[1]}"
        )
    wrong, marked = [], []
    for number, node in enumerate(root.findall("object"), start=1):
        read = _read_object(node, size, classes)
        if isinstance(read, str):
            wrong.append(f"object {number} of {path.name} {read}")
        else:
            marked.append(read)
    if wrong:
        raise UnreadableError("; ".join(wrong[:SHOWN]) + "; ..." * (len(wrong) > SHOWN))
    return Objects.of([m.box for m in marked], [m.label for m in marked], [m.difficult for m in marked])


@dataclass(frozen=True)
class _Marked:
    box: tuple[float, float, float, float]
    label: str
    difficult: bool


def _read_object(node: Element, size: tuple[int, int], classes: list[str] | None) -> _Marked | str:
    """Read one object, or say what is wrong with it."""
    label = (node.findtext("name") or "").strip()
    if not label:
        return "has no name"
    if classes is not None and label not in classes:
        return f"is of the unknown class {label!r}; known are {', '.join(classes)}"
    if node.find("bndbox") is None:
        return f"({label}) has no box"
    corners = [_number(node, f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")]
    if None in corners:
        return f"({label}) has a box without four numbers"
    left, top, right, bottom = (float(corner) for corner in corners if corner is not None)
    written = f"({label}) has the box {left:g}, {top:g}, {right:g}, {bottom:g}"
    if right <= left or bottom <= top:
        return f"{written}, which has no area"
    if left < 0 or top < 0 or right > size[0] or bottom > size[1]:
        return f"{written}, which is not inside the picture of {size[0]} × {size[1]} pixels"
    box = (max(left - 1, 0.0), max(top - 1, 0.0), right, bottom)
    return _Marked(box, label, (node.findtext("difficult") or "0").strip() == "1")


def _number(node: Element, path: str) -> float | None:
    try:
        value = float(node.findtext(path, ""))
    except ValueError:
        return None
    return value if isfinite(value) else None


def _parsed(path: Path) -> Element:
    """Parse XML that declares no document type: without one there are no entities to expand or to fetch."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_declaration: Any) -> None:
        raise UnreadableError(f"{path.name} declares a document type, which annotations do not need; remove it")

    def start(tag: str, attributes: dict[str, str]) -> None:
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        builder.end(tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        if path.stat().st_size > LARGEST_XML:
            raise UnreadableError(f"{path.name} has more than {LARGEST_XML:,} bytes")
        parser.Parse(path.read_bytes(), True)
        root = builder.close()
    except FileNotFoundError:
        raise UnreadableError(f"the annotation {path.name} is missing in Annotations") from None
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read: {error.strerror}") from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableError(f"{path.name} is not XML: {error}") from error
    if root.tag != "annotation":
        raise UnreadableError(f"{path.name} is no annotation of Pascal VOC: it begins with <{root.tag[:40]}>")
    return root
