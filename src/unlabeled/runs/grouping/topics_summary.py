"""The summary of topics: what ``topics.json`` holds, and how much is shown of a topic."""

from __future__ import annotations

import os
from typing import Any

from unlabeled.data.text.documents import Documents
from unlabeled.evaluation.topic_coherence import topic_coherence, topic_diversity

WORDS, EXAMPLES = 10, 5
EXCERPT = 280
"""Characters of a document."""


def excerpt(text: str) -> str:
    """Give the beginning of a text on one line."""
    flat = " ".join(text[: 4 * EXCERPT].split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1] + "…"


def topics_summary(source: Any, topics: list[dict[str, Any]], counted: Documents, **about: Any) -> dict[str, Any]:
    """Judge topics by the words that are listed of them; `about` stands between the source and the figures.

    The coherence of a topic with fewer than two words, such as a cluster of texts without any that counts, is None.
    """
    listed = [[entry["word"] for entry in topic["words"]] for topic in topics]
    words = [of_topic for of_topic in listed if len(of_topic) > 1]
    coherence = topic_coherence(words, counted, WORDS)
    each = iter(coherence.topics)
    return {
        "source": str(source) if isinstance(source, str | os.PathLike) else None,
        **about,
        "documents": len(counted),
        "empty": counted.empty,
        "words": len(counted.words),
        "coherence": coherence.mean,
        "diversity": topic_diversity(words, WORDS),
        "topics": [
            topic | {"coherence": next(each) if len(of_topic) > 1 else None}
            for topic, of_topic in zip(topics, listed, strict=True)
        ],
    }
