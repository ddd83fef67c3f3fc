"""COCO's average precision against torchmetrics, which asks COCO's own program."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unlabeled.data.image.objects import Detections, Objects
from unlabeled.evaluation.objects.average_precision import COCO_OVERLAPS, COCO_RECALLS, coco_average_precision

detection = pytest.importorskip("torchmetrics.detection", reason="torchmetrics is not installed")
pytest.importorskip("pycocotools", reason="pycocotools is not installed")


@pytest.mark.parametrize("seed", range(5))
def test_the_same_figures_as_torchmetrics(seed):
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(12):
        k = int(rng.integers(1, 6))
        corners = rng.integers(0, 100, (k, 2))
        boxes = np.concatenate([corners, corners + rng.integers(8, 150, (k, 2))], 1).astype(float)
        labels = rng.integers(0, 2, k)
        truth.append((boxes, labels))
        near = np.repeat(boxes, 3, 0) + rng.normal(0, 6, (3 * k, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        found.append((near, np.repeat(labels, 3), rng.random(3 * k)))
    ours = coco_average_precision(
        [Objects.of(boxes, labels) for boxes, labels in truth], [Detections.of(*each) for each in found]
    )
    # By default torchmetrics rounds the thresholds to float32, so that a recall of exactly 0.2 falls short of "0.2".
    metric = detection.MeanAveragePrecision(iou_thresholds=COCO_OVERLAPS.tolist(), rec_thresholds=COCO_RECALLS.tolist())
    metric.update(
        [
            {"boxes": torch.tensor(b), "labels": torch.tensor(n), "scores": torch.tensor(s, dtype=torch.float64)}
            for b, n, s in found
        ],
        [{"boxes": torch.tensor(b), "labels": torch.tensor(n)} for b, n in truth],
    )
    theirs = metric.compute()
    names = {"mean": "map", "at_50": "map_50", "at_75": "map_75"}
    names |= {size: f"map_{size}" for size in ("small", "medium", "large")}
    for own, other in names.items():
        assert getattr(ours, own) == pytest.approx(theirs[other].item(), abs=1e-6), own
