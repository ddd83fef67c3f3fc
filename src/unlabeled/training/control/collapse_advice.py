"""Advice against a collapse of the representation, such as fits a method."""

from __future__ import annotations

from typing import Any


def collapse_advice(method: Any) -> str:
    """Say in a sentence, without its full stop, what to do about a collapse of what a method learns.

    Parameters
    ----------
    method : a method, or its class

    Examples
    --------
    >>> from unlabeled import Rotation, SimCLR
    >>> collapse_advice(SimCLR)
    'Lower the learning rate or lengthen the warm-up; take a larger batch, or other views'
    >>> collapse_advice(Rotation)
    'Lower the learning rate or lengthen the warm-up; learn from more instances'
    """
    what = {
        "contrastive": "take a larger batch",
        "non-contrastive": "take a larger batch, or a method with negatives such as simclr",
    }.get(method.principle, "learn from more instances")
    views = ", or other views" if hasattr(method, "views") else ""
    return f"Lower the learning rate or lengthen the warm-up; {what}{views}"
