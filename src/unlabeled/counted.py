"""Numbers of things in sentences."""

from __future__ import annotations


def counted(n: int, noun: str) -> str:
    """Write a number of things, one of them in the singular.

    Examples
    --------
    >>> counted(1, "cluster"), counted(1200, "topic")
    ('1 cluster', '1,200 topics')
    """
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
