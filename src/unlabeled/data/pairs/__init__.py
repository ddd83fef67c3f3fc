"""Pairs of an image and a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import when_used

if TYPE_CHECKING:
    from unlabeled.data.pairs.image_texts import ImageTexts

__all__ = ["ImageTexts"]

__getattr__, __dir__ = when_used(__name__, {"ImageTexts": "image_texts"})
