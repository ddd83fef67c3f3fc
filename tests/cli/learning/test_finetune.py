"""A classifier from a run and a file of labels, as a user would type it."""

import json
import re
import signal

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.encoders import save_encoder
from unlabeled.methods.fewlabels.fine_tuning import FineTuning
from unlabeled.registry import load, method
from unlabeled.runs import learn


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetune")
    (folder / "photos").mkdir()
    for number in range(60):
        Image.fromarray(digits[0][number]).save(folder / "photos" / f"{number:02d}.png")
    rows = "".join(f"{number:02d}.png,digit {digits[1][number] % 2}\n" for number in range(50))
    (folder / "labels.csv").write_text("path,label\n" + rows)
    learn(folder / "photos", folder / "run", method("autoencoder")(epochs=1, batch_size=30, progress=False))
    return folder


@pytest.mark.parametrize("layers", ["none", "last"])
def test_photos_and_a_file_of_labels(folder, layers, tmp_path):
    words = ["finetune", folder / "run", folder / "photos", "--labels", folder / "labels.csv"]
    done = call(*words, "--layers", layers, "--epochs", 2, "--out", tmp_path / "model", "--json")
    assert done.exit_code == 0, done.output
    assert "loss" in json.loads(done.stdout)["history"][0]
    done = call("predict", tmp_path / "model", folder / "photos", "--json")
    found = json.loads(done.stdout)["predictions"]
    assert len(found) == 60
    assert {row["prediction"] for row in found} <= {"digit 0", "digit 1"}


def test_a_head_alone_learns_as_long_as_by_transfer(folder, tmp_path):
    words = ["finetune", folder / "run", folder / "photos", "--labels", folder / "labels.csv", "--layers", "none"]
    done = call(*words, "--out", tmp_path / "model", "--json")
    assert len(json.loads(done.stdout)["history"]) == 100  # of fewer than a hundred rows none says when to stop
    model = load(tmp_path / "model")
    assert (model.epochs, model.batch_size, model.head_learning_rate) == (100, 64, 1e-2)
    done = call(*words[:-1], "0", "--epochs", 3, "--batch-size", 10, "--out", tmp_path / "short", "--json")
    assert len(json.loads(done.stdout)["history"]) == 3
    short = load(tmp_path / "short")
    assert (short.batch_size, short.head_learning_rate) == (10, 1e-2)


def test_progress_is_shown_unless_it_is_not_wanted(folder, tmp_path):
    words = ["finetune", folder / "run", folder / "photos", "--labels", folder / "labels.csv", "--epochs", 2]
    for number, (option, shown) in enumerate([([], True), (["--quiet"], False), (["--json"], False)]):
        done = call(*words, "--out", tmp_path / f"model{number}", *option)
        assert done.exit_code == 0, done.output
        assert bool(re.search(r"FineTuning: step (\d+) of \1  loss \d", done.stderr)) == shown


def test_labels_that_do_not_fit_are_refused(folder, tmp_path):
    (tmp_path / "other.csv").write_text("path,label\nelsewhere.png,cat\n")
    words = ["finetune", folder / "run", folder / "photos", "--out", tmp_path / "model"]
    assert "names none of the 60 instances" in str(call(*words, "--labels", tmp_path / "other.csv").exception)
    assert "--labels labels.csv" in str(call(*words).exception)
    wrong = call(*words, "--labels", folder / "labels.csv", "--task", "score")
    assert "--labels is for classes" in str(wrong.exception)


def test_the_settings_of_training_reach_the_model(folder, tmp_path):
    words = ["finetune", folder / "run", folder / "photos", "--labels", folder / "labels.csv", "--epochs", 1]
    given = {"head_learning_rate": 0.02, "weight_decay": 0.1, "dropout": 0.3, "patience": 5, "validation": 0.2}
    options = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    done = call(*words, *options, "--device", "cpu", "--precision", "float32", "--out", tmp_path / "m", "--json")
    assert done.exit_code == 0, done.output
    model = load(tmp_path / "m")
    assert {name: getattr(model, name) for name in given} == given
    assert (model.device, model.precision) == ("cpu", "float32")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pairs", 3], "--pairs is for --few-shot"),
        (["--layers", "none", "--dropout", 0.2], "--dropout is for an encoder that is trained"),
        (["--layers", "last", "--layer-decay", 0.5], "--layer-decay is for several layers"),
        (["--validation", 0, "--patience", 3], "--patience needs rows"),
        (["--few-shot", "--patience", 3], "--patience has no meaning with --few-shot"),
        (["--few-shot", "--precision", "bf16"], "--precision has no meaning with --few-shot"),
        (["--few-shot", "--resume"], "--resume has no meaning with --few-shot"),
        (["--few-shot"], "--few-shot is for texts, and"),
        (["--resume"], "there is nothing to resume"),
    ],
)
def test_options_that_would_change_nothing_are_refused(folder, options, message, tmp_path):
    words = ["finetune", folder / "run", folder / "photos", "--labels", folder / "labels.csv"]
    assert message in str(call(*words, *options, "--out", tmp_path / "model").exception)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    rows = [("a good day", "good"), ("a bad day", "bad"), ("all is good", "good"), ("all is bad", "bad")] * 4
    table = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)
    (folder / "train.csv").write_text(table)
    encoder = method("gpt")(dim=16, layers=1, heads=2, length=16, epochs=1, progress=False)
    save_encoder(encoder.fit([text for text, _ in rows]).encoder_, folder / "e")
    return folder


def test_pairs_and_learning_rate_of_few_shot(texts, tmp_path):
    words = ["finetune", texts / "e", texts / "train.csv", "--few-shot", "--json"]
    done = call(*words, "--pairs", 2, "--learning-rate", 1e-3, "--batch-size", 8, "--out", tmp_path / "m")
    assert done.exit_code == 0, done.output
    model = load(tmp_path / "m")
    assert (model.pairs, model.learning_rate, model.batch_size) == (2, 1e-3, 8)
    assert call(*words, "--pairs", 2, "--out", tmp_path / "n").exit_code == 0
    assert load(tmp_path / "n").learning_rate == 2e-5  # its own default, not that of fine-tuning


def test_probabilities_are_a_column_a_class(texts, tmp_path):
    words = ["finetune", texts / "e", texts / "train.csv", "--epochs", 1, "--out", tmp_path / "m", "--json"]
    assert call(*words).exit_code == 0
    asked = ["predict", tmp_path / "m", texts / "train.csv", "--probabilities"]
    rows = json.loads(call(*asked, "--out", tmp_path / "p.csv", "--json").stdout)["predictions"]
    shares = load(tmp_path / "m").predict_proba([line.split(",")[0] for line in
                                                 (texts / "train.csv").read_text().splitlines()[1:]])  # fmt: skip
    table = pd.read_csv(tmp_path / "p.csv")
    assert list(table.columns) == ["id", "prediction", "probability of bad", "probability of good"]
    assert table.iloc[:, 2:].to_numpy() == pytest.approx(shares, abs=1e-6)
    for row, share in zip(rows, shares, strict=True):
        assert row["probabilities"] == pytest.approx({"bad": share[0], "good": share[1]}, abs=1e-6)
        assert row["prediction"] == ["bad", "good"][share.argmax()]
    assert "good" in call(*asked).stdout.splitlines()[0].split()


def test_probabilities_of_numbers_are_refused(texts, tmp_path):
    table = "text,score\n" + "".join(f"text {i},{i}\n" for i in range(16))
    (tmp_path / "scores.csv").write_text(table)
    words = ["finetune", texts / "e", tmp_path / "scores.csv", "--task", "score", "--epochs", 1]
    assert call(*words, "--out", tmp_path / "m").exit_code == 0
    done = call("predict", tmp_path / "m", tmp_path / "scores.csv", "--probabilities")
    assert "--probabilities is for classes" in str(done.exception)


@pytest.mark.parametrize("layers", ["all", "none"])
def test_an_interrupted_training_is_resumed(texts, layers, tmp_path, monkeypatch):
    words = ["finetune", texts / "e", texts / "train.csv", "--layers", layers, "--epochs", 3, "--batch-size", 8]
    assert call(*words, "--out", tmp_path / "whole").exit_code == 0
    forward, steps = FineTuning._forward, []

    def watched(self, *given):
        steps.append(given)
        if len(steps) == 3:  # the first of the second epoch
            signal.raise_signal(signal.SIGINT)
        return forward(self, *given)

    monkeypatch.setattr(FineTuning, "_forward", watched)
    out = tmp_path / "parts"
    stopped = call(*words, "--out", out)
    assert stopped.exit_code == 130
    assert "stopped after epoch 1 of 3" in stopped.stderr
    assert "--resume" in stopped.stderr
    assert not out.exists()
    done = call(*words, "--out", out, "--resume", "--json")
    assert [entry["epoch"] for entry in json.loads(done.stdout)["history"]] == [1, 2, 3]
    assert len(steps) == 3 + 4
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".partial")] == []
    written = [path.name for path in out.glob("*.safetensors")]
    assert len(written) == 2  # encoder and head
    for name in written:
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
