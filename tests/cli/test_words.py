"""`unlabeled words` as a user types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from unlabeled import WordVectors
from unlabeled.cli.main import app

SENTENCES = ["the frog sat by the pond and the toad sat by the pond", "the king and the queen sat on a throne"] * 200
QUICK = ["--dim", "8", "--min-count", "1", "--epochs", "2", "--quiet"]


def unlabeled(*words, code=0):
    """Run the command in this process; give what it printed."""
    done = CliRunner().invoke(app, list(map(str, words)), standalone_mode=False, catch_exceptions=False)
    assert (done.return_value or 0) == code
    return done.stdout


def refused(*words):
    """Run the command in a process of its own, as a user does; give its one line of complaint."""
    command = [sys.executable, "-m", "unlabeled.cli.main", "words", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "corpus.txt"
    path.write_text("\n".join(SENTENCES))
    return path


@pytest.fixture(scope="module")
def vectors(corpus):
    path = corpus.with_name("vectors.bin")
    unlabeled("words", "skipgram", corpus, *QUICK, "--out", path)
    return path


@pytest.mark.parametrize("method", ["skipgram", "cbow", "glove"])
@pytest.mark.parametrize("name", ["vectors.txt", "vectors.bin", "vectors.vec.gz", "vectors.safetensors", "model"])
def test_it_learns_and_writes_the_format_of_the_name(method, name, corpus, tmp_path):
    out = json.loads(unlabeled("words", method, corpus, *QUICK, "--out", tmp_path / name, "--json"))
    assert (out["words"], out["dim"]) == (12, 8)
    assert list(tmp_path.iterdir()) == [tmp_path / name]
    assert len(json.loads(unlabeled("words", "nearest", tmp_path / name, "frog", "-k", 3, "--json"))["neighbours"]) == 3


def test_the_same_command_gives_the_same_vectors(corpus, vectors, tmp_path):
    for again in ("a.bin", "b.bin"):
        unlabeled("words", "skipgram", corpus, *QUICK, "--deterministic", "true", "--out", tmp_path / again)
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_it_answers_an_analogy(vectors):
    out = json.loads(unlabeled("words", "analogy", vectors, "frog", "toad", "king", "-k", 2, "--json"))
    expected = WordVectors.load(vectors).analogy("toad", minus="frog", plus="king", k=2)
    assert [answer["word"] for answer in out["answers"]] == [answer.word for answer in expected]


def test_it_judges_by_similarity_analogies_and_synonyms(vectors, tmp_path):
    (tmp_path / "pairs.tsv").write_text("frog\ttoad\t9\nking\tqueen\t8\nfrog\tthrone\t1\n")
    (tmp_path / "questions.txt").write_text(": royal\nfrog toad king queen\n")
    (tmp_path / "synonyms.txt").write_text("frog toad king throne\n")
    files = ["--similarity", tmp_path / "pairs.tsv", "--analogies", tmp_path / "questions.txt"]
    files += ["--synonyms", tmp_path / "synonyms.txt"]
    similarity, analogies, synonyms = json.loads(unlabeled("words", "evaluate", vectors, *files, "--json"))
    assert similarity["n_judged"] == 3
    assert analogies["sections"][0]["n_asked"] == 1
    assert synonyms["n_asked"] == 1
    assert "Spearman" in unlabeled("words", "evaluate", vectors, *files)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nearest", "{vectors}", "forg"], "frog"),
        (["nearest", "{folder}/none.bin", "frog"], "none.bin"),
        (["evaluate", "{vectors}"], "--similarity"),
        (["evaluate", "{vectors}", "--similarity", "{corpus}"], "line"),
        (["analogy", "{vectors}", "frog", "toad", "king", "--method", "3CosSub"], "3CosAdd"),
        (["skipgram", "{folder}/none.txt"], "none.txt"),
        (["skipgram", "{corpus}", "--out", "{folder}/vectors.pdf"], ".safetensors"),
        (["skipgram", "{corpus}", "--widnow", "3"], "--window"),
        (["cbow", "{corpus}", "--min-count", "100000"], "min_count"),
        (["glove", "{corpus}", "--resume", "--out", "{folder}/other.bin"], "nothing to resume"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(words, says, vectors, corpus):
    places = {"vectors": vectors, "corpus": corpus, "folder": corpus.parent}
    assert says in refused(*(word.format(**places) for word in words))


@pytest.mark.slow
def test_an_interrupt_says_how_to_resume_and_resuming_gives_the_same_bits(tmp_path):
    (tmp_path / "corpus.txt").write_text("\n".join(SENTENCES * 100))
    command = [sys.executable, "-m", "unlabeled.cli.main", "words", "skipgram", str(tmp_path / "corpus.txt")]
    settings = ["--dim", "64", "--min-count", "1", "--subsample", "none", "--deterministic", "true"]

    def out(name, epochs):
        return [*settings, "--epochs", str(epochs), "--out", str(tmp_path / name)]

    subprocess.run([*command, *out("whole.bin", 40)], check=True, capture_output=True, timeout=300)
    running = subprocess.Popen([*command, *out("parts.bin", 40)], stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    while running.poll() is None and not (tmp_path / "parts.bin.partial").exists():
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130, said
    assert "--resume" in said
    assert not (tmp_path / "parts.bin").exists()
    subprocess.run([*command, *out("parts.bin", 40), "--resume"], check=True, capture_output=True, timeout=300)
    assert (tmp_path / "parts.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()
    assert not (tmp_path / "parts.bin.partial").exists()
