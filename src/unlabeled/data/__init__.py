"""Instances come in: images, vectors and text from folders, tables, files and arrays; batches go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import when_used

if TYPE_CHECKING:
    from unlabeled.data.batch import Batch
    from unlabeled.data.images import Images
    from unlabeled.data.instances import Instances, prefetched
    from unlabeled.data.labels import LabelTable, read_labels
    from unlabeled.data.objects import Detections, Objects
    from unlabeled.data.prepared import PreparedImages
    from unlabeled.data.text.corpus import Corpus
    from unlabeled.data.text.documents import Documents
    from unlabeled.data.text.labelled_texts import LabelledTexts
    from unlabeled.data.text.tokenizers import tokenize
    from unlabeled.data.text.vocabulary import Vocabulary
    from unlabeled.data.vectors import Vectors
    from unlabeled.data.video import Clips, Videos
    from unlabeled.data.voc import VOC

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

__getattr__, __dir__ = when_used(
    __name__,
    {
        "Batch": "batch",
        "Clips": "video.clips",
        "Corpus": "text.corpus",
        "Detections": "objects",
        "Documents": "text.documents",
        "Images": "images",
        "Instances": "instances",
        "LabelTable": "labels",
        "LabelledTexts": "text.labelled_texts",
        "Objects": "objects",
        "PreparedImages": "prepared",
        "VOC": "voc",
        "Vectors": "vectors",
        "Videos": "video.videos",
        "Vocabulary": "text.vocabulary",
        "prefetched": "instances",
        "read_labels": "labels",
        "tokenize": "text.tokenizers",
    },
)
