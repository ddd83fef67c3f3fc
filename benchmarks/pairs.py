"""CLIP with towers from scratch: retrieval beside chance, and zero-shot classes, on the test part."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from harness import report

from unlabeled import CLIP
from unlabeled.data.pairs import ImageTexts
from unlabeled.encoders import embed
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.pair_retrieval import pair_recall
from unlabeled.modalities import open_instances


def vectors(model, pairs):
    """Give the vectors of images and of captions of the same pairs."""
    from unlabeled.data.pairs.prepared_pairs import PreparedPairs

    prepared, _ = open_instances(pairs, model, model.encoder_.preprocessing, "skip")
    assert isinstance(prepared, PreparedPairs)
    images = embed(model.encoder_, prepared)
    texts = model.transform(prepared.captions)
    return images, texts, prepared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with train.parquet and test.parquet")
    parser.add_argument("--column", default=None)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--size", type=int, default=32)
    args = parser.parse_args()
    rows = []
    train = ImageTexts(args.data / "train.parquet", column=args.column)
    test = ImageTexts(args.data / "test.parquet", column=args.column)
    for seed in range(args.seeds):
        model = CLIP(
            epochs=args.epochs,
            batch_size=256,
            size=args.size,
            length=16,
            column=args.column,
            random_state=seed,
            weight_decay=0.05,
        )
        start = time.perf_counter()
        model.fit(open_instances(train, model, on_error="skip")[0])
        took = time.perf_counter() - start
        images, texts, prepared = vectors(model, test)
        found = pair_recall(images, texts, *prepared.codes)
        row = {"label": f"{args.data.name}, seed {seed}", "train_s": took, "loss": model.history_[-1]["loss"]}
        row |= {"ln_batch": float(np.log(256)), "scale": model.scale_}
        row |= {"text_to_image_recall": found.images_of_text, "text_to_image_chance": found.images_of_text_chance}
        row |= {"image_to_text_recall": found.texts_of_image, "image_to_text_chance": found.texts_of_image_chance}
        if prepared.classes:
            names = [name.replace("_", " ") for name in prepared.classes]
            truth = np.array(names)[prepared.labels]
            classifier = model.zero_shot(names)
            right = float((classifier.classes_[(images @ classifier.vectors_.T).argmax(1)] == truth).mean())
            row |= {"zero_shot": right, "interval": wilson_interval(right, len(truth)), "classes": len(names)}
            row |= {
                "zero_shot_chance": 1 / len(names),
                "largest_class": float(np.bincount(prepared.labels).max() / len(truth)),
            }
        rows.append(row)
    report(f"pairs_{args.data.name}", rows, f"own towers from scratch, {args.epochs} epochs at {args.size} pixels")


if __name__ == "__main__":
    main()
