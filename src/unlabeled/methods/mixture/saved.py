"""Fitted attributes in files: arrays as safetensors, everything else as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from unlabeled.errors import UnlabeledError


def save_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    """Write arrays as safetensors; a refusal of the file system is an `OSError`."""
    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read a safetensors file; a missing or damaged one is an error that names it."""
    try:
        arrays: dict[str, NDArray[Any]] = load_file(path)
    except FileNotFoundError:
        raise UnlabeledError(f"{path} is missing") from None
    except (SafetensorError, OSError) as error:
        raise UnlabeledError(f"{path} cannot be read ({error}); it is damaged or not a safetensors file") from error
    return arrays


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
