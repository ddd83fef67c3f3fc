"""Search: vector stores with one interface, exact and approximate."""

from unlabeled.search.exact import ExactStore
from unlabeled.search.lance import LanceStore
from unlabeled.search.metric import METRICS
from unlabeled.search.store import Neighbours, VectorStore

__all__ = ["METRICS", "ExactStore", "LanceStore", "Neighbours", "VectorStore"]
