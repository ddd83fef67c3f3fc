"""Are samples of the VAE and the GAN digits, and all ten of them? A classifier of real digits says so.

The classifier, a perceptron with one hidden layer, learns from 10,000 MNIST images with their labels and is judged on
the 10,000 of the test split. Each generative method learns from 10,000 images without labels; 1,000 samples of it
are then classified. `recognised` is the share, in per cent, whose class has a probability above 0.5, and `confident`
above 0.9; `digits` counts the classes that hold at least 1 % of the samples. Beside them stand real test images, and
the mean image with noise, which is no digit. The GAN takes eight minutes of one processor:
`python benchmarks/generative.py --methods variational_autoencoder` is the quick part; with `--checkpoints` a run that
was broken off goes on.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import report
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from unlabeled.data import Images
from unlabeled.registry import method

DATA = Path(os.environ.get("UNLABELED_DATA", "data")) / "mnist"
SAMPLES = 1_000
SETTINGS: dict[str, dict[str, Any]] = {
    "variational_autoencoder": {"epochs": 20, "batch_size": 128},
    "gan": {"epochs": 12, "batch_size": 64},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--rows", type=int, default=10_000, help="Images to learn from.")
    parser.add_argument("--epochs", type=int, help="Passes, in place of the benchmark's own.")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument(
        "--settings", nargs="*", default=[], help="Of the method, such as penalty=0 spectral_norm=true."
    )
    parser.add_argument("--checkpoints", type=Path, help="Folder in which training is saved as it goes on.")
    options = parser.parse_args()
    given = {key: literal(word) for key, word in (pair.split("=", 1) for pair in options.settings)}
    train, _ = load("train", options.rows)
    images = (train * 255).round().astype(np.uint8).reshape(-1, 28, 28)
    test, truth = load("test", 10_000)
    judge = MLPClassifier((256,), batch_size=128, max_iter=12, random_state=0)
    judge.set_params(tol=0.0).fit(*(part[:10_000] for part in load("train", 10_000)))
    noise = np.clip(train.mean(0) + np.random.default_rng(0).normal(0, 0.3, (SAMPLES, train.shape[1])), 0, 1)
    rows = [
        {"label": "real test images", **verdict(judge, test), "accuracy": 100 * judge.score(test, truth)},
        {"label": "the mean image with noise", **verdict(judge, noise.astype(np.float32))},
    ]
    report("generative", rows, __doc__ or "", renew=True)
    for name in options.methods:
        for seed in options.seeds:
            settings = {**SETTINGS[name], **given, **({"epochs": options.epochs} if options.epochs else {})}
            told = " ".join(f"{key}={value}" for key, value in settings.items())
            folder = options.checkpoints and options.checkpoints / f"{name}-{seed}-{told.replace(' ', '-')}"
            model = method(name)(**settings, checkpoint=folder, random_state=seed, progress=False)
            started = time.process_time()
            model.fit(images, resume=bool(folder and folder.exists()))
            elapsed = time.process_time() - started
            samples = model.sample(SAMPLES, random_state=0).reshape(SAMPLES, -1)
            row = {"label": f"{name}, seed {seed}: {len(train):,} images, {told}", **verdict(judge, samples)}
            report("generative", [row | {"processor seconds": round(elapsed)}], __doc__ or "", renew=True)


def load(part: str, rows: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give images in [0, 1], shape (n, 784), and labels."""
    prepared = Images(DATA / f"{part}.parquet").prepare(size=28, channels=1)
    images = prepared.gather(torch.arange(rows)).values.numpy().reshape(rows, -1)
    return images.astype(np.float32) / 255, np.asarray(prepared.labels)[:rows]


def verdict(judge: MLPClassifier, images: NDArray[np.float32]) -> dict[str, Any]:
    """Say what share of images is recognised, and as how many digits."""
    chances = judge.predict_proba(images)
    share = np.bincount(chances.argmax(1), minlength=10) / len(images)
    return {
        "recognised": round(100 * float((chances.max(1) > 0.5).mean()), 1),
        "confident": round(100 * float((chances.max(1) > 0.9).mean()), 1),
        "digits": int((share >= 0.01).sum()),
        "rarest": round(100 * float(share.min()), 1),
    }


def literal(word: str) -> Any:
    """Read a setting: a number or truth value where it is one, else a word."""
    import json

    try:
        return json.loads(word)
    except ValueError:
        return word


if __name__ == "__main__":
    main()
