"""The texts of documents: read from files, folders, tables and lists."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from unlabeled.data.paths import id_of
from unlabeled.data.plain_text import lines_of
from unlabeled.data.text.text_columns import read_text_columns
from unlabeled.data.text.text_files import Files, Strings, open_text
from unlabeled.data.text.text_tables import TABLES_OF_TEXT
from unlabeled.errors import UnlabeledError
from unlabeled.memory import check_memory

AT_ONCE = 1 << 26
"""Bytes of a file that are read until the memory is looked at again: a small file may unpack to any size."""


def is_token_lists(source: Any) -> bool:
    """Say whether `source` is a list of texts that are cut into words already."""
    if not isinstance(source, Sequence) or isinstance(source, str | bytes) or not len(source):
        return False
    lists = [isinstance(words, list | tuple) and all(isinstance(word, str) for word in words) for words in source]
    if lists[0] and len(source[0]) and not all(lists):
        raise UnlabeledError(f"document {lists.index(False)} is no list of words, unlike the first")
    return all(lists) and any(len(words) for words in source)


def is_text(source: Any) -> bool:
    """Say whether `source` is text, or the path of text, rather than a matrix."""
    if isinstance(source, str | os.PathLike):
        return Path(source).suffix.lower() not in (".npy", ".npz")
    if isinstance(source, type) or getattr(source, "ndim", 1) != 1 or sp.issparse(source):
        return False
    if is_token_lists(source):
        return True
    if isinstance(source, Iterator):
        raise UnlabeledError("the documents come from an iterator, which can be read only once; give a list of them")
    first = next(iter(source), None) if isinstance(source, Iterable) and hasattr(source, "__len__") else None
    return isinstance(first, str | os.PathLike) or (isinstance(source, list | tuple) and not source)


def read_texts(source: Any, column: str | None = None) -> tuple[list[str], list[str]]:
    """Read the texts that `unlabeled.data.Documents.count` would count, as they are, with their ids.

    Raises
    ------
    UnlabeledError
        If there are none.
    """
    texts, ids = _texts(source, column)
    if not texts:
        raise UnlabeledError(f"there are no documents: {_named(source)} holds none")
    return texts, ids


def _texts(source: Any, column: str | None) -> tuple[list[str], list[str]]:
    suffix = Path(source).suffix.lower() if isinstance(source, str | os.PathLike) else ""
    if suffix in TABLES_OF_TEXT and Path(source).is_file():
        found = read_text_columns(Path(source), column, pairs=False)
        return found.texts[0], found.ids
    if column is not None:
        raise UnlabeledError(
            f"column={column!r} is for tables ({', '.join(TABLES_OF_TEXT)}), and {_named(source)} is none"
        )
    opened = open_text(source)
    if isinstance(opened, Strings):
        texts = list(opened.texts)
        return texts, [str(i) for i in range(len(texts))]
    if not isinstance(opened, Files):
        raise UnlabeledError("a list of documents holds strings, or lists of words, and nothing else")
    root = Path(os.fspath(source)) if isinstance(source, str | os.PathLike) else None
    if root is None or root.is_dir():
        names = [id_of(path.relative_to(root) if root else path) for path in opened.paths]
        return [_read(opened, path) for path in opened.paths], names
    lines = [(number, line) for number, line in enumerate(lines_of(_read(opened, root)), start=1) if line.strip()]
    return [line for _, line in lines], [f"line {number}" for number, _ in lines]


def _read(files: Files, path: Path) -> str:
    content, checked = bytearray(), 0
    for piece in files.pieces(path):
        content += piece
        if len(content) > checked + AT_ONCE:
            checked = len(content)
            check_memory(2 * checked, f"{path}, unpacked,", "give it in parts")  # its bytes, and the text they become
    if b"\0" in content:
        raise UnlabeledError(f"{path} holds NUL bytes, so it is no text; take it out, or give a list of the text files")
    return content.decode("utf-8", errors="replace")


def _named(source: Any) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else f"the {type(source).__name__}"
