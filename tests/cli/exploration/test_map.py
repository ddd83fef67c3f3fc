"""Maps of a run and what is placed on them, as a user would type it."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.registry import method
from unlabeled.runs import learn

RUN = CliRunner()


def call(*words):
    return RUN.invoke(app, ["map", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    for name, numbers in (("photos", range(60)), ("new", (3, 4))):
        (folder / name).mkdir()
        for number in numbers:
            Image.fromarray(digits[0][number]).save(folder / name / f"{number:02d}.png")
    learn(folder / "photos", folder / "run", method("autoencoder")(epochs=1, batch_size=30, progress=False))
    return folder


def places(path):
    with path.open(newline="") as file:
        return {row["id"]: (float(row["x"]), float(row["y"])) for row in csv.DictReader(file)}


def test_new_photos_are_placed_on_a_map_that_stays(folder, tmp_path):
    assert (folder / "run" / "map" / "map.json").exists()  # `learn` keeps the map of its report
    done = call(folder / "run", "--out", tmp_path / "map.png", "--points", tmp_path / "map.csv")
    assert done.exit_code == 0, done.output
    kept = folder / "run" / "map" / "map.safetensors"
    before = kept.read_bytes()
    words = ["--out", tmp_path / "placed.png", "--points", tmp_path / "placed.csv", "--json"]
    done = call(folder / "new", "--onto", folder / "run" / "map", *words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"out": str(tmp_path / "placed.png"), "points": 2, "on_the_map": 60}
    assert kept.read_bytes() == before
    old, placed = places(tmp_path / "map.csv"), places(tmp_path / "placed.csv")
    assert (len(old), list(placed)) == (60, ["03.png", "04.png"])
    far = np.ptp(list(old.values()), axis=0).max()
    for name, place in placed.items():
        assert np.linalg.norm(np.subtract(place, old[name])) < 0.1 * far
    with Image.open(tmp_path / "placed.png") as picture:
        assert picture.width > 300


def test_a_name_that_a_spreadsheet_would_run_is_text_in_the_table_of_points(folder, tmp_path):
    (tmp_path / "new").mkdir()
    shutil.copy(folder / "new" / "03.png", tmp_path / "new" / "=1+1.png")
    words = ["--out", tmp_path / "placed.png", "--points", tmp_path / "placed.csv"]
    assert call(tmp_path / "new", "--onto", folder / "run", *words).exit_code == 0
    assert list(places(tmp_path / "placed.csv")) == ["'=1+1.png"]


def test_what_cannot_be_placed_is_refused_in_words(folder, tmp_path):
    missing = call(folder / "new", "--onto", folder / "new", "--out", tmp_path / "never.png")
    assert isinstance(missing.exception, UnlabeledError)
    learn(folder / "photos", tmp_path / "other", method("autoencoder")(epochs=1, latent_dim=7, progress=False))
    foreign = call(tmp_path / "other", "--onto", folder / "run", "--out", tmp_path / "never.png")
    assert "an encoder of its own" in str(foreign.exception)
    same = call(folder / "run", "--onto", folder / "run", "--out", tmp_path / "same.png", "--json")
    assert json.loads(same.stdout)["points"] == 60
    assert not (tmp_path / "never.png").exists()
