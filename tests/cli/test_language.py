"""The verbs of language models, as a user types them."""

import json

import pytest
from typer.testing import CliRunner

from unlabeled import BERT, GPT
from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError

TEXTS = ["the dog barks at the cat", "the cat runs from the dog", "it rains and the street is wet"] * 4
TINY = ["--dim", "16", "--layers", "1", "--heads", "2", "--length", "16", "--epochs", "1", "--quiet"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language")
    (folder / "corpus.txt").write_text("\n".join(TEXTS))
    result = CliRunner().invoke(
        app, ["learn", str(folder / "corpus.txt"), "-m", "bert", *TINY, "-o", str(folder / "run")]
    )
    assert result.exit_code == 0, result.output
    return folder / "run"


def asked(*words):
    result = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_free_text_finds_texts(run):
    found = json.loads(asked("search", run, "--query", "a dog barks", "-k", 2, "--json"))["neighbours"]
    assert [row["text"] in TEXTS for row in found] == [True, True]
    assert "the" in asked("search", run, "--query", "line 1", "-k", 1)


def test_the_report_tells_in_words(run):
    titles = [passage["title"] for passage in json.loads((run / "passages.json").read_text())]
    assert titles == ["Prediction", "Filled masks", "Neighbours"]
    report = (run / "report.html").read_text()
    assert all(title in report for title in titles)


def test_fill_names_tokens(run):
    masks = json.loads(asked("fill", run, "the [MASK] and the [MASK]", "-k", 2, "--json"))["masks"]
    assert [len(mask) for mask in masks] == [2, 2]
    assert "probability" in asked("fill", run, "the [MASK]")


def test_generate_writes_and_refuses_other_models(run, tmp_path):
    GPT(dim=16, layers=1, heads=2, length=16, epochs=1, progress=False, random_state=0).fit(TEXTS).save(tmp_path / "m")
    texts = json.loads(asked("generate", tmp_path / "m", "--prompt", "the", "--samples", 2, "--length", 3, "--json"))
    assert [text.startswith("the") for text in texts["texts"]] == [True, True]
    assert asked("generate", tmp_path / "m", "-p", "the", "--length", 2) == asked(
        "generate", tmp_path / "m", "-p", "the", "--length", 2
    )
    with pytest.raises(UnlabeledError, match="needs a run of gpt"):
        asked("generate", run)
    with pytest.raises(UnlabeledError, match="needs a run of bert"):
        asked("fill", tmp_path / "m", "a [MASK]")


def test_a_model_that_was_saved_says_its_method(tmp_path):
    model = BERT(dim=16, layers=1, heads=2, length=16, epochs=1, progress=False, random_state=0).fit(TEXTS)
    assert [passage["title"] for passage in model.report(model.open(TEXTS))] == ["Prediction", "Filled masks"]


def test_a_model_is_fine_tuned_and_predicts(run, tmp_path):
    rows = [(text, "dog" if text.startswith("the dog") else "other") for text in TEXTS]
    (tmp_path / "train.csv").write_text("text,label\n" + "\n".join(",".join(row) for row in rows))
    (tmp_path / "new.csv").write_text("text\n" + "\n".join(TEXTS[:3]))
    words = ["finetune", run, tmp_path / "train.csv", "-o", tmp_path / "m", "--epochs", 2, "--learning-rate", "0.01"]
    told = json.loads(asked(*words, "--test", tmp_path / "train.csv", "--json"))
    assert told["test"]["measure"] == "accuracy"
    assert 0 <= told["test"]["value"] <= 1
    asked("predict", tmp_path / "m", tmp_path / "new.csv", "--out", tmp_path / "p.csv")
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert len(lines) == 4
    assert "prediction" in asked("predict", tmp_path / "m", tmp_path / "new.csv")
    with pytest.raises(UnlabeledError, match="exists"):
        asked(*words)
    with pytest.raises(UnlabeledError, match="no labels to learn from"):
        asked("finetune", run, tmp_path / "new.csv", "-o", tmp_path / "n")
    with pytest.raises(UnlabeledError, match="did you mean 'tags'"):
        asked(*words, "--task", "tag")
    with pytest.raises(UnlabeledError, match="did you mean 'text'"):
        asked("predict", tmp_path / "m", tmp_path / "new.csv", "--column", "txet")
