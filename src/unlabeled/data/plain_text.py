"""Text files, read whole: UTF-8, or UTF-16 or UTF-32 with the mark that tells it."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from unlabeled.errors import UnlabeledError

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is the beginning of this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(path: str | os.PathLike[str]) -> str:
    """Tell the encoding of a text file by the mark that it may begin with; without one it is UTF-8."""
    with Path(path).open("rb") as file:
        return encoding_of_bytes(file.read(4))


def encoding_of_bytes(content: bytes) -> str:
    """Tell the encoding of a text by the mark that it may begin with; without one it is UTF-8.

    Examples
    --------
    >>> encoding_of_bytes("words".encode("utf-16")), encoding_of_bytes(b"words")
    ('utf-16', 'utf-8-sig')
    """
    return next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8-sig")


def read_plain_text(path: str | os.PathLike[str], errors: str = "strict") -> str:
    """Read a text file.

    Parameters
    ----------
    path : path
    errors : {"strict", "replace"}, default "strict"
        What to do with bytes that are no text: refuse the file, or put U+FFFD in their place.

    Raises
    ------
    UnlabeledError
        If it cannot be read, or is no text.
    """
    try:
        text = Path(path).read_text(encoding=encoding_of(path), errors=errors)
    except OSError as error:
        raise UnlabeledError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeError as error:
        where = f" ({error.reason} at byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise UnlabeledError(f"{path} is not valid UTF-8{where}; save it as UTF-8, or UTF-16 with its mark") from error
    if "\0" in text:
        raise UnlabeledError(f"{path} holds NUL bytes, so it is no text in UTF-8; save it as UTF-8")
    return text


def lines_of(text: str) -> list[str]:
    """Cut a text where editors see its lines end. A form feed and the like stand within a line.

    Examples
    --------
    >>> lines_of("one\\x0c1\\r\\ntwo")
    ['one\\x0c1', 'two']
    """
    return re.split(r"\r\n|\r|\n", text)
