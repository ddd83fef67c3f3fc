"""Methods that use labels: what has seen them does not judge, and what needs them says so."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled import SupCon, label_dataset
from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.runs import Run, learn
from unlabeled.views import TableCorruption

BY_HEART = {"batch_size": 50, "learning_rate": 1e-2, "random_state": 0, "views": TableCorruption(p=0.0)}
CHANCE = 0.5 + 3 * 0.5 / np.sqrt(30)
"""Three standard errors above chance, for 30 test rows of two classes."""


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Noise whose labels mean nothing: what tells those of rows that were held out has seen them."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("noise") / "labels.csv"
    path.write_text("id,label\n" + "".join(f"{i},{'ab'[c]}\n" for i, c in enumerate(rng.integers(0, 2, 150))))
    return rng.normal(size=(150, 16)).astype(np.float32), path


@pytest.fixture(scope="module")
def run(noise, tmp_path_factory):
    method = SupCon(**BY_HEART, epochs=30, progress=False)
    return learn(noise[0], tmp_path_factory.mktemp("runs") / "run", method, labels=noise[1])


def test_labels_that_mean_nothing_are_learnt_by_heart_and_judged_at_chance(run):
    found = run.metrics["evaluation"]
    assert (found["split"], found["n_train"], found["n_test"]) == ("given", 120, 30)
    for score in found["scores"]:
        if score["representation"] == "learnt":
            assert score["mean"] < CHANCE, score
    taught = ~np.isin(run.embeddings.ids, run.about["held_out_labels"])
    vectors, labels = run.embeddings.vectors[taught], run.embeddings.labels[taught]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = (unit @ unit.T - 2 * np.eye(120)).argmax(1)
    assert (labels[nearest] == labels).mean() > 0.9  # by heart


def test_no_data_set_is_labelled_with_a_representation_that_has_seen_labels(run, noise, tmp_path):
    images = np.zeros((len(noise[0]), 8, 8), np.uint8)
    for source, method in ((run.folder, None), (images, SupCon(**BY_HEART))):
        with pytest.raises(UnlabeledError, match="SupCon learns from labels, so labels that are hidden"):
            label_dataset(source, noise[1], tmp_path / "out", method=method)
        assert not (tmp_path / "out" / "labels.csv").exists()


def test_methods_of_few_labels_and_their_students_learn_from_the_command_line(digits, tmp_path):
    def invoke(*words):
        return CliRunner().invoke(app, [str(word) for word in ("learn", tmp_path, "--epochs", 1, "--method", *words)])

    for number, pixels in enumerate(digits[0][:60]):
        Image.fromarray(pixels).save(tmp_path / f"{number:02d}.png")
    (tmp_path / "some.csv").write_text("path,label\n" + "".join(f"{i:02d}.png,{i % 2}\n" for i in range(20)))
    few = ("fix_match", "--batch-size", 32, "--out", tmp_path / "run")
    refused = invoke(*few)
    assert "FixMatch learns from labels of a few instances, and there are none: give them as --labels" in str(
        refused.exception
    )
    assert not (tmp_path / "run").exists()
    done = invoke(*few, "--labels", tmp_path / "some.csv")
    assert done.exit_code == 0, (done.output, done.exception)
    done = invoke("distillation", "--teacher", tmp_path / "run" / "model", "--out", tmp_path / "student")
    assert done.exit_code == 0, (done.output, done.exception)
    for folder in ("run", "student"):
        assert Run(tmp_path / folder).method.classes_.tolist() == ["0", "1"]
