"""Eight image methods on CIFAR-10: our loop against the usual PyTorch loop with lightly, the same network and views.

The peer is written as a practitioner writes it from lightly's documentation: a torchvision data set of PIL images,
lightly's transform, a DataLoader with a worker a processor, lightly's loss and momentum update, AdamW with warm-up and
cosine, float32. It has exactly our networks, heads included, our temperatures, batch and epochs. Ours is `fit` with
defaults. Quality is the accuracy of 20 nearest neighbours among the images learnt from, on the first 2,000 test images.

`python benchmarks/lightly_methods.py --encoder conv` and then `--encoder six_layer` take the methods in turn, ours and
the peer by turns for each of three seeds; `--methods`, `--rows`, `--epochs` and `--rounds` make it shorter.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from harness import report
from lightly.loss import BarlowTwinsLoss, DINOLoss, NegativeCosineSimilarity, NTXentLoss, SwaVLoss, VICRegLoss
from lightly.models.utils import deactivate_requires_grad, random_token_mask, update_momentum
from lightly.transforms import DINOTransform, SimCLRTransform
from lightly.utils.scheduler import CosineWarmupScheduler, cosine_schedule
from simclr import Pictures
from torch import Tensor, nn
from torchvision.transforms.functional import to_tensor

from unlabeled.data import Images
from unlabeled.encoders import Encoder, embed
from unlabeled.encoders.image.vit import chosen, patchify
from unlabeled.evaluation import knn
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.registry import method

DATA = Path(os.environ.get("UNLABELED_DATA", "data")) / "cifar10"
BATCH, TESTED = 256, 2_000
Batch = list[Tensor]
Step = Callable[[Batch, float], Tensor]
"""Gives the loss of a batch of views, when a share of the training is over."""


class SixLayer(Encoder):
    """A plain net: 3 × 3 convolutions of 32-64-64-128-128-256 channels, every other one of stride 2; the mean."""

    architecture = "six_layer"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(self, preprocessing: ImagePreprocessing) -> None:
        super().__init__(preprocessing)
        layers: list[nn.Module] = []
        inputs = preprocessing.channels
        for number, outputs in enumerate((32, 64, 64, 128, 128, 256)):
            layers += [nn.Conv2d(inputs, outputs, 3, 1 + number % 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        self.body, self.dim = nn.Sequential(*layers), inputs

    def forward(self, batch: Tensor) -> Tensor:
        """Map images, shape (n, channels, h, w), to vectors, shape (n, 256)."""
        vectors: Tensor = self.body(batch).mean((2, 3))
        return vectors


def two_views() -> Any:
    return SimCLRTransform(input_size=32, cj_strength=0.5, gaussian_blur=0.0, normalize=None)


def multi_crop() -> Any:
    return DINOTransform(
        global_crop_size=32, global_crop_scale=(0.08, 1.0), local_crop_size=32, local_crop_scale=(0.05, 0.4),
        n_local_views=2, cj_strength=0.5, cj_bright=0.8, cj_contrast=0.8, cj_sat=0.8, cj_hue=0.2,
        gaussian_blur=(0.0, 0.0, 0.0), solarization_prob=0.0, normalize=None,
    )  # fmt: skip


class OneView:
    """The image as it is."""

    def __call__(self, image: Any) -> Batch:
        return [to_tensor(image)]


def teacher_of(*parts: nn.Module) -> tuple[nn.Sequential, nn.Sequential]:
    """Give a student of some parts, and a teacher that copies it."""
    student = nn.Sequential(*parts)
    teacher = copy.deepcopy(student)
    deactivate_requires_grad(teacher)
    return student, teacher


def sim_siam(net: Any, ours: Any) -> Step:
    compare = NegativeCosineSimilarity()

    def step(views: Batch, done: float) -> Tensor:
        z = [net.project(view) for view in views]
        p = [net.predictor(each) for each in z]
        return 0.5 * (compare(p[0], z[1].detach()) + compare(p[1], z[0].detach()))

    return step


def byol(net: Any, ours: Any) -> Step:
    compare = NegativeCosineSimilarity()
    student, teacher = teacher_of(net.encoder, net.projector)

    def step(views: Batch, done: float) -> Tensor:
        update_momentum(student, teacher, cosine_schedule(round(1000 * done), 1000, ours.momentum, 1.0))
        p = [net.predictor(student(view)) for view in views]
        with torch.no_grad():
            z = [teacher(view) for view in views]
        return 0.5 * (compare(p[0], z[1]) + compare(p[1], z[0]))

    return step


def barlow_twins(net: Any, ours: Any) -> Step:
    loss = BarlowTwinsLoss(lambda_param=ours.redundancy)
    return lambda views, done: loss(*(net.project(view) for view in views))


def vicreg(net: Any, ours: Any) -> Step:
    loss = VICRegLoss()
    return lambda views, done: loss(*(net.project(view) for view in views))


def moco(net: Any, ours: Any) -> Step:
    loss = NTXentLoss(ours.temperature, memory_bank_size=(min(4096, ours.n_instances_ // 2), ours.projection_dim))
    student, teacher = teacher_of(net.encoder, net.projector)

    def step(views: Batch, done: float) -> Tensor:
        update_momentum(student, teacher, ours.momentum)
        with torch.no_grad():
            keys = [teacher(view) for view in views]
        return 0.5 * (loss(student(views[0]), keys[1]) + loss(student(views[1]), keys[0]))

    return step


def dino(net: Any, ours: Any) -> Step:
    student, teacher = teacher_of(net.encoder, net.projector)
    loss = DINOLoss(ours.prototypes, ours.teacher_temperature, ours.teacher_temperature, 1, ours.student_temperature)

    def step(views: Batch, done: float) -> Tensor:
        update_momentum(student, teacher, cosine_schedule(round(1000 * done), 1000, ours.momentum, 1.0))
        with torch.no_grad():
            hidden = [teacher(view) for view in views[:2]]
        return loss(hidden, [student(view) for view in views])

    return step


def swav(net: Any, ours: Any) -> Step:
    loss = SwaVLoss(ours.temperature, ours.iterations, ours.epsilon)

    def step(views: Batch, done: float) -> Tensor:
        scores = [net.prototypes(net.project(view)) for view in views]
        return loss(scores[:2], scores[2:])

    return step


def masked_autoencoder(net: Any, ours: Any) -> Step:
    patch = net.encoder.patch

    def step(views: Batch, done: float) -> Tensor:
        images = views[0]
        patches = patchify(images, patch)
        visible, hidden = random_token_mask(patches.shape[:2], ours.mask_ratio, mask_class_token=True)
        target = ours._target(chosen(patches, hidden))
        rebuilt = net.decoder(net.encoder.tokens(images, visible), visible)
        return nn.functional.mse_loss(chosen(rebuilt, hidden), target)

    return step


PEERS: dict[str, tuple[Callable[[], Any], Callable[[Any, Any], Step]]] = {
    "sim_siam": (two_views, sim_siam),
    "byol": (two_views, byol),
    "barlow_twins": (two_views, barlow_twins),
    "vicreg": (two_views, vicreg),
    "moco": (two_views, moco),
    "dino": (multi_crop, dino),
    "swav": (multi_crop, swav),
    "masked_autoencoder": (OneView, masked_autoencoder),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", default=list(PEERS), choices=PEERS)
    parser.add_argument("--encoder", default="conv", choices=["conv", "six_layer"], help="The MAE has a vit always.")
    parser.add_argument("--rows", type=int, default=10_240)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3, help="Seeds; ours and the peer in turn.")
    options = parser.parse_args()
    for name in options.methods:
        speeds: dict[str, list[float]] = {"ours": [], "lightly": []}
        found: dict[str, list[float]] = {"ours": [], "lightly": []}
        for seed in range(options.rounds):
            for who, train in (("ours", ours), ("lightly", peer)):
                start = time.perf_counter()
                encoder = train(name, options.encoder, options.rows, options.epochs, seed)
                speeds[who].append(options.rows * options.epochs / (time.perf_counter() - start))
                found[who].append(accuracy(encoder, options.rows))
                print(f"{name}, seed {seed}, {who}: {speeds[who][-1]:,.0f} images/s, kNN {100 * found[who][-1]:.1f} %")
        ratios = [a / b for a, b in zip(speeds["ours"], speeds["lightly"], strict=True)]
        work = options.rows * options.epochs
        kind = "vit" if name == "masked_autoencoder" else options.encoder
        row = {
            "label": f"{name}, {kind}, batch {BATCH}, {options.epochs} epochs of {options.rows:,}, end to end",
            "ours_s": [work / speed for speed in speeds["ours"]],
            "peer_s": [work / speed for speed in speeds["lightly"]],
            "ratio_median": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "images_per_second": {who: [round(speed) for speed in values] for who, values in speeds.items()},
            "knn_accuracy": found,
        }
        report("lightly_methods", [row], notes=__doc__ or "", renew=True)


def settings(name: str, kind: str, epochs: int, seed: int) -> Any:
    """Give our estimator, with defaults."""
    encoder: Any = "conv" if kind == "conv" else SixLayer(ImagePreprocessing(32))
    encoder = "vit" if name == "masked_autoencoder" else encoder
    return method(name)(encoder=encoder, epochs=epochs, batch_size=BATCH, random_state=seed, progress=False)


def ours(name: str, kind: str, rows: int, epochs: int, seed: int) -> Encoder:
    """Train with our estimator, decoding included."""
    model = settings(name, kind, epochs, seed)
    model.fit(first_rows(rows))
    encoder: Encoder = model.encoder_
    return encoder


def peer(name: str, kind: str, rows: int, epochs: int, seed: int) -> Encoder:
    """Train as a practitioner would."""
    torch.manual_seed(seed)
    transform, make_step = PEERS[name]
    loader = torch.utils.data.DataLoader(
        Pictures(rows, transform()), BATCH, shuffle=True, drop_last=True, num_workers=os.cpu_count() or 1
    )
    estimator = settings(name, kind, epochs, seed)
    preprocessing = ImagePreprocessing(32)
    estimator.prepare(preprocessing)
    estimator.n_instances_ = rows
    net = estimator.build(fresh(name, kind, preprocessing))
    step = make_step(net, estimator)
    learning = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, estimator.learning_rate, weight_decay=estimator.weight_decay)
    steps = epochs * (rows // BATCH)
    schedule = CosineWarmupScheduler(optimizer, round(estimator.warmup * steps), steps)
    net.train()
    for done, views in enumerate(endless(loader, epochs)):
        loss = step(views, done / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    encoder: Encoder = net.encoder.eval()
    return encoder


def fresh(name: str, kind: str, preprocessing: ImagePreprocessing) -> Encoder:
    from unlabeled.encoders.make import make_encoder

    return make_encoder("vit" if name == "masked_autoencoder" else kind, preprocessing)


def endless(loader: Any, epochs: int) -> Iterator[Batch]:
    for _ in range(epochs):
        yield from loader


def first_rows(rows: int) -> Images:
    import pyarrow.parquet as pq

    table = pq.read_table(DATA / "train.parquet", columns=["image"]).slice(0, rows)
    return Images([row["bytes"] for row in table["image"].to_pylist()])


def accuracy(encoder: Encoder, rows: int) -> float:
    """Judge an encoder by 20 nearest neighbours: the images learnt from as the bank, test images as queries."""
    train, test = (Images(DATA / f"{part}.parquet").prepare(size=32) for part in ("train", "test"))
    bank, queries = (
        embed(encoder, images)[:count] for images, count in ((first_rows(rows).prepare(size=32), rows), (test, TESTED))
    )
    labels = [np.asarray(images.labels) for images in (train, test)]
    return knn(bank, labels[0][:rows], queries, labels[1][:TESTED]).accuracy


if __name__ == "__main__":
    main()
