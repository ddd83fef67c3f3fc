"""Which defaults suit the methods that compare views: trials on parts of training data, never on a test split.

Each trial learns from the first images of a training set without their labels, and is judged as `unlabeled evaluate`
judges: nearest neighbours and a linear classifier from a few labels, tested on the rest of the same images, over three
draws of the labels. `python benchmarks/defaults.py digits temperature=0.2 epochs=80` is one trial; a trial that was
made before is made anew. `--method`, `--seeds` and `--rows` say more. The views are named in `VIEWS`.
`python benchmarks/defaults.py every` makes the trials of `GRID` that are not in the results yet, set by set: each
setting of a method on all four sets, for as many epochs as `EPOCHS` gives. Hours of work, which may be interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import RESULTS, report
from numpy.typing import NDArray

from unlabeled.data import Images
from unlabeled.evaluation import evaluate
from unlabeled.modalities import modality_of
from unlabeled.registry import method
from unlabeled.runs.judge import untrained
from unlabeled.views import Compose, RandomCrop, Rotate, Shift, View, simclr

DATA = Path(os.environ.get("UNLABELED_DATA", "data"))
SETS: dict[str, dict[str, Any]] = {
    "digits": {"rows": 1_200, "labels": 100},
    "mnist": {"rows": 2_000, "labels": 200, "size": 28, "channels": 1},
    "cifar10": {"rows": 4_000, "labels": 1_000, "size": 32, "channels": 3},
    "openclipart": {"rows": 1_200, "labels": 400, "size": 64, "channels": 3},
    "cifar10_grey": {"rows": 4_000, "labels": 1_000, "size": 32, "channels": 1},
    "openclipart_grey": {"rows": 1_200, "labels": 400, "size": 64, "channels": 1},
}
EPOCHS = {"digits": 50, "mnist": 25, "cifar10": 15, "openclipart": 20}
RATES = ("", "learning_rate=3e-3")
GRID: dict[str, tuple[str, ...]] = {
    "simclr": (*RATES, "temperature=0.2", "temperature=0.2 learning_rate=3e-3"),
    "byol": RATES,
    "vicreg": RATES,
    "barlow_twins": RATES,
    "sim_siam": RATES,
    "moco": RATES,
    "swav": RATES,
    "dino": RATES,
    "instance_discrimination": RATES,
}
VIEWS: dict[str, Callable[[], View]] = {
    "crop-turn": lambda: Compose([RandomCrop(scale=(0.5, 1.0)), Rotate(degrees=15)]),
    "crop7-turn": lambda: Compose([RandomCrop(scale=(0.7, 1.0)), Rotate(degrees=15)]),
    "crop3-turn": lambda: Compose([RandomCrop(scale=(0.3, 0.7)), Rotate(degrees=15)]),
    "shift-turn": lambda: Compose([Shift(fraction=0.125), Rotate(degrees=15)]),
    "simclr-crop2": lambda: simclr(scale=(0.2, 1.0)),
    "simclr-crop5": lambda: simclr(scale=(0.5, 1.0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=[*SETS, "every"])
    parser.add_argument("settings", nargs="*", help="Settings of the method, such as temperature=0.2.")
    parser.add_argument("--method", help="By default simclr, and with every all of the grid.")
    parser.add_argument("--rows", type=int, help="Images to learn from.")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    if options.data != "every":
        return tell(options.data, options.method or "simclr", options.settings, options.rows, options.seeds)
    for data, epochs in EPOCHS.items():
        for name in [options.method] if options.method else GRID:
            for setting in GRID[name]:
                words = [f"epochs={epochs}", *setting.split()]
                if label_of(data, name, words, SETS[data]["rows"]) not in made_before():
                    tell(data, name, words, None, options.seeds)


def made_before() -> set[str]:
    """Give the labels of the trials in the results; another process may have added some."""
    path = RESULTS / "defaults.json"
    return {row["label"] for row in json.loads(path.read_text())["rows"]} if path.exists() else set()


def label_of(data: str, name: str, words: list[str], rows: int) -> str:
    """Name a trial."""
    return f"{data} {rows:,}, {name}: {' '.join(words) or 'defaults'}"


def tell(data: str, name: str, words: list[str], rows: int | None, seeds: int) -> None:
    """Make one trial for each seed, and keep the means."""
    rows = rows or SETS[data]["rows"]
    settings = dict(word.split("=", 1) for word in words)
    found = [trial(data, name, settings, rows, seed) for seed in range(seeds)]
    mean = {name: round(float(np.mean([one[name] for one in found])), 2) for name in found[0]}
    spread = {
        f"{name} spread": round(max(one[name] for one in found) - min(one[name] for one in found), 2)
        for name in ("knn", "linear")
        if len(found) > 1
    }
    report(
        "defaults",
        [{"label": label_of(data, name, words, rows), "seeds": seeds, **mean, **spread}],
        __doc__ or "",
        renew=True,
    )


def trial(data: str, name: str, settings: dict[str, str], rows: int, seed: int) -> dict[str, float]:
    """Learn and judge once; give accuracies in per cent, and seconds of the fit."""
    images, labels = load(data, rows)
    instances = Images(images).prepare(channels=images.shape[1])
    values: dict[str, Any] = {}
    for key, word in settings.items():
        values[key] = VIEWS[word]() if key in ("views", "local") and word in VIEWS else literal(word)
    model = method(name)(**values, random_state=seed, progress=False)
    started = time.perf_counter()
    model.fit(images)
    elapsed = time.perf_counter() - started
    chosen = np.arange(rows)
    known = {} if "encoder" in settings else baseline_figures(data, rows)
    baselines = (
        None
        if known
        else {
            "raw": modality_of(instances).baseline(instances, chosen),
            "untrained": untrained(model.encoder_, instances, chosen),
        }
    )
    judged = evaluate(
        model.transform(images),
        labels,
        baselines=baselines,
        seeds=(0, 1, 2),
        probes=("knn", "linear"),
        test_size=1 - SETS[data]["labels"] / rows,
    )
    figures = {
        f"{probe} {which}".strip(): 100 * judged.score(f"{probe} accuracy", *([which] if which else [])).mean
        for probe in ("knn", "linear")
        for which in (("",) if known else ("", "raw", "untrained"))
    }
    return figures | known | {"seconds": elapsed}


def baseline_figures(data: str, rows: int) -> dict[str, float]:
    """Give what raw pixels and the untrained encoder reached in an earlier trial; nothing where there was none."""
    path = RESULTS / "defaults.json"
    for row in json.loads(path.read_text())["rows"] if path.exists() else []:
        if row["label"].startswith(f"{data} {rows:,}, ") and "encoder=" not in row["label"] and row["seeds"] == 1:
            return {name: row[name] for name in row if name.endswith((" raw", " untrained"))}
    return {}


def literal(word: str) -> Any:
    """Read a setting: a number where it is one, else a word."""
    try:
        return json.loads(word)
    except ValueError:
        return word


@cache
def load(data: str, rows: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Give the first images of a training set, uint8 (n, c, size, size), and their labels."""
    if data == "digits":
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return (bunch.images[:rows, None] * (255 / 16)).round().astype(np.uint8), bunch.target[:rows].astype(np.int64)
    about, folder = SETS[data], data.removesuffix("_grey")
    prepared = Images(DATA / folder / "train.parquet").prepare(size=about["size"], channels=about["channels"])
    # openclipart is sorted by category; the other sets are not sorted.
    chosen = np.random.default_rng(0).permutation(len(prepared))[:rows] if folder == "openclipart" else np.arange(rows)
    return prepared.gather(torch.from_numpy(chosen)).values.numpy(), np.asarray(prepared.labels)[chosen]


if __name__ == "__main__":
    main()
