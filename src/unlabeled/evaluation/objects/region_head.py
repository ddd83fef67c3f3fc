"""The head of a detector: regions proposed on feature maps by anchors, pooled, classified and corrected."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.errors import require

SCALES = (0.12, 0.25, 0.5, 0.85)
"""Sides of the anchors, as shares of the picture's side."""
RATIOS = (0.5, 1.0, 2.0)
POOLED = 5
"""Cells along a side of what is pooled from a region."""
WEIGHTS = (10.0, 10.0, 5.0, 5.0)
LARGEST_GROWTH = math.log(8)


class RegionHead(nn.Module):
    r"""Two stages on one feature map, as in Faster R-CNN [1]_.

    At each place of the map, anchors of four sizes and three shapes are scored and corrected; the best become regions.
    Each region is pooled by RoIAlign, classified, and corrected once more.

    Parameters
    ----------
    channels : int
        Of the feature maps.
    classes : int
        Kinds of objects; the background is one more.
    size : int
        Side of the square pictures that the maps are of, in pixels.
    hidden : int, default 128

    References
    ----------
    .. [1] Ren et al., Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks, NeurIPS 2015.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, classes: int, size: int, hidden: int = 128) -> None:
        super().__init__()
        self.classes, self.size = classes, size
        anchors = len(SCALES) * len(RATIOS)
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, channels, 1, 1))
        self.entry = nn.Conv2d(channels, hidden, 1)
        self.around = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.objectness = nn.Conv2d(hidden, anchors, 1)
        self.shifts = nn.Conv2d(hidden, 4 * anchors, 1)
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(hidden * POOLED**2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.scores = nn.Linear(hidden, classes + 1)
        self.corrections = nn.Linear(hidden, 4 * classes)

    def loss(
        self,
        maps: Tensor,
        boxes: list[Tensor],
        labels: list[Tensor],
        difficult: list[Tensor],
        proposals: list[Tensor] | None = None,
    ) -> Tensor:
        """Give the sum of the four losses: cross-entropy and smooth L1 of both stages, or of the second alone.

        Parameters
        ----------
        maps : Tensor, shape (n, channels, h, w)
        boxes : list of Tensor, shape (k, 4)
            Of each picture, in pixels of the square.
        labels : list of Tensor of int, shape (k,)
            Classes from 1.
        difficult : list of Tensor of bool, shape (k,)
            Boxes from which nothing is learnt, neither that they are objects nor that they are none.
        proposals : list of Tensor, shape (k, 4), optional
            Regions that are given, in place of those that the first stage finds; it then learns nothing.
        """
        maps = self._entered(maps)
        total = maps.new_zeros(())
        regions = proposals
        if regions is None:
            anchors, objectness, shifts = self._first(maps)
            regions = self._regions(anchors, objectness.detach(), shifts.detach(), 300)
            for i in range(len(maps)):
                own, hard = boxes[i][~difficult[i]], boxes[i][difficult[i]]
                total = total + _first_loss(anchors, objectness[i], shifts[i], own, hard)
        chosen, classes, targets = [], [], []
        for i in range(len(maps)):
            hard, own, names = boxes[i][difficult[i]], boxes[i][~difficult[i]], labels[i][~difficult[i]]
            each = torch.cat((regions[i], own))
            best, which, unclear = matched(each, own, hard)
            positive = best >= 0.5
            rows = sampled(positive, ~positive & ~unclear, 64, 0.25)
            hit = positive[rows]
            chosen.append(each[rows])
            classes.append(torch.where(hit, names[which[rows]], 0) if len(own) else torch.zeros_like(rows))
            weights = each.new_tensor(WEIGHTS)
            targets.append(
                encoded(each[rows], own[which[rows]]) * weights if len(own) else torch.zeros_like(each[rows])
            )
        seen = self._pooled(maps, chosen)
        kind, wanted = torch.cat(classes), torch.cat(targets)
        # A batch of empty pictures without a proposal has no region at all, of which there is no mean.
        total = total / len(maps) + F.cross_entropy(self.scores(seen), kind, reduction="sum") / max(1, len(kind))
        hit = kind > 0
        if hit.any():
            corrections = self.corrections(seen).view(len(seen), self.classes, 4)[hit, kind[hit] - 1]
            total = total + F.smooth_l1_loss(corrections, wanted[hit], reduction="sum") / len(kind)
        return total

    @torch.no_grad()
    def detect(
        self,
        maps: Tensor,
        least: float = 0.01,
        overlapping: float = 0.5,
        most: int = 100,
        proposals: list[Tensor] | None = None,
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Give boxes, classes from 1 and scores of each picture, the surest first.

        Parameters
        ----------
        maps : Tensor, shape (n, channels, h, w)
        least : float, default 0.01
            Score below which nothing is reported.
        overlapping : float, default 0.5
            Of two boxes of a class that overlap more, the surer is kept.
        most : int, default 100
            Detections in a picture at most.
        proposals : list of Tensor, shape (k, 4), optional
            Regions that are given, in place of those that the first stage finds.
        """
        ops = torchvision_ops()
        maps = self._entered(maps)
        found = []
        regions = self._regions(*self._first(maps), 100) if proposals is None else proposals
        for i, own in enumerate(regions):
            seen = self._pooled(maps[i : i + 1], [own])
            scores = self.scores(seen).softmax(1)[:, 1:]
            corrections = self.corrections(seen).view(len(own), self.classes, 4) / own.new_tensor(WEIGHTS)
            boxes = decoded(own[:, None].expand(-1, self.classes, -1), corrections).clamp(0, self.size)
            kinds = torch.arange(1, self.classes + 1, device=maps.device).expand_as(scores)
            sure = (scores >= least) & ((boxes[..., 2:] - boxes[..., :2]).min(-1).values >= 1)
            boxes, kinds, scores = boxes[sure], kinds[sure], scores[sure]
            kept = ops.batched_nms(boxes, scores, kinds, overlapping)[:most]
            found.append((boxes[kept], kinds[kept], scores[kept]))
        return found

    def _entered(self, maps: Tensor) -> Tensor:
        entered: Tensor = F.relu(self.entry((maps - self.mean) / self.deviation))
        return entered

    def _first(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the anchors (a, 4), and of each picture their scores (n, a) and shifts (n, a, 4)."""
        n, _, rows, columns = maps.shape
        around = F.relu(self.around(maps))
        scores = self.objectness(around).permute(0, 2, 3, 1).reshape(n, -1)
        shifts = self.shifts(around).permute(0, 2, 3, 1).reshape(n, -1, 4)
        return all_anchors(rows, columns, self.size).to(maps), scores, shifts

    def _regions(self, anchors: Tensor, scores: Tensor, shifts: Tensor, most: int) -> list[Tensor]:
        ops = torchvision_ops()
        regions = []
        for own, moved in zip(scores, shifts, strict=True):
            rows = own.topk(min(1000, len(own))).indices
            boxes = decoded(anchors[rows], moved[rows]).clamp(0, self.size)
            large = (boxes[:, 2:] - boxes[:, :2]).min(1).values >= 2
            boxes, rows = boxes[large], rows[large]
            regions.append(boxes[ops.nms(boxes, own[rows], 0.7)[:most]])
        return regions

    def _pooled(self, maps: Tensor, regions: list[Tensor]) -> Tensor:
        cells = torchvision_ops().roi_align(
            maps, regions, POOLED, spatial_scale=maps.shape[-1] / self.size, sampling_ratio=2, aligned=True
        )
        seen: Tensor = self.body(cells)
        return seen


def _first_loss(anchors: Tensor, objectness: Tensor, shifts: Tensor, own: Tensor, hard: Tensor) -> Tensor:
    """Give the loss of the first stage for one picture."""
    best, which, unclear = matched(anchors, own, hard)
    positive = best >= 0.6
    if len(own):  # the best anchor of each box, so that none is without one
        positive[overlap(anchors, own).argmax(0)] = True
    rows = sampled(positive, (best < 0.3) & ~unclear & ~positive, 128, 0.5)
    total = F.binary_cross_entropy_with_logits(objectness[rows], positive[rows].float())
    hits = rows[positive[rows]]
    if len(hits):
        wanted = encoded(anchors[hits], own[which[hits]])
        total = total + F.smooth_l1_loss(shifts[hits], wanted, beta=1 / 9, reduction="sum") / len(rows)
    return total


def torchvision_ops() -> Any:
    """Give torchvision's operations on boxes, or say how to install them."""
    return require("torchvision.ops", "detection")


def all_anchors(rows: int, columns: int, size: int) -> Tensor:
    """Give the anchors of all places of a map, row by row, shape (rows · columns · 12, 4).

    Examples
    --------
    >>> all_anchors(2, 2, 64).shape
    torch.Size([48, 4])
    """
    sides = [(scale * size / ratio**0.5, scale * size * ratio**0.5) for scale in SCALES for ratio in RATIOS]
    half = torch.tensor(sides) / 2
    y = (torch.arange(rows) + 0.5) * (size / rows)
    x = (torch.arange(columns) + 0.5) * (size / columns)
    centres = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1).flip(-1).reshape(-1, 1, 2)
    return torch.cat((centres - half, centres + half), -1).reshape(-1, 4)


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """Give the intersection over union of every box of `a` with every box of `b`."""
    sides = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(min=0)
    shared = sides.prod(2)
    areas = [(each[:, 2:] - each[:, :2]).prod(1) for each in (a, b)]
    return shared / (areas[0][:, None] + areas[1][None] - shared).clamp(min=1e-9)


def matched(boxes: Tensor, own: Tensor, hard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give each box's best overlap with an object, which object that is, and whether it lies on a difficult one."""
    none = torch.zeros(len(boxes), device=boxes.device)
    best, which = overlap(boxes, own).max(1) if len(own) else (none, none.long())
    unclear = overlap(boxes, hard).max(1).values >= 0.3 if len(hard) else none.bool()
    return best, which, unclear


def sampled(positive: Tensor, negative: Tensor, count: int, share: float) -> Tensor:
    """Draw `count` rows, at most that share of them positive."""
    yes, no = positive.nonzero().flatten(), negative.nonzero().flatten()
    yes = yes[torch.randperm(len(yes), device=yes.device)[: int(count * share)]]
    no = no[torch.randperm(len(no), device=no.device)[: count - len(yes)]]
    return torch.cat((yes, no))


def encoded(boxes: Tensor, targets: Tensor) -> Tensor:
    """Give what brings boxes to targets: the shift of the centre in sides, and the logarithm of the growth."""
    sides, wanted = boxes[..., 2:] - boxes[..., :2], targets[..., 2:] - targets[..., :2]
    shift = (targets[..., 2:] + targets[..., :2] - boxes[..., 2:] - boxes[..., :2]) / 2 / sides
    return torch.cat((shift, (wanted / sides).log()), -1)


def decoded(boxes: Tensor, changes: Tensor) -> Tensor:
    """Undo `encoded`: bring boxes to where the changes say; no side grows more than eightfold."""
    sides = boxes[..., 2:] - boxes[..., :2]
    centres = (boxes[..., 2:] + boxes[..., :2]) / 2 + changes[..., :2] * sides
    half = sides * changes[..., 2:].clamp(max=LARGEST_GROWTH).exp() / 2
    return torch.cat((centres - half, centres + half), -1)
