"""Expected precision, its threshold, and what to label next, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.runs.labelling.given_labels import GivenLabels
from unlabeled.runs.labelling.label_candidates import Candidate, CrossValidated, _linear, cross_validate, learning_curve
from unlabeled.runs.labelling.label_findings import by_class, count_confusions, expect_precision
from unlabeled.runs.labelling.label_next import label_next
from unlabeled.runs.labelling.label_precision import Precision


def certain(confidence: float, count: int, repeats: int = 1) -> Precision:
    shape = (repeats, count)
    return Precision.of(np.full(shape, confidence), np.ones(shape, bool), np.full(shape, 1 / repeats))


def test_the_threshold_is_the_least_that_a_plain_loop_finds():
    rng = np.random.default_rng(0)
    confidence = rng.random(200).round(2)
    right = rng.random(200) < confidence**0.2
    weight = rng.random(200)
    found = Precision.of(confidence, right, weight).threshold_for(0.9)
    best = None
    for threshold in sorted(set(confidence.tolist())):
        taken = confidence >= threshold
        if (1 + weight[taken & ~right].sum()) / (1 + weight[taken].sum()) <= 0.1:
            best = threshold
            break
    assert best is not None
    assert found == best


def test_a_few_lucky_rows_prove_nothing():
    assert certain(0.9, 18).threshold_for(0.95) is None
    assert certain(0.9, 19).threshold_for(0.95) == 0.9


def test_repeats_do_not_make_rows_more():
    once, often = certain(0.9, 18), certain(0.9, 18, repeats=10)
    assert often.threshold_for(0.95) is None
    for key, value in once.at(0.5).items():
        assert often.at(0.5)[key] == pytest.approx(value)
    assert once.at(0.95)["precision"] is None


def test_a_threshold_is_judged_by_labels_that_did_not_choose_it():
    """Confidence that says little, and a wanted share that chance alone makes some thresholds seem to reach."""
    flattered, claimed, claims = [], [], 0
    for draw in range(60):
        rng = np.random.default_rng(draw)
        confidence = rng.random(100)
        right = rng.random(100) < 0.35 + 0.2 * confidence
        curve = Precision.of(confidence, right, np.ones(100))
        if (threshold := curve.threshold_for(0.5)) is None:
            continue
        truth = 0.35 + 0.2 * (1 + threshold) / 2
        flattered.append(curve.at(threshold)["precision"] - truth)
        if (found := curve.judged_threshold(0.5, draw)) is not None:
            claims += 1
            assert found["precision"] >= 0.5
            truth = 0.35 + 0.2 * (1 + found["threshold"]) / 2
            claimed.append(found["precision"] - truth)
    assert np.mean(flattered) > 0.03
    assert claims < 0.6 * len(flattered)  # about half are found out
    assert np.mean(claimed) < np.mean(flattered)


def test_what_is_always_right_is_claimed_whoever_judges():
    found = certain(0.9, 60).judged_threshold(0.9, 0)
    assert found is not None
    assert (found["threshold"], found["precision"]) == (0.9, 1.0)
    assert certain(0.9, 18).judged_threshold(0.95, 0) is None


def guesses(draw: int) -> tuple[list[CrossValidated], float]:
    """Give linear probes of noise, with labels of five classes drawn at random, and how often they are right."""
    rng = np.random.default_rng(draw)
    truth, features = rng.integers(5, size=1_000), rng.normal(size=(1_000, 30))
    codes = np.where(np.arange(1_000) < 60, truth, -1)
    known, hidden = np.arange(60), np.arange(60, 1_000)
    probes = _linear(features, known, "supervised", "probe") + _linear(features[:, :3], known, "supervised", "another")
    compared = [cross_validate(probe, codes, 2, draw) for probe in probes]
    chosen = max(compared, key=lambda found: found.accuracy)
    return compared, float((chosen.candidate.make(codes)[1].argmax(1) == truth)[hidden].mean())


def test_what_is_claimed_of_the_best_of_many_is_not_flattered():
    claims, truths, flattered = [], [], []
    for draw in range(12):
        compared, truth = guesses(draw)
        curve = expect_precision(compared, draw)
        assert curve is not None
        assert curve.weight.sum() == pytest.approx(60)
        claims.append(curve.at(0.0)["precision"])
        flattered.append(max(found.accuracy for found in compared))
        truths.append(truth)
    assert np.mean(flattered) > np.mean(truths) + 0.02
    assert abs(np.mean(claims) - np.mean(truths)) < 0.02  # the standard error of the difference


def test_the_chosen_are_uncertain_apart_and_no_outliers():
    vectors = np.array([[0, 0], [0, 0], [5, 0], [5, 0.01], [0, 5], [99, 99], *([[2, 2]] * 20)], np.float32)
    uncertainty = np.r_[[0.9, 0.9, 0.8, 0.8, 0.7, 1.0], np.zeros(20)]
    labelled = np.zeros(26, bool)
    labelled[6] = True
    lonely = np.r_[np.zeros(5), 99, np.zeros(20)]
    chosen = label_next(vectors, uncertainty, labelled, lonely, 3)
    assert len({0, 1} & set(chosen)) == 1  # a copy of a chosen one is not chosen
    assert 5 not in chosen
    assert 4 in chosen


def test_all_that_are_labelled_keep_others_away():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2160, 2)).astype(np.float32)
    vectors[2120:] = vectors[2080:2120]  # copies of some that are labelled
    labelled = np.arange(2160) < 2120
    labelled[:40] = False
    uncertainty = np.where(np.arange(2160) < 2120, rng.random(2160), 1.0)
    chosen = label_next(vectors, uncertainty, labelled, np.zeros(2160), 20)

    near, far = {}, []
    for row in np.flatnonzero(~labelled).tolist():
        near[row] = min(float(np.linalg.norm(vectors[row] - other)) for other in vectors[labelled])
        far += [near[row]] if near[row] > 0 else []
    expected = []
    for _ in range(20):
        best = max(near, key=lambda row: uncertainty[row] * min(near[row], np.median(far)))
        expected.append(best)
        near = {row: min(d, float(np.linalg.norm(vectors[row] - vectors[best]))) for row, d in near.items()}
    assert chosen.tolist() == expected
    assert max(chosen) < 40


def test_nothing_is_proposed_where_nothing_is_left():
    assert len(label_next(np.zeros((3, 2), np.float32), np.ones(3), np.ones(3, bool), np.zeros(3), 5)) == 0


@pytest.mark.parametrize("count", [0, 2])
def test_no_more_than_wanted(count):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 3)).astype(np.float32)
    assert len(label_next(vectors, np.ones(50), np.arange(50) < 5, np.zeros(50), count)) == count


def test_a_label_that_is_not_reached_is_of_no_class():
    codes = np.arange(20) % 2

    def fit(shown):
        return lambda rows: np.zeros((len(rows), 2))

    candidate = Candidate("nothing", "semi-supervised", fit, lambda codes: (None, np.zeros((20, 2))))
    found = cross_validate(candidate, codes, 2, 0)
    assert found.accuracy == 0
    assert [point["accuracy"] for point in learning_curve(candidate, codes, (0.5, 1.0), 2, 0)] == [0, 0]
    assert count_confusions(found, 2) == [[0, 0], [0, 0]]
    each = by_class(found, GivenLabels(codes, ["a", "b"]), codes, codes >= 0)
    assert [(of["recall"], of["precision"]) for of in each] == [(0, None), (0, None)]
