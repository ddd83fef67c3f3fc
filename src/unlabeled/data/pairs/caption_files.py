"""Where captions come from: text files beside images, tables with both, and shards of the webdataset layout."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unlabeled.counted import counted
from unlabeled.data.image.decode import SUFFIXES
from unlabeled.data.image.image_sources import Items
from unlabeled.data.image.images import Images
from unlabeled.data.paths import files_left_out, files_under, id_of, with_suffix_in
from unlabeled.data.plain_text import encoding_of_bytes, lines_of, read_plain_text
from unlabeled.data.tabular.columns import LABEL_COLUMNS, find_column
from unlabeled.data.text.text_tables import read_columns
from unlabeled.errors import UnlabeledError

CAPTION_COLUMNS = ("caption", "text", "title", "description", "sentence")
IMAGE_COLUMNS = ("image", "path", "file", "filename", "file_name", "image_path", "filepath")
CAPTION_SUFFIXES = frozenset({".txt", ".caption"})


@dataclass
class Captioned:
    """Images, and for each caption the image that it belongs to.

    Attributes
    ----------
    images : Images
    captions : list of str
    image_of : list of int
        Position in `images` of each caption's image.
    labels : list, optional
        A class a caption.
    remarks : tuple of str
        What a user should know about what was left out.
    """

    images: Images
    captions: list[str]
    image_of: list[int]
    labels: list[Any] | None = field(default=None)
    remarks: tuple[str, ...] = ()


def from_folder(folder: Path) -> Captioned:
    """Read a folder of images with a text file of the same name beside each; every line of it is a caption.

    Raises
    ------
    UnlabeledError
        If there are no images, or no text is beside one.
    """
    files = files_under(folder)
    images = with_suffix_in(files, SUFFIXES)
    texts = {file.with_suffix(""): file for file in with_suffix_in(files, CAPTION_SUFFIXES)}
    if not images:
        raise UnlabeledError(f"the folder {folder} holds no images")
    captions, image_of = [], []
    for number, image in enumerate(images):
        beside = texts.get(image.with_suffix(""))
        lines = [] if beside is None else lines_of(read_plain_text(beside, errors="replace"))
        for line in [line for line in lines if line.strip()] or [""]:
            captions.append(line)
            image_of.append(number)
    if not any(captions):
        raise UnlabeledError(f"no image in {folder} has a caption: a.jpg needs a.txt beside it")
    lonely = [texts[stem] for stem in texts.keys() - {image.with_suffix("") for image in images}]
    left_out = files_left_out(folder, files, SUFFIXES | CAPTION_SUFFIXES, "images or captions")
    remarks = (*_without_image([id_of(text.relative_to(folder)) for text in lonely]), *left_out)
    return Captioned(Images(folder), captions, image_of, remarks=remarks)


def from_table(path: Path, column: str | None = None) -> Captioned:
    """Read a table with a column of images, paths or bytes, and a column of captions; several rows may share an image.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``. Paths are relative to its folder. Parquet in the Hugging Face
        layout holds the images themselves.
    column : str, optional
        The captions, if they are not in ``caption``, ``text``, ``title``, ``description`` or ``sentence``; the texts of
        several columns, with commas between their names, become one caption.
    """
    if path.suffix.lower() == ".parquet":
        from unlabeled.data.tabular.parquet import image_column, read_column, schema_of

        schema = schema_of(path)
        if image_column(schema) is not None:
            texts = [name for name in schema.names if name != image_column(schema)]
            wanted = _caption_columns(texts, column, path)
            images = Images(path)
            captions = _joined([read_column(path, name) for name in wanted])
            rest = [name for name in texts if name not in wanted]
            label = find_column(rest, LABEL_COLUMNS)
            kinds = None if label is None else read_column(path, rest[label])
            return Captioned(images, captions, list(range(len(captions))), kinds)
    columns = read_columns(path)
    names = list(columns)
    image = find_column(names, IMAGE_COLUMNS)
    if image is None:
        raise UnlabeledError(f"{path} has no column of images ({', '.join(IMAGE_COLUMNS)}); it has {', '.join(names)}")
    wanted = _caption_columns([name for name in names if name != names[image]], column, path)
    places: dict[str, int] = {}
    named = [
        f"row {row} without an image" if value is None or not str(value).strip() else str(value)
        for row, value in enumerate(columns[names[image]], start=1)
    ]
    image_of = [places.setdefault(name, len(places)) for name in named]
    files = [path.parent / name for name in places]
    captions = _joined([columns[name] for name in wanted])
    rest = [name for name in names if name not in (names[image], *wanted)]
    label = find_column(rest, LABEL_COLUMNS)
    # Files that are missing are found when the images are decoded, and named or left out there.
    images = Images(Items(files, list(places)))
    images.source = str(path)
    return Captioned(images, captions, image_of, None if label is None else columns[rest[label]])


def from_shards(paths: Sequence[Path]) -> Captioned:
    """Read tar files of the webdataset layout: ``key.jpg`` beside ``key.txt``, or ``key.json`` with a caption in it.

    Pictures stay in the shards, and are read when they are needed. A key that several shards have is told apart by the
    shard's name before it.
    """
    found: list[tuple[str, str, TarMember, str]] = []
    lonely: list[str] = []
    for path in paths:
        items: dict[str, TarMember] = {}
        texts: dict[str, str] = {}
        for key, suffix, member in _members(path):
            if suffix in SUFFIXES:
                items[key] = member
            elif suffix in CAPTION_SUFFIXES:
                texts[key] = (content := member()).decode(encoding_of_bytes(content), errors="replace").strip()
            elif suffix == ".json":
                texts.setdefault(key, _caption_in(member()))
        found += [(id_of(Path(path.name)), key, member, texts.get(key, "")) for key, member in items.items()]
        lonely += texts.keys() - items.keys()
    if not found:
        raise UnlabeledError(f"{paths[0]} holds no images")
    shards = Counter(key for _, key, _, _ in found)
    names = [key if shards[key] == 1 else f"{shard}/{key}" for shard, key, _, _ in found]
    images = Images(Items([member for _, _, member, _ in found], names))
    captions = [caption for _, _, _, caption in found]
    return Captioned(images, captions, list(range(len(names))), remarks=_without_image(lonely))


def _without_image(names: list[str]) -> tuple[str, ...]:
    """Say which captions are left out, for there is no image of their name."""
    if not names:
        return ()
    return (f"{counted(len(names), 'text file')} without an image of that name left out, such as {min(names)}",)


@dataclass(frozen=True)
class TarMember:
    """A file in a tar archive, read when it is called."""

    archive: Path
    offset: int
    size: int

    def __call__(self) -> bytes:
        """Read its bytes."""
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def _members(path: Path) -> Iterator[tuple[str, str, TarMember]]:
    try:
        length = path.stat().st_size
        stored: dict[str, TarMember] = {}
        with tarfile.open(path, "r:") as archive:
            for info in archive:
                if info.offset_data + info.size > length or info.sparse is not None:
                    raise UnlabeledError(f"{path} is damaged: {info.name!r:.80} is to have {info.size:,} bytes")
                if info.isfile():
                    stored[info.name] = TarMember(path, info.offset_data, info.size)
                # A hard link names a file before it; a symbolic one may lead out of the archive, and is passed over.
                member = stored.get(info.linkname if info.islnk() else info.name)
                if member is not None:
                    name = Path(info.name)
                    # As in webdataset, the key ends at the first dot of the name.
                    stem, _, suffix = name.name.partition(".")
                    yield id_of(name.parent / stem), f".{suffix}".lower(), member
            # At a header that it cannot read, tarfile ends as if there were no more files.
            with path.open("rb") as file:
                file.seek(archive.offset)
                if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
                    raise UnlabeledError(f"{path} is damaged or cut off at byte {archive.offset:,}")
    except UnlabeledError:
        raise
    except Exception as error:  # a damaged header makes tarfile fail in many ways, MemoryError among them
        raise UnlabeledError(f"cannot read {path} as an uncompressed tar file: {error}") from error


def _caption_in(content: bytes) -> str:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(values, dict):
        return ""
    return next((text for name in CAPTION_COLUMNS if (text := _as_text(values.get(name)))), "")


def _joined(columns: list[Any]) -> list[str]:
    """Give one text a row: those of all columns that hold one, and of a list its members."""
    rows = zip(*([_as_text(value) for value in column] for column in columns), strict=True)
    return ["; ".join(text for text in row if text) for row in rows]


def _as_text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_as_text(member) for member in value)
    return "" if value is None else str(value)


def _caption_columns(names: list[str], column: str | None, path: Path) -> list[str]:
    if column is not None:
        wanted = [column] if column in names else [name.strip() for name in column.split(",")]
        for name in wanted:
            if name not in names:
                raise UnlabeledError(f"there is no column {name!r} in {path}; it has {', '.join(names)}")
        return wanted
    found = find_column(names, CAPTION_COLUMNS)
    if found is None:
        raise UnlabeledError(
            f"{path} has no column of captions ({', '.join(CAPTION_COLUMNS)}); it has {', '.join(names)}: "
            "name one with column=..."
        )
    return [names[found]]
