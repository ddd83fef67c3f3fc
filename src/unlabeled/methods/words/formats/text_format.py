"""Vectors as text: a line a word, with a header (word2vec, fastText's .vec) or without (GloVe).

Files are read block by block. A block is parsed by Arrow, at some hundred megabytes a second; one that Arrow refuses is
parsed again line by line, which either understands it or says what is wrong in which line.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.formats.plain_words import check_plain
from unlabeled.methods.words.formats.word_table import Content, GrowingTable, Selection, check_words, decoded

HEADER = re.compile(rb"(?:\xef\xbb\xbf)?(\d{1,15})[ \t]+(\d{1,15})[ \t]*\r?\n?")
BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 22  # bytes parsed at a time
LONGEST_LINE = 1 << 25  # bytes: more than a vector of a million numbers takes
NUMBERS = 1 << 20  # numbers written at a time


def read_text(path: Path, file: IO[bytes], size: int | None, selection: Selection) -> Content:
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
    selection : Selection
        What to keep.
    """
    first = _line(path, file, 1).removeprefix(BOM)
    header = HEADER.fullmatch(first)
    if header:
        promised, dim = int(header[1]), int(header[2])
        line, pending = 2, b""
    else:
        promised, dim = None, _dimension(first)
        if dim < 1:
            raise UnlabeledError(f"{path}, line 1: expected a word and its numbers, separated by spaces")
        line, pending = 1, first
    # A number takes two bytes at least, with the space before it.
    expected = min(promised or 1 << 40, (size // (2 * dim) if size else 0) if promised else _estimate(first, size))
    table = GrowingTable(dim, expected, selection)
    block = pending + _block(path, file, line)
    while block and not table.full:
        following = _block(path, file, line)
        if not following:
            block = block.rstrip(b"\r\n")  # empty lines at the end of a file mean nothing
        if block:
            words, vectors = _parsed(path, block, dim, line, selection.errors)
            check_words(path, words, "line", line)
            table.extend(words, vectors)
            line += len(words)
        block = following
    if not table.read:
        raise UnlabeledError(f"{path} holds no words: there is nothing after its header")
    if promised is not None and promised != table.read and not table.full:
        warnings.warn(
            f"{path}: the header in line 1 promises {promised:,} words, but there are {table.read:,}; "
            "the file was cut short or put together from several",
            stacklevel=2,
        )
    return table.content(path)


def write_text(file: IO[bytes], words: Sequence[str], vectors: NDArray[Any], header: bool) -> None:
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
        if number == 0 and not header and block.startswith(BOM):
            raise UnlabeledError(
                f"without a header, the mark with which the word {words[0]!r} begins would be taken for that of the "
                "file; save as word2vec text instead"
            )
        file.write(block)


def _block(path: Path, file: IO[bytes], line: int) -> bytes:
    """Read some whole lines, of which the first comes after the one with the number `line`."""
    return file.read(BLOCK) + _line(path, file, line)


def _line(path: Path, file: IO[bytes], number: int) -> bytes:
    """Read to the end of a line; refuse one that is too long, before it fills the memory."""
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise UnlabeledError(
            f"{path}, after line {number}: a line has more than {LONGEST_LINE >> 20} MiB; these are no word vectors"
        )
    return line


def _dimension(line: bytes) -> int:
    """Count the numbers at the end of a line without header, whose word may hold spaces and numbers."""
    columns = _columns(line)
    return len(columns) - 1 if len(columns) < 3 else len(columns) - _word_columns(columns)


def _word_columns(columns: list[bytes]) -> int:
    """Count the columns of the word that comes before the numbers: the first one, and those up to a number."""
    return next((place for place in range(1, len(columns)) if _numbers([columns[place]]) is not None), 1)


def _estimate(first: bytes, size: int | None) -> int:
    """Guess the number of lines from the first one's length, generously."""
    return size * 5 // (4 * len(first)) if size else 0


def _columns(line: bytes) -> list[bytes]:
    first, *rest = line.rstrip(b" \r\n").split(b" ")
    return [first, *filter(None, rest)]  # two spaces are as good as one


def _parsed(path: Path, block: bytes, dim: int, line: int, errors: str) -> tuple[list[str], NDArray[np.float32]]:
    """Parse whole lines, of which the first has the number `line`."""
    import pyarrow as pa

    if block.startswith(BOM):  # which Arrow would take for that of a file, and leave out
        return _parsed_by_line(path, block, dim, line, errors)
    try:
        words, vectors = _parsed_by_arrow(block, dim)
    except pa.ArrowInvalid:
        return _parsed_by_line(path, block, dim, line, errors)
    return (words, vectors) if np.isfinite(vectors).all() else _parsed_by_line(path, block, dim, line, errors)


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


def _parsed_by_line(
    path: Path, block: bytes, dim: int, first: int, errors: str
) -> tuple[list[str], NDArray[np.float32]]:
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
        words.append(decoded(path, f"line {number}", b" ".join(columns[: spaces + 1]), errors))
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
