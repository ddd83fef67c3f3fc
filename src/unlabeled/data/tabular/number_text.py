"""Numbers written as text: with units, percent signs, currencies, thousands, a decimal comma, and marks for missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.classes import is_missing

MISSING_MARKS = frozenset(
    {"", "?", "-", "--", "–", "—", ".", "..", "...", "*", "na", "n/a", "n.a.", "#n/a", "nan", "null", "nil", "none"}
    | {"missing", "unknown", "k.a.", "s/d", "n.d."}
)
"""What people write where they have no number, in lower case."""

NUMBERS_AT_LEAST = 0.9
"""Share of the values that must be numbers before the others count as missing."""
MOST_STRAYS = 3
"""Different texts beside the numbers; if there are more, they mean something."""

CURRENCY = r"[$€£¥₹₽₩₺฿₫₴₦]|(?:USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|US\$|R\$|Rs\.?)"
BODY = r"\d+(?:[,.'’ \u00a0\u202f]\d+)*|[.,]\d+"
WRITTEN = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+\-−])?\s*(?P<before>{CURRENCY})?\s*(?P<sign2>[+\-−])?\s*"
    rf"(?P<body>{BODY})(?P<exponent>[eE][+-]?\d+)?\s*(?P<after>%|‰|[^\W\d_][^\s\d]{{0,11}}|°\s?[CFK]?|{CURRENCY})?\s*(?P<close>\))?"
)
GROUPS = {mark: re.compile(rf"[1-9]\d{{0,2}}(?:[{mark}]\d{{3}})+") for mark in (",", ".", "'’", " \u00a0\u202f")}
"""Thousands, by their separator. The first group must not begin with 0: ``0,123`` is a decimal."""


@dataclass(frozen=True)
class NumberText:
    """A column of text that was read as numbers.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        NaN where there is none.
    style : dict
        How the text is written: ``unit`` and which sign is the ``decimal`` one; what `read_numbers_as` takes.
    strays : dict of str to int
        Texts that count as missing, beside empty cells, and how often each is there.
    example : str
        The first text that is no plain number, or a plain one.
    """

    values: NDArray[np.float64]
    style: dict[str, str]
    strays: dict[str, int]
    example: str


@dataclass(frozen=True)
class _Parts:
    body: str
    unit: str
    negative: bool
    exponent: str


def is_missing_mark(value: Any) -> bool:
    """Tell an empty cell, NaN, or a mark such as ``"?"``, ``"n/a"`` or ``"–"``."""
    return is_missing(value) or (isinstance(value, str) and value.strip().lower() in MISSING_MARKS)


def read_number_text(values: Sequence[Any]) -> NumberText | None:
    """Read a column of text as numbers, if it is one.

    All values must have the same unit, percent sign or currency, if any has one; a percent sign must be at all of
    them. Commas that part groups of three digits everywhere are thousands, otherwise they are decimal. Up to three
    different texts that are no numbers count as missing if at least nine values of ten are numbers.

    Returns
    -------
    NumberText or None
        None for text that is no column of numbers.

    Examples
    --------
    >>> read_number_text(["$1,200", "$999.50", "?"]).values.tolist()
    [1200.0, 999.5, nan]
    >>> read_number_text(["3,5 kg", "12 kg"]).values.tolist()
    [3.5, 12.0]
    >>> read_number_text(["4x4", "front"]) is None
    True
    """
    parsed = [None if is_missing_mark(value) else _parts(str(value)) for value in values]
    marks = Counter(
        value.strip() for value in values if isinstance(value, str) and value.strip() and is_missing_mark(value)
    )
    others = Counter(
        str(value) for value, parts in zip(values, parsed, strict=True) if parts is None and not is_missing_mark(value)
    )
    numbers = [parts for parts in parsed if parts is not None]
    if not numbers or len(others) > MOST_STRAYS or len(numbers) < NUMBERS_AT_LEAST * (len(numbers) + others.total()):
        return None
    style = _style(numbers)
    if style is None:
        return None
    found = np.array([np.nan if parts is None else _value(parts, style["decimal"]) for parts in parsed])
    example = next(
        (str(v) for v, p in zip(values, parsed, strict=True) if p is not None and (p.unit or not p.body.isdigit())),
        next(str(value) for value, parts in zip(values, parsed, strict=True) if parts is not None),
    )
    return NumberText(found, style, dict(marks + others), example)


def read_numbers_as(values: Sequence[Any], style: dict[str, str]) -> NDArray[np.float64]:
    """Read texts that are written as those of an earlier column were; NaN for what is not."""
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if isinstance(value, int | float | np.number):
            found[row] = value
            continue
        parts = None if is_missing_mark(value) else _parts(str(value))
        if parts is not None and parts.unit in ("", style["unit"]):
            found[row] = _value(parts, style["decimal"])
    return found


def _parts(text: str) -> _Parts | None:
    match = WRITTEN.fullmatch(text.strip())
    if match is None or bool(match["open"]) != bool(match["close"]) or (match["before"] and match["after"]):
        return None
    signs = [sign for sign in (match["sign"], match["sign2"]) if sign]
    if len(signs) > 1 or (match["open"] and signs):
        return None
    unit = (match["before"] or match["after"] or "").replace(" ", "")
    plural = unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit
    return _Parts(match["body"], plural, bool(match["open"]) or signs in (["-"], ["−"]), match["exponent"] or "")


def _style(numbers: Sequence[_Parts]) -> dict[str, str] | None:
    """Find how all of the numbers are written, or None if they contradict each other."""
    units = {parts.unit for parts in numbers}
    unit = next(iter(sorted(units - {""})), "")
    if len(units - {""}) > 1 or (unit in ("%", "‰") and "" in units):
        return None
    for decimal in (".", ","):
        if all(_is_plain(parts.body, decimal) for parts in numbers):
            return {"unit": unit, "decimal": decimal}
    return None


def _is_plain(body: str, decimal: str) -> bool:
    """Tell whether digits can be read with this decimal sign: at most one of it, and whole groups before it."""
    whole, _, fraction = body.partition(decimal)
    if not (fraction.isdigit() or (fraction == "" and not body.endswith(decimal))):
        return False
    others = "." if decimal == "," else ","
    grouped = (GROUPS[mark] for mark in (others, "'’", " \u00a0\u202f"))
    return whole == "" or whole.isdigit() or any(groups.fullmatch(whole) for groups in grouped)


def _value(parts: _Parts, decimal: str) -> float:
    if not _is_plain(parts.body, decimal):
        return float("nan")
    whole, _, fraction = parts.body.partition(decimal)
    digits = re.sub(r"\D", "", whole) or "0"
    number = float(f"{digits}.{fraction or 0}{parts.exponent}")
    return -number if parts.negative else number
