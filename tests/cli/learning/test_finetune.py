"""A classifier from a run and a file of labels, as a user would type it."""

import json
import re

import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.registry import method
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
