"""What is shown of a topic: how many words and documents, and the beginnings of these."""

from __future__ import annotations

WORDS, EXAMPLES = 10, 5
EXCERPT = 280
"""Characters of a document."""


def excerpt(text: str) -> str:
    """Give the beginning of a text on one line."""
    flat = " ".join(text[: 4 * EXCERPT].split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1] + "…"
