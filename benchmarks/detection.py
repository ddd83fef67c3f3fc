"""Detection with a learnt trunk beside the same head on an untrained one; average precision on the test list."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from harness import report

from unlabeled.data.image.voc import VOC
from unlabeled.encoders import Encoder
from unlabeled.encoders.encoder import from_description
from unlabeled.evaluation.objects.detector import Detector
from unlabeled.methods.fewlabels.fine_tuning import trained_encoder


def untrained(learnt: Encoder, seed: int) -> Encoder:
    """Give the same architecture with its first weights."""
    torch.manual_seed(seed)
    return from_description(learnt.describe(), learnt.preprocessing)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder in the layout of Pascal VOC")
    parser.add_argument("encoder", help="a run, or a folder with a saved encoder")
    parser.add_argument("--split", default="trainval")
    parser.add_argument("--test", default="test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--name", default="conv", help="of the trunk, for the results")
    args = parser.parse_args()
    train = VOC(args.data, args.split)
    test = VOC(args.data, args.test, classes=train.classes)
    learnt = trained_encoder(args.encoder)
    rows = []
    for seed in range(args.seeds):
        for name, encoder in (("learnt", learnt), ("untrained", untrained(learnt, seed))):
            start = time.perf_counter()
            model = Detector(encoder=encoder, size=args.size, epochs=args.epochs, random_state=seed).fit(train)
            took = time.perf_counter() - start
            voc, coco = model.evaluate(test), model.evaluate(test, "coco")
            label = f"{args.name}, {name}, seed {seed}"
            rows.append({"label": label, "voc": voc.mean, "coco": coco.mean, "train_s": took})
            print(rows[-1], flush=True)
    about = {"epochs": args.epochs, "size": args.size, "test_pictures": len(test)}
    notes = f"{__doc__} The trunk is frozen."
    report("detection", [row | about for row in rows], notes, renew=True)


if __name__ == "__main__":
    main()
