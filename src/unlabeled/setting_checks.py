"""Checks of settings that every room needs."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from unlabeled.errors import UnlabeledError


def check_whole_number(name: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Refuse what is not a whole number in a range; True and False are none.

    Examples
    --------
    >>> check_whole_number("epochs", 0)
    Traceback (most recent call last):
        ...
    unlabeled.errors.UnlabeledError: epochs must be a whole number of at least 1, got 0
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)  # NumPy's integers are Integral
    if not whole or value < least or (most is not None and value > most):
        what = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise UnlabeledError(f"{name} must be a whole number {what}, got {value!r}")


def check_whole_settings(owner: Any, *names: str, least: int = 1) -> None:
    """Refuse attributes that are neither None nor a whole number of at least `least`."""
    for name in names:
        if (value := getattr(owner, name)) is not None:
            check_whole_number(name, value, least)
