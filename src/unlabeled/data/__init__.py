"""Instances come in: images, vectors and text from folders, tables, files and arrays; batches go out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unlabeled.data.corpus import Corpus
    from unlabeled.data.documents import Documents
    from unlabeled.data.images import Images
    from unlabeled.data.instances import Instances, prefetched
    from unlabeled.data.labels import LabelTable, read_labels
    from unlabeled.data.phrases import Phrases
    from unlabeled.data.prepared import PreparedImages
    from unlabeled.data.source import open_source
    from unlabeled.data.tokenizers import tokenize
    from unlabeled.data.vectors import Vectors
    from unlabeled.data.vocabulary import Vocabulary

__all__ = [
    "Corpus",
    "Documents",
    "Images",
    "Instances",
    "LabelTable",
    "Phrases",
    "PreparedImages",
    "Vectors",
    "Vocabulary",
    "open_source",
    "prefetched",
    "read_labels",
    "tokenize",
]

_HOMES = {
    "Corpus": "corpus",
    "Documents": "documents",
    "Images": "images",
    "Instances": "instances",
    "LabelTable": "labels",
    "Phrases": "phrases",
    "PreparedImages": "prepared",
    "Vectors": "vectors",
    "Vocabulary": "vocabulary",
    "open_source": "source",
    "prefetched": "instances",
    "read_labels": "labels",
    "tokenize": "tokenizers",
}


def __getattr__(name: str) -> Any:
    """Import a name's file when the name is first used, so that reading labels does not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
