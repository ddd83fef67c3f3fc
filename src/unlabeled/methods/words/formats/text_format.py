"""Vectors as text: a line a word, with a header (word2vec, fastText's .vec) or without (GloVe).

Files are read block by block. A block is parsed by Arrow, at some hundred megabytes a second; one that Arrow refuses is
parsed again line by line, which either understands it or says what is wrong in which line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.formats.plain_words import check_plain
from unlabeled.methods.words.formats.table import Content, GrowingTable, check_words

HEADER = re.compile(rb"(?:\xef\xbb\xbf)?(\d{1,15})[ \t]+(\d{1,15})[ \t]*\r?\n?")
BLOCK = 1 << 22  # bytes parsed at a time
NUMBERS = 1 << 20  # numbers written at a time


def read_text(path: Path, file: BufferedIOBase, size: int | None) -> Content:
    """Read word2vec text, GloVe text or fastText's .vec.

    A word may hold spaces if it is plain where it ends, as some do in GloVe's own files: the last `dim` columns are the
    numbers, and what is before them is the word.

    Parameters
    ----------
    path : path
        The file's name, for messages.
    file : binary file
        Its content, not compressed.
    size : int, optional
        Its length in bytes, if that is known.
    """
    first = file.readline()
    header = HEADER.fullmatch(first)
    if header:
        promised, dim = int(header[1]), int(header[2])
        line, pending = 2, b""
    else:
        promised, dim = None, len(_columns(first)) - 1
        if dim < 1:
            raise UnlabeledError(f"{path}, line 1: expected a word and its numbers, separated by spaces")
        line, pending = 1, first
    # A number takes two bytes at least, with the space before it.
    expected = min(promised or 1 << 40, (size // (2 * dim) if size else 0) if promised else _estimate(first, size))
    table, start = GrowingTable(dim, expected), line
    block = pending + _block(file)
    while block:
        following = _block(file)
        if not following:
            block = block.rstrip(b"\r\n")  # empty lines at the end of a file mean nothing
        if block:
            words, vectors = _parsed(path, block, dim, line)
            table.extend(words, vectors)
            line += len(words)
        block = following
    check_words(path, table.words, "line", start)
    if promised is not None and promised != len(table.words):
        raise UnlabeledError(
            f"{path}: the header in line 1 promises {promised:,} words, but there are {len(table.words):,}; "
            "the file was cut short or put together from several"
        )
    return table.content()


def write_text(file: BufferedIOBase, words: Sequence[str], vectors: NDArray[Any], header: bool) -> None:
    """Write a line a word; each number is the shortest that reads back as the same float32."""
    check_plain(words)
    lines = _lines(words, vectors)
    if header:
        file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
    for number, block in enumerate(lines):
        if number == 0 and not header and HEADER.fullmatch(block[: block.index(b"\n") + 1]):
            raise UnlabeledError(
                f"without a header, the first line, of the word {words[0]!r}, would be taken for one; "
                "save as word2vec text instead"
            )
        file.write(block)


def _block(file: BufferedIOBase) -> bytes:
    """Read some whole lines."""
    return file.read(BLOCK) + file.readline()


def _estimate(first: bytes, size: int | None) -> int:
    """Guess the number of lines from the first one's length, generously."""
    return size * 5 // (4 * len(first)) if size else 0


def _columns(line: bytes) -> list[bytes]:
    return line.rstrip(b" \r\n").split(b" ")


def _parsed(path: Path, block: bytes, dim: int, line: int) -> tuple[list[str], NDArray[np.float32]]:
    """Parse whole lines, of which the first has the number `line`."""
    import pyarrow as pa

    try:
        words, vectors = _parsed_by_arrow(block, dim)
    except pa.ArrowInvalid:
        return _parsed_by_line(path, block, dim, line)
    return (words, vectors) if np.isfinite(vectors).all() else _parsed_by_line(path, block, dim, line)


def _parsed_by_arrow(block: bytes, dim: int) -> tuple[list[str], NDArray[np.float32]]:
    import pyarrow as pa
    from pyarrow import csv

    end = block.find(b"\n")
    space_at_end = block[: end if end >= 0 else None].rstrip(b"\r").endswith(b" ")  # the habit of word2vec and fastText
    names = ["word", *map(str, range(dim))]
    types = {"word": pa.string(), **dict.fromkeys(names[1:], pa.float32()), "nothing": pa.null()}
    rows = csv.read_csv(
        pa.py_buffer(block),
        read_options=csv.ReadOptions(column_names=[*names, "nothing"] if space_at_end else names),
        parse_options=csv.ParseOptions(delimiter=" ", quote_char=False, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(column_types=types, null_values=[""] if space_at_end else []),
    )
    vectors = np.empty((rows.num_rows, dim), np.float32)
    for column in range(dim):
        vectors[:, column] = rows.column(column + 1).to_numpy()
    return rows.column(0).to_pylist(), vectors


def _parsed_by_line(path: Path, block: bytes, dim: int, first: int) -> tuple[list[str], NDArray[np.float32]]:
    words, rows = [], []
    for number, line in enumerate(block.removesuffix(b"\n").split(b"\n"), first):
        columns = _columns(line)
        spaces = len(columns) - dim - 1
        if spaces < 0 or (spaces > 0 and _numbers(columns[spaces : spaces + 1]) is not None):
            raise UnlabeledError(
                f"{path}, line {number}: expected a word and {dim} numbers, found {len(columns)} columns"
                + (" (the line is empty)" if not line.strip() else "")
            )
        row = _numbers(columns[spaces + 1 :])
        if row is None:
            wrong = next(column for column in columns[spaces + 1 :] if _numbers([column]) is None)
            raise UnlabeledError(f"{path}, line {number}: {_shown(wrong)} is not a finite float32 number")
        words.append(_decoded(path, number, b" ".join(columns[: spaces + 1])))
        rows.append(row)
    return words, np.stack(rows)


def _numbers(columns: list[bytes]) -> NDArray[np.float32] | None:
    """Parse numbers as the quick path does, rounding to float32 once; None if one is not finite, or no number."""
    import pyarrow as pa

    try:
        values = pa.array(columns, pa.binary()).cast(pa.string()).cast(pa.float32()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return values if np.isfinite(values).all() else None


def _decoded(path: Path, number: int, word: bytes) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        raise UnlabeledError(
            f"{path}, line {number}: the word {_shown(word)} is not valid UTF-8; convert the file to UTF-8"
        ) from None


def _shown(part: bytes) -> str:
    return repr(part[:40].decode("utf-8", "backslashreplace"))


def _lines(words: Sequence[str], vectors: NDArray[Any]) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.compute as pc

    dim = vectors.shape[1]
    step = max(1, NUMBERS // dim)
    for start in range(0, len(words), step):
        part = vectors[start : start + step].astype(np.float32, copy=False)
        numbers = pc.cast(pa.array(part.ravel()), pa.string())
        offsets = pa.array(np.arange(0, part.size + 1, dim, dtype=np.int32))
        rows = pc.binary_join(pa.ListArray.from_arrays(offsets, numbers), " ")
        joined = pc.binary_join_element_wise(pa.array(words[start : start + step], pa.string()), rows, " ")
        yield ("\n".join(joined.to_pylist()) + "\n").encode()
