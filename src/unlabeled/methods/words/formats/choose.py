"""Which format a file is in, and which one to write."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.finite import first_not_finite
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.files import written_aside
from unlabeled.methods.words.formats.binary_format import read_binary, write_binary
from unlabeled.methods.words.formats.fasttext_format import MAGIC, read_fasttext
from unlabeled.methods.words.formats.parquet_format import read_parquet, write_parquet
from unlabeled.methods.words.formats.safetensors_format import read_safetensors, write_safetensors
from unlabeled.methods.words.formats.text_format import HEADER, read_text, write_text
from unlabeled.methods.words.formats.word_table import Content, Selection

Format = Literal["word2vec", "glove", "word2vec_binary", "safetensors", "parquet"]
BY_ENDING: dict[str, Format] = {
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".bin": "word2vec_binary",
    ".safetensors": "safetensors",
    ".parquet": "parquet",
}

_COMPRESSED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
SNIFFED = 1 << 20  # bytes that are looked into: longer than the first two lines of any real file
LONGEST = 1 << 20  # numbers a vector may have; a header that says more is damaged
PICKLE_MAGIC = re.compile(rb"\x80[\x02-\x05]")
NUMBERS = re.compile(rb"[-+.\deE ]+")
NOT_IN_TEXT = re.compile(rb"[^\t\n\r -\x7e\x80-\xff]")


def read_words(
    path: str | os.PathLike[str],
    mmap: bool = False,
    selection: Selection = Selection(),  # noqa: B008 - frozen
) -> Content:
    """Read words, vectors and, if the file has them, counts.

    Parameters
    ----------
    path : path
        A file in any of the formats.
    mmap : bool, default False
        Leave the vectors on disk; for safetensors only.
    selection : Selection
        Which words to keep.

    Raises
    ------
    UnlabeledError
        If the file is missing, malformed, or in a format that is not read; the message names the line.
    """
    path = Path(path)
    if (path / "model.json").exists():
        raise UnlabeledError(
            f"cannot read {path}: it is the folder of a saved model; take unlabeled.load(...).vectors_"
        )
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(path.open("rb"))
            file = stack.enter_context(_unpacked(path, raw))
            content = _read(path, file, path.stat().st_size if file is raw else None, mmap, selection)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UnlabeledError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if not content.words:
        raise UnlabeledError(f"{path} holds none of the words that were asked for")
    return content


def _unpacked(path: Path, raw: BufferedReader) -> IO[bytes]:
    """Decompress a file, if its first bytes say that it is compressed; of an archive open the one file in it."""
    start = raw.peek(6)
    if start.startswith(b"PK\x03\x04"):
        archive = zipfile.ZipFile(raw)
        inside = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(inside) != 1:
            raise UnlabeledError(
                f"{path} is an archive of {len(inside)} files: {', '.join(inside[:5])}; unpack it, and give the one "
                "that holds the vectors"
            )
        return archive.open(inside[0])
    for magic, opener in _COMPRESSED.items():
        if start.startswith(magic):
            return cast("IO[bytes]", opener(raw))
    return raw


def _read(path: Path, file: IO[bytes], size: int | None, mmap: bool, selection: Selection) -> Content:
    found = _sniffed(path, file.read(SNIFFED))
    if found in ("safetensors", "parquet") and size is None:
        raise UnlabeledError(f"{path}: a {found} file is read uncompressed; unpack it first")
    if found == "safetensors":
        return selection.of(read_safetensors(path, mmap))
    if mmap:
        raise UnlabeledError(
            f"{path}: words and numbers are mixed in this format, so it cannot be left on disk; load it without mmap, "
            "save it as .safetensors, and load that with mmap=True"
        )
    file.seek(0)
    if found == "fasttext":
        return read_fasttext(path, file, size, selection)
    if found == "parquet":
        return selection.of(read_parquet(path))
    content = (read_binary if found == "word2vec_binary" else read_text)(path, file, size, selection)
    if (wrong := first_not_finite(content.vectors)) is not None:
        raise UnlabeledError(f"{path}: the vector of {content.words[wrong.row]!r} holds NaN or infinity")
    return content


def _sniffed(path: Path, beginning: bytes) -> Format | Literal["fasttext"]:
    """Tell the format by the file's first bytes."""
    if not beginning.strip():
        raise UnlabeledError(f"{path} is empty; it should hold a line for each word")
    if beginning[8:9] == b"{" and int.from_bytes(beginning[:8], "little") < 1 << 30:
        return "safetensors"
    if beginning.startswith(b"PAR1"):
        return "parquet"
    if beginning.startswith(MAGIC):
        return "fasttext"
    if PICKLE_MAGIC.match(beginning):
        raise UnlabeledError(
            f"{path} is a pickle, such as gensim's own .kv and .model files; pickles can run code and are not read. "
            "In gensim, save with save_word2vec_format"
        )
    header = HEADER.match(beginning)
    if not header or beginning[header.end() - 1 : header.end()] != b"\n":
        if b"\0" in beginning[:4096] and not _is_utf8(beginning[:4096]):
            raise UnlabeledError(f"{path} holds no word vectors: it is neither text nor in a known binary format")
        return "glove"
    if int(header[1]) == 0 or header.end() == len(beginning):
        raise UnlabeledError(f"{path} holds no words: there is nothing after its header")
    if not 0 < int(header[2]) <= LONGEST:
        raise UnlabeledError(f"{path}, line 1: the header says that vectors have {int(header[2]):,} numbers")
    rows = beginning[header.end() :]
    return "word2vec" if _is_text(path, rows, int(header[2])) else "word2vec_binary"


def _is_text(path: Path, rows: bytes, dim: int) -> bool:
    """Tell text from binary where both begin with the same header."""
    columns = rows.partition(b"\n")[0].split()
    if len(columns) > dim and NUMBERS.fullmatch(b" ".join(columns[-dim:])):
        return True
    # A damaged row of text still looks like text, and then the reader of text names its line.
    return ".bin" not in path.suffixes and not NOT_IN_TEXT.search(rows[:4096]) and _is_utf8(rows[:4096])


def _is_utf8(part: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(part)  # the last character may be cut in two
    except UnicodeDecodeError:
        return False
    return True


def write_words(
    path: str | os.PathLike[str],
    words: Sequence[str],
    vectors: NDArray[Any],
    counts: NDArray[np.int64] | None = None,
    format: str | None = None,
    oov: str = "raise",
) -> None:
    """Write words and vectors; the format follows the path's ending unless it is given."""
    path = Path(path)
    chosen, compressed = _chosen(path, format)
    with written_aside(path) as aside:
        if chosen == "safetensors":
            write_safetensors(aside, words, vectors, counts, oov)
            return
        if chosen == "parquet":
            write_parquet(aside, words, vectors, counts)
            return
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(aside.open("wb"))
            if compressed:
                packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
                file = cast("IO[bytes]", stack.enter_context(packed))
            if chosen == "word2vec_binary":
                write_binary(file, words, vectors)
            else:
                write_text(file, words, vectors, header=chosen == "word2vec")


def _chosen(path: Path, format: str | None) -> tuple[Format, bool]:
    """Choose the format, and whether to compress."""
    compressed = path.suffix.lower() == ".gz"
    ending = (path.with_suffix("") if compressed else path).suffix.lower()
    if format is not None and format not in get_args(Format):
        raise unknown_name("format", format, get_args(Format))
    if format is None and ending not in BY_ENDING:
        raise UnlabeledError(
            f"{path}: the ending should be one of {', '.join(BY_ENDING)} (text also with .gz), or give format="
        )
    chosen = BY_ENDING[ending] if format is None else format
    if compressed and chosen in ("safetensors", "parquet"):
        raise UnlabeledError(f"{path}: {chosen} is not compressed so; leave out the .gz")
    return chosen, compressed  # type: ignore[return-value]  # checked against the same names above
