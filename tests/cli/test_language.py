"""The verbs of language models, as a user types them."""

import json

import pyarrow.parquet as pq
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


def test_clusters_and_topics_of_a_run_have_words(run, tmp_path):
    found = json.loads(asked("cluster", run, "-k", 2, "-o", tmp_path / "c.csv", "--json"))
    known = {word for text in TEXTS for word in text.split()}
    assert all(group["words"] and set(group["words"]) <= known for group in found["clusters"])
    assert found["clusters"][0]["typical"] == ", ".join(found["clusters"][0]["words"])
    assert (tmp_path / "c.png").exists()
    named = json.loads(asked("topics", run, "-k", 2, "-o", tmp_path / "t", "--min-df", 1, "--max-df", 1, "--json"))
    assert sum(topic["documents"] for topic in named["topics"]) == len(TEXTS)
    assert all(topic["examples"][0]["text"] in TEXTS for topic in named["topics"])
    assert "c-TF-IDF" in (tmp_path / "t" / "topics.html").read_text()
    (tmp_path / "new.txt").write_text("\n".join(TEXTS[:3]))
    told = json.loads(asked("assign", tmp_path / "t", tmp_path / "new.txt", "-o", tmp_path / "a.csv", "--json"))
    table = pq.read_table(tmp_path / "t" / "documents.parquet")["topic"].to_pylist()
    assert [int(line.split(",")[1]) for line in (tmp_path / "a.csv").read_text().splitlines()[1:]] == table[:3]
    assert told["task"] == "topics"


def test_a_look_inside_shows_words_and_attention(run, tmp_path):
    told = json.loads(
        asked("see", run, "--text", "the dog <barks>", "--text", "line 2", "-o", tmp_path / "s", "--json")
    )
    assert told["sections"] == ["words", "pairs", "attention"]
    page = (tmp_path / "s" / "see.html").read_text()
    assert "&lt;barks&gt;" in page
    assert ">runs</span>" in page
    assert page.count("data:image/") == 1
    assert "http" not in page
    asked("see", run, "-o", tmp_path / "first")
    with pytest.raises(UnlabeledError, match="one text or two"):
        asked("see", run, "--text", "a", "--text", "b", "--text", "c", "-o", tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_map_of_texts_is_drawn(run, tmp_path):
    assert json.loads(asked("map", run, "-o", tmp_path / "map.png", "--json"))["points"] == len(TEXTS)
    assert (tmp_path / "map.png").stat().st_size > 1000


def test_topics_by_an_encoder_and_what_it_refuses(run, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    words = ["topics", tmp_path / "texts.txt", "-k", 2, "--min-df", 1, "--max-df", 1, "-o", tmp_path / "t"]
    assert "2 topics of 12 documents" in asked(*words, "--encoder", run / "model")
    with pytest.raises(UnlabeledError, match="leave out --method"):
        asked("topics", run, "--method", "plsa", "-o", tmp_path / "p")
    with pytest.raises(UnlabeledError, match="--encoder"):
        asked(*words, "--method", "clusters", "--overwrite")


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
    with pytest.raises(UnlabeledError, match="--layers has no meaning with --few-shot"):
        asked(*words[:5], "--few-shot", "--layers", "last", "--overwrite")
    with pytest.raises(UnlabeledError, match="--task tags has no meaning with --few-shot"):
        asked("finetune", run, tmp_path / "train.csv", "-o", tmp_path / "f", "--few-shot", "--task", "tags")
    few = [
        "finetune",
        run,
        tmp_path / "train.csv",
        "-o",
        tmp_path / "f",
        "--few-shot",
        "--test",
        tmp_path / "train.csv",
    ]
    told = json.loads(asked(*few, "--json"))
    assert told["accuracies"].keys() == {"frozen", "tuned"}
    assert 0 <= told["test"]["value"] <= 1
    found = json.loads(asked("predict", tmp_path / "f", tmp_path / "new.csv", "--json"))["predictions"]
    assert {row["prediction"] for row in found} <= {"dog", "other"}
    with pytest.raises(UnlabeledError, match="holds BERT, not what"):
        asked("predict", run / "model", tmp_path / "new.csv")
    with pytest.raises(UnlabeledError, match="did you mean 'text'"):
        asked("predict", tmp_path / "m", tmp_path / "new.csv", "--column", "txet")
