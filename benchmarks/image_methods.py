"""Image methods on the same images with the same encoder, epochs and batch: accuracy beside cost.

Each method learns from the same MNIST digits, in a process of its own, so that its memory can be told. It is judged by
a linear probe and by a vote of 20 neighbours, both from 200 labels, on digits that it learnt from without their labels
and that neither judge was shown; beside it stand the same network untrained, and raw pixels. One seed: differences of a
few points mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import report

from unlabeled.data import Images
from unlabeled.evaluation import evaluate
from unlabeled.registry import method
from unlabeled.runs.judge import untrained

DATA = Path(os.environ.get("UNLABELED_DATA", "data")) / "mnist" / "train.parquet"
METHODS = [
    "autoencoder",
    "denoising_autoencoder",
    "variational_autoencoder",
    "masked_autoencoder",
    "gan",
    "rotation",
    "relative_position",
    "jigsaw",
    "inpainting",
    "deblurring",
    "super_resolution",
    "exemplar",
    "simclr",
    "byol",
]
LABELS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--methods", nargs="*", default=METHODS)
    parser.add_argument("--one", help="Measure this method, and print JSON.")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one, options.rows, options.epochs)))
        return
    rows = []
    for name in options.methods:
        words = [sys.executable, __file__, "--one", name, "--rows", str(options.rows), "--epochs", str(options.epochs)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        notes = (
            f"{options.rows} MNIST digits of 28 pixels, {options.epochs} epochs in batches of 64, learning rate and "
            f"all else by default, seed 0; judged with {LABELS} labels. Seconds are of the fit, on a busy machine."
        )
        report("image_methods", rows, notes)


def measured(name: str, count: int, epochs: int) -> dict[str, Any]:
    """Fit one method and judge it."""
    prepared = Images(DATA).prepare(size=28, channels=1)
    images, labels = prepared.gather(torch.arange(count)).values.numpy()[:, 0], np.asarray(prepared.labels)[:count]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = method(name)(epochs=epochs, batch_size=64, random_state=0, progress=False)
    started, cpu = time.perf_counter(), time.process_time()
    model.fit(images)
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    steps = epochs * (count // 64)
    instances = Images(images).prepare(channels=1)
    baseline = untrained(model.encoder_, instances, np.arange(count), seed=0)
    raw = images.reshape(count, -1).astype(np.float32) / 255
    judged = evaluate(
        model.transform(images), labels, baselines={"untrained": baseline, "raw": raw}, seeds=(0,),
        probes=("linear", "knn"), test_size=1 - LABELS / count,
    )  # fmt: skip
    scores = {
        f"{probe} {which}".strip(): round(100 * judged.score(f"{probe} accuracy", *([which] if which else [])).mean, 1)
        for probe in ("linear", "knn")
        for which in ("", "untrained", "raw")
    }
    return {
        "label": name,
        "encoder": model.encoder_.architecture,
        "seconds": round(elapsed, 1),
        "cpu_ms_per_step": round(1000 * cpu / steps, 1),
        "memory_mb": round(memory / 2**20),
        **scores,
    }


if __name__ == "__main__":
    main()
