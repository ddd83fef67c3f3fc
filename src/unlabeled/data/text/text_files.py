"""Where text comes from: files, folders, strings or token lists; read once, a piece at a time."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

from unlabeled.data.paths import existing, files_under
from unlabeled.errors import UnlabeledError

PIECE = 1 << 18  # bytes of text handled at a time

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_BOM = b"\xef\xbb\xbf"
_PARQUET = b"PAR1"
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # the fourth begins like the first

_NO_LISTS = (str, bytes, bytearray, memoryview, os.PathLike, Mapping)


@dataclass(frozen=True)
class Files:
    """Text in files, in this order."""

    paths: list[Path]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.paths if path.exists())

    def pieces(self, path: Path, read: Callable[[int], object] = lambda size: None) -> Iterator[bytes]:
        """Read one file, decompressed, `PIECE` bytes at a time; `read` is told the bytes read from the disk."""
        try:
            with path.open("rb") as raw, _plain(raw) as file:
                position = raw.tell if raw.seekable() else lambda: 0  # a pipe has none
                before = 0
                first = True
                recode = None
                while piece := file.read(PIECE):
                    if first:
                        if piece.startswith(_WIDE_BOMS):
                            recode = _from_wide(piece, path)
                        if piece.startswith(_PARQUET):
                            raise UnlabeledError(
                                f"{path} is a parquet file; read a column of it, with pandas for example"
                            )
                        piece, first = piece.removeprefix(_BOM), False
                    yield piece if recode is None else recode(piece, False)
                    read(position() - before)
                    before = position()
                if recode is not None:
                    yield recode(b"", True)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise UnlabeledError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _from_wide(start: bytes, path: Path) -> Callable[[bytes, bool], bytes]:
    """Make the function that turns pieces of a UTF-16 or UTF-32 text, which its first bytes tell apart, into UTF-8."""
    wide = "utf-32" if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) else "utf-16"
    decoder = codecs.getincrementaldecoder(wide)()

    def recode(piece: bytes, final: bool) -> bytes:
        try:
            return decoder.decode(piece, final).encode()
        except UnicodeError as error:
            raise UnlabeledError(f"{path} begins as {wide.upper()} text, but is not: {error}") from None

    return recode


def open_decoded(path: Path) -> IO[bytes]:
    """Open a file to read its bytes; those of a UTF-16 or UTF-32 file are turned into UTF-8 in memory."""
    file = path.open("rb")
    start = file.read(4)
    file.seek(0)
    if not start.startswith(_WIDE_BOMS):
        return file
    file.close()
    return io.BytesIO(b"".join(Files([path]).pieces(path)))


@dataclass(frozen=True)
class Strings:
    """Texts in memory or made one after the other."""

    texts: Iterator[str]


@dataclass(frozen=True)
class TokenLists:
    """Sentences that are cut into words already."""

    sentences: Iterator[Iterable[str]]


def open_text(source: Any) -> Files | Strings | TokenLists:
    """Find out what `source` is; see `Corpus.encode` for what it may be.

    Raises
    ------
    UnlabeledError
        If it is missing, empty, or no text.
    """
    if isinstance(source, (str, os.PathLike)):
        return Files(_files_at(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise UnlabeledError("the text is given as bytes; decode them, or give the path of a file")
    if isinstance(source, Mapping) or hasattr(source, "columns"):
        raise UnlabeledError(f"got a {type(source).__name__}; choose the column of text, such as source['text']")
    try:
        items = iter(source)
    except TypeError:
        raise UnlabeledError(
            f"cannot read text from {type(source).__name__}: give a path, a list of paths, a list of strings, or an "
            "iterable of token lists"
        ) from None
    first = next(items, items)
    if first is items:
        hint = "; a generator gives its items only once: make a fresh one, or give a list" if items is source else ""
        raise UnlabeledError(f"there is no text: the {type(source).__name__} gave nothing{hint}")
    everything = chain([first], items)
    if isinstance(first, os.PathLike):
        return Files(_files_listed(everything))
    if isinstance(first, str):
        refuse_names_of_files(first)
        return Strings(_checked(everything, str, "a string"))
    if _is_token_list(first):
        return TokenLists(_checked(everything, _is_token_list, "a list of words"))
    raise UnlabeledError(f"item 0 of the text is {first!r:.60}: no string, path or list of words")


def _files_at(source: str | os.PathLike[str]) -> list[Path]:
    name = os.fspath(source)
    if isinstance(name, str) and (len(name) > 255 or "\n" in name or "\0" in name):
        raise UnlabeledError(
            f"a string is taken for the path of a file, and {name[:40]!r}... cannot be one; for text in memory, give "
            "a list of strings: [text]"
        )
    try:
        path = existing(name)
    except UnlabeledError as error:
        hint = "; for text in memory, give a list of strings: [text]" if " " in name.strip() else ""
        raise UnlabeledError(f"{error}{hint}") from None
    if not path.is_dir():
        return [path]
    files = files_under(path)
    if not files:
        raise UnlabeledError(f"the folder {path} is empty (hidden files do not count)")
    return files


def _files_listed(items: Iterable[Any]) -> list[Path]:
    files: list[Path] = []
    for i, item in enumerate(items):
        if not isinstance(item, os.PathLike):
            raise UnlabeledError(f"item {i} is {item!r:.60}, but item 0 is a path; give paths only")
        files += _files_at(item)
    return files


def refuse_names_of_files(first: str) -> None:
    """Refuse a list of strings that names files: a guess would train on the names as if they were the text."""
    # Path.is_file fails where a name of so many characters has too many bytes.
    if len(first) <= 255 and Path(first).suffix and "\0" not in first and os.path.isfile(first):  # noqa: PTH113
        raise UnlabeledError(
            f"{first!r} names a file, but a list of strings is text; to read files, give [pathlib.Path({first!r}), ...]"
        )


def _is_token_list(item: Any) -> bool:
    return isinstance(item, Iterable) and not isinstance(item, _NO_LISTS)


def _checked(items: Iterable[Any], test: type | Callable[[Any], bool], wanted: str) -> Iterator[Any]:
    for i, item in enumerate(items):
        if not (isinstance(item, test) if isinstance(test, type) else test(item)):
            raise UnlabeledError(f"item {i} of the text is {item!r:.60}, not {wanted} like those before it")
        yield item


def _plain(raw: io.BufferedReader) -> IO[bytes]:
    """Decompress, if the first bytes say that the file is compressed; the name does not count."""
    magic = raw.peek(6)
    kind = next((kind for start, kind in _MAGIC.items() if magic.startswith(start)), None)
    if kind is None:
        return raw
    if kind == "zstd":
        import pyarrow as pa

        return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    openers: dict[str, Any] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    return cast("IO[bytes]", openers[kind](raw, "rb"))


def not_text(name: str, line: int, *, invalid: bool) -> UnlabeledError:
    """Make the error for bytes that are no text."""
    if invalid:
        return UnlabeledError(
            f"{name}, line {line}: not UTF-8. Convert it (iconv -f latin1 -t utf8), or let such bytes count as "
            "U+FFFD: errors='replace'"
        )
    return UnlabeledError(f"{name}, line {line}: a NUL byte; this is no text but a binary file, or UTF-16")
