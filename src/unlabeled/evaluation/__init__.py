"""Judging a representation: probes that need labels, figures that need none, and a protocol that compares fairly.

Probes take NumPy arrays: vectors of shape (n, d), and integer labels of shape (n,) where −1 means unlabelled. Tests of
word vectors take `WordVectors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import lazy_exports

if TYPE_CHECKING:
    from unlabeled.evaluation.clustering import ClusteringResult, agreement, clustering
    from unlabeled.evaluation.label_free.alignment import alignment
    from unlabeled.evaluation.label_free.collapse import Verdict, collapse_verdict
    from unlabeled.evaluation.label_free.effective_rank import effective_rank
    from unlabeled.evaluation.label_free.uniformity import uniformity
    from unlabeled.evaluation.objects.average_precision import (
        COCOResult,
        VOCResult,
        coco_average_precision,
        voc_average_precision,
    )
    from unlabeled.evaluation.objects.detection import detection
    from unlabeled.evaluation.pair_retrieval import PairRecall, pair_recall
    from unlabeled.evaluation.probes.edge_probing import EdgeProbe, edge_probing
    from unlabeled.evaluation.probes.fine_tune import fine_tune
    from unlabeled.evaluation.probes.knn import KnnResult, knn
    from unlabeled.evaluation.probes.linear_probe import LinearProbeResult, linear_probe
    from unlabeled.evaluation.probes.pixel_probe import PixelProbeResult, pixel_probe
    from unlabeled.evaluation.probes.transfer import transfer
    from unlabeled.evaluation.protocol import Evaluation, Score, evaluate
    from unlabeled.evaluation.retrieval import RetrievalResult, retrieval
    from unlabeled.evaluation.sentence_similarity import SentenceSimilarity, sentence_similarity
    from unlabeled.evaluation.split import Split, stratified_split
    from unlabeled.evaluation.texts.paraphrase import paraphrase
    from unlabeled.evaluation.texts.scored_pairs import scored_pairs
    from unlabeled.evaluation.texts.text_baselines import TextEvaluation
    from unlabeled.evaluation.texts.text_classification import text_classification
    from unlabeled.evaluation.texts.text_retrieval import text_retrieval
    from unlabeled.evaluation.topic_coherence import topic_coherence, topic_diversity
    from unlabeled.evaluation.words.analogies import AnalogiesResult, AnalogySection, analogies
    from unlabeled.evaluation.words.extrinsic import ExtrinsicResult, extrinsic
    from unlabeled.evaluation.words.synonyms import SynonymsResult, synonyms
    from unlabeled.evaluation.words.word_similarity import WordSimilarityResult, word_similarity

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
    "PairRecall",
    "PixelProbeResult",
    "RetrievalResult",
    "Score",
    "SentenceSimilarity",
    "Split",
    "SynonymsResult",
    "TextEvaluation",
    "VOCResult",
    "Verdict",
    "WordSimilarityResult",
    "agreement",
    "alignment",
    "analogies",
    "clustering",
    "coco_average_precision",
    "collapse_verdict",
    "detection",
    "edge_probing",
    "effective_rank",
    "evaluate",
    "extrinsic",
    "fine_tune",
    "knn",
    "linear_probe",
    "pair_recall",
    "paraphrase",
    "pixel_probe",
    "retrieval",
    "scored_pairs",
    "sentence_similarity",
    "stratified_split",
    "synonyms",
    "text_classification",
    "text_retrieval",
    "topic_coherence",
    "topic_diversity",
    "transfer",
    "uniformity",
    "voc_average_precision",
    "word_similarity",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "AnalogiesResult": "words.analogies",
        "AnalogySection": "words.analogies",
        "COCOResult": "objects.average_precision",
        "ClusteringResult": "clustering",
        "EdgeProbe": "probes.edge_probing",
        "Evaluation": "protocol",
        "ExtrinsicResult": "words.extrinsic",
        "KnnResult": "probes.knn",
        "LinearProbeResult": "probes.linear_probe",
        "PairRecall": "pair_retrieval",
        "PixelProbeResult": "probes.pixel_probe",
        "RetrievalResult": "retrieval",
        "Score": "protocol",
        "SentenceSimilarity": "sentence_similarity",
        "Split": "split",
        "SynonymsResult": "words.synonyms",
        "TextEvaluation": "texts.text_baselines",
        "VOCResult": "objects.average_precision",
        "Verdict": "label_free.collapse",
        "WordSimilarityResult": "words.word_similarity",
        "agreement": "clustering",
        "alignment": "label_free.alignment",
        "analogies": "words.analogies",
        "clustering": "clustering",
        "coco_average_precision": "objects.average_precision",
        "collapse_verdict": "label_free.collapse",
        "detection": "objects.detection",
        "edge_probing": "probes.edge_probing",
        "effective_rank": "label_free.effective_rank",
        "evaluate": "protocol",
        "extrinsic": "words.extrinsic",
        "fine_tune": "probes.fine_tune",
        "knn": "probes.knn",
        "linear_probe": "probes.linear_probe",
        "pair_recall": "pair_retrieval",
        "paraphrase": "texts.paraphrase",
        "pixel_probe": "probes.pixel_probe",
        "retrieval": "retrieval",
        "scored_pairs": "texts.scored_pairs",
        "sentence_similarity": "sentence_similarity",
        "stratified_split": "split",
        "synonyms": "words.synonyms",
        "text_classification": "texts.text_classification",
        "text_retrieval": "texts.text_retrieval",
        "topic_coherence": "topic_coherence",
        "topic_diversity": "topic_coherence",
        "transfer": "probes.transfer",
        "uniformity": "label_free.uniformity",
        "voc_average_precision": "objects.average_precision",
        "word_similarity": "words.word_similarity",
    },
)
