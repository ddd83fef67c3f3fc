"""A look inside a run, as a user would type it."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import transfer
from unlabeled.registry import method
from unlabeled.runs import Run, learn

RUN = CliRunner()


def call(*words):
    return RUN.invoke(app, ["see", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("see")


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("conv", ["filters", "maps", "attributions", "excitation"]),
        ("vit", ["filters", "attributions", "attention"]),
        ("mlp", ["filters", "attributions"]),
    ],
)
def test_the_page_shows_what_the_encoder_has(encoder, expected, folder):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16, 16), dtype=np.uint8)
    np.save(folder / "pixels.npy", pixels)
    small = method("simclr")(encoder=encoder, epochs=1, batch_size=10, random_state=0, progress=False)
    learn(folder / "pixels.npy", folder / encoder, small)
    out = folder / f"see-{encoder}"
    done = call(folder / encoder, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["sections"] == expected
    page = (out / "see.html").read_text()
    assert page.count("data:image/") == len(expected)
    assert "http" not in page  # offline
    assert "exists already" in str(call(folder / encoder, "--out", out).exception)
    assert "neither a file nor the id" in str(call(folder / encoder, "gone.png", "--out", folder / "never").exception)
    assert not (folder / "never").exists()


def test_an_encoder_of_windows_has_no_maps_of_whole_images(folder):
    np.save(folder / "windows.npy", np.random.default_rng(0).integers(0, 256, (20, 16, 16), dtype=np.uint8))
    small = method("cpc")(epochs=1, batch_size=10, random_state=0, progress=False)
    learn(folder / "windows.npy", folder / "cpc", small)
    done = call(folder / "cpc", "--out", folder / "see-cpc", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["sections"] == ["filters", "attributions"]
    page = (folder / "see-cpc" / "see.html").read_text()
    assert "Feature maps" not in page


def test_classes_are_attributed_to_pixels_by_labels_or_by_a_model(folder, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(24):  # bright on one side, by class
        picture = rng.integers(0, 60, (16, 16, 3), dtype=np.uint8)
        picture[:, : 8 if number % 2 else 16, :] += np.uint8(120 * (number % 2))
        (tmp_path / "photos" / ("left" if number % 2 else "none")).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "photos" / ("left" if number % 2 else "none") / f"{number}.png")
    small = method("autoencoder")(epochs=1, batch_size=12, random_state=0, progress=False)
    learn(tmp_path / "photos", tmp_path / "run", small)
    run = Run(tmp_path / "run")
    done = call(tmp_path / "run", "left/1.png", "--class", "left", "--out", tmp_path / "see", "--json")
    assert done.exit_code == 0, done.output
    assert "class" in json.loads(done.stdout)["sections"]
    page = (tmp_path / "see" / "see.html").read_text()
    assert "Attributions of the class left" in page
    assert "a linear probe of the run" in page

    names = [name.split("/")[0] for name in run.embeddings.ids]
    transfer(run.encoder, run.source, names, random_state=0, epochs=5).save(tmp_path / "model")
    done = call(tmp_path / "run", "left/1.png", "--classifier", tmp_path / "model", "--out", tmp_path / "by-model")
    assert done.exit_code == 0, done.output
    assert "by the model" in (tmp_path / "by-model" / "see.html").read_text()
    wrong = call(tmp_path / "run", "--class", "lft", "--out", tmp_path / "never")
    assert "did you mean 'left'" in str(wrong.exception)
    assert not (tmp_path / "never").exists()


def test_other_kinds_of_data_are_refused_by_name(folder):
    learn(np.random.default_rng(0).normal(size=(20, 4)), folder / "vectors", method("autoencoder")(epochs=1))
    done = call(folder / "vectors", "--out", folder / "never")
    assert isinstance(done.exception, UnlabeledError)
    assert "over vectors" in str(done.exception)
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("mine")
    done = call(folder / "vectors", "--out", folder / "mine", "--overwrite")
    assert "was not saved here" in str(done.exception)
