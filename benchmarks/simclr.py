"""Training SimCLR on CIFAR-10: our loop against the usual PyTorch loop with lightly, the same network and views.

The peer is written as a practitioner writes it from lightly's documentation: a torchvision data set of PIL images,
`SimCLRTransform`, a DataLoader with workers, `NTXentLoss`, AdamW, float32. Ours is `SimCLR(...).fit` with defaults.
Quality is the accuracy of 20 nearest neighbours on the test split, after the same epochs on the same images.
"""

from __future__ import annotations

import io
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from harness import arguments, report
from lightly.loss import NTXentLoss
from lightly.transforms import SimCLRTransform
from PIL import Image
from torch import nn

from unlabeled import SimCLR
from unlabeled.data import Images
from unlabeled.encoders import Conv, projection_head
from unlabeled.evaluation import knn
from unlabeled.modalities.image import ImagePreprocessing

DATA = Path(os.environ.get("UNLABELED_DATA", "data")) / "cifar10"
BATCH, ROWS, EPOCHS = 256, 10_240, 2


class Pictures(torch.utils.data.Dataset[Any]):
    """CIFAR-10 as encoded files, decoded when asked for."""

    def __init__(self, rows: int, transform: Any) -> None:
        table = pq.read_table(DATA / "train.parquet", columns=["image"]).slice(0, rows)
        self.encoded = [row["bytes"] for row in table["image"].to_pylist()]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> Any:
        return self.transform(Image.open(io.BytesIO(self.encoded[index])).convert("RGB"))


def peer(seed: int, epochs: int) -> tuple[float, Conv]:
    """Train as a practitioner would; give images per second and the encoder."""
    torch.manual_seed(seed)
    transform = SimCLRTransform(input_size=32, cj_strength=0.5, gaussian_blur=0.0, normalize=None)
    loader = torch.utils.data.DataLoader(
        Pictures(ROWS, transform), BATCH, shuffle=True, drop_last=True, num_workers=os.cpu_count() or 1
    )
    encoder = Conv(ImagePreprocessing(32))
    model = nn.Sequential(encoder, projection_head(encoder.dim, 128))
    criterion, optimizer = NTXentLoss(temperature=0.5), torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=1e-4)
    steps = epochs * (ROWS // BATCH)
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 0.05, total_iters=round(0.05 * steps)),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - round(0.05 * steps)),
        ],
        milestones=[round(0.05 * steps)],
    )
    start = time.perf_counter()
    for _ in range(epochs):
        for views in loader:
            loss = criterion(model(views[0]), model(views[1]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return ROWS * epochs / (time.perf_counter() - start), encoder


def ours(seed: int, epochs: int) -> tuple[float, Any]:
    """Train with our estimator, decoding included; give images per second and the encoder."""
    start = time.perf_counter()
    model = SimCLR(encoder="conv", epochs=epochs, batch_size=BATCH, random_state=seed, progress=False)
    model.fit(first_rows())
    return ROWS * epochs / (time.perf_counter() - start), model.encoder_


def first_rows() -> Images:
    table = pq.read_table(DATA / "train.parquet", columns=["image"]).slice(0, ROWS)
    return Images([row["bytes"] for row in table["image"].to_pylist()])


def accuracy(encoder: Any) -> float:
    """Judge an encoder by 20 nearest neighbours: the training images as the bank, the test split as queries."""
    from unlabeled.encoders import embed

    train, test = (Images(DATA / f"{part}.parquet") for part in ("train", "test"))
    bank = embed(encoder, first_rows().prepare(size=32))
    queries = embed(encoder, test.prepare(size=32))
    assert train.labels is not None
    assert test.labels is not None
    return knn(bank, np.asarray(train.labels[:ROWS]), queries, np.asarray(test.labels)).accuracy


def main() -> None:
    options = arguments(__doc__ or "", rounds=3)
    speeds: dict[str, list[float]] = {"ours": [], "lightly": []}
    found: dict[str, list[float]] = {"ours": [], "lightly": []}
    for seed in range(options.rounds):
        for name, train in (("ours", ours), ("lightly", peer)):
            speed, encoder = train(seed, EPOCHS)
            speeds[name].append(speed)
            found[name].append(accuracy(encoder))
            print(f"seed {seed} {name}: {speed:,.0f} images/s, kNN {100 * found[name][-1]:.1f} %", flush=True)
    ratios = [a / b for a, b in zip(speeds["ours"], speeds["lightly"], strict=True)]
    row = {
        "label": f"SimCLR, CIFAR-10, batch {BATCH}, {EPOCHS} epochs of {ROWS:,}, end to end",
        "ours_s": [ROWS * EPOCHS / s for s in speeds["ours"]],
        "peer_s": [ROWS * EPOCHS / s for s in speeds["lightly"]],
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "images_per_second": {name: [round(s) for s in values] for name, values in speeds.items()},
        "knn_accuracy": found,
    }
    report("simclr", [row], notes=__doc__ or "")


if __name__ == "__main__":
    main()
