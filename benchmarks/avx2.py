"""Words, mixtures and topics with AVX-512 and with plain AVX2, which is all that many processors have: whole fits.

"Ours" is with what this processor has and the "peer" with AVX2, so the ratio says how many times longer AVX2 takes.
Times are CPU seconds of one thread. A process can compile for one kind of processor only: each round is two processes,
one after the other, and each fits every case once after a short fit that compiles.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from harness import report, row
from sklearn.exceptions import ConvergenceWarning

from unlabeled import CBOW, PLSA, Documents, GaussianMixture, GloVe, KMeans, LatentDirichletAllocation, SkipGram
from unlabeled.data import Corpus

DATA = Path(os.environ.get("UNLABELED_DATA", "../shared/data"))
COMMON: dict[str, Any] = {"random_state": 0, "workers": 1, "progress": False}
Case = tuple[str, Callable[[Any], Any], Any, Any]  # label, what fits, data to compile with, data to time


def clusters(n: int, d: int, dtype: str) -> np.ndarray:
    """A hundred overlapping clusters."""
    rng = np.random.default_rng(0)
    places = rng.standard_normal((100, d))
    return (places[rng.integers(100, size=n)] + rng.standard_normal((n, d))).astype(dtype)


def cases() -> Iterator[Case]:
    texts = pq.read_table(DATA / "abc/train.parquet", columns=["text"])["text"].to_pylist()
    lines = [line for text in texts for line in text.splitlines()]
    few, all_words = (Corpus.encode(some, min_count=5, progress=False) for some in (lines[:3000], lines))
    for dim in (100, 300):
        words = {"dim": dim, "epochs": 1, **COMMON}
        yield f"skip-gram, dim {dim}", lambda text, words=words: SkipGram(**words).fit(text), few, all_words
        yield f"CBOW, dim {dim}", lambda text, words=words: CBOW(**words).fit(text), few, all_words
        yield f"GloVe, dim {dim}", lambda text, words=words: GloVe(**words).fit(text), few, all_words
    tree = {"loss": "hierarchical", "dim": 100, "epochs": 1, **COMMON}
    yield "skip-gram, hierarchical, dim 100", lambda text: SkipGram(**tree).fit(text), few, all_words
    for dtype in ("float32", "float64"):
        rows = clusters(50_000, 64, dtype)
        start = rows[:256].copy()
        lloyd = KMeans(256, init=start, max_iter=10, tol=0, **COMMON)
        yield f"k-means, 50,000 × 64, k = 256, {dtype}, 10 steps", lloyd.fit, rows[:10_000], rows
    rows = clusters(20_000, 32, "float32")
    for covariance in ("full", "diagonal"):
        mixture = GaussianMixture(32, covariance=covariance, max_iter=5, tol=0, **COMMON)
        yield f"Gaussian mixture, {covariance}, 20,000 × 32, k = 32, 5 steps", mixture.fit, rows[:5000], rows
    documents = [" ".join(lines[first : first + 20]) for first in range(0, len(lines), 20)]
    counts = Documents.count(documents, min_df=2).counts
    for model in (PLSA(50, max_iter=20, tol=0, **COMMON), LatentDirichletAllocation(50, max_iter=20, **COMMON)):
        yield f"{type(model).__name__}, 50 topics, 20 steps", model.fit, counts[:200], counts


def measure() -> dict[str, float]:
    """Give the CPU seconds of every case in this process."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # of few iterations
    found = {}
    for label, fit, little, much in cases():
        fit(little)
        start = time.process_time()
        fit(much)
        found[label] = time.process_time() - start
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each, taken in turn")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure()))
        return
    times: dict[str, dict[str, list[float]]] = {"": {}, "avx2": {}}
    for _ in range(options.rounds):
        for simd, found in times.items():
            one_thread = {"OMP_NUM_THREADS": "1", "UNLABELED_SIMD": simd}
            command = [sys.executable, __file__, "--child"]
            done = subprocess.run(command, env=os.environ | one_thread, stdout=subprocess.PIPE, text=True, check=True)
            for label, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                found.setdefault(label, []).append(round(seconds, 3))
    rows = [row(label, spent, times["avx2"][label]) for label, spent in times[""].items()]
    report("avx2", rows, notes="CPU seconds of whole fits on one thread: ours with AVX-512, peer with AVX2.")


if __name__ == "__main__":
    main()
