"""`unlabeled segment` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.registry import method
from unlabeled.runs import learn


@pytest.fixture
def desk(tmp_path, monkeypatch):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :20], picture[:, 20:50], picture[:, 50:] = (200, 30, 30), (30, 30, 200), (30, 200, 30)
    Image.fromarray(picture).save(tmp_path / "flag.png")
    Image.fromarray(picture).convert("RGBA").save(tmp_path / "clear.png")
    Image.fromarray(picture[..., 0]).save(tmp_path / "grey.png")
    (tmp_path / "notes.txt").write_text("milk, eggs")
    (tmp_path / "broken.png").write_bytes((tmp_path / "flag.png").read_bytes()[:40])
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unlabeled(*words):
    """Run the command in this process; give what it printed."""
    return CliRunner().invoke(app, list(map(str, words)), standalone_mode=False, catch_exceptions=False).stdout


def test_it_draws_the_photo_beside_its_segments(desk):
    said = unlabeled("segment", "flag.png", "-k", 3, "--save-mask", "mask.png")
    assert "3 segments of flag.png: segments.png, mask.png" in said
    assert "#1e1ec8" in said
    with Image.open("segments.png") as sheet:
        assert sheet.size == (60 + 8 + 60, 40)
    mask = np.asarray(Image.open("mask.png"))
    assert [np.unique(mask[:, part]).tolist() for part in (slice(0, 20), slice(20, 50), slice(50, 60))] == [
        [1],
        [0],
        [2],
    ]


def test_all_options_together(desk):
    words = ["-k", "auto", "--place", 0, "--smooth", 0, "--method", "kmeans", "--seed", 3, "--out", "s.png"]
    found = json.loads(unlabeled("segment", "flag.png", *words, "--json"))
    assert [part["share"] for part in found["segments"]] == pytest.approx([30 / 60, 20 / 60, 10 / 60])
    assert [part["colour"] for part in found["segments"]] == ["#1e1ec8", "#c81e1e", "#1ec81e"]


@pytest.mark.parametrize("name", ["clear.png", "grey.png"])
def test_any_kind_of_picture_will_do(name, desk):
    unlabeled("segment", name, "-k", 2)
    assert (desk / "segments.png").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.png"], "nowhere.png does not exist"),
        (["broken.png"], "broken.png"),
        (["notes.txt"], "cannot read image 'notes.txt': "),
        (["flag.png", "--out", "notes.txt/s.png"], "is no folder that you may write to"),
        (["folder"], "is a folder; give one picture"),
        (["flag.png", "-k", "six"], "whole number or auto"),
        (["flag.png", "-k", "0"], "at least 1"),
        (["flag.png", "--out", "segments.jpg"], "ends in .png"),
        (["flag.png", "--save-mask", "mask.npy"], "ends in .png"),
        (["flag.png", "--out", "flag.png"], "is what is read"),
        (["flag.png", "--method", "mixtures"], "did you mean 'mixture'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words, says, desk):
    before = (desk / "flag.png").read_bytes()
    result = CliRunner().invoke(app, ["segment", *words])
    assert result.exit_code != 0
    assert says in str(result.exception)
    assert not (desk / "segments.png").exists()
    assert (desk / "flag.png").read_bytes() == before


def test_a_picture_is_replaced_only_when_that_is_asked_for(desk):
    (desk / "segments.png").write_bytes(b"mine")
    assert "exists already" in str(CliRunner().invoke(app, ["segment", "flag.png"]).exception)
    assert (desk / "segments.png").read_bytes() == b"mine"
    unlabeled("segment", "flag.png", "--overwrite")
    with Image.open(desk / "segments.png") as picture:
        assert picture.width == 128
    same = CliRunner().invoke(app, ["segment", "flag.png", "--out", "new.png", "--save-mask", "new.png"])
    assert "--out and --save-mask are both new.png" in str(same.exception)


def test_a_run_segments_by_its_features_beside_colour(desk):
    photos = desk / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(photos / f"{number}.png")
    learn(photos, desk / "run", method("autoencoder")(epochs=1, batch_size=6, progress=False))
    done = json.loads(unlabeled("segment", "flag.png", "--run", "run", "-k", 3, "--save-mask", "mask.png", "--json"))
    assert sum(part["share"] for part in done["segments"]) == pytest.approx(1)
    sheet, mask = (np.asarray(Image.open(name)) for name in ("segments.png", "mask.png"))
    assert sheet.shape == (2 * 40 + 8, 2 * 60 + 8, 3)  # by features above, by colour below
    assert mask.shape == (40, 60)


def test_help_teaches():
    said = CliRunner().invoke(app, ["segment", "--help"]).output
    assert "unlabeled segment photo.jpg -k 6 --out segments.png" in said
    for option in ("--out", "--save-mask", "--place", "--smooth", "--method", "--seed", "--json"):
        assert option in said
