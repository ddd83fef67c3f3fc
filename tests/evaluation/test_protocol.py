from __future__ import annotations

import json

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import evaluate, knn, linear_probe, stratified_split
from unlabeled.evaluation.accuracy import wilson_interval

rng = np.random.default_rng(0)
LABELS = np.arange(200) % 4
GOOD = 3 * np.eye(4)[LABELS] + rng.normal(size=(200, 4))
POOR = rng.normal(size=(200, 9))


def test_everything_is_judged_on_the_same_splits():
    found = evaluate(GOOD, LABELS, baselines={"noise": POOR}, seeds=(3, 5))
    for name, vectors in {"learnt": GOOD, "noise": POOR}.items():
        accuracies = {"knn accuracy": [], "linear accuracy": []}
        for seed in (3, 5):
            train, test = stratified_split(LABELS, 0.2, seed)
            parts = vectors[train], LABELS[train], vectors[test], LABELS[test]
            accuracies["knn accuracy"].append(knn(*parts).accuracy)
            accuracies["linear accuracy"].append(linear_probe(*parts, random_state=seed).accuracy)
        for metric, values in accuracies.items():
            score = found.score(metric, name)
            assert score.values == tuple(values)
            assert score.mean == pytest.approx(np.mean(values))
            assert score.std == pytest.approx(np.std(values, ddof=1))
            assert score.interval == wilson_interval(score.mean, 40)
    assert (found.n_train, found.n_test, found.n_classes, found.split) == (160, 40, 4, "random")
    assert found.score("knn accuracy").mean > found.score("knn accuracy", "noise").mean + 0.3


def test_a_given_split_is_used_as_numbers_or_mask():
    rows = np.arange(0, 200, 3)
    mask = np.zeros(200, dtype=bool)
    mask[rows] = True
    by_number, by_mask = (evaluate(GOOD, LABELS, test_rows=given, probes=["knn"]) for given in (rows, mask))
    assert by_number == by_mask
    expected = knn(GOOD[~mask], LABELS[~mask], GOOD[mask], LABELS[mask]).accuracy
    assert by_mask.score("knn accuracy").values == (expected,) * 3
    assert (by_mask.n_train, by_mask.n_test, by_mask.split) == (133, 67, "given")


def test_rows_of_one_group_count_once_in_an_interval():
    clips = np.arange(200) // 5
    score = evaluate(GOOD, clips % 4, groups=clips, probes=["knn"], seeds=1).score("knn accuracy")
    assert score.interval == pytest.approx(wilson_interval(score.mean, 8))


def test_all_probes_and_one_seed():
    found = evaluate(GOOD, LABELS, seeds=[0], probes=["knn", "linear", "retrieval", "gallery", "clustering"])
    metrics = [score.metric for score in found.scores]
    searches = ["recall@1", "recall@5", "precision@5", "MAP@R", "MAP", "MRR"]
    searches += [f"gallery {name}" for name in searches]
    accuracies = [
        f"{probe} {accuracy}" for probe in ("knn", "linear") for accuracy in ("accuracy", "balanced accuracy")
    ]
    assert metrics == [*accuracies, *searches, "NMI", "ARI", "matched accuracy"]
    assert all(score.std is None and 0.3 < score.mean <= 1 for score in found.scores)
    assert [score.interval is not None for score in found.scores] == [True, False] * 2 + [False] * 15


def test_rows_and_dict_go_through_json():
    found = evaluate(GOOD, LABELS, baselines={"noise": POOR}, probes=["knn"])
    rows = json.loads(json.dumps(found.rows()))
    assert [(r["representation"], r["metric"], r["seeds"], r["train"], r["test"]) for r in rows] == [
        (name, metric, 3, 160, 40)
        for name in ("learnt", "noise")
        for metric in ("knn accuracy", "knn balanced accuracy")
    ]
    assert all(r["low"] < r["mean"] < r["high"] for r in rows[::2])
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["scores"][0]["values"] == list(found.scores[0].values)


def test_uneven_classes_show_in_balanced_accuracy_and_in_the_commonest_class():
    labels = np.repeat([0, 1], [190, 10])
    found = evaluate(np.random.default_rng(1).normal(size=(200, 3)), labels, seeds=[0], probes=["knn"])
    assert found.score("knn accuracy").mean == pytest.approx(0.95)
    assert found.score("knn balanced accuracy").mean == 0.5
    assert (found.majority_accuracy, found.majority_balanced_accuracy) == (pytest.approx(0.95), 0.5)
    assert found.score("knn accuracy").per_class == {0: 1.0, 1: 0.0}


def test_unlabelled_rows_and_rare_classes_are_put_up_with():
    labels = LABELS.copy()
    labels[::2] = -1
    labels[1] = 77
    found = evaluate(GOOD, labels, probes=["knn", "linear"])
    assert found.n_train + found.n_test == 100
    assert found.n_classes == 3  # two of the four are hidden by the step of two, and one row is alone in its class


def test_an_unknown_score_is_named():
    with pytest.raises(UnlabeledError, match="did you mean 'knn accuracy of learnt'"):
        evaluate(GOOD, LABELS, probes=["knn"]).score("knn acc")


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((GOOD, LABELS), {"probes": ["kmn"]}, "did you mean 'knn'"),
        ((GOOD, LABELS), {"probes": []}, "at least one seed and one probe"),
        ((GOOD, LABELS), {"seeds": []}, "at least one seed and one probe"),
        ((GOOD, LABELS[:-1]), {}, "each of the 200 rows"),
        ((GOOD, np.zeros(200, int)), {}, "one class"),
        ((GOOD, np.full(200, -1)), {}, "no row is labelled"),
        ((GOOD, LABELS), {"baselines": {"raw": POOR[:-1]}}, "baseline 'raw' has 199 rows"),
        ((GOOD, LABELS), {"baselines": {"raw": POOR * np.nan}}, "baseline 'raw': 200 of 200 rows"),
        ((GOOD, LABELS), {"baselines": {"learnt": POOR}}, "call the baseline otherwise"),
        ((GOOD, LABELS), {"seeds": 1.5}, "seeds must be a whole number"),
        ((GOOD, LABELS), {"seeds": [-1]}, "a seed must be a whole number from 0"),
        ((GOOD, LABELS), {"seeds": [2**40], "probes": ["clustering"]}, "a seed must be"),
        ((GOOD, LABELS), {"groups": [1, 2], "test_rows": [50]}, "2 groups for 200 rows"),
        ((GOOD, LABELS), {"probes": [lambda *given: 0.5]}, "must give its figures as numbers by name.*not 0.5"),
        ((GOOD, LABELS), {"probes": [lambda *given: {"height": "tall"}]}, "as numbers by name.*'tall'"),
        ((GOOD, LABELS), {"probes": [lambda *given: {"height": None}]}, "as numbers by name.*None"),
        (
            (GOOD, LABELS),
            {"probes": [lambda vectors, labels, split, seed: {f"of {seed}": 1.0}]},
            r"gives \['of 0'\] for seed 0 and \['of 1'\] for seed 1",
        ),
        ((GOOD, LABELS), {"test_size": 2}, "test_size must be a number between 0 and 1, not 2"),
        ((GOOD, LABELS), {"test_size": "0.2"}, "test_size must be a number between 0 and 1, not '0.2'"),
        ((GOOD, LABELS), {"test_rows": [500]}, "row numbers from 0 to 199"),
        ((GOOD, LABELS), {"test_rows": [-1]}, "row numbers from 0 to 199"),
        ((GOOD, LABELS), {"test_rows": []}, "row numbers from 0 to 199"),
        ((GOOD, LABELS), {"test_rows": np.zeros(200, bool)}, "no labelled row in the test part"),
        ((GOOD, LABELS), {"test_rows": np.ones(200, bool)}, "no labelled row in the training part"),
    ],
)
def test_bad_input_is_refused(arguments, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        evaluate(*arguments, **keywords)


def test_a_number_of_seeds_stands_for_the_first_of_them():
    expected = evaluate(GOOD, LABELS, seeds=(0, 1), probes=["knn"])
    for seeds in (2, np.arange(2), np.int64(2)):
        assert evaluate(GOOD, LABELS, seeds=seeds, probes=["knn"]) == expected
    with pytest.raises(UnlabeledError, match="seeds must be a whole number of at least 1"):
        evaluate(GOOD, LABELS, seeds=0)


def test_results_by_class_bear_the_names_of_the_classes():
    names = np.array(["ant", "bee", "cat", "dog"])[LABELS]
    found = evaluate(GOOD, names, probes=["knn", "retrieval"])
    score = found.score("knn accuracy")
    assert set(score.per_class) == set(names)
    assert np.mean(list(score.per_class.values())) == pytest.approx(score.mean, abs=0.05)
    assert found.score("MAP").per_class is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_settings_reach_the_probes():
    found = evaluate(GOOD, LABELS, probes=["knn", "gallery"], settings={"knn": {"k": 1}, "gallery": {"ks": [3]}})
    expected = [
        knn(GOOD[s.train], LABELS[s.train], GOOD[s.test], LABELS[s.test], k=1).accuracy
        for s in (stratified_split(LABELS, 0.2, seed) for seed in range(3))
    ]
    assert found.score("knn accuracy").values == tuple(expected)
    assert found.score("gallery precision@3").mean > 0.3


def test_a_probe_of_ones_own():
    def lengths(vectors, labels, split, seed):
        return {"mean length": np.linalg.norm(vectors[split.test], axis=1).mean() + seed}

    found = evaluate(GOOD, LABELS, probes=["knn", lengths])
    assert [score.metric for score in found.scores] == ["knn accuracy", "knn balanced accuracy", "mean length"]
    assert found.score("mean length").values[2] > 2


def test_a_probe_that_is_given_twice_judges_once():
    def ones(vectors, labels, split, seed):
        return {"one": 1}

    assert evaluate(GOOD, LABELS, probes=["knn", ones, "knn", ones]) == evaluate(GOOD, LABELS, probes=["knn", ones])


def test_the_rows_that_choose_a_strength_may_be_fewer():
    train, test = stratified_split(LABELS, 0.2, 0)
    direct = linear_probe(POOR[train], LABELS[train], POOR[test], LABELS[test], selection_rows=20)
    given = {"seeds": 1, "probes": ["linear"], "settings": {"linear": {"selection_rows": 20}}}
    assert evaluate(POOR, LABELS, **given).score("linear accuracy").mean == direct.accuracy


def test_what_did_not_converge_is_named(monkeypatch):
    from dataclasses import replace

    from unlabeled.evaluation import protocol

    judge = protocol.linear_probe
    monkeypatch.setattr(protocol, "linear_probe", lambda *a, **k: replace(judge(*a, **k), converged=False))
    assert evaluate(GOOD, LABELS, seeds=1).not_converged == ["linear accuracy of learnt"]


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"settings": {"knm": {}}}, "did you mean 'knn'"),
        ({"settings": {"knn": {"n": 3}}}, "unknown setting of the probe"),
    ],
)
def test_bad_settings_are_named(keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        evaluate(GOOD, LABELS, **keywords)
