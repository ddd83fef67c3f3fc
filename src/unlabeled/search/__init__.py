"""Search: vector stores with one interface, exact and approximate, and graphs of neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import lazy_exports

if TYPE_CHECKING:
    from unlabeled.search.exact import ExactStore
    from unlabeled.search.lance import LanceStore
    from unlabeled.search.metric import METRICS
    from unlabeled.search.neighbour_graph import GraphPath, NeighbourGraph
    from unlabeled.search.store import Neighbours, VectorStore

__all__ = ["METRICS", "ExactStore", "GraphPath", "LanceStore", "NeighbourGraph", "Neighbours", "VectorStore"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "ExactStore": "exact",
        "GraphPath": "neighbour_graph",
        "LanceStore": "lance",
        "METRICS": "metric",
        "NeighbourGraph": "neighbour_graph",
        "Neighbours": "store",
        "VectorStore": "store",
    },
)
