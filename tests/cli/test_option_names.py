"""Messages name settings as they are typed, not as Python has them."""

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.cli.option_names import as_typed, message_for_user, settings_of
from unlabeled.errors import UnlabeledError

NAMES = ["batch_size", "epochs", "precision", "clip_norm", "label", "size", "n_init", "column"]
SETTINGS = {name: "--" + name.replace("_", "-") for name in NAMES} | {"k": "-k"}


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("batch_size must be at least 1, got 0", "--batch-size must be at least 1, got 0"),
        ("set clip_norm, or precision='float32'", "set --clip-norm, or --precision float32"),
        ("it was made for 224: set size=224", "it was made for 224: set --size 224"),
        ("epochs must be at least 1; 3 epochs are few", "--epochs must be at least 1; 3 epochs are few"),
        ("n_init is a number or None, not x", "--n-init is a number or none, not x"),
        ("a whole number of at least 1, or None, got 0", "a whole number of at least 1, or none, got 0"),
        ("column='age' is for tables, and x.npy is none", "--column age is for tables, and x.npy is none"),
        ("column='' is for tables; column=... names one", "--column '' is for tables; --column names one"),
        ("k must be at least 1; it is -1", "-k must be at least 1; it is -1"),
        ("the label is missing in my_batch_size.csv", "the label is missing in my_batch_size.csv"),
        ("photos/batch_size/epochs holds no image", "photos/batch_size/epochs holds no image"),
        ("the size is 3 pixels", "the size is 3 pixels"),
    ],
)
def test_settings_are_written_as_options(message, typed):
    assert as_typed(message, SETTINGS) == typed


def test_the_settings_of_a_verb_are_its_options_and_those_of_its_method():
    import unlabeled.methods.contrastive.simclr  # noqa: F401

    command = get_command(app)
    assert "max_df" in settings_of(command, ["topics", "texts/", "--max-df", "0.5"])
    assert settings_of(command, ["cluster", "x.npy"])["k"] == "-k"
    assert "max_df" not in settings_of(command, ["cluster", "x.npy"])
    assert {"restrict", "limit"} <= settings_of(command, ["words", "nearest", "v.vec", "frog"]).keys()
    assert {"batch_size", "temperature"} <= settings_of(command, ["learn", "photos/"]).keys()


def test_leaving_out_is_advised_where_a_verb_can(monkeypatch):
    error = UnlabeledError("cannot read 'a.png'. Mend or remove it, or leave out such images: on_error='skip'")
    monkeypatch.setattr(sys, "argv", ["unlabeled", "learn", "photos/"])
    assert message_for_user(error, app).endswith("or leave out such images: --on-error skip")
    monkeypatch.setattr(sys, "argv", ["unlabeled", "predict", "model/", "photos/"])
    assert message_for_user(error, app) == "cannot read 'a.png'. Mend or remove it"
    error = UnlabeledError("v.vec, line 2: the word is not valid UTF-8; errors='replace' puts U+FFFD there")
    monkeypatch.setattr(sys, "argv", ["unlabeled", "words", "nearest", "v.vec", "frog"])
    assert message_for_user(error, app).endswith("; --errors replace puts U+FFFD there")
    monkeypatch.setattr(sys, "argv", ["unlabeled", "map", "v.vec"])
    assert message_for_user(error, app) == "v.vec, line 2: the word is not valid UTF-8"


def test_an_error_reaches_a_person_in_the_words_of_the_command_line(tmp_path):
    import numpy as np

    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 3)))
    command = [sys.executable, "-c", "from unlabeled.cli.main import main; main()"]
    words = ["learn", tmp_path / "x.npy", "--warmup", "3", "--out", tmp_path / "run"]
    done = subprocess.run([*command, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("Error: --warmup is a share of the steps between 0 and 1, got 3.0")


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "run", "--seeds", "9" * 20],
        ["compare", "photos", "--seeds", "1001"],
        ["words", "evaluate", "v.vec", "--seeds", "2000000000"],
        ["generate", "run", "--samples", "10001"],
    ],
    ids=" ".join,
)
def test_no_more_repeats_are_taken_than_can_be_meant(words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "is more than 1" in done.output
