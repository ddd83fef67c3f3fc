"""Fitted attributes, parted for saving: arrays of numbers, and what JSON can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def divided(values: dict[str, Any]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Part values into arrays of numbers and what JSON can hold.

    Raises
    ------
    TypeError
        For a value that is neither.
    """
    arrays: dict[str, NDArray[Any]] = {}
    figures: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            arrays[name] = value
        else:
            figures[name] = _plain(value, name)
    return arrays, figures


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(part, name) for part in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{name} of type {type(value).__name__} cannot be saved")
