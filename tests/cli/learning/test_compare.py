"""`unlabeled compare` as a user types it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from unlabeled.cli.main import app


@pytest.fixture
def desk(digits, tmp_path, monkeypatch):
    np.save(tmp_path / "vectors.npy", digits[0][:90].reshape(90, -1).astype(np.float32))
    names = "".join(f"{row},digit {digits[1][row] % 2}\n" for row in range(90))
    (tmp_path / "labels.csv").write_text("id,label\n" + names)
    (tmp_path / "one.csv").write_text("id,label\n" + "".join(f"{row},same\n" for row in range(90)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    return CliRunner().invoke(app, ["compare", *(str(word) for word in words)])


def test_a_table_a_page_and_json(desk):
    words = (
        "vectors.npy",
        "--methods",
        "raw,pca,autoencoder,rotation",
        "--labels",
        "labels.csv",
        "--budget",
        "4 steps",
    )
    words = (*words, "--labels", "labels.csv", "--batch-size", 45, "--seeds", 2, "--out", "cmp")
    done = call(*words)
    assert done.exit_code == 0, done.output
    assert "linear probe" in done.stdout
    assert "rotation is left out" in done.stderr
    assert (desk / "cmp/report.html").exists()
    again = call(*words, "--json")
    found = json.loads(again.stdout)
    assert {row["name"] for row in found["methods"]} == {"raw", "pca", "autoencoder"}
    assert set(found["left_out"]) == {"rotation"}


def test_labels_of_one_class_judge_nothing_and_that_is_said(desk):
    done = call("vectors.npy", "--methods", "raw,pca", "--labels", "one.csv", "--out", "cmp", "--seeds", 1, "--json")
    assert done.exit_code == 0, done.output
    assert "fewer than two classes" in done.stderr
    assert "without labels" in json.loads(done.stdout)["judged_by"]
    again = call("vectors.npy", "--methods", "raw,pca", "--labels", "one.csv", "--out", "cmp", "--seeds", 1)
    assert "a hint and no proof" in again.stdout


def test_what_leaves_no_method_is_refused(desk):
    words = ("vectors.npy", "--methods", "autoencoder", "--out", "cmp", "--seeds", 1)
    refused = call(*words, "--budget", "1 steps", "--batch-size", 30)
    assert "no method is left to compare; autoencoder: the budget allows 1 steps, and one epoch has 3" in str(
        refused.exception
    )
    assert "write 10m, 90s, 1h or 500 steps" in str(call(*words, "--budget", "soon").exception)


def test_the_column_of_texts_is_named_where_it_is_not_clear(desk):
    lines = "".join(f"a note about {'cats' if n % 2 else 'dogs'} {n},by author {n},{'ab'[n % 2]}\n" for n in range(40))
    (desk / "notes.csv").write_text("note,author,label\n" + lines)
    words = ("notes.csv", "--methods", "raw,untrained", "--seeds", 1, "--out", "cmp")
    assert "which is no number" in str(call(*words).exception)
    done = call(*words, "--column", "note", "--json")
    assert done.exit_code == 0, done.output
    assert {row["name"] for row in json.loads(done.stdout)["methods"]} == {"raw", "untrained"}
