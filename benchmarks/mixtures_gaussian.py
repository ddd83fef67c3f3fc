"""Gaussian mixtures against scikit-learn: seconds an iteration, from the same start, in the same precision.

The time of an iteration is that of `STEPS + 1` iterations less that of one, by STEPS, so that what happens once (the
checks, the start) does not count. The log-likelihood of both after as many iterations is given beside it. Both take as
many threads as there are processors. `--rows` says how many rows the largest cases have.

The last row fits a memory-mapped file in a process of its own and gives the most memory that process ever held. The
file holds 2 million rows; `--mapped 10000000` makes them 10 million (2.6 GB in the folder for temporary files).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path

# An old kernel of OpenBLAS may be pinned here, which would slow down the peer.
os.environ.pop("OPENBLAS_CORETYPE", None)

import numpy as np
from harness import SIMD_OPTION, report, row, seconds
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Theirs

from unlabeled import GaussianMixture

STEPS = 3
THEIR_NAME = {"full": "full", "tied": "tied", "diagonal": "diag", "spherical": "spherical"}
CASES = [  # covariance, share of the rows, columns, components
    ("full", 1, 32, 32),
    ("full", 1, 4, 8),
    ("full", 1, 4, 64),
    ("full", 4, 128, 8),
    ("full", 8, 128, 64),
    ("tied", 1, 32, 32),
    ("diagonal", 1, 32, 32),
    ("spherical", 1, 32, 32),
]
OUT_OF_CORE = """
    import sys, time, warnings
    import numpy as np
    from unlabeled import GaussianMixture
    warnings.simplefilter("ignore")
    first = np.load(sys.argv[1], mmap_mode="r")[:1000].copy()
    fit = lambda rows, steps: GaussianMixture(
        16, covariance="diagonal", max_iter=steps, tol=0, weights_init=np.full(16, 1 / 16),
        means_init=first[:16], precisions_init=np.ones((16, 64))).fit(rows)
    fit(first, 1)
    times = []
    for steps in (1, 2):
        start = time.perf_counter()
        fit(sys.argv[1], steps)
        times.append(time.perf_counter() - start)
    peak = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
    print(times[0], times[1] - times[0], int(peak) / 1024)
"""


def groups(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of k overlapping ellipsoids, whose axes differ by a factor of up to ten; give their centres too."""
    rng = np.random.default_rng(0)
    means = rng.normal(0, 2, (k, d))
    axes = np.stack([np.linalg.qr(rng.normal(size=(d, d)))[0] * np.exp(rng.uniform(-1.2, 1.2, d)) for _ in range(k)])
    labels = rng.integers(k, size=n)
    rows = rng.standard_normal((n, d))
    for group in range(k):
        rows[labels == group] = means[group] + rows[labels == group] @ axes[group].T
    return rows, means


def compare(covariance: str, n: int, d: int, k: int, dtype: type, rounds: int) -> dict:
    X, means = (array.astype(dtype) for array in groups(n, d, k))
    ones = {"full": np.stack([np.eye(d)] * k), "tied": np.eye(d), "diagonal": np.ones((k, d)), "spherical": np.ones(k)}
    start = {
        "weights_init": np.full(k, 1 / k, dtype),
        "means_init": means + dtype(0.5),
        "precisions_init": ones[covariance].astype(dtype),
        "tol": 0.0,
    }
    likelihoods = {}

    def ours(iterations: int) -> None:
        model = GaussianMixture(k, covariance=covariance, max_iter=iterations, **start).fit(X)
        likelihoods["ours"] = model.lower_bound_

    def peer(iterations: int) -> None:
        model = Theirs(k, covariance_type=THEIR_NAME[covariance], max_iter=iterations, **start).fit(X)
        likelihoods["peer"] = float(model.lower_bound_)

    def an_iteration(fit: Callable[[int], None]) -> float:
        one, many = (seconds(lambda steps=steps: fit(steps)) for steps in (1, STEPS + 1))
        return (many - one) / STEPS

    ours(1)  # loads the kernels
    pairs = [(an_iteration(ours), an_iteration(peer)) for _ in range(rounds)]
    return row(
        f"{covariance}, n = {n:,}, d = {d}, k = {k}, {np.dtype(dtype).name}",
        [a for a, _ in pairs],
        [b for _, b in pairs],
        log_likelihood_ours=round(likelihoods["ours"], 6),
        log_likelihood_peer=round(likelihoods["peer"], 6),
    )


def out_of_core(rows: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        mapped = np.lib.format.open_memmap(path, "w+", np.float32, (rows, 64))
        rng = np.random.default_rng(0)
        for first in range(0, rows, 1 << 17):
            size = min(1 << 17, rows - first)
            places = 3 * rng.integers(4, size=(size, 1))
            mapped[first : first + size] = places + rng.standard_normal((size, 64), np.float32)
        mapped.flush()
        del mapped
        program = [sys.executable, "-c", textwrap.dedent(OUT_OF_CORE), str(path)]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
    whole, iteration, peak = map(float, done.stdout.split())
    return {
        "label": f"diagonal, mapped {rows:,} × 64, k = 16, float32",
        "first_iteration_with_checks_s": round(whole, 2),
        "iteration_s": round(iteration, 2),
        "peak_resident_MiB": round(peak),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__, parents=[SIMD_OPTION])
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds of each, taken in turn")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the largest cases")
    parser.add_argument("--mapped", type=int, default=2_000_000, help="rows of the mapped file")
    options = parser.parse_args()
    rows = [
        compare(covariance, options.rows // share, d, k, dtype, options.rounds)
        for covariance, share, d, k in CASES
        for dtype in (np.float64, np.float32)
    ]
    report(
        "mixtures_gaussian",
        [*rows, out_of_core(options.mapped)],
        notes="Same start, all rows, same number of iterations on both sides.",
    )
