"""Proposals: boxes in pictures where objects may be, given by somebody else than the detector."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.plain_text import encoding_of
from unlabeled.errors import UnlabeledError

EDGES = ("left", "top", "right", "bottom")


def read_proposals(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float64]]:
    """Read boxes from a CSV file with the columns id (or path), left, top, right and bottom, in pixels.

    Returns
    -------
    dict of str to ndarray of float64, shape (k, 4)
        Of each picture, by its name without folder and suffix.

    Raises
    ------
    UnlabeledError
        If the file cannot be read, a column is missing, or a value is no number.
    """
    path = Path(path)
    found: dict[str, list[list[float]]] = {}
    try:
        with path.open(newline="", encoding=encoding_of(path)) as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or []
            name = next((each for each in ("id", "path") if each in columns), None)
            missing = [each for each in EDGES if each not in columns]
            if name is None or missing:
                raise UnlabeledError(
                    f"{path} has no column {missing[0] if missing else 'id'!r}; proposals have id, {', '.join(EDGES)}"
                )
            for row in rows:
                try:
                    box = [float(row[edge]) for edge in EDGES]
                except (TypeError, ValueError):
                    raise UnlabeledError(f"{path}, line {rows.line_num}: a box is four numbers") from None
                if not row[name]:
                    raise UnlabeledError(f"{path}, line {rows.line_num}: the picture has no name")
                found.setdefault(Path(row[name]).stem, []).append(box)
    except (OSError, UnicodeError, csv.Error) as error:
        raise UnlabeledError(f"cannot read {path} as a table of boxes: {error}") from error
    return {name: np.array(boxes) for name, boxes in found.items()}


def proposals_in_order(given: Sequence[Any] | Mapping[str, Any], ids: Sequence[str]) -> Sequence[Any]:
    """Give one entry a picture, in the order of the pictures; those that a mapping does not name have no boxes.

    Raises
    ------
    UnlabeledError
        If there is not one entry a picture, or a mapping names none of the pictures.
    """
    if isinstance(given, Mapping):
        unknown = sorted(set(given) - {Path(name).stem for name in ids} - set(ids))
        if len(unknown) == len(given):
            raise UnlabeledError(
                f"no picture has proposals: they are for {unknown[:3]}, the pictures are {list(ids)[:3]}"
            )
        given = [given.get(name, given.get(Path(name).stem, ())) for name in ids]
    if len(given) != len(ids):
        raise UnlabeledError(
            f"there are proposals for {len(given)} pictures, and {len(ids)} pictures; give one list each"
        )
    return given


def checked_proposals(
    given: Sequence[Any] | Mapping[str, Any], ids: Sequence[str], sizes: Sequence[tuple[int, int]]
) -> list[NDArray[np.float64]]:
    """Give the boxes of each picture, if they are boxes in it.

    Parameters
    ----------
    given : sequence, one entry a picture, or mapping by the names of the pictures, of arrays of shape (k, 4)
        Left, top, right and bottom edges in pixels; an empty list for no boxes. A picture that a mapping does not name
        has none either.
    ids : sequence of str
        Names of the pictures.
    sizes : sequence of (int, int)
        Their widths and heights.

    Raises
    ------
    UnlabeledError
        If there is not one entry a picture, an entry is no array of boxes, or a box is not finite, has no area, or is
        not inside its picture.
    """
    checked = []
    for name, size, boxes in zip(ids, sizes, proposals_in_order(given, ids), strict=True):
        array = _as_boxes(boxes, name)
        for box in array:
            shown = ", ".join(f"{edge:g}" for edge in box)
            if not np.isfinite(box).all() or box[2] <= box[0] or box[3] <= box[1]:
                raise UnlabeledError(f"the proposal {shown} of {name} has no area")
            if (box[:2] < 0).any() or (box[2:] > size).any():
                raise UnlabeledError(
                    f"the proposal {shown} of {name} is not inside the picture of {size[0]} × {size[1]} pixels"
                )
        checked.append(array)
    return checked


def _as_boxes(boxes: Any, name: str) -> NDArray[np.float64]:
    """Give the boxes of one picture as an array of shape (k, 4)."""
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UnlabeledError(f"the proposals of {name} are not boxes of four numbers each: {error}") from error
    if array.shape == (0,):
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise UnlabeledError(
            f"the proposals of {name} have the shape {array.shape}, not (boxes, 4): give the left, top, right and "
            "bottom edges of each"
        )
    return array
