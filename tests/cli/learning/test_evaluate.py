"""A run judged by the probes that were asked for, as a user would type it."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.evaluation import clustering, knn, retrieval, stratified_split
from unlabeled.evaluation.protocol import PROBES
from unlabeled.registry import method
from unlabeled.runs import learn
from unlabeled.runs.showing.run_figures import evaluation_tables


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def run(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    for number in range(90):
        path = folder / "photos" / f"{digits[1][number] % 3}" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits[0][number]).save(path)
    return learn(folder / "photos", folder / "run", method("autoencoder")(epochs=1, batch_size=30, progress=False))


def scores(figures):
    return {(s["representation"], s["metric"]): s["values"] for s in figures["evaluation"]["scores"]}


def test_all_probes_are_printed_with_both_baselines_and_are_in_the_run_and_on_its_page(run):
    words = ["evaluate", run.folder, "--probes", ",".join(PROBES), "--seeds", 2]
    done = call(*words)
    assert done.exit_code == 0, done.output
    figures = json.loads((run.folder / "metrics.json").read_text())
    tables = evaluation_tables(figures)
    page = (run.folder / "report.html").read_text()
    assert len(tables) == 4
    for table in tables:
        assert [row[0] for row in table.rows][:3] == ["learnt", "raw input", "untrained encoder"]
        assert table.title in done.output
        assert table.note in done.output
        for row in table.rows:
            assert all(cell in done.output for cell in row)
            assert "".join(f"<td>{cell}</td>" for cell in row) in page
    assert scores(json.loads(call(*words, "--json").stdout)) == scores(figures)


def test_k_and_metric_reach_the_probes_that_take_them_and_no_other(run):
    words = ["--probes", "knn,retrieval,clustering", "-k", 7, "--metric", "euclidean", "--seeds", 1, "--json"]
    done = call("evaluate", run.folder, *words)
    assert done.exit_code == 0, done.output
    found = scores(json.loads(done.stdout))
    vectors, labels = np.asarray(run.embeddings.vectors), run.embeddings.labels
    train, test = stratified_split(labels, 0.2, 0)
    asked = vectors[test], labels[test]
    voted = knn(vectors[train], labels[train], *asked, k=7, metric="euclidean")
    searched = retrieval(*asked, ks=[1, 7], metric="euclidean")
    assert found["learnt", "knn accuracy"] == [voted.accuracy]
    assert found["learnt", "recall@7"] == [searched.recall[7]]
    assert found["learnt", "MAP"] == [searched.map]
    assert found["learnt", "NMI"] == [clustering(*asked).nmi]
    assert ("learnt", "recall@5") not in found
    settings = json.loads(done.stdout)["evaluation"]["settings"]
    assert settings == {
        "knn": {"k": 7, "metric": "euclidean"},
        "retrieval": {"ks": [1, 7], "metric": "euclidean"},
    }


def test_by_default_nearest_neighbours_and_a_linear_probe_judge(run):
    found = json.loads(call("evaluate", run.folder, "--seeds", 1, "--json").stdout)["evaluation"]
    metrics = [score["metric"] for score in found["scores"] if score["representation"] == "learnt"]
    kinds = ("knn accuracy", "knn balanced accuracy", "linear accuracy", "linear balanced accuracy")
    assert tuple(metrics) == kinds
    assert found["settings"] == {}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--probes", "knn,retreival"], "did you mean 'retrieval'"),
        (["--probes", ","], "name at least one probe"),
        (["--probes", "linear", "-k", 5], "k is for the probes knn, retrieval, gallery"),
        (["--probes", "linear,clustering", "--metric", "cosine"], "metric is for the probes"),
        (["--metric", "cosin"], "did you mean 'cosine'"),
        (["--test", "pairs.csv", "--probes", "knn"], "--probes has no meaning with --test"),
        (["--scored-pairs", "pairs.csv", "--metric", "cosine"], "--metric has no meaning with --scored-pairs"),
    ],
    ids=str,
)
def test_what_changes_nothing_or_is_unknown_is_refused_and_the_run_stays_as_it_is(run, options, says):
    before = (run.folder / "metrics.json").read_bytes()
    done = call("evaluate", run.folder, *options)
    assert says in str(done.exception)
    assert (run.folder / "metrics.json").read_bytes() == before
