"""The classifiers that `label` compares, and that no method of few labels is out of every verb's reach."""

from __future__ import annotations

import csv
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.cli.settings import configured
from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.few_labels import FewLabels
from unlabeled.methods.fewlabels.fine_tuning import FineTuning
from unlabeled.methods.fewlabels.set_fit import SetFit
from unlabeled.registry import methods
from unlabeled.runs.grouping.assign import assign
from unlabeled.runs.labelling.label_candidates import (
    ALWAYS,
    NAIVE_BAYES,
    ON_REQUEST,
    ROUNDS,
    STRENGTHS,
    TOLERANCE,
    candidates,
    check_candidates,
)
from unlabeled.runs.labelling.label_dataset import label_dataset
from unlabeled.search import NeighbourGraph
from unlabeled.training.bases.self_supervised import SelfSupervised

DOCS = Path(__file__).parents[3] / "docs" / "methods"
NOT_TAKEN = {"co_training": "it needs two descriptions of an instance, and each verb reads one"}
WORDS = {"sport": ["goal", "team", "ball", "coach"], "food": ["bread", "soup", "taste", "cook"]}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A table of 40 texts with their classes in turn, and a file that labels the first twelve."""
    folder = tmp_path_factory.mktemp("texts")
    rng = np.random.default_rng(0)
    names = ["sport", "food"] * 20
    with (folder / "texts.csv").open("w", newline="") as file:
        rows = [(f"t{i}", " ".join(rng.choice([*WORDS[name], "house", "street"], 8))) for i, name in enumerate(names)]
        csv.writer(file).writerows([("id", "body"), *rows])
    with (folder / "some.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *((f"t{i}", names[i]) for i in range(12))])
    return folder


def label(texts, out, **settings):
    given = {"column": "body", "repeats": 1, "budget": 0, "next_count": 0} | settings
    return label_dataset(texts / "texts.csv", texts / "some.csv", out, **given)


def test_each_method_of_few_labels_is_taken_by_a_verb_or_is_listed_with_the_reason(texts, tmp_path, monkeypatch):
    few = {name: cls for name, cls in methods().items() if cls.principle == "few labels"}
    taken = set()
    for name, cls in few.items():
        if issubclass(cls, SelfSupervised):
            assert isinstance(configured(name, None, [], {}, kind=SelfSupervised), cls)  # unlabeled learn
            taken.add(name)
    fitted = set()
    for cls in few.values():
        if issubclass(cls, FewLabels):

            def fit(self, *given, own=cls.fit, **settings):
                fitted.add(type(self))
                return own(self, *given, **settings)

            monkeypatch.setattr(cls, "fit", fit)
    label(texts, tmp_path / "out", also=ON_REQUEST)
    compared = {name for name, cls in few.items() if cls in fitted}
    assert compared == {*ALWAYS, *ON_REQUEST}
    for cls, options in ((FineTuning, []), (SetFit, ["--few-shot"])):

        def reached(self, *given, **settings):
            fitted.add(type(self))
            raise UnlabeledError("it was reached")

        monkeypatch.setattr(cls, "fit", reached)
        (tmp_path / "train.csv").write_text("text,label\na goal,sport\nsome soup,food\n")
        words = ["finetune", "encoder", tmp_path / "train.csv", "--out", tmp_path / "model", *options]
        CliRunner().invoke(app, [str(word) for word in words])
    taken |= {name for name, cls in few.items() if cls in fitted}
    assert set(few) - taken == set(NOT_TAKEN)
    for name in NOT_TAKEN:
        assert "No verb of the command line takes it" in (DOCS / f"{name}.md").read_text()


@pytest.mark.parametrize(
    ("names", "counted", "says"),
    [
        (["self_trainin"], True, "unknown method to compare 'self_trainin'; did you mean 'self_training'"),
        (["co_training"], True, "unknown method to compare 'co_training'"),
        (["self_training", "semi_supervised_em"], False, "semi_supervised_em learns from counts of words"),
    ],
)
def test_methods_that_cannot_be_compared_are_refused(names, counted, says):
    with pytest.raises(UnlabeledError, match=says):
        check_candidates(names, counted)


def test_what_is_always_compared_may_be_named_too():
    check_candidates([*ALWAYS, "self_training"], counted=False)


def test_a_wrong_name_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(UnlabeledError, match="counts of words"):
        label_dataset(np.eye(6), ["a", "b"] * 3, tmp_path / "out", also=["semi_supervised_em"])
    assert not (tmp_path / "out").exists()


def test_by_default_nothing_else_is_compared_and_on_request_these(texts, tmp_path):
    usual = {entry["name"] for entry in label(texts, tmp_path / "usual").about["compared"]}
    found = label(texts, tmp_path / "more", also=ON_REQUEST)
    more = {entry["name"] for entry in found.about["compared"]} - usual
    assert more == {
        *(f"self-training, C = {C:g}" for C in STRENGTHS),
        *(f"naive Bayes, α = {alpha:g}" for weight, alpha in NAIVE_BAYES if weight == 0),
        *(f"semi-supervised EM, λ = {weight:g}, α = {alpha:g}" for weight, alpha in NAIVE_BAYES if weight > 0),
    }
    questions = {item["question"].split(",")[0] for item in found.about["helped"]}
    assert questions >= {"self-training on all instances", "EM on all texts"}
    page = (found.folder / "report.html").read_text()
    assert page.count("<td>labels and all instances, on counts of words</td>") == 2
    assert page.count("<td>labels, on counts of words</td>") == 2


def test_self_training_is_that_of_the_linear_probe_on_scaled_columns():
    rng = np.random.default_rng(0)
    truth = np.arange(120) % 3
    X = (np.eye(3)[truth] @ rng.normal(size=(3, 6)) * 2 + rng.normal(size=(120, 6))) * [1, 10, 0.1, 5, 1, 3]
    codes = np.where(np.arange(120) < 24, truth, -1)
    graph = NeighbourGraph.from_vectors(X.astype(np.float32), 5, random_state=0)
    found = [
        each for each in candidates(X, None, graph, np.flatnonzero(codes >= 0), ["self_training"])
        if each.approach == "self-training"
    ]  # fmt: skip
    rows = StandardScaler().fit_transform(X)
    added = []
    for candidate, C in zip(found, STRENGTHS, strict=True):
        base = LogisticRegression(C=C, max_iter=1000, tol=TOLERANCE)
        theirs = SelfTrainingClassifier(base, threshold=0.75, max_iter=ROUNDS).fit(rows, codes)
        np.testing.assert_allclose(candidate.fit(codes)(np.arange(120)), theirs.predict_proba(rows), rtol=1e-6)
        labelled = theirs.transduction_ >= 0
        last = LogisticRegression(C=C, max_iter=1000, tol=1e-6).fit(rows[labelled], theirs.transduction_[labelled])
        model, shares = candidate.make(codes)
        # Two runs of one optimiser to a gradient of 1e-6 differ by far less than the fourth digit.
        np.testing.assert_allclose(shares, last.predict_proba(rows), atol=1e-4)
        np.testing.assert_array_equal(model.predict_proba(X), shares)
        assert candidate.features == "representation"
        added.append(int(labelled.sum()) - 24)
    assert added[-1] > 20  # so that the comparison is of rounds, and not of the first classifier


def test_em_learns_from_counts_and_its_twin_from_the_labelled_texts_alone():
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    counts = sp.csr_matrix(rng.poisson(np.where(truth[:, None] == np.arange(8) % 2, 3, 0.7)))
    codes = np.where(np.arange(60) < 10, truth, -1)
    X = counts.toarray().astype(float)
    graph = NeighbourGraph.from_vectors(X.astype(np.float32), 5, random_state=0)
    known = np.flatnonzero(codes >= 0)
    found = candidates(X, None, graph, known, ["semi_supervised_em"], counts)
    em = [each for each in found if each.features == "counts"]
    assert [each.approach for each in em] == ["naive Bayes"] * 2 + ["semi-supervised EM"] * 2
    others = X.copy()
    others[10:] = 1  # the texts without a label
    given = X, None, graph, known, ["semi_supervised_em"], sp.csr_matrix(others)
    for one, other in zip(em, [each for each in candidates(*given) if each.features == "counts"], strict=True):
        learnt = [each.make(codes)[0].parameters_["log_probability"] for each in (one, other)]
        assert np.array_equal(*learnt) == (one.approach == "naive Bayes")


@pytest.mark.parametrize("approach", ["naive Bayes", "semi-supervised EM"])
def test_a_model_of_counts_labels_new_texts_as_it_did(texts, tmp_path, monkeypatch, approach):
    module = import_module("unlabeled.runs.labelling.label_dataset")
    of_all = module.candidates
    monkeypatch.setattr(
        module, "candidates", lambda *given: [each for each in of_all(*given) if each.approach == approach]
    )
    found = label(texts, tmp_path / "out", also=["semi_supervised_em"])
    assert found.about["method"].startswith(approach)
    told = assign(tmp_path / "out" / "model", texts / "texts.csv", tmp_path / "new.csv", column="body")
    with (tmp_path / "new.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows[12:]] == found.labels[12:]
    np.testing.assert_allclose([float(row["confidence"]) for row in rows[12:]], found.confidence[12:], rtol=1e-5)
    assert told["task"] == "labels"


def test_the_command_line_takes_names(texts, tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("unlabeled.runs.labelling.label_dataset"), "_repeats", lambda *sizes: 1)
    words = ["label", texts / "texts.csv", "--column", "body", "--labels", texts / "some.csv", "--budget", 0]
    done = CliRunner().invoke(
        app, [*map(str, words), "--with", "semi_supervised_em", "-o", str(tmp_path / "a"), "--json"]
    )
    assert done.exit_code == 0, done.output
    assert any("EM" in entry["name"] for entry in json.loads(done.stdout)["compared"])
    wrong = CliRunner().invoke(app, [*map(str, words), "--with", "self_train", "-o", str(tmp_path / "b")])
    assert "did you mean 'self_training'" in str(wrong.exception)
