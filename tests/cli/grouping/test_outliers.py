"""`unlabeled outliers` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app


@pytest.fixture
def desk(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", np.concatenate([rng.normal(0, 1, (99, 3)), [[9, -9, 9]]]))
    rows = [f"{i},{rng.normal(20, 1):.2f},{'AB'[i % 2]}" for i in range(50)]
    (tmp_path / "readings.csv").write_text("\n".join(["id,temperature,station", *rows, "odd,95,A"]))
    (tmp_path / "nan.csv").write_text("id,a\n" + "x,1\n" * 5 + "y,inf\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unlabeled(*words):
    """Run the command in this process; give what it printed."""
    return CliRunner().invoke(app, list(map(str, words)), standalone_mode=False, catch_exceptions=False).stdout


@pytest.mark.parametrize("method", ["mixture", "neighbours"])
def test_it_writes_a_table_and_a_picture_and_shows_the_first(desk, method):
    said = unlabeled("outliers", "x.npy", "--top", 3, "--method", method)
    assert said.splitlines()[1].split()[0] == "99"
    assert "1 outlier among 100 instances: outliers.parquet, outliers.png" in said
    table = pq.read_table("outliers.parquet").to_pydict()
    assert (table["id"][0], table["outlier"][0], sum(table["outlier"])) == ("99", True, 1)
    with Image.open("outliers.png") as picture:
        assert picture.width > 500


def test_contamination_sets_how_many(desk):
    found = json.loads(unlabeled("outliers", "x.npy", "--contamination", 0.1, "--json", "--out", "o.csv"))
    assert found["n_outliers"] == 10
    assert len(found["outliers"]) == 50
    assert sum(line.split(",")[2] == "true" for line in (desk / "o.csv").read_text().splitlines()) == 10


def test_readings_say_what_is_unusual(desk):
    assert "temperature 95 (2" in " ".join(unlabeled("outliers", "readings.csv", "--top", 1).split())


def test_what_is_there_is_replaced_only_when_that_is_said(desk):
    unlabeled("outliers", "x.npy")
    refused = CliRunner().invoke(app, ["outliers", "x.npy", "--contamination", "0.1"])
    assert "outliers.parquet exists already" in str(refused.exception)
    assert sum(pq.read_table("outliers.parquet")["outlier"].to_pylist()) == 1
    unlabeled("outliers", "x.npy", "--contamination", 0.1, "--overwrite")
    assert sum(pq.read_table("outliers.parquet")["outlier"].to_pylist()) == 10


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.npy"], "nowhere.npy does not exist"),
        (["x.npy", "--contamination", "0.9"], "at most 0.5"),
        (["x.npy", "--method", "forest"], "unknown method 'forest'"),
        (["x.npy", "-k", "1000"], "less than the 100 rows"),
        (["x.npy", "--out", "o.txt"], "ends in .parquet or .csv"),
        (["x.npy", "--out", "nan.csv/o.csv"], "is no folder that you may write to"),
        (["nan.csv"], "'a' holds inf in row 5"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words, says, desk):
    result = CliRunner().invoke(app, ["outliers", *words])
    assert result.exit_code != 0
    assert says in str(result.exception)
    assert not (desk / "outliers.parquet").exists()


def test_help_teaches():
    said = CliRunner().invoke(app, ["outliers", "--help"]).output
    assert "unlabeled outliers run/ --top 24" in said
    for option in ("--top", "--contamination", "--method", "--out", "--seed", "--json"):
        assert option in said
