"""`unlabeled topics` as a user types it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from unlabeled.cli.main import app

LINES = ["frog toad newt pond", "pond frog newt", "toad pond frog", "king queen throne", "crown king queen"] * 4


@pytest.fixture
def desk(tmp_path, monkeypatch):
    (tmp_path / "texts.txt").write_text("\n".join(LINES))
    (tmp_path / "reviews.csv").write_text("review,stars\n" + "".join(f"{line},5\n" for line in LINES))
    (tmp_path / "stop.txt").write_text("frog\nking\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unlabeled(*words):
    """Run the command in this process; give what it printed."""
    return CliRunner().invoke(app, list(map(str, words)), standalone_mode=False, catch_exceptions=False).stdout


@pytest.mark.parametrize("method", ["lda", "plsa"])
def test_it_prints_topics_and_writes_a_folder(desk, method):
    said = unlabeled("topics", "texts.txt", "-k", 2, "--method", method, "--max-df", 1)
    assert "2 topics of 20 documents" in said
    assert {path.name for path in (desk / "topics").glob("[!.]*")} == {
        "topics.html",
        "topics.json",
        "documents.parquet",
        "model",
    }


def test_filters_reach_the_words(desk):
    words = ["-k", 2, "--max-df", 1, "--json"]
    found = json.loads(unlabeled("topics", "reviews.csv", *words, "--stop-words", "stop.txt", "--out", "a"))
    counted = {entry["word"] for topic in found["topics"] for entry in topic["words"]}
    assert counted == {"toad", "newt", "pond", "queen", "throne", "crown"}
    rare = json.loads(unlabeled("topics", "reviews.csv", *words, "--min-df", 8, "--out", "b"))
    assert {entry["word"] for topic in rare["topics"] for entry in topic["words"]} == {
        *("frog", "toad", "newt", "pond", "king", "queen")
    }
    few = json.loads(unlabeled("topics", "reviews.csv", *words, "--max-words", 3, "--out", "c"))
    assert few["words"] == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["empty"], "empty"),
        (["texts.txt", "-k", "99"], "there cannot be more topics than documents"),
        (["texts.txt", "--min-df", "1000"], "no vocabulary can be made"),
        (["texts.txt", "--min-df", "1.5"], "1.5 is neither a share of the documents"),
        (["texts.txt", "--stop-words", "none.txt"], "none.txt does not exist"),
        (["reviews.csv", "--column", "text"], "there is no column 'text'"),
        (["texts.txt", "--out", "."], "is read, and lies in"),
        (["texts.txt", "--out", "stop.txt"], "is a file"),
        (["texts.txt", "--out", "stop.txt/topics"], "is no folder that you may write to"),
        (["texts.txt", "--method", "nmf"], "unknown method 'nmf'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words, says, desk):
    before = {path.name for path in desk.iterdir()}
    result = CliRunner().invoke(app, ["topics", *words])
    assert result.exit_code != 0
    assert says in str(result.exception) + " ".join(result.output.split())
    assert {path.name for path in desk.iterdir()} == before


def test_topics_are_replaced_only_when_asked(desk):
    words = ["topics", "texts.txt", "-k", "2", "--max-df", "1"]
    unlabeled(*words)
    assert "--overwrite" in str(CliRunner().invoke(app, words).exception)
    assert "2 topics" in unlabeled(*words, "--overwrite")


def test_help_teaches():
    said = CliRunner().invoke(app, ["topics", "--help"]).output
    assert "unlabeled topics messages/ -k 20" in said
    for option in ("--out", "--method", "--column", "--stop-words", "--min-df", "--max-df", "--overwrite", "--json"):
        assert option in said
