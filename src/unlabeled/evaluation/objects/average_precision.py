"""Average precision of detections, by the definitions of Pascal VOC and of COCO."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.image.objects import Detections, Objects
from unlabeled.errors import UnlabeledError

COCO_OVERLAPS = np.linspace(0.5, 0.95, 10)
COCO_RECALLS = np.linspace(0, 1, 101)
COCO_LARGEST = 100
"""Detections of a class that COCO counts in a picture, the surest."""
COCO_AREAS = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}


@dataclass(frozen=True)
class VOCResult:
    """Average precision by the definition of Pascal VOC.

    Attributes
    ----------
    mean : float
        Mean over the classes that occur.
    per_class : dict of str to float
        NaN for a class that was found but nowhere marked.
    overlap : float
        From which intersection over union on a box counts as found.
    points : {"all", 11}
    """

    mean: float
    per_class: dict[str, float]
    overlap: float
    points: Literal["all", 11]


@dataclass(frozen=True)
class COCOResult:
    """Average precision by the definition of COCO; NaN where no such object is marked.

    Attributes
    ----------
    mean : float
        Mean over classes and over the overlaps 0.5, 0.55, ..., 0.95.
    at_50, at_75 : float
        At one overlap.
    small, medium, large : float
        Of objects below 32² pixels, up to 96², and above.
    per_class : dict of str to float
        Mean over the overlaps.
    """

    mean: float
    at_50: float
    at_75: float
    small: float
    medium: float
    large: float
    per_class: dict[str, float]


def voc_average_precision(
    truth: Sequence[Objects],
    found: Sequence[Detections],
    *,
    overlap: float = 0.5,
    points: Literal["all", 11] = "all",
) -> VOCResult:
    r"""Judge detections as Pascal VOC does.

    From the surest detection to the least sure, each is compared with the marked box of its class that it overlaps
    most. It is right if the intersection over union is at least `overlap` and no surer one has found that box; a box
    that is found twice is one false alarm; a detection of a difficult box counts for nothing. With p(r) the greatest
    precision at a recall of at least r, the average precision is ∫ p(r) dr since 2010 (``"all"``), and
    1/11 · Σ p(r) over r = 0, 0.1, ..., 1 before (``11``) [1]_.

    Parameters
    ----------
    truth : sequence of Objects
        What is marked in each picture.
    found : sequence of Detections
        What was found in each, in the same order. Equal scores keep the order that they have.
    overlap : float, default 0.5
    points : {"all", 11}, default "all"

    Raises
    ------
    UnlabeledError
        If the two are not of the same length, nothing is marked, or a number is not usable.

    References
    ----------
    .. [1] Everingham et al., The Pascal Visual Object Classes Challenge: A Retrospective, IJCV 2015.

    Examples
    --------
    >>> truth = [Objects.of([(0, 0, 10, 10), (20, 0, 30, 10)], ["cat", "cat"])]
    >>> found = [Detections.of([(0, 0, 10, 9), (50, 0, 60, 10)], ["cat", "cat"], [0.9, 0.8])]
    >>> voc_average_precision(truth, found).mean
    0.5
    """
    _check(truth, found)
    if not 0 < overlap <= 1:
        raise UnlabeledError(f"overlap is above 0 and at most 1, got {overlap!r}")
    if points not in ("all", 11):
        raise UnlabeledError(f"points is 'all' or 11, got {points!r}")
    per_class = {}
    for name in _classes(truth, found):
        marked = [_of_class(objects, name) for objects in truth]
        number = sum(int((~difficult).sum()) for _, difficult in marked)
        boxes = [each.boxes[each.labels == name] for each in found]
        scores = np.concatenate([each.scores[each.labels == name] for each in found])
        picture = np.repeat(np.arange(len(found)), [len(each) for each in boxes])
        order = np.argsort(-scores, kind="stable")
        right = np.zeros(len(scores), dtype=bool)
        counts = np.ones(len(scores), dtype=bool)
        taken = [np.zeros(len(difficult), dtype=bool) for _, difficult in marked]
        place = np.concatenate([np.arange(len(each)) for each in boxes])
        for row in order.tolist():
            i = int(picture[row])
            targets, difficult = marked[i]
            shared = overlaps(boxes[i][place[row] : place[row] + 1], targets)[0]
            best = int(shared.argmax()) if len(shared) else -1
            if best < 0 or shared[best] < overlap:
                continue
            if difficult[best]:
                counts[row] = False
            elif not taken[i][best]:
                right[row] = taken[i][best] = True
        kept = order[counts[order]]
        per_class[name] = voc_area(right[kept], number, points)
    occurring = [value for value in per_class.values() if not np.isnan(value)]
    return VOCResult(float(np.mean(occurring)), per_class, overlap, points)


def voc_area(right: NDArray[np.bool_], number: int, points: Literal["all", 11] = "all") -> float:
    """Give the average precision of a ranking.

    Parameters
    ----------
    right : ndarray of bool, shape (k,)
        Whether each detection is right, the surest first.
    number : int
        Of objects to find; with none the result is NaN.
    points : {"all", 11}, default "all"

    Examples
    --------
    >>> round(voc_area(np.array([True, False, True]), 2), 4)
    0.8333
    """
    if not number:
        return float("nan")
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # the greatest precision at this recall or a higher one
    if points == 11:
        # hits / number ≥ t / 10, in whole numbers: no rounding decides.
        firsts = [np.searchsorted(10 * hits, t * number) for t in range(11)]
        return float(sum(best[first] for first in firsts if first < len(best)) / 11)
    return float(best[right].sum() / number)


def coco_average_precision(truth: Sequence[Objects], found: Sequence[Detections]) -> COCOResult:
    """Judge detections as COCO does.

    In each picture, from the surest detection to the least sure, each takes the box of its class that it overlaps most
    among those not yet taken, if by enough. Precision is read at 101 recalls and averaged over ten overlaps [1]_.
    Objects that are difficult, or not of the size asked for, are ignored: a detection that takes one counts for
    nothing, and a difficult one may be taken often, like COCO's crowds.

    Parameters
    ----------
    truth : sequence of Objects
    found : sequence of Detections
        The 100 surest of each class in a picture count.

    Raises
    ------
    UnlabeledError
        As `voc_average_precision`.

    References
    ----------
    .. [1] Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014, and its evaluation code.

    Examples
    --------
    >>> truth = [Objects.of([(0, 0, 10, 10)], ["cat"])]
    >>> result = coco_average_precision(truth, [Detections.of([(0, 0, 10, 8)], ["cat"], [0.9])])
    >>> round(result.mean, 6), round(result.at_75, 6)
    (0.7, 1.0)
    """
    _check(truth, found)
    names = _classes(truth, found)
    whole = np.stack([_coco_precisions(truth, found, name, (0.0, 1e10)) for name in names])
    sized = {
        size: _mean(np.stack([_coco_precisions(truth, found, name, limits) for name in names]))
        for size, limits in COCO_AREAS.items()
    }
    return COCOResult(
        mean=_mean(whole),
        at_50=_mean(whole[:, 0]),
        at_75=_mean(whole[:, 5]),
        per_class={name: _mean(row) for name, row in zip(names, whole, strict=True)},
        **sized,
    )


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the intersection over union of every box of `a` with every box of `b`, shape (len(a), len(b))."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = sides.clip(min=0).prod(2)
    union = _areas(a)[:, None] + _areas(b)[None] - shared
    ratio: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


def _coco_precisions(
    truth: Sequence[Objects], found: Sequence[Detections], name: str, limits: tuple[float, float]
) -> NDArray[np.float64]:
    """Give the average precision at each overlap, shape (10,); NaN where there is nothing to find."""
    number, scores, right, ignored = 0, [], [], []
    for objects, detections in zip(truth, found, strict=True):
        targets, difficult = _of_class(objects, name)
        outside = (_areas(targets) < limits[0]) | (_areas(targets) > limits[1])
        order = np.argsort(difficult | outside, kind="stable")  # what counts comes before what is ignored
        targets, difficult, unasked = targets[order], difficult[order], (difficult | outside)[order]
        number += int((~unasked).sum())
        own = np.flatnonzero(detections.labels == name)
        own = own[np.argsort(-detections.scores[own], kind="stable")][:COCO_LARGEST]
        boxes = detections.boxes[own]
        taking = _coco_matches(overlaps(boxes, targets), unasked, difficult)
        areas = _areas(boxes)
        away = (areas < limits[0]) | (areas > limits[1])
        takes_ignored = np.append(unasked, False)[taking]  # −1, which is none, reads the last
        scores.append(detections.scores[own])
        right.append((taking >= 0) & ~takes_ignored)
        ignored.append(np.where(taking >= 0, takes_ignored, away[None]))
    if not number:
        return np.full(len(COCO_OVERLAPS), np.nan)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    all_right, all_ignored = np.concatenate(right, 1)[:, order], np.concatenate(ignored, 1)[:, order]
    return np.array([_coco_area(r[~i], number) for r, i in zip(all_right, all_ignored, strict=True)])


def _coco_matches(
    shared: NDArray[np.float64], unasked: NDArray[np.bool_], repeatable: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Give, for each overlap and each detection, the box that it takes, or −1; shape (10, detections)."""
    taking = np.full((len(COCO_OVERLAPS), len(shared)), -1)
    for level, least in enumerate(COCO_OVERLAPS):
        free = np.ones(len(unasked), dtype=bool)
        for row, values in enumerate(shared):
            # Of equal ones the last, as in COCO's code; what is ignored only if nothing that counts fits.
            for group in (~unasked, unasked):
                fits = np.flatnonzero(group & (free | repeatable) & (values >= min(least, 1 - 1e-10)))
                if len(fits):
                    chosen = fits[len(fits) - 1 - int(values[fits][::-1].argmax())]
                    taking[level, row] = chosen
                    free[chosen] = False
                    break
    return taking


def _coco_area(right: NDArray[np.bool_], number: int) -> float:
    hits = np.cumsum(right)
    recall, precision = hits / number, hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    firsts = np.searchsorted(recall, COCO_RECALLS)
    return float(np.append(best, 0.0)[firsts].mean())


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    sides: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).clip(min=0)
    return sides[:, 0] * sides[:, 1]


def _of_class(objects: Objects, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    own = objects.labels == name
    return objects.boxes[own], objects.difficult[own]


def _classes(truth: Iterable[Objects], found: Iterable[Detections]) -> list[str]:
    labels = [each.labels for each in truth] + [each.labels for each in found]
    return sorted({str(label) for own in labels for label in own})


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _check(truth: Sequence[Objects], found: Sequence[Detections]) -> None:
    if len(truth) != len(found):
        raise UnlabeledError(f"{len(truth):,} pictures are marked, but there are detections of {len(found):,}")
    if not any((~objects.difficult).any() for objects in truth):
        raise UnlabeledError("nothing is marked that is not difficult, so there is no average precision")
    every: list[Objects | Detections] = [*truth, *found]
    for number, each in enumerate(every):
        lengths = {len(part) for part in each}
        if len(lengths) > 1:
            raise UnlabeledError(f"picture {number % len(truth)}: boxes, labels and the rest are not equally many")
        if not np.isfinite(each.boxes).all() or not np.isfinite(np.asarray(each[2], dtype=np.float64)).all():
            raise UnlabeledError(f"picture {number % len(truth)}: a box or a score is not a finite number")
