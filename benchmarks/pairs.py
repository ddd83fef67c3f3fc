"""CLIP on real pairs: retrieval beside chance, and zero-shot classes beside chance, on the test part."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from harness import report

from unlabeled import CLIP
from unlabeled.data.pairs import ImageTexts
from unlabeled.encoders import embed
from unlabeled.evaluation.accuracy import accuracy_by_class, wilson_interval
from unlabeled.evaluation.pair_retrieval import pair_recall
from unlabeled.modalities import open_instances

DRAWS = 2000
"""Resampled test sets behind the interval of a mean over classes."""


def opened(path: Path, column: str | None) -> ImageTexts:
    """Open a part; its classes are the first level of its categories."""
    kinds = [str(kind).split("/")[0].replace("_", " ") for kind in pq.read_table(path)["category"].to_pylist()]
    return ImageTexts(path, column=column, labels=kinds)


def balanced(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Give the mean accuracy over classes, and its interval (95 %) over test sets drawn with replacement."""
    random = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        rows = random.integers(len(truth), size=len(truth))
        draws.append(np.mean(list(accuracy_by_class(truth[rows], predicted[rows]).values())))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(np.mean(list(accuracy_by_class(truth, predicted).values()))), (float(low), float(high))


def zero_shot(model: CLIP, images: np.ndarray, names: list[str], labels: np.ndarray) -> dict[str, object]:
    """Tell classes by their names; classes without a test image count as wrong answers only."""
    known = labels >= 0
    predicted = (images @ model.zero_shot(names).vectors_.T).argmax(1)[known]
    truth = labels[known]
    right, (mean, interval) = float((predicted == truth).mean()), balanced(truth, predicted)
    return {
        "zero_shot": right,
        "interval": wilson_interval(right, len(truth)),
        "balanced_zero_shot": mean,
        "balanced_interval": interval,
        "classes": len(names),
        "chance": 1 / len(names),
        "largest_class": float(np.bincount(truth).max() / len(truth)),
        "largest_prediction": float(np.bincount(predicted).max() / len(truth)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with train.parquet and test.parquet")
    parser.add_argument("--column", help="of the captions; several with commas between them")
    parser.add_argument("--text-encoder", default="auto")
    parser.add_argument("--frozen", default="none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--name", help="of the results; by default that of the folder")
    parser.add_argument("--save", type=Path, help="a folder for the model of the last seed")
    args = parser.parse_args()
    rows = []
    train, test = (opened(args.data / f"{part}.parquet", args.column) for part in ("train", "test"))
    for seed in args.seeds:
        model = CLIP(
            epochs=args.epochs,
            batch_size=256,
            size=args.size,
            length=24,
            column=args.column,
            text_encoder=args.text_encoder,
            frozen=args.frozen,
            random_state=seed,
            weight_decay=0.05,
        )
        start = time.process_time()  # of the processor, so that other work on the machine does not count
        model.fit(open_instances(train, model, on_error="skip")[0])
        took = time.process_time() - start
        if args.save:
            model.save(args.save)
        prepared, _ = open_instances(test, model, model.encoder_.preprocessing, "skip")
        images, texts = embed(model.encoder_, prepared), model.transform(prepared.captions)
        found = pair_recall(images, texts, *prepared.codes)
        row = {"label": f"{args.name or args.data.name}, seed {seed}", "train_cpu_s": took}
        row |= {"loss": model.history_[-1]["loss"], "ln_batch": float(np.log(256)), "scale": model.scale_}
        row |= {"text_to_image_recall": found.images_of_text, "text_to_image_chance": found.images_of_text_chance}
        row |= {"image_to_text_recall": found.texts_of_image, "image_to_text_chance": found.texts_of_image_chance}
        row |= zero_shot(model, images, prepared.classes, prepared.labels)
        rows.append(row)
    towers = "own towers from scratch" if args.text_encoder == "auto" else f"text tower {args.text_encoder}"
    frozen = "" if args.frozen == "none" else f", {args.frozen} tower frozen"
    captions = args.column or "of the first column of captions"
    notes = f"{towers}{frozen}, {args.epochs} epochs at {args.size} pixels, captions: {captions}"
    report(f"pairs_{args.name or args.data.name}", rows, notes)


if __name__ == "__main__":
    main()
