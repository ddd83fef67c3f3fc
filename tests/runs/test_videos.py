"""What the verbs make of a run over videos, of which an instance is a clip and not a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run over folders of frames, of two clips each, by an encoder that has hardly learnt."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("videos")
    random = np.random.default_rng(0)
    for name in "abc":
        (folder / "walks" / name).mkdir(parents=True)
        for time in range(10):
            pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "walks" / name / f"{time}.png")
    words = ["--method", "frame_order", "--epochs", "1", "--clip-length", "5", "--size", "8", "--no-judge"]
    result = invoke("learn", folder / "walks", *words, "--out", folder / "run", "--quiet")
    assert result.exit_code == 0, (result.output, result.exception)
    return folder / "run"


def test_a_query_of_several_clips_is_ranked_by_the_nearest_of_them(run):
    result = invoke("search", run, "--query", run.parent / "walks" / "b", "-k", "3", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads(result.stdout)["neighbours"]
    assert [each["id"] for each in found[:2]] == ["b#t=0,0.2", "b#t=0.2,0.4"]  # not the first clip's alone
    assert [round(each["distance"], 5) for each in found[:2]] == [0, 0]
    assert found[2]["distance"] > 1e-5
    assert "The query holds 2 instances" in result.stderr
    assert "the query is empty" in str(invoke("search", run, "--query", " ").exception)


def test_an_end_of_a_path_is_one_clip(run, tmp_path):
    result = invoke("path", run, run.parent / "walks" / "b", "a#t=0,0.2", "--out", tmp_path / "path.png")
    assert "is 2 instances, as a video is several clips" in str(result.exception)


def test_labels_of_clips_are_not_spread(run, tmp_path):
    """Clips of one video are alike, so hidden labels would be found too easily; that is said before any work."""
    (tmp_path / "labels.csv").write_text("path,label\na,x\nb,y\n")
    result = invoke("label", run, "--labels", tmp_path / "labels.csv", "--out", tmp_path / "labelled")
    assert isinstance(result.exception, UnlabeledError)
    assert "several video instances come from one file" in str(result.exception)
    assert not (tmp_path / "labelled").exists()


def test_a_single_file_that_cannot_be_read_is_not_advised_to_be_left_out(run, tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    message = str(invoke("search", run, "--query", tmp_path / "a.mp4").exception)
    assert "it is no video" in message
    assert "on_error" not in message
