"""Pairs of an image and a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import lazy_exports

if TYPE_CHECKING:
    from unlabeled.data.pairs.image_texts import ImageTexts

__all__ = ["ImageTexts"]

__getattr__, __dir__ = lazy_exports(__name__, {"ImageTexts": "image_texts"})
