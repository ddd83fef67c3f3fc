"""A neighbour graph of 100,000 × 128 against pynndescent at a recall of 0.95, and queries on it.

The vectors have clusters, as those of an encoder. pynndescent is run as its documentation recommends for a graph alone,
with `compressed` and `low_memory`, once with the neighbours that are wanted and once with a third as many more, of
which the nearest are kept: ours asks it for these. Recall is measured on 500 rows against exact search. The last row
times queries on the graph: paths and components.
"""

from __future__ import annotations

import numpy as np
from harness import arguments, interleave, report, row, seconds
from pynndescent import NNDescent

from unlabeled.search import ExactStore, NeighbourGraph

ROWS, DIM, K, CHECKED = 100_000, 128, 10, 500


def clustered(rows: int, dim: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((300, dim))
    return (centres[rng.integers(300, size=rows)] + 0.7 * rng.standard_normal((rows, dim))).astype(np.float32)


def recall(neighbours: list[set[int]], truth: np.ndarray) -> float:
    return round(float(np.mean([len(a & set(b)) / len(b) for a, b in zip(neighbours, truth.tolist(), strict=True)])), 4)


def main() -> None:
    args = arguments(__doc__, rounds=3)
    vectors = clustered(ROWS, DIM)
    checked = np.random.default_rng(1).choice(ROWS, CHECKED, replace=False)
    store = ExactStore.build([str(i) for i in range(ROWS)], vectors, metric="euclidean")
    truth = store.query(vectors[checked], K, exclude=checked).indices

    def ours() -> NeighbourGraph:
        return NeighbourGraph.from_vectors(vectors, K, method="approximate")

    def peer(more: int) -> NNDescent:
        index = NNDescent(vectors, n_neighbors=K + 1 + more, random_state=0, low_memory=True, compressed=True)
        assert index.neighbor_graph is not None
        return index

    graph, rows = ours(), []
    of_ours = [set(graph.directed[[i]].indices.tolist()) for i in checked]
    for label, more in (("the peer finds as many", K // 3), ("the peer asked for 10", 0)):
        times = interleave(ours, lambda more=more: peer(more), args.rounds)
        found = peer(more).neighbor_graph[0]
        of_peer = [set([j for j in found[i].tolist() if j != i][:K]) for i in checked]
        recalls = {"recall_ours": recall(of_ours, truth), "recall_peer": recall(of_peer, truth)}
        rows.append(row(f"graph of 100,000 × 128, k = 10, {label}", *times, **recalls))
    exact = seconds(lambda: NeighbourGraph.from_vectors(vectors, K, method="exact"))
    rows.append({"label": "the same graph, exact", "build_s": round(exact, 2)})
    rows.append(queries(graph))
    report("neighbour_graph", rows)


def queries(graph: NeighbourGraph) -> dict:
    """Time what one asks of a graph; the first call makes what later ones use."""
    rng = np.random.default_rng(2)
    first = seconds(lambda: graph.components)
    labels = graph.components
    members = np.flatnonzero(labels == np.bincount(labels).argmax())
    pairs = [tuple(int(i) for i in rng.choice(members, 2, replace=False)) for _ in range(20)]
    graph.path(*pairs[0]), graph.path(*pairs[0], "minimax")
    return {
        "label": f"queries on {len(graph):,} nodes",
        "components_first_ms": round(1000 * first, 2),
        "components_again_ms": round(1000 * seconds(lambda: graph.components), 4),
        "shortest_path_ms": round(1000 * float(np.median([seconds(lambda p=p: graph.path(*p)) for p in pairs])), 2),
        "minimax_path_ms": round(
            1000 * float(np.median([seconds(lambda p=p: graph.path(*p, "minimax")) for p in pairs])), 2
        ),
    }


if __name__ == "__main__":
    main()
