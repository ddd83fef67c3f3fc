"""Kernels that only some processors run, with and without: whole fits, in turn, in seconds of CPU time.

A special path stays in the library only if whole fits gain at least 1.5× from it. Today there is one: k-means rules out
centres and rows by products of bytes, where the processor has AVX-512 VNNI. "Ours" is with it and the "peer" without,
so a ratio above 1 is a gain. One thread.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from harness import report, row
from PIL import Image

from unlabeled import KMeans
from unlabeled.methods.mixture.kmeans import k_means_distances, lloyd

DATA = Path(os.environ.get("UNLABELED_DATA", "../shared/data"))
IS_FASTER = lloyd.quantising_is_faster, k_means_distances.quantised_start_is_faster


def pixels(side: int, n: int = 20_000) -> np.ndarray:
    """CIFAR-10 pictures, made smaller, as rows of numbers in [0, 1]."""
    pictures = pq.read_table(DATA / "cifar10/train.parquet", columns=["image"])["image"].slice(0, n).to_pylist()
    opened = (Image.open(io.BytesIO(picture["bytes"])).convert("RGB").resize((side, side)) for picture in pictures)
    return np.stack([np.asarray(picture) for picture in opened]).reshape(n, -1).astype(np.float32) / 255


def clusters(n: int, d: int, dtype: str = "float32") -> np.ndarray:
    """A hundred overlapping clusters."""
    rng = np.random.default_rng(0)
    places = rng.standard_normal((100, d), dtype=np.float32)
    return (places[rng.integers(100, size=n)] + rng.standard_normal((n, d), dtype=np.float32)).astype(dtype)


def cases() -> dict[str, tuple[np.ndarray, int, dict[str, Any]]]:
    return {
        "CIFAR-10 pixels, 20,000 × 192, k = 10": (pixels(8), 10, {}),
        "CIFAR-10 pixels, 20,000 × 192, k = 100": (pixels(8), 100, {}),
        "CIFAR-10 pixels, 20,000 × 768, k = 100, 50 steps": (pixels(16), 100, {"max_iter": 50}),
        "100 clusters, 200,000 × 64, k = 256, 20 steps": (clusters(200_000, 64), 256, {"max_iter": 20}),
        "the same in float64": (clusters(200_000, 64, "float64"), 256, {"max_iter": 20}),
    }


def never(*_: Any) -> bool:
    """Say that a special path does not pay."""
    return False


def fit(rows: np.ndarray, k: int, settings: dict[str, Any], special: bool) -> float:
    """Give the seconds of a fit."""
    lloyd.quantising_is_faster, k_means_distances.quantised_start_is_faster = IS_FASTER if special else (never, never)
    start = time.process_time()
    KMeans(k, random_state=0, workers=1, progress=False, **settings).fit(rows)
    return time.process_time() - start


def compare(rounds: int) -> list[dict[str, Any]]:
    found = []
    for label, (rows, k, settings) in cases().items():
        for special in (True, False):
            fit(rows[:6000], k, {"max_iter": 2}, special)  # compiles
        pairs = [[fit(rows, k, settings, special) for special in (True, False)] for _ in range(rounds)]
        found.append(row(f"k-means, products of bytes: {label}", *map(list, zip(*pairs, strict=True))))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds of each, taken in turn")
    options = parser.parse_args()
    rows = compare(options.rounds)
    report("special_paths", rows, notes="CPU seconds of whole fits on one thread: ours with, peer without.")


if __name__ == "__main__":
    main()
