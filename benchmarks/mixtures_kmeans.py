"""k-means against scikit-learn's Lloyd and faiss: 500,000 rows × 64 columns, 256 clusters, float32, and other sizes.

Both start from the same centres, on all rows, with as many threads as there are processors. The time of an iteration is
that of `STEPS + 1` iterations less that of one, by STEPS, so that what happens once (checks, the mean, the last labels)
does not count. The inertia of both after as many iterations is given beside it. The start is timed as it is called.

The first row fits a memory-mapped file in a process of its own and gives the most memory that process ever held. The
file holds 2 million rows; `--rows 10000000` makes them 10 million (2.6 GB in the folder for temporary files).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

# An old kernel of OpenBLAS may be pinned here, which would slow down the peers.
os.environ.pop("OPENBLAS_CORETYPE", None)

import faiss
import numpy as np
from harness import SIMD_OPTION, interleave, report, row, seconds
from numpy.lib.format import open_memmap
from sklearn.cluster import KMeans as TheirKMeans
from sklearn.cluster import kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning

from unlabeled import KMeans
from unlabeled.data.blocks import Blocks
from unlabeled.methods.mixture.kmeans.k_means_start import k_means_plus_plus
from unlabeled.methods.mixture.threads import threads

STEPS = 10
SIZES = [(500_000, 64, 256, "float32"), (500_000, 64, 256, "float64"), (500_000, 16, 10, "float32")]
SIZES += [(100_000, 512, 100, "float32"), (50_000, 64, 4096, "float32")]


def rows_of(n: int, d: int, dtype: str, clustered: bool = True) -> np.ndarray:
    """Overlapping clusters, so that Lloyd's algorithm does not end before it is timed; or one Gaussian."""
    rng = np.random.default_rng(0)
    places = rng.standard_normal((100, d), dtype=np.float32) * clustered
    return (places[rng.integers(100, size=n)] + rng.standard_normal((n, d), dtype=np.float32)).astype(dtype)


def ours(rows: np.ndarray, start: np.ndarray, steps: int) -> float:
    return KMeans(len(start), init=start, max_iter=steps, tol=0, progress=False).fit(rows).inertia_


def scikit_learn(rows: np.ndarray, start: np.ndarray, steps: int) -> float:
    return TheirKMeans(len(start), init=start, n_init=1, max_iter=steps, tol=0, algorithm="lloyd").fit(rows).inertia_


def with_faiss(rows: np.ndarray, start: np.ndarray, steps: int) -> float:
    k, d = start.shape
    model = faiss.Kmeans(d, k, niter=steps, max_points_per_centroid=len(rows), min_points_per_centroid=1)
    model.train(rows, init_centroids=start)
    return float(model.index.search(rows, 1)[0].sum())


def an_iteration(fit: Callable[..., float], rows: np.ndarray, start: np.ndarray) -> Callable[[], float]:
    """Give a function that measures the seconds of one iteration."""

    def measured() -> float:
        one, many = (seconds(lambda steps=steps: fit(rows, start, steps)) for steps in (1, STEPS + 1))
        return (many - one) / STEPS

    return measured


def turns(first: Callable[[], float], second: Callable[[], float], rounds: int) -> tuple[list[float], list[float]]:
    """Let two functions that measure themselves do so in turn."""
    pairs = [(first(), second()) for _ in range(rounds + 1)][1:]
    return [a for a, _ in pairs], [b for _, b in pairs]


def lloyd(n: int, d: int, k: int, dtype: str, rounds: int, clustered: bool = True) -> list[dict]:
    rows = rows_of(n, d, dtype, clustered)
    start = rows[:k].copy()
    peers = {"scikit-learn": scikit_learn} | ({"faiss": with_faiss} if dtype == "float32" and k <= 256 else {})
    mine = round(ours(rows, start, STEPS) / n, 6)
    found = []
    for name, peer in peers.items():
        times = turns(an_iteration(ours, rows, start), an_iteration(peer, rows, start), rounds)
        theirs = round(peer(rows, start, STEPS) / n, 6)
        kind = "" if clustered else ", without clusters"
        label = f"an iteration, {n:,} × {d}, k = {k}, {dtype}{kind}, against {name}"
        found.append(row(label, *times, inertia_a_row_ours=mine, inertia_a_row_peer=theirs))
    return found


def start(n: int, d: int, k: int, dtype: str, rounds: int) -> dict:
    rows, drawn = rows_of(n, d, dtype), {}

    def mine(rows: np.ndarray = rows) -> None:
        with threads() as pool:
            drawn["ours"] = rows[k_means_plus_plus(Blocks(rows), k, None, np.random.RandomState(0), pool)]

    def theirs() -> None:
        drawn["peer"] = kmeans_plusplus(rows, k, random_state=0)[0]

    mine(rows[: n // 10])  # compiles; the peer needs no round to warm up
    times = interleave(mine, theirs, rounds, warmup=0)
    left = {name: round(KMeans(k, init=c, max_iter=1).fit(rows).history_[0] / n, 5) for name, c in drawn.items()}
    label = f"k-means++ start, {n:,} × {d}, k = {k}, {dtype}, against scikit-learn"
    return row(label, *times, inertia_a_row_ours=left["ours"], inertia_a_row_peer=left["peer"])


# Linux tells the peak of a program in VmHWM; getrusage would tell that of the process which started it, if larger.
MAPPED = """
import json, re, sys, time
from pathlib import Path
import numpy as np
from unlabeled import KMeans

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1000

path, k = sys.argv[1], int(sys.argv[2])
imported = peak()
start = np.array(np.load(path, mmap_mode="r")[:k])
begin = time.perf_counter()
KMeans(k, init=start, max_iter=1, progress=False).fit(path)
print(json.dumps([time.perf_counter() - begin, imported, peak()]))
"""


def mapped(n: int, d: int = 64, k: int = 256) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        file = open_memmap(path, "w+", np.float32, (n, d))
        for first in range(0, n, 100_000):
            file[first : first + 100_000] = rows_of(min(100_000, n - first), d, "float32")
        file.flush()
        del file
        command = [sys.executable, "-c", MAPPED, str(path), str(k)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent, imported, peak = json.loads(out)
        return {
            "label": f"one iteration of a mapped file, {n:,} × {d}, k = {k}, float32",
            "file_MB": round(path.stat().st_size / 1e6),
            "largest_resident_MB": round(peak),
            "after_imports_MB": round(imported),
            "fit_s": round(spent, 2),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[SIMD_OPTION])
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds of each, taken in turn")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the mapped file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)  # of few iterations
    began = time.perf_counter()
    results = [mapped(options.rows)]
    for size in SIZES:
        results += lloyd(*size, options.rounds)
    results += lloyd(*SIZES[0], options.rounds, clustered=False)
    results += [start(500_000, 64, 256, dtype, 1) for dtype in ("float32", "float64")]
    report("mixtures_kmeans", results, notes="Same start, all rows, same number of iterations on both sides.")
    print(f"{time.perf_counter() - began:.0f} s in all")
