"""Exact search against faiss's flat indexes: 10,000 queries × 100,000 vectors × 128 dimensions.

Both search the same float32 vectors with as many threads as there are processors. Each result is compared with the
truth in float64 for the first 200 queries. The last row measures LanceDB's approximate index on vectors with clusters.
"""

from __future__ import annotations

import tempfile

import faiss
import numpy as np
from harness import arguments, interleave, report, row, seconds

from unlabeled.search import ExactStore, LanceStore

QUERIES, VECTORS, DIM = 10_000, 100_000, 128
CHECKED = 200


def truth(queries: np.ndarray, vectors: np.ndarray, metric: str, k: int) -> np.ndarray:
    scores = -(queries[:CHECKED].astype(float) @ vectors.T.astype(float))
    if metric == "euclidean":
        scores += (vectors.astype(float) ** 2).sum(1) / 2
    return np.argsort(scores, axis=1, kind="stable")[:, :k]


def recall(found: np.ndarray, true: np.ndarray) -> float:
    shared = [len(set(a) & set(b)) / len(b) for a, b in zip(found[:CHECKED].tolist(), true.tolist(), strict=True)]
    return round(float(np.mean(shared)), 6)


def exact(metric: str, k: int, rounds: int) -> dict:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((VECTORS, DIM), dtype=np.float32)
    queries = rng.standard_normal((QUERIES, DIM), dtype=np.float32)
    store = ExactStore.build([str(i) for i in range(VECTORS)], vectors, metric=metric)
    index = {"euclidean": faiss.IndexFlatL2, "inner_product": faiss.IndexFlatIP}[metric](DIM)
    index.add(vectors)
    times = interleave(lambda: store.query(queries, k), lambda: index.search(queries, k), rounds)
    ours, peers = store.query(queries, k).indices, index.search(queries, k)[1]
    true = truth(queries, vectors, metric, k)
    return row(
        f"{metric}, k = {k}, against {type(index).__name__}",
        *times,
        recall_ours=recall(ours, true),
        recall_peer=recall(peers, true),
        same_rows=round(float((ours == peers).mean()), 6),
    )


def approximate(k: int = 10) -> dict:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((300, DIM))
    place = rng.integers(300, size=VECTORS + 1000)
    points = (centres[place] + 0.7 * rng.standard_normal((len(place), DIM))).astype(np.float32)
    vectors, queries = points[:VECTORS], points[VECTORS:]
    names = [str(i) for i in range(VECTORS)]
    with tempfile.TemporaryDirectory() as folder:
        build = seconds(lambda: LanceStore.build(names, vectors, folder=f"{folder}/index"))
        store = LanceStore.open(f"{folder}/index")
        store.query(queries, k)
        search = seconds(lambda: store.query(queries, k))
        one = seconds(lambda: store.query(queries[:1], k))
        true = ExactStore.build(names, vectors).query(queries, k).indices[:CHECKED]
        return {
            "label": f"LanceStore, cosine, k = {k}, 100,000 clustered vectors",
            "build_s": round(build, 2),
            "ms_a_query_of_1000": round(search, 3),  # seconds for a thousand are milliseconds for one
            "ms_a_query_alone": round(one * 1000, 2),
            "recall": recall(store.query(queries, k).indices, true),
        }


if __name__ == "__main__":
    rounds = arguments(__doc__, rounds=5).rounds
    rows = [exact(metric, k, rounds) for metric in ("inner_product", "euclidean") for k in (10, 100)]
    report("search", [*rows, approximate()], notes="Recall of exact search is below 1 only by float32 ties.")
