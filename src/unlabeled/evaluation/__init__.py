"""Judging a representation: probes that need labels, figures that need none, and a protocol that compares fairly.

Probes take NumPy arrays: vectors of shape (n, d), and integer labels of shape (n,) where −1 means unlabelled. Tests of
word vectors take `WordVectors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import when_used

if TYPE_CHECKING:
    from unlabeled.evaluation.alignment import alignment
    from unlabeled.evaluation.analogies import AnalogiesResult, AnalogySection, analogies
    from unlabeled.evaluation.average_precision import (
        COCOResult,
        VOCResult,
        coco_average_precision,
        voc_average_precision,
    )
    from unlabeled.evaluation.clustering import ClusteringResult, agreement, clustering
    from unlabeled.evaluation.collapse import Verdict, collapse_verdict
    from unlabeled.evaluation.edge_probing import EdgeProbe, edge_probing
    from unlabeled.evaluation.effective_rank import effective_rank
    from unlabeled.evaluation.extrinsic import ExtrinsicResult, extrinsic
    from unlabeled.evaluation.fine_tune import fine_tune
    from unlabeled.evaluation.knn import KnnResult, knn
    from unlabeled.evaluation.linear_probe import LinearProbeResult, linear_probe
    from unlabeled.evaluation.protocol import Evaluation, Score, evaluate
    from unlabeled.evaluation.retrieval import RetrievalResult, retrieval
    from unlabeled.evaluation.sentence_similarity import SentenceSimilarity, sentence_similarity
    from unlabeled.evaluation.split import Split, stratified_split
    from unlabeled.evaluation.synonyms import SynonymsResult, synonyms
    from unlabeled.evaluation.topic_coherence import topic_coherence, topic_diversity
    from unlabeled.evaluation.uniformity import uniformity
    from unlabeled.evaluation.word_similarity import WordSimilarityResult, word_similarity

__all__ = [
    "AnalogiesResult",
    "AnalogySection",
    "COCOResult",
    "ClusteringResult",
    "EdgeProbe",
    "Evaluation",
    "ExtrinsicResult",
    "KnnResult",
    "LinearProbeResult",
    "RetrievalResult",
    "Score",
    "SentenceSimilarity",
    "Split",
    "SynonymsResult",
    "VOCResult",
    "Verdict",
    "WordSimilarityResult",
    "agreement",
    "alignment",
    "analogies",
    "clustering",
    "coco_average_precision",
    "collapse_verdict",
    "edge_probing",
    "effective_rank",
    "evaluate",
    "extrinsic",
    "fine_tune",
    "knn",
    "linear_probe",
    "retrieval",
    "sentence_similarity",
    "stratified_split",
    "synonyms",
    "topic_coherence",
    "topic_diversity",
    "uniformity",
    "voc_average_precision",
    "word_similarity",
]

__getattr__, __dir__ = when_used(
    __name__,
    {
        "AnalogiesResult": "analogies",
        "AnalogySection": "analogies",
        "COCOResult": "average_precision",
        "ClusteringResult": "clustering",
        "EdgeProbe": "edge_probing",
        "Evaluation": "protocol",
        "ExtrinsicResult": "extrinsic",
        "KnnResult": "knn",
        "LinearProbeResult": "linear_probe",
        "RetrievalResult": "retrieval",
        "Score": "protocol",
        "SentenceSimilarity": "sentence_similarity",
        "Split": "split",
        "SynonymsResult": "synonyms",
        "VOCResult": "average_precision",
        "Verdict": "collapse",
        "WordSimilarityResult": "word_similarity",
        "agreement": "clustering",
        "alignment": "alignment",
        "analogies": "analogies",
        "clustering": "clustering",
        "coco_average_precision": "average_precision",
        "collapse_verdict": "collapse",
        "edge_probing": "edge_probing",
        "effective_rank": "effective_rank",
        "evaluate": "protocol",
        "extrinsic": "extrinsic",
        "fine_tune": "fine_tune",
        "knn": "knn",
        "linear_probe": "linear_probe",
        "retrieval": "retrieval",
        "sentence_similarity": "sentence_similarity",
        "stratified_split": "split",
        "synonyms": "synonyms",
        "topic_coherence": "topic_coherence",
        "topic_diversity": "topic_coherence",
        "uniformity": "uniformity",
        "voc_average_precision": "average_precision",
        "word_similarity": "word_similarity",
    },
)
