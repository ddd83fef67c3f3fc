"""Vectors as word2vec's binary: a header line, then for each word its bytes, a space, and its float32 numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.formats.plain_words import check_plain
from unlabeled.methods.words.formats.word_table import (
    LONGEST_WORD,
    Content,
    GrowingTable,
    Selection,
    check_words,
    decoded,
)

BLOCK = 1 << 22  # bytes read at a time


def read_binary(path: Path, file: IO[bytes], size: int | None, selection: Selection) -> Content:
    """Read word2vec's binary format, with or without a line break after each vector.

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
    promised, dim = map(int, file.readline().split())
    width = 4 * dim
    table = GrowingTable(dim, min(promised, size // (width + 2)) if size else 0, selection)
    data, place, done = b"", 0, 0
    words: list[str] = []
    rows: list[NDArray[np.float32]] = []
    while done < promised and not table.full:
        space = data.find(b" ", place)
        if space < 0 or len(data) < space + 1 + width:
            if rows:
                check_words(path, words, "row", done - len(words) + 1)
                table.extend(words, np.stack(rows))
                words, rows = [], []
            if table.full:
                break
            if space < 0 and len(data) - place > LONGEST_WORD:
                raise UnlabeledError(f"{path}, row {done + 1:,}: there is no word; the file is damaged")
            more = file.read(BLOCK)
            if not more:
                raise UnlabeledError(
                    f"{path}: the header promises {promised:,} words, but the file ends in row {done + 1:,}; "
                    "it was cut short"
                )
            data, place = data[place:] + more, 0
            continue
        done += 1
        words.append(decoded(path, f"row {done}", data[place:space].lstrip(b"\n"), selection.errors))
        rows.append(np.frombuffer(data, "<f4", dim, space + 1))
        place = space + 1 + width
    if rows:
        check_words(path, words, "row", done - len(words) + 1)
        table.extend(words, np.stack(rows))
    if not table.full and (data[place:] + file.read(2)).strip(b"\n"):
        raise UnlabeledError(
            f"{path}: the header promises {promised:,} words, but there is more after the last of them"
        )
    return table.content(path)


def write_binary(file: IO[bytes], words: Sequence[str], vectors: NDArray[Any]) -> None:
    """Write word2vec's binary format."""
    check_plain(words)
    file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
    for word, vector in zip(words, vectors, strict=True):
        file.write(b"%b %b\n" % (word.encode(), vector.astype("<f4", copy=False).tobytes()))
