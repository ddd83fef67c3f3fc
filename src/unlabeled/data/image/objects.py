"""Objects in a picture: their boxes and classes, as somebody marked them and as a detector found them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Objects(NamedTuple):
    """The objects that somebody marked in one picture.

    Attributes
    ----------
    boxes : ndarray of float64, shape (k, 4)
        Left, top, right and bottom edge in pixels, from the picture's upper left corner; a box from 0 to 10 is ten
        pixels wide.
    labels : ndarray of str, shape (k,)
        Classes.
    difficult : ndarray of bool, shape (k,)
        True for objects so hard to see that a detector may find or miss them without reward or penalty.
    """

    boxes: NDArray[np.float64]
    labels: NDArray[Any]
    difficult: NDArray[np.bool_]

    @classmethod
    def of(cls, boxes: Any, labels: Any, difficult: Any = None) -> Objects:
        """Make objects from lists; by default none is difficult.

        Examples
        --------
        >>> Objects.of([(0, 0, 10, 5)], ["cat"]).difficult.tolist()
        [False]
        """
        labels = np.asarray(labels, dtype=str)
        hard = np.zeros(len(labels), dtype=bool) if difficult is None else np.asarray(difficult, dtype=bool)
        return cls(np.asarray(boxes, dtype=np.float64).reshape(-1, 4), labels, hard)


class Detections(NamedTuple):
    """The objects that a detector found in one picture, the surest first.

    Attributes
    ----------
    boxes : ndarray of float64, shape (k, 4)
        As those of `Objects`.
    labels : ndarray of str, shape (k,)
    scores : ndarray of float64, shape (k,)
        How sure the detector is, higher for surer.
    """

    boxes: NDArray[np.float64]
    labels: NDArray[Any]
    scores: NDArray[np.float64]

    @classmethod
    def of(cls, boxes: Any, labels: Any, scores: Any) -> Detections:
        """Make detections from lists."""
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        return cls(boxes, np.asarray(labels, dtype=str), np.asarray(scores, dtype=np.float64))
