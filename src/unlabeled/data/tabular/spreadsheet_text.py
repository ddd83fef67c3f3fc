"""Text in CSV files that spreadsheets open: what they would run as a formula is marked as text."""

from __future__ import annotations

import re

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What formulas begin with."""


def marked(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run; numbers stay as they are.

    Examples
    --------
    >>> marked("=1+1.png"), marked("-3.5"), marked("cat.png")
    ("'=1+1.png", '-3.5', 'cat.png')
    """
    return f"'{text}" if _is_formula(text) else text


def unmarked(text: str) -> str:
    """Take away the apostrophe that `marked` has put there.

    Examples
    --------
    >>> unmarked("'=1+1.png"), unmarked("'quoted'")
    ('=1+1.png', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _is_formula(text[1:]) else text


def _is_formula(text: str) -> bool:
    """Tell text that begins as formulas do and is no number."""
    return text.startswith(FORMULAS) and not re.fullmatch(r"[+-][0-9.,eE+-]+", text)
