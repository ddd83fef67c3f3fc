"""How much memory is free, and a refusal before it runs out: the system would end the process without a word."""

from __future__ import annotations

import os
from pathlib import Path

from unlabeled.errors import UnlabeledError

MEMINFO = Path("/proc/meminfo")


def free_memory() -> int | None:
    """Give the bytes that can be used without swapping, or None where the system does not tell."""
    try:
        with MEMINFO.open() as lines:  # Linux, where memory that caches files counts as free
            available = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return int(available) * 1024
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def check_memory(needed: int, what: str, remedy: str) -> None:
    """Refuse work that needs more memory than is free.

    Parameters
    ----------
    needed : int
        Bytes.
    what : str
        What needs them, the beginning of a sentence.
    remedy : str
        What to do instead.

    Raises
    ------
    UnlabeledError
        If fewer bytes are free.

    Examples
    --------
    >>> check_memory(10**18, "a dense copy of X", "give a mapped file")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    unlabeled.errors.UnlabeledError: a dense copy of X needs 1,000,000,000.0 GB of memory, and ... are free; give ...
    """
    free = free_memory()
    if free is not None and needed > free:
        raise UnlabeledError(
            f"{what} needs {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free; {remedy}"
        )
