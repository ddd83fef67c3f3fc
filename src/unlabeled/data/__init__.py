"""Instances come in: images, vectors and text from folders, tables, files and arrays; batches go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import lazy_exports

if TYPE_CHECKING:
    from unlabeled.data.batch import Batch
    from unlabeled.data.image.images import Images
    from unlabeled.data.image.objects import Detections, Objects
    from unlabeled.data.image.prepared import PreparedImages
    from unlabeled.data.image.voc import VOC
    from unlabeled.data.instances import Instances, prefetched
    from unlabeled.data.labels import LabelTable, read_labels
    from unlabeled.data.text.documents import Documents
    from unlabeled.data.text.indexing.corpus import Corpus
    from unlabeled.data.text.indexing.vocabulary import Vocabulary
    from unlabeled.data.text.labelled_texts import LabelledTexts
    from unlabeled.data.text.tokenization.tokenizers import tokenize
    from unlabeled.data.vectors import Vectors
    from unlabeled.data.video import Clips, Videos

__all__ = [
    "VOC",
    "Batch",
    "Clips",
    "Corpus",
    "Detections",
    "Documents",
    "Images",
    "Instances",
    "LabelTable",
    "LabelledTexts",
    "Objects",
    "PreparedImages",
    "Vectors",
    "Videos",
    "Vocabulary",
    "prefetched",
    "read_labels",
    "tokenize",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Batch": "batch",
        "Clips": "video.clips",
        "Corpus": "text.indexing.corpus",
        "Detections": "image.objects",
        "Documents": "text.documents",
        "Images": "image.images",
        "Instances": "instances",
        "LabelTable": "labels",
        "LabelledTexts": "text.labelled_texts",
        "Objects": "image.objects",
        "PreparedImages": "image.prepared",
        "VOC": "image.voc",
        "Vectors": "vectors",
        "Videos": "video.videos",
        "Vocabulary": "text.indexing.vocabulary",
        "prefetched": "instances",
        "read_labels": "labels",
        "tokenize": "text.tokenization.tokenizers",
    },
)
