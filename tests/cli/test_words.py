"""`unlabeled words` as a user types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from unlabeled import KMeans, WordVectors, registry
from unlabeled.cli.main import app
from unlabeled.cli.option_names import as_typed
from unlabeled.errors import UnlabeledError

SENTENCES = ["the frog sat by the pond and the toad sat by the pond", "the king and the queen sat on a throne"] * 200
QUICK = ["--dim", "8", "--min-count", "1", "--epochs", "2", "--quiet"]


def unlabeled(*words, code=0):
    """Run the command in this process; give what it printed."""
    done = CliRunner().invoke(app, list(map(str, words)), standalone_mode=False, catch_exceptions=False)
    assert (done.return_value or 0) == code
    return done.stdout


def refused(*words):
    """Run the command; give what it complains of."""
    done = CliRunner().invoke(app, ["words", *map(str, words)])
    assert done.exit_code != 0
    assert isinstance(done.exception, UnlabeledError | SystemExit)
    return f"{done.output}{done.exception}"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "corpus.txt"
    path.write_text("\n".join(SENTENCES))
    for folder in ("empty", "folder.bin"):
        (path.parent / folder).mkdir()
    (path.parent / "empty.txt").touch()
    (path.parent / "plain.csv").write_text("text,stars\nfrog,3\n")
    (path.parent / "bad.txt").write_text("frog 0.1 0.2\ntoad 0.1 x\n")
    (path.parent / "short.txt").write_text("3 2\nfrog 0.1 0.2\ntoad 0.1 0.3\n")
    KMeans(2, progress=False).fit(np.eye(4)).save(path.parent / "means")
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


def test_the_loss_on_text_held_out_is_told(corpus, tmp_path):
    command = ["words", "skipgram", corpus, *QUICK, "--held-out", "0.1", "--out", tmp_path / "v.bin", "--overwrite"]
    loss = json.loads(unlabeled(*command, "--json", "--deterministic"))["held_out_loss"]
    assert f"loss on the text held out: {loss:.4f}" in unlabeled(*command, "--deterministic")
    before_the_text = ["words", "skipgram", "--deterministic", *command[2:]]
    assert f"loss on the text held out: {loss:.4f}" in unlabeled(*before_the_text)


def test_what_is_true_or_false_needs_no_value(corpus, tmp_path):
    for name, words in {"a.bin": ["true"], "b.bin": [], "c.bin": ["false"]}.items():
        unlabeled("words", "glove", corpus, *QUICK, "--symmetric", *words, "--window", 2, "--out", tmp_path / name)
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.bin", "b.bin", "c.bin"))
    assert a == b != c
    assert "--window needs a value" in refused("glove", corpus, "--window", "--symmetric")


def test_one_hot_vectors_are_written_too(corpus, tmp_path):
    out = json.loads(unlabeled("words", "onehot", corpus, "--min-count", 1, "--out", tmp_path / "v.bin", "--json"))
    assert (out["words"], out["dim"]) == (12, 12)
    vectors = WordVectors.load(tmp_path / "v.bin")
    assert np.array_equal(vectors.vectors, np.eye(12))
    assert "nothing to resume" in refused("onehot", corpus, "--resume", "--out", tmp_path / "w.bin")


def test_phrases_become_words_and_examples_are_told(tmp_path):
    lines = ["new york city is big", "a big new city", "york is old", "we like the city"] * 20 + ["new york city"] * 200
    (tmp_path / "text.txt").write_text("\n".join(lines + ["nothing to see here, not at all, or is there"] * 400))
    command = ["words", "glove", str(tmp_path / "text.txt"), *QUICK[:-1], "--min-count", "10"]

    def learnt(*words):
        done = CliRunner().invoke(
            app, [*command, *words, "--overwrite", "--out", str(tmp_path / "v.txt")], catch_exceptions=False
        )
        assert done.exit_code == 0
        return done.stderr, set(WordVectors.load(tmp_path / "v.txt").words)

    assert "new_york" not in learnt()[1]
    said, words = learnt("--phrases", "1", "--phrase-threshold", "3")
    assert "new_york" in words
    assert "Pass 1 found" in said
    assert "new_york" in said
    said, words = learnt("--phrases", "2", "--phrase-threshold", "2")
    assert "new_york_city" in words
    assert "Pass 2 found" in said
    said, words = learnt("--phrases", "3", "--phrase-threshold", "100000")
    assert "Pass 1 found 0 phrases\n" in said
    assert "Pass 2" not in said
    assert "at least 1" in refused("glove", tmp_path / "text.txt", "--phrases", 1, "--dim", 0)
    for more, wanted in ([], None), (["--phrases", 1, "--phrase-threshold", 3], {"rounds": 1, "threshold": 3.0}):
        unlabeled(*command, "--quiet", "--overwrite", *more, "--out", tmp_path / "model")
        assert json.loads((tmp_path / "model" / "model.json").read_text())["data"].get("phrases") == wanted


def test_one_word_is_too_few(tmp_path):
    (tmp_path / "one.txt").write_text("word\n" * 50)
    assert "1 word; it takes at least 2" in refused("skipgram", tmp_path / "one.txt", "--out", tmp_path / "v.bin")


def test_bytes_that_are_not_utf_8_are_named_and_can_be_replaced(tmp_path):
    (tmp_path / "latin.txt").write_bytes("the frog sat by the pond in the café\n".encode("latin1") * 50)
    command = ["skipgram", tmp_path / "latin.txt", *QUICK, "--out", tmp_path / "v.bin"]
    said = refused(*command)
    assert "latin.txt, line 1: not UTF-8" in said
    assert as_typed(said, {"errors": "--errors"}).count("--errors replace") == 1
    unlabeled("words", *command, "--errors", "replace")
    assert {"caf", "frog"} <= set(WordVectors.load(tmp_path / "v.bin").words)
    assert "did you mean 'replace'" in refused(*command, "--overwrite", "--errors", "replaced")


def test_settings_may_stand_before_the_source(corpus, vectors, tmp_path):
    unlabeled("words", "skipgram", *QUICK, "--out", tmp_path / "a.bin", corpus)
    unlabeled("words", "skipgram", "--dim=8", "--out", tmp_path / "b.bin", *QUICK[2:], corpus)
    for again in ("a.bin", "b.bin"):
        assert (tmp_path / again).read_bytes() == vectors.read_bytes()


def test_vectors_never_replace_the_text_they_are_learnt_from(tmp_path):
    text = tmp_path / "corpus.vec"
    text.write_text("the king saw a frog by the pond\n" * 50)
    before = text.read_bytes()
    for more in ([], ["--overwrite"]):
        assert "is what is read" in refused("skipgram", text, *QUICK, *more, "--out", text)
        assert text.read_bytes() == before


def test_several_texts_are_read_as_one(corpus, tmp_path):
    (tmp_path / "more.txt").write_text("a newt sat by the pond\n" * 20)
    out = tmp_path / "vectors.txt"
    unlabeled("words", "skipgram", *QUICK, corpus, tmp_path / "more.txt", "--out", out)
    assert {"newt", "throne"} <= set(WordVectors.load(out).words)


def test_subwords_are_two_lengths(corpus, tmp_path):
    unlabeled("words", "cbow", corpus, *QUICK, "--subwords", "3,5", "--out", tmp_path / "model")
    assert unlabeled("words", "nearest", tmp_path / "model", "froggy", "-k", 1)


def test_what_was_not_finished_is_mentioned_and_gone_at_the_end(corpus, tmp_path):
    (tmp_path / "v.bin.partial").mkdir()
    command = ["words", "skipgram", str(corpus), "--out", str(tmp_path / "v.bin"), *QUICK[:-1]]
    said = CliRunner().invoke(app, command, catch_exceptions=False).stderr
    assert "v.bin.partial holds an unfinished training" in said
    assert "words/s  learning rate" in said
    assert list(tmp_path.iterdir()) == [tmp_path / "v.bin"]


@pytest.mark.parametrize("verb", ["skipgram", "evaluate"])
def test_learning_and_judging_words_load_neither_torch_nor_scikit_learn(verb, corpus, vectors, tmp_path):
    (tmp_path / "pairs.tsv").write_text("frog\ttoad\t9\nking\tqueen\t8\nfrog\tthrone\t1\n")
    words = {
        "skipgram": [str(corpus), *QUICK, "--out", str(tmp_path / "v.bin")],
        "evaluate": [str(vectors), "--similarity", str(tmp_path / "pairs.tsv")],
    }
    code = f"""
import sys
from unlabeled.cli.main import main
sys.argv = {["unlabeled", "words", verb, *words[verb]]}
try:
    main()
finally:
    assert not {{"torch", "sklearn", "pandas"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)


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


def test_it_judges_by_a_classifier_of_texts(vectors, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\n" + "frog toad pond,animals\nking throne queen,people\n" * 20)
    (tmp_path / "test.csv").write_text("label,text\nanimals,the pond\npeople,the throne\npeople,a king\n")
    command = ["words", "evaluate", vectors, "--classify", tmp_path / "train.csv", "--seeds", 1]
    (found,) = json.loads(unlabeled(*command, "--test", tmp_path / "test.csv", "--json"))
    assert (found["n_train"], found["n_test"], found["n_classes"]) == (40, 3, 2)
    assert {score["representation"] for score in found["scores"]} == {"learnt", "random"}
    (held,) = json.loads(unlabeled(*command, "--json"))
    assert (held["n_train"], held["n_test"]) == (32, 8)
    assert "frozen accuracy" in unlabeled(*command)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nearest", "{vectors}", "forg"], "frog"),
        (["nearest", "{folder}/none.bin", "frog"], "none.bin"),
        (["evaluate", "{vectors}"], "--similarity"),
        (["evaluate", "{vectors}", "--test", "{corpus}"], "goes with --classify"),
        (["evaluate", "{vectors}", "--classify", "{corpus}"], "are read from tables"),
        (["evaluate", "{vectors}", "--classify", "{folder}/plain.csv"], "no column of labels"),
        (["evaluate", "{vectors}", "--similarity", "{corpus}"], "line"),
        (["analogy", "{vectors}", "frog", "toad", "king", "--method", "3CosSub"], "3CosAdd"),
        (["skipgram", "{folder}/none.txt"], "none.txt"),
        (["skipgram", "{corpus}", "--out", "{folder}/vectors.pdf"], ".safetensors"),
        (["skipgram", "{corpus}", "--widnow", "3"], "--window"),
        (["cbow", "{corpus}", "--min-count", "100000"], "min_count"),
        (["glove", "{corpus}", "--resume", "--out", "{folder}/other.bin"], "nothing to resume"),
        (["skipgram", "--dim", "8"], "name the text to learn from"),
        (["skipgram", "{folder}/empty.txt"], "empty.txt holds no words"),
        (["skipgram", "{folder}/empty"], "empty is empty"),
        (["skipgram", "{vectors}"], "vectors.bin, line"),
        (["cbow", "{corpus}", "--subwords", "3"], "takes 2 values with a comma between them"),
        (["cbow", "{corpus}", "--subwords", "6,3"], "such as (3, 6), got (6, 3)"),
        (["cbow", "{corpus}", "--out", "{folder}"], "is read, and lies in"),
        (["cbow", "{corpus}", "--out", "{corpus}", "--overwrite"], "give the result another name"),
        (["cbow", "{corpus}", "--out", "{vectors}"], "exists already"),
        (["cbow", "{corpus}", "--out", "{folder}/folder.bin"], "folder.bin is a folder; name a file"),
        (["cbow", "{corpus}", "--out", "{corpus}/a/b.bin"], "is no folder that you may write to"),
        (["nearest", "{folder}/empty", "frog"], "holds no saved estimator"),
        (["nearest", "{folder}/means", "frog"], "holds a KMeans, which has no word vectors"),
        (["nearest", "{folder}/bad.txt", "frog"], "bad.txt, line 2: 'x' is not a finite float32 number"),
        (["evaluate", "{vectors}", "--synonyms", "{folder}/bad.txt"], "not one of 2 questions"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(words, says, vectors, corpus):
    places = {"vectors": vectors, "corpus": corpus, "folder": corpus.parent}
    assert says in refused(*(word.format(**places) for word in words))


def test_a_refusal_is_a_sentence_with_status_two(vectors):
    command = [sys.executable, "-m", "unlabeled.cli.main", "words", "nearest", str(vectors), "forg"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr == "Error: the word 'forg' is not among the 12 words; did you mean 'frog'?\n"
    assert done.stdout == ""


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


def test_a_file_is_read_in_part_and_whatever_its_encoding(tmp_path):
    path = tmp_path / "v.vec"
    path.write_bytes(b"3 2\ncat 1 2\nd\xf6g 2 1\ncar 3 4\n")
    assert as_typed(refused("nearest", path, "cat"), {"errors": "--errors"}).count("--errors replace") == 1
    ask = ("words", "nearest", path, "cat", "--errors", "replace")
    assert "d\ufffdg" in unlabeled(*ask)
    assert "car" in unlabeled(*ask)
    assert "car" not in unlabeled(*ask, "--limit", 2)
    assert "car" not in unlabeled(*ask, "--restrict", 2)


def test_a_wrong_header_is_told_in_a_sentence(corpus):
    done = CliRunner().invoke(app, ["words", "nearest", str(corpus.with_name("short.txt")), "frog"])
    assert "toad" in done.stdout
    assert "promises 3 words, but there are 2" in done.stderr
    assert "UserWarning" not in done.stderr


def test_texts_are_cut_for_the_classifier_as_for_the_model(tmp_path):
    (tmp_path / "corpus.txt").write_text("Good-Day to you\nBad-Day to me\n" * 50)
    model = tmp_path / "model"
    unlabeled("words", "cbow", tmp_path / "corpus.txt", *QUICK, "--tokenizer", "whitespace", "--out", model)
    (tmp_path / "train.csv").write_text("text,label\n" + "Good-Day,1\nBad-Day,0\n" * 20)
    command = ["words", "evaluate", model, "--classify", tmp_path / "train.csv", "--seeds", 1]
    assert "100.0% of words have vectors" in unlabeled(*command)
    assert "no word of the texts" in refused(*command[1:], "--tokenizer", "words")


def test_a_model_is_loaded_once_to_be_judged(tmp_path, monkeypatch):
    (tmp_path / "corpus.txt").write_text("Good-Day to you\nBad-Day to me\n" * 50)
    model = tmp_path / "model"
    unlabeled("words", "cbow", tmp_path / "corpus.txt", *QUICK, "--tokenizer", "whitespace", "--out", model)
    (tmp_path / "train.csv").write_text("text,label\n" + "Good-Day,1\nBad-Day,0\n" * 20)
    (tmp_path / "synonyms.txt").write_text("Good-Day Bad-Day to me\n")
    loaded, load = [], registry.load
    monkeypatch.setattr(registry, "load", lambda folder: loaded.append(folder) or load(folder))
    for words in (["--synonyms", tmp_path / "synonyms.txt"], ["--classify", tmp_path / "train.csv", "--seeds", 1]):
        unlabeled("words", "evaluate", model, *words)
        assert loaded == [model]
        loaded.clear()


def test_words_flow_into_the_verbs_for_embeddings(vectors, tmp_path):
    found = json.loads(unlabeled("search", vectors, "--query", "frog", "-k", 3, "--json"))
    assert found["neighbours"][0] == {"rank": 1, "id": "frog", "distance": pytest.approx(0, abs=1e-6)}
    nearest = json.loads(unlabeled("words", "nearest", vectors, "frog", "-k", 2, "--json"))["neighbours"]
    assert [n["id"] for n in found["neighbours"][1:]] == [n["word"] for n in nearest]
    few = json.loads(unlabeled("search", vectors, "-q", "the", "-k", 12, "--limit", 4, "--json"))["neighbours"]
    assert len(few) == 4
    drawn = json.loads(unlabeled("map", vectors, "--limit", 8, "--out", tmp_path / "words.png", "--json"))
    assert (drawn["points"], (tmp_path / "words.png").exists()) == (8, True)
    grouped = json.loads(unlabeled("cluster", vectors, "-k", 2, "--limit", 6, "-o", tmp_path / "c.csv", "--json"))
    assert "the" in [word for group in grouped["clusters"] for word in group["examples"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["search", "{vectors}", "-q", "frogg"], "the word 'frogg' is not among the 12 words; did you mean 'frog'"),
        (["search", "{vectors}", "-q", "frog", "--where", "label = 'x'"], "columns: id, position"),
        (["search", "{vectors}", "-q", "frog", "--out", "s.png"], "words have no contact sheet"),
        (["map", "{folder}", "--limit", "9"], "a limit is for word vectors"),
    ],
)
def test_what_words_cannot_do_is_said(words, says, vectors):
    filled = [word.format(vectors=vectors, folder=vectors.parent) for word in words]
    with pytest.raises(UnlabeledError, match=says):
        unlabeled(*filled)
