"""Image methods on the same images with the same encoder, epochs and batch: accuracy beside cost.

Each method learns from the same MNIST digits, in a process of its own, so that its memory can be told. It is judged by
a linear probe and by a vote of 20 neighbours, both from the 200 first labels, on the other digits, which it learnt from
without their labels; beside it stand the same network untrained, and raw pixels. Methods that use labels get those 200
and no others. Colorization, which needs colours, learns from CIFAR-10 images, and SimCLR does so too, for comparison.
One seed: differences of a few points mean nothing.

`python benchmarks/image_methods.py --methods vicreg dino` renews the rows of these methods and leaves the others.
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
from unlabeled.registry import method, methods
from unlabeled.runs.judge import untrained
from unlabeled.training.bases.self_supervised import SelfSupervised

DATA = Path(os.environ.get("UNLABELED_DATA", "data"))
SETS = {"mnist": {"size": 28, "channels": 1}, "cifar10": {"size": 32, "channels": 3}}
LABELS = 200
IN_COLOUR = {"colorization"}
COLOURED = "in colour: "
"""What the label of a row starts with that was measured on CIFAR-10."""


def names() -> list[str]:
    """Give all methods that learn a representation from images, by principle, and SimCLR in colour."""
    principles = ["generative", "pretext", "contrastive", "non-contrastive"]
    deep = {n: c for n, c in methods().items() if issubclass(c, SelfSupervised) and "image" in c.modalities}
    ordered = [n for p in principles for n, cls in sorted(deep.items()) if cls.principle == p]
    return [*ordered, COLOURED + "simclr"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--methods", nargs="*", default=names(), metavar="METHOD")
    parser.add_argument("--one", help="Measure this method, and print JSON.")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one, options.rows, options.epochs)))
        return
    for name in options.methods:
        words = [sys.executable, __file__, "--one", name, "--rows", str(options.rows), "--epochs", str(options.epochs)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        notes = (
            f"{options.rows} images, {options.epochs} epochs in batches of 64, learning rate and all else by default, "
            f"seed 0; judged with {LABELS} labels. Milliseconds are of one processor's time for a step, memory is what "
            "the fit added to the process."
        )
        report("image_methods", [json.loads(done.stdout.splitlines()[-1])], notes, renew=True)


def measured(label: str, count: int, epochs: int) -> dict[str, Any]:
    """Fit one method and judge it."""
    name = label.removeprefix(COLOURED)
    data = "cifar10" if name != label or name in IN_COLOUR else "mnist"
    prepared = Images(DATA / data / "train.parquet").prepare(**SETS[data])
    images, labels = prepared.gather(torch.arange(count)).values, np.asarray(prepared.labels)[:count]
    given = np.where(np.arange(count) < LABELS, labels, -1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = method(name)(epochs=epochs, batch_size=64, random_state=0, progress=False)
    cpu = time.process_time()
    model.fit(images, given) if model.uses_labels else model.fit(images)
    cpu = time.process_time() - cpu
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    baseline = untrained(model.encoder_, Images(images).prepare(**SETS[data]), np.arange(count), seed=0)
    raw = images.numpy().reshape(count, -1).astype(np.float32) / 255
    judged = evaluate(
        model.transform(images), labels, baselines={"untrained": baseline, "raw": raw}, seeds=(0,),
        probes=("linear", "knn"), test_rows=np.arange(LABELS, count),
    )  # fmt: skip
    scores = {
        f"{probe} {which}".strip(): round(100 * judged.score(f"{probe} accuracy", *([which] if which else [])).mean, 1)
        for probe in ("linear", "knn")
        for which in ("", "untrained", "raw")
    }
    return {
        "label": label if data == "mnist" else COLOURED + name,
        "principle": model.principle,
        "encoder": model.encoder_.architecture,
        "labels": "yes" if model.uses_labels else "",
        **scores,
        "ms a step": round(1000 * cpu / (epochs * (count // 64))),
        "MB": round(memory / 2**20),
    }


if __name__ == "__main__":
    main()
