"""Texts that are not as one hopes: each is treated as documented, or refused in words before any work."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.errors import UnlabeledError

TINY = ["--dim", "16", "--layers", "1", "--heads", "2", "--length", "16", "--epochs", "1", "--quiet"]
GOOD = "the dog barks\nthe cat runs\n"
SCRIPTS = "👍🏽 good 👨‍👩‍👧\nनमस्ते दुनिया\n你好世界\nمرحبا بالعالم\n"


def call(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def learn(source, out, *words, method="bert"):
    return call("learn", source, "-m", method, *TINY, "-o", out, *words)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "good.txt").write_text(GOOD)
    learn(folder / "good.txt", folder / "run")
    return folder / "run"


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        b"\n\nthe dog barks\n   \n\nthe cat runs here\n\n",
        ("word another thing " * 6000 + "\n" + "x" * 100_000 + "\nshort\n").encode(),
        b"caf\xe9 is open\nthe dog\n",
        SCRIPTS.encode(),
    ],
    ids=["fewer than a batch", "blank lines", "100,000 characters", "invalid UTF-8", "many scripts"],
)
def test_odd_texts_are_learnt_from(content, tmp_path):
    (tmp_path / "odd.txt").write_bytes(content)
    learn(tmp_path / "odd.txt", tmp_path / "run")
    found = json.loads(call("search", tmp_path / "run", "-q", "नमस्ते 👍🏽", "-k", 1, "--json"))["neighbours"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("name", "content", "words", "told"),
    [
        ("empty.txt", b"\n \n", [], "there are no documents"),
        ("one.txt", b"the dog barks at the cat\n", [], "only one instance, 'line 1'.*--unit paragraph"),
        ("nul.txt", b"a\0b\nthe dog\n", [], "NUL bytes"),
        ("t.csv", b"text,label\nthe dog,a\nit rains,b\n", ["--column", "txet"], "did you mean 'text'"),
        ("n.csv", b"a,b\n1,2\n3,4\n", ["--column", "a"], "holds 1 in row 0, where a text belongs"),
        ("n.csv", b"a,b\n1,2\n3,4\n", [], "it is not clear which column .* holds the texts"),
        ("p.csv", b"text1,text2\nthe dog,a dog\nthe cat\n", [], "Expected 2 columns, got 1"),
    ],
)
def test_what_is_no_text_is_refused_before_any_work(name, content, words, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnlabeledError, match=told):
        learn(tmp_path / name, tmp_path / "run", *words)
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").glob("[!.]*"))


def test_texts_without_a_label_are_left_out_and_none_at_all_is_an_error(run, tmp_path):
    (tmp_path / "some.csv").write_text("text,label\n" + "the dog,a\nit rains,\nthe cat,b\na dog,-1\n" * 4)
    call("finetune", run, tmp_path / "some.csv", "-o", tmp_path / "m", "--epochs", 1)
    about = json.loads((tmp_path / "m" / "model.json").read_text())
    assert about["state"]["classes"] == ["a", "b"]
    (tmp_path / "none.csv").write_text("text,label\nthe dog,\nit rains,-1\n")
    with pytest.raises(UnlabeledError, match="no instance is labelled"):
        call("finetune", run, tmp_path / "none.csv", "-o", tmp_path / "n")


def test_answers_must_stand_where_they_are_said_to_be(run, tmp_path):
    head, fine = "question,context,answer,answer_start\n", "who barks,the dog barks,dog,4\nwho flies,the cat sits,,\n"
    train = tmp_path / "spans.csv"
    train.write_text(head + fine * 4)
    words = ["finetune", run, train, "--task", "span", "--epochs", 1]
    call(*words, "-o", tmp_path / "m")
    for bad, told in (
        ("who,the cat,cat,90\n", "question 2: the answer 'cat' does not stand at character 90"),
        ("who,the cat,bird,\n", "question 2: the answer 'bird' does not stand in its context"),
        ("who,the cat,cat,four\n", "not a number of characters"),
    ):
        train.write_text(head + fine + bad)
        with pytest.raises(UnlabeledError, match=told):
            call(*words, "-o", tmp_path / "n")
    assert not (tmp_path / "n").exists()


def broken(run, folder, break_it):
    """Copy the checkpoint of a run as transformers would have saved it, and break it."""
    shutil.copytree(run / "model", folder)
    (folder / "encoder.json").unlink()
    break_it(folder)
    return f"transformers:{folder}"


def without_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


def with_other_keys(folder):
    weights = load_file(folder / "model.safetensors")
    save_file({f"other.{key}": value for key, value in weights.items()}, folder / "model.safetensors", {"format": "pt"})


def with_more_tokens(folder):
    SubwordTokenizer.train(["many words of quite another kind"], size=400, kind="bpe").save(folder, 16)


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (without_tokenizer, "holds no tokenizer"),
        (with_other_keys, "do not fit its configuration: .* are missing"),
        (with_more_tokens, "the tokenizer of .* tokens, but the network only"),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused(break_it, told, run, tmp_path):
    encoder = broken(run, tmp_path / "checkpoint", break_it)
    with pytest.raises(UnlabeledError, match=told):
        call("learn", run.parent / "good.txt", "-m", "simcse", "-o", tmp_path / "run", "--encoder", encoder, "--quiet")


@pytest.mark.parametrize(
    ("content", "words", "told"),
    [
        ("text,label\na dog,x\nit rains,y\n", ["--task", "pair"], "--task pair is for pairs of texts"),
        ("text1,text2,label\na dog,a cat,x\nit rains,it snows,y\n", ["--task", "sentence"], "holds pairs of texts"),
        ("text,label\na dog,1.5\nit rains,2\n", ["--task", "score"], "put numbers into a column called score"),
        ("text,label\na dog,x\nit rains,y\n", ["--test", "none.csv"], "none.csv has no labels to measure with"),
    ],
)
def test_what_cannot_be_learnt_or_measured_is_refused_before_training(content, words, told, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv").write_text(content)
    (tmp_path / "none.csv").write_text("text,label\na dog,\nit rains,-1\n")
    monkeypatch.setattr("unlabeled.methods.fewlabels.fine_tuning.FineTuning.fit", None)
    with pytest.raises(UnlabeledError, match=told):
        call("finetune", run, "train.csv", *words, "-o", "m")


def test_a_query_that_is_not_utf_8_is_asked(run):
    assert "line" in call("search", run, "-q", "caf\udce9", "-k", 1)


def test_the_column_of_texts_may_have_any_name(run, tmp_path):
    (tmp_path / "t.csv").write_text("comment,label\n" + "a dog,x\nit rains,y\n" * 4)
    words = [run, tmp_path / "t.csv", "--column", "comment", "--epochs", 1, "-o", tmp_path / "m"]
    call("finetune", *words)
    assert "7" in call("predict", tmp_path / "m", tmp_path / "t.csv", "--column", "comment")
