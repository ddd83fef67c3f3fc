"""A short name for what a collection holds: a SHA-256 over its parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_CHUNK_BYTES = 1 << 24


def fingerprint(parts: Iterable[str | bytes | NDArray[np.generic]]) -> str:
    """Hash the parts in order; where one part ends and the next begins counts.

    Examples
    --------
    >>> fingerprint(["ab", "c"]) == fingerprint(["a", "bc"])
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            for rows in chunks(part):
                digest.update(np.ascontiguousarray(rows).view(np.uint8).data)
            continue
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def file_state(path: Path) -> str:
    """Give size and time of change, which tell a cache whether a file is still the one it has seen."""
    try:
        state = path.stat()
    except OSError:
        return "missing"
    return f"{state.st_size} {state.st_mtime_ns}"


def file_digest(path: Path) -> str:
    """Hash a file's content; times of change do not count, so a copy of a collection is the same collection."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "missing"


def chunks(array: NDArray[np.generic]) -> Iterable[NDArray[np.generic]]:
    """Walk over an array's rows a bounded number of bytes at a time; a mapped file is then never held whole."""
    rows = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    return (array[start : start + rows] for start in range(0, len(array), rows))
