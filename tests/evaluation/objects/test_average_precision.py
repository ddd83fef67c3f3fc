"""Average precision against values worked out by hand and against slow plain loops."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from unlabeled.data.image.objects import Detections, Objects
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.objects.average_precision import (
    coco_average_precision,
    overlaps,
    voc_area,
    voc_average_precision,
)

BOX, OTHER, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (60, 60, 70, 70)


def marked(boxes, difficult=None, labels=None):
    return Objects.of(boxes, labels or ["cat"] * len(boxes), difficult)


def detected(boxes, scores, labels=None):
    return Detections.of(boxes, labels or ["cat"] * len(boxes), scores)


@pytest.mark.parametrize(
    ("truth", "found", "every", "eleven"),
    [
        pytest.param(marked([BOX]), detected([BOX], [0.9]), 1, 1, id="found"),
        pytest.param(marked([BOX]), detected([], []), 0, 0, id="no detections"),
        pytest.param(marked([BOX, OTHER]), detected([BOX], [0.9]), Fraction(1, 2), Fraction(6, 11), id="half"),
        pytest.param(marked([BOX]), detected([FAR, BOX], [0.9, 0.8]), Fraction(1, 2), Fraction(1, 2), id="late"),
        pytest.param(
            # right, twice, right: precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1
            marked([BOX, OTHER]),
            detected([BOX, BOX, OTHER], [0.9, 0.8, 0.7]),
            Fraction(5, 6),
            Fraction(6 + 5 * Fraction(2, 3), 11),
            id="a box found twice is a false alarm",
        ),
        pytest.param(
            marked([BOX, OTHER], [True, False]),
            detected([BOX, BOX, OTHER], [0.9, 0.8, 0.7]),
            1,
            1,
            id="difficult counts for nothing, however often it is found",
        ),
        pytest.param(
            marked([BOX]), detected([FAR, BOX], [0.5, 0.5]), Fraction(1, 2), Fraction(1, 2), id="tie, wrong first"
        ),
        pytest.param(marked([BOX]), detected([BOX, FAR], [0.5, 0.5]), 1, 1, id="tie, right first"),
        pytest.param(marked([BOX]), detected([(0, 0, 10, 5)], [0.5]), 1, 1, id="an overlap of exactly one half"),
        pytest.param(marked([BOX]), detected([(0, 0, 10, 4.99)], [0.5]), 0, 0, id="less than one half"),
        pytest.param(marked([BOX, BOX]), detected([BOX, BOX], [0.9, 0.8]), Fraction(1, 2), Fraction(6, 11), id="twins"),
    ],
)
def test_voc_of_crafted_cases_is_exact(truth, found, every, eleven):
    assert voc_average_precision([truth], [found]).mean == pytest.approx(float(every), abs=1e-12)
    assert voc_average_precision([truth], [found], points=11).mean == pytest.approx(float(eleven), abs=1e-12)


def test_eleven_points_are_compared_without_rounding():
    # 3 of 10 is a recall of exactly 0.3, which is below 3 × 0.1 in floating point
    right = np.array([True, True, True])
    assert voc_area(right, 10, 11) == pytest.approx(4 / 11, abs=1e-15)


def test_classes_are_judged_apart_and_one_that_is_nowhere_marked_does_not_count():
    truth = [marked([BOX, OTHER], labels=["cat", "dog"])]
    found = [detected([BOX, OTHER, FAR], [0.9, 0.8, 0.7], ["cat", "cat", "newt"])]
    result = voc_average_precision(truth, found)
    assert result.mean == 0.5
    assert result.per_class["cat"] == 1
    assert result.per_class["dog"] == 0
    assert np.isnan(result.per_class["newt"])


def crowd(seed, pictures=8):
    """Random pictures with many near hits, ties and difficult boxes."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(pictures):
        k = int(rng.integers(0, 5))
        corners = rng.integers(0, 60, (k, 2))
        boxes = np.concatenate([corners, corners + rng.integers(5, 60, (k, 2))], 1).astype(float)
        labels = rng.choice(["cat", "dog"], k)
        truth.append(Objects.of(boxes, labels, rng.random(k) < 0.2))
        near = np.repeat(boxes, 3, 0) + rng.integers(-4, 5, (3 * k, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        stray = [(1.0, 1.0, 30.0, 30.0)] * int(rng.integers(0, 3))
        all_boxes = [*near.tolist(), *stray]
        names = [*np.repeat(labels, 3), *["cat"] * len(stray)]
        found.append(Detections.of(all_boxes, names, rng.integers(1, 8, len(all_boxes)) / 8))
    return truth, found


def iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def slow_voc(truth, found, name, least, points):
    """The challenge's program, line by line."""
    rows = [(-s, i, n) for i, d in enumerate(found) for n, s in enumerate(d.scores) if d.labels[n] == name]
    rows.sort(key=lambda row: row[0])
    done, tp, fp = set(), [], []
    positives = sum(lab == name and not hard for t in truth for lab, hard in zip(t.labels, t.difficult, strict=True))
    for _, i, n in rows:
        best, where = -1.0, None
        for j, box in enumerate(truth[i].boxes):
            if truth[i].labels[j] == name and iou(found[i].boxes[n], box) > best:
                best, where = iou(found[i].boxes[n], box), j
        hit = best >= least
        if hit and truth[i].difficult[where]:
            tp.append(0)
            fp.append(0)
        elif hit and (i, where) not in done:
            done.add((i, where))
            tp.append(1)
            fp.append(0)
        else:
            tp.append(0)
            fp.append(1)
    tp, fp = np.cumsum(tp), np.cumsum(fp)
    recall = [Fraction(int(t), int(positives)) for t in tp]
    precision = [float(t) / max(float(t + f), 1e-300) for t, f in zip(tp, fp, strict=True)]
    if points == 11:
        tops = [
            max([p for p, r in zip(precision, recall, strict=True) if r >= Fraction(t, 10)], default=0)
            for t in range(11)
        ]
        return sum(tops) / 11
    area, before = 0.0, Fraction(0)
    for k, r in enumerate(recall):
        area += float(r - before) * max(precision[k:])
        before = r
    return area


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("points", ["all", 11])
@pytest.mark.parametrize("least", [0.5, 0.75])
def test_voc_equals_the_challenges_program(seed, points, least):
    truth, found = crowd(seed)
    result = voc_average_precision(truth, found, overlap=least, points=points)
    for name, value in result.per_class.items():
        assert value == pytest.approx(slow_voc(truth, found, name, least, points), abs=1e-12)


def test_coco_of_crafted_cases():
    truth = [marked([BOX, OTHER])]
    one = coco_average_precision(truth, [detected([BOX], [0.9])])
    for value in (one.mean, one.at_50, one.small, one.per_class["cat"]):
        assert value == pytest.approx(51 / 101, abs=1e-12)  # recalls 0, 0.01, ..., 0.5
    assert np.isnan(one.medium)
    assert np.isnan(one.large)
    assert coco_average_precision(truth, [detected([], [])]).mean == 0
    late = coco_average_precision([marked([BOX])], [detected([FAR, BOX], [0.9, 0.8])])
    assert late.mean == pytest.approx(0.5, abs=1e-12)
    eight = coco_average_precision([marked([BOX])], [detected([(0, 0, 10, 8)], [0.9])])
    assert (eight.mean, eight.at_75) == (pytest.approx(0.7, abs=1e-12), 1)  # 0.5 to 0.8: seven overlaps of ten
    hard = coco_average_precision([marked([BOX, OTHER], [True, False])], [detected([BOX, BOX, OTHER], [0.9, 0.8, 0.7])])
    assert hard.mean == 1


def test_coco_takes_the_second_best_box_where_voc_takes_none():
    truth = [marked([BOX, (0, 0, 10, 9)])]
    found = [detected([BOX, BOX], [0.9, 0.8])]
    assert coco_average_precision(truth, found).at_50 == 1
    assert voc_average_precision(truth, found).mean == 0.5


def test_coco_counts_a_hundred_detections_a_picture():
    boxes, scores = [FAR] * 100 + [BOX], np.linspace(1, 0.1, 101)
    assert coco_average_precision([marked([BOX])], [detected(boxes, scores)]).mean == 0
    assert coco_average_precision([marked([BOX])], [detected(boxes[1:], scores[1:])]).mean == pytest.approx(0.01)


def test_overlaps_equal_a_plain_loop_and_empty_boxes_overlap_nothing():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 20, (6, 4)).astype(float)
    a[:, 2:] += a[:, :2] + 1
    b = a[::-1] + 3
    assert overlaps(a, b) == pytest.approx(np.array([[iou(x, y) for y in b] for x in a]), abs=1e-15)
    assert overlaps(np.zeros((1, 4)), np.zeros((1, 4))).item() == 0


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ([marked([BOX])], [], "1 pictures are marked"),
        ([marked([BOX], [True])], [detected([], [])], "nothing is marked"),
        ([marked([BOX])], [detected([BOX], [np.nan])], "not a finite number"),
        ([marked([BOX])], [Detections.of([BOX], ["cat", "cat"], [1])], "not equally many"),
    ],
)
def test_what_cannot_be_judged_is_refused(truth, found, message):
    for judge in (voc_average_precision, coco_average_precision):
        with pytest.raises(UnlabeledError, match=message):
            judge(truth, found)
