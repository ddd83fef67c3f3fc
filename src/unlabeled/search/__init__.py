"""Search: vector stores with one interface, exact and approximate, and graphs of neighbours."""

from unlabeled.search.exact import ExactStore
from unlabeled.search.lance import LanceStore
from unlabeled.search.metric import METRICS
from unlabeled.search.neighbour_graph import GraphPath, NeighbourGraph
from unlabeled.search.store import Neighbours, VectorStore

__all__ = ["METRICS", "ExactStore", "GraphPath", "LanceStore", "NeighbourGraph", "Neighbours", "VectorStore"]
