"""This version of the library against an older one: whole fits and searches, in turn, on the same data.

The older one is a checkout of the repository, for example of `git worktree add ../older COMMIT`. Each version runs in a
process of its own that stays open: it makes its data, compiles in a first run, and then runs one case when it is told
to, while the other waits. Two neighbouring runs make a pair, and the order within the pairs alternates. Both processes
are started anew several times, because where a process happens to find its memory changes its speed by some percent.
"Ours" is this version and the "peer" the older one, so a ratio below 1 says that the library became slower.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

# An old kernel of OpenBLAS may be pinned here, which would slow down both.
os.environ.pop("OPENBLAS_CORETYPE", None)

import numpy as np

DATA = Path(os.environ.get("UNLABELED_DATA", "../shared/data")).resolve()
HERE = Path(__file__).resolve().parent
COMMON: dict[str, Any] = {"random_state": 0, "progress": False}


def clusters(n: int, d: int, dtype: str) -> np.ndarray:
    """A hundred overlapping clusters."""
    rng = np.random.default_rng(0)
    places = rng.standard_normal((100, d), dtype=np.float32)
    return (places[rng.integers(100, size=n)] + rng.standard_normal((n, d), dtype=np.float32)).astype(dtype)


def texts(name: str) -> list[str]:
    import pyarrow.parquet as pq

    return pq.read_table(DATA / f"{name}/train.parquet", columns=["text"])["text"].to_pylist()


def k_means(n: int, dtype: str) -> Callable[[], Any]:
    from unlabeled import KMeans

    rows = clusters(n, 64, dtype)
    model = KMeans(256, init=rows[:256].copy(), max_iter=10, tol=0, **COMMON)
    return lambda: model.fit(rows)


def k_means_start() -> Callable[[], Any]:
    from unlabeled import KMeans

    rows = clusters(200_000, 64, "float32")
    model = KMeans(256, n_init=1, max_iter=1, **COMMON)
    return lambda: model.fit(rows)


def mini_batch() -> Callable[[], Any]:
    from unlabeled import MiniBatchKMeans

    rows = clusters(500_000, 64, "float32")
    model = MiniBatchKMeans(256, init=rows[:256].copy(), **COMMON)
    return lambda: model.fit(rows)


def mixture(covariance: str, n: int, dtype: str) -> Callable[[], Any]:
    from unlabeled import GaussianMixture

    rows = clusters(n, 32, dtype)
    ones = {
        "full": np.stack([np.eye(32)] * 32),
        "tied": np.eye(32),
        "diagonal": np.ones((32, 32)),
        "spherical": np.ones(32),
    }
    start = {"weights_init": np.full(32, 1 / 32), "means_init": rows[:32], "precisions_init": ones[covariance]}
    start = {name: array.astype(dtype) for name, array in start.items()}
    model = GaussianMixture(32, covariance=covariance, max_iter=5, tol=0, **start, **COMMON)
    return lambda: model.fit(rows)


def topics(method: str) -> Callable[[], Any]:
    import unlabeled

    counted = unlabeled.Documents.count(texts("newsgroups"), min_df=5, max_df=0.2)
    settings = {"tol": 0} if method == "PLSA" else {}
    model = getattr(unlabeled, method)(50, max_iter=10, **settings, **COMMON)
    return lambda: model.fit(counted)


def words(method: str, **settings: Any) -> Callable[[], Any]:
    import unlabeled
    from unlabeled.data import Corpus

    lines = [line for part in ("brown", "abc") for text in texts(part) for line in text.splitlines()]
    corpus = Corpus.encode(lines, min_count=5, progress=False)
    model = getattr(unlabeled, method)(dim=100, epochs=1, workers=2, **settings, **COMMON)
    return lambda: model.fit(corpus)


def exact(metric: str) -> Callable[[], Any]:
    from unlabeled.search import ExactStore

    rng = np.random.default_rng(0)
    vectors, queries = (rng.standard_normal((n, 128), dtype=np.float32) for n in (100_000, 5_000))
    store = ExactStore.build([str(i) for i in range(len(vectors))], vectors, metric=metric)
    return lambda: store.query(queries, 10)


def approximate() -> Callable[[], Any]:
    import tempfile

    from unlabeled.search import LanceStore

    rows = clusters(101_000, 128, "float32")
    vectors, queries = rows[1000:], rows[:1000]
    folder = tempfile.TemporaryDirectory()
    index = f"{folder.name}/index"
    LanceStore.build([str(i) for i in range(len(vectors))], vectors, folder=index)
    store = LanceStore.open(index)
    atexit.register(folder.cleanup)
    return lambda: store.query(queries, 10)


CASES: dict[str, Callable[[], Callable[[], Any]]] = {
    "k-means, 500,000 × 64, k = 256, float32, 10 steps": lambda: k_means(500_000, "float32"),
    "k-means, 200,000 × 64, k = 256, float64, 10 steps": lambda: k_means(200_000, "float64"),
    "k-means++ and 1 step, 200,000 × 64, k = 256": k_means_start,
    "mini-batch k-means, 500,000 × 64, k = 256": mini_batch,
    "Gaussian mixture, full, 100,000 × 32, k = 32, float64, 5 steps": lambda: mixture("full", 100_000, "float64"),
    "Gaussian mixture, full, 100,000 × 32, k = 32, float32, 5 steps": lambda: mixture("full", 100_000, "float32"),
    "Gaussian mixture, tied, 200,000 × 32, k = 32, float32, 5 steps": lambda: mixture("tied", 200_000, "float32"),
    "Gaussian mixture, diagonal, 200,000 × 32, k = 32, float32, 5 steps": lambda: mixture(
        "diagonal", 200_000, "float32"
    ),
    "Gaussian mixture, spherical, 200,000 × 32, k = 32, float32, 5 steps": lambda: mixture(
        "spherical", 200_000, "float32"
    ),
    "PLSA, newsgroups, 50 topics, 10 steps": lambda: topics("PLSA"),
    "LDA, newsgroups, 50 topics, 10 sweeps": lambda: topics("LatentDirichletAllocation"),
    "skip-gram, brown and abc, dim 100, 1 epoch": lambda: words("SkipGram"),
    "CBOW, brown and abc, dim 100, 1 epoch": lambda: words("CBOW"),
    "skip-gram, hierarchical, brown and abc, dim 100, 1 epoch": lambda: words("SkipGram", loss="hierarchical"),
    "GloVe, brown and abc, dim 100, 1 epoch": lambda: words("GloVe"),
    "exact search, inner product, 5,000 × 100,000 × 128": lambda: exact("inner_product"),
    "exact search, euclidean, 5,000 × 100,000 × 128": lambda: exact("euclidean"),
    "LanceStore, 1,000 × 100,000 × 128, clustered": approximate,
}


def serve(label: str) -> None:
    """Make the data of a case and compile; then print the seconds of one run for every line that comes in."""
    warnings.simplefilter("ignore")  # of few iterations
    run = CASES[label]()
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        print(time.perf_counter() - start, flush=True)


class Version:
    """A process that runs one case with the library in `source`."""

    def __init__(self, source: Path, label: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(source)}
        command = [sys.executable, __file__, "--serve", label]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        if self.answer() != "ready":
            raise SystemExit(f"{label}: the library in {source} did not start; run with --serve {label!r} to see why")

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def seconds(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.answer())

    def close(self) -> None:
        self.process.communicate()


def compare(label: str, older: Path, starts: int, rounds: int) -> dict[str, Any]:
    from harness import row

    pairs = []
    for _ in range(starts):
        ours, peer = versions = Version(HERE.parent / "src", label), Version(older / "src", label)
        for number in range(rounds):
            order = versions if number % 2 == 0 else versions[::-1]
            took = {version: version.seconds() for version in order}
            pairs.append((took[ours], took[peer]))
        for version in versions:
            version.close()
    mine, theirs = zip(*pairs, strict=True)
    found = row(label, list(mine), list(theirs), ratio_of_least=round(min(theirs) / min(mine), 3))
    print(f"{label:<70} {found['ratio_median']:.3f}, of the quickest runs {found['ratio_of_least']:.3f}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--older", type=Path, help="folder of the older checkout")
    parser.add_argument("--starts", type=int, default=3, help="pairs of processes of each case")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of runs of each pair of processes")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="only cases whose name holds one of these; others keep their rows"
    )
    parser.add_argument("--serve", metavar="CASE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    if options.older is None:
        parser.error("--older is needed: the folder of the older checkout")
    from harness import RESULTS, report

    chosen = [label for label in CASES if any(word in label for word in options.only)]
    path = RESULTS / "versions.json"
    before = json.loads(path.read_text())["rows"] if path.exists() else []
    found = [compare(label, options.older.resolve(), options.starts, options.rounds) for label in chosen]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=options.older, capture_output=True, text=True)
    rows = [*(row for row in before if row["label"] in CASES and row["label"] not in chosen), *found]
    rows.sort(key=lambda row: list(CASES).index(row["label"]))
    report("versions", rows, notes=f"Ours is this version and the peer {commit.stdout.strip()}, in turn.")
    print(f"median over cases {statistics.median(each['ratio_median'] for each in rows):.3f}")


if __name__ == "__main__":
    main()
