"""`unlabeled cluster` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app

PATIENTS = "patient_id,age,ward\n" + "".join(f"p{i},{20 + 50 * (i % 3 == 0)},{'AB'[i % 3 == 0]}\n" for i in range(30))


@pytest.fixture
def desk(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", np.repeat(np.eye(3), 20, axis=0) * 9 + rng.normal(0, 0.3, (60, 3)))
    (tmp_path / "patients.csv").write_text(PATIENTS)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unlabeled(*words):
    """Run the command in this process; give what it printed."""
    return CliRunner().invoke(app, list(map(str, words)), standalone_mode=False, catch_exceptions=False).stdout


def test_it_writes_a_table_and_a_picture_and_says_what_it_found(desk):
    said = unlabeled("cluster", "x.npy")
    assert "60 instances in 3 clusters: clusters.parquet, clusters.png" in said
    assert "33.3%" in said
    table = pq.read_table("clusters.parquet").to_pydict()
    assert table.keys() == {"id", "cluster", "distance"}
    assert len(set(table["cluster"][:20])) == 1
    with Image.open("clusters.png") as picture:
        assert picture.width > 500


def test_all_options_together(desk):
    words = ["-k", 3, "--method", "mixture", "--out", "groups.csv", "--picture", "drawn.png", "--seed", 4]
    found = json.loads(unlabeled("cluster", "x.npy", *words, "--scale", "standard", "--json"))
    assert (found["k"], found["out"], found["picture"]) == (3, "groups.csv", "drawn.png")
    assert (desk / "groups.csv").read_text().splitlines()[0] == '"id","cluster","distance","probability"'
    assert (desk / "drawn.png").exists()
    assert not (desk / "groups.png").exists()


def test_patients_are_described(desk):
    found = json.loads(unlabeled("cluster", "patients.csv", "--json"))
    assert [group["size"] for group in found["clusters"]] == [20, 10]
    assert "ward A 100% (67%)" in found["clusters"][0]["typical"]
    assert found["clusters"][1]["examples"][0] == "p0"
    assert "age 70 (36.7)" in unlabeled("cluster", "patients.csv", "--overwrite")


def test_what_is_there_is_replaced_only_when_that_is_said(desk):
    unlabeled("cluster", "x.npy", "-k", 2)
    before = (desk / "clusters.parquet").read_bytes()
    (desk / "clusters.png").rename(desk / "other.png")
    for words, taken in ([], "clusters.parquet"), (["--out", "c.csv", "--picture", "other.png"], "other.png"):
        refused = CliRunner().invoke(app, ["cluster", "x.npy", "-k", "3", *words])
        assert taken in str(refused.exception)
        assert "--overwrite" in str(refused.exception)
    assert (desk / "clusters.parquet").read_bytes() == before
    assert not (desk / "c.csv").exists()
    unlabeled("cluster", "x.npy", "-k", 3, "--overwrite")
    assert (desk / "clusters.parquet").read_bytes() != before


def test_mini_batches_find_the_same_groups(desk):
    whole = json.loads(unlabeled("cluster", "x.npy", "--json"))
    some = json.loads(unlabeled("cluster", "x.npy", "--method", "minibatch", "--out", "some.csv", "--json"))
    assert (some["method"], some["k"]) == ("minibatch", 3)
    assert [group["size"] for group in some["clusters"]] == [group["size"] for group in whole["clusters"]]


def test_one_cluster_is_no_clusters(desk):
    assert "60 instances in 1 cluster: " in unlabeled("cluster", "x.npy", "-k", 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.npy"], "nowhere.npy does not exist"),
        (["empty"], "empty is empty"),
        (["x.npy", "-k", "many"], "-k is a whole number or auto, not 'many'"),
        (["x.npy", "-k", "61"], "61 clusters of only 60 rows"),
        (["x.npy", "-k", "0"], "k must be a whole number of at least 1"),
        (["x.npy", "--method", "dbscan"], "unknown method 'dbscan'"),
        (["x.npy", "--scale", "units"], "did you mean 'unit'"),
        (["x.npy", "--out", "clusters.txt"], "ends in .parquet or .csv"),
        (["patients.csv", "--out", "patients.csv"], "is what is read"),
        (["patients.csv", "--column", "text"], "there is no column 'text'"),
        (["x.npy", "--column", "text"], "is for tables"),
        (["x.npy", "--out", "x.npy/c.csv"], "is no folder that you may write to"),
        (["x.npy", "--picture", "patients.csv/c.png"], "is no folder that you may write to"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words, says, desk):
    result = CliRunner().invoke(app, ["cluster", *words])
    assert result.exit_code != 0
    assert says in str(result.exception)
    assert not (desk / "clusters.parquet").exists()


def test_help_teaches():
    said = CliRunner().invoke(app, ["cluster", "--help"]).output
    assert "unlabeled cluster run/ -k 10" in said
    for option in ("--out", "--method", "--scale", "--column", "--images", "--seed", "--json"):
        assert option in said
