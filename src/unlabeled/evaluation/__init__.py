"""Judging a representation: probes that need labels, figures that need none, and a protocol that compares fairly.

Everything takes NumPy arrays: vectors of shape (n, d), and integer labels of shape (n,) where −1 means unlabelled.
"""

from __future__ import annotations

from unlabeled.evaluation.alignment import alignment
from unlabeled.evaluation.clustering import ClusteringResult, agreement, clustering
from unlabeled.evaluation.collapse import Verdict, collapse_verdict
from unlabeled.evaluation.effective_rank import effective_rank
from unlabeled.evaluation.knn import KnnResult, knn
from unlabeled.evaluation.linear_probe import LinearProbeResult, linear_probe
from unlabeled.evaluation.protocol import Evaluation, Score, evaluate
from unlabeled.evaluation.retrieval import RetrievalResult, retrieval
from unlabeled.evaluation.split import Split, stratified_split
from unlabeled.evaluation.uniformity import uniformity

__all__ = [
    "ClusteringResult",
    "Evaluation",
    "KnnResult",
    "LinearProbeResult",
    "RetrievalResult",
    "Score",
    "Split",
    "Verdict",
    "agreement",
    "alignment",
    "clustering",
    "collapse_verdict",
    "effective_rank",
    "evaluate",
    "knn",
    "linear_probe",
    "retrieval",
    "stratified_split",
    "uniformity",
]
