"""`unlabeled learn-detector` and `unlabeled detect` as a user types them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.encoders import Conv, save_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing

pytest.importorskip("torchvision", reason="torchvision is not installed")


def annotation(*objects):
    """Write objects (class, left, top, right, bottom) as VOC has them; without corners there is no box."""
    things = ""
    for name, *box in objects:
        corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=False))
        things += f"<object><name>{name}</name>{f'<bndbox>{corners}</bndbox>' if box else ''}</object>"
    return f"<annotation>{things}</annotation>"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An encoder, and eight pictures with a red square each."""
    torch.manual_seed(0)
    save_encoder(Conv(ImagePreprocessing(32), width=4, halvings=2), tmp_path / "encoder")
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / "voc" / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = "id,left,top,right,bottom\n"
    for number in range(8):
        picture = rng.integers(100, 130, (40, 48, 3), dtype=np.uint8)
        x, y = (int(value) for value in rng.integers(0, 20, 2))
        picture[y : y + 18, x : x + 18] = (230, 20, 20)
        Image.fromarray(picture).save(tmp_path / f"voc/JPEGImages/p{number}.png")
        (tmp_path / f"voc/Annotations/p{number}.xml").write_text(annotation(("red", x + 1, y + 1, x + 18, y + 18)))
        rows += f"p{number}.png,{x},{y},{x + 18},{y + 18}\np{number}.png,20,20,40,40\n"
    (tmp_path / "boxes.csv").write_text(rows)
    (tmp_path / "voc/ImageSets/Main/train.txt").write_text("".join(f"p{n}\n" for n in range(6)))
    (tmp_path / "voc/ImageSets/Main/test.txt").write_text("p6\np7\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


LEARN = ("learn-detector", "encoder", "voc", "--epochs", 2)


def test_a_detector_is_learnt_measured_and_used(desk):
    done = call(*LEARN, "--split", "train", "--test", "test", "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["pictures"], figures["test_pictures"], figures["classes"]) == (6, 2, ["red"])
    assert 0 <= figures["voc"]["mean"] <= 1
    done = call("detect", "detector", "voc/JPEGImages/p7.png", "--least", 0, "--json")
    found = json.loads(done.stdout)["found"]
    assert all(row["label"] == "red" and len(row["box"]) == 4 for row in found)
    with Image.open("boxes.png") as picture:
        assert picture.width >= 48
    assert "exists already" in str(call(*LEARN).exception)
    assert "exists already" in str(call("detect", "detector", "voc/JPEGImages/p7.png").exception)
    assert call(*LEARN, "--overwrite").exit_code == 0


def test_boxes_may_be_given(desk):
    done = call(*LEARN, "--split", "train", "--test", "test", "--proposals", "boxes.csv", "--json")
    assert done.exit_code == 0, done.output
    words = ("detect", "detector", "voc/JPEGImages/p7.png", "--least", 0, "--json")
    assert "needs proposals" in str(call(*words).exception)
    done = call(*words, "--proposals", "boxes.csv")
    assert len(json.loads(done.stdout)["found"]) <= 2
    (desk / "odd.csv").write_text("id,left,top,right\np0,1,2,3\n")
    assert "no column 'bottom'" in str(call(*LEARN, "--proposals", "odd.csv", "--overwrite").exception)
    (desk / "odd.csv").write_text("id,left,top,right,bottom\np0,1,2,3,x\n")
    assert "line 2: a box is four numbers" in str(call(*LEARN, "--proposals", "odd.csv", "--overwrite").exception)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (annotation(("red", 5, 5, 60, 20)), "which is not inside the picture of 48 × 40 pixels"),
        (annotation(("red", 5, 5, 5, 20)), "which has no area"),
        (annotation(("red",)), "has no box"),
        ("<annotation><object>", "is not XML"),
        (None, "the picture is missing in JPEGImages"),
    ],
)
def test_bad_input_is_named_and_may_be_left_out(desk, text, says):
    if text is None:
        (desk / "voc/JPEGImages/p0.png").unlink()
    else:
        (desk / "voc/Annotations/p0.xml").write_text(text)
    refused = call(*LEARN, "--split", "train")
    assert isinstance(refused.exception, UnlabeledError)
    assert says in str(refused.exception)
    assert "1 picture of 6" in str(refused.exception)
    assert not (desk / "detector").exists()
    done = call(*LEARN, "--split", "train", "--on-error", "skip", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["pictures"] == 5
    assert "left out: p0: " in done.stderr


def test_a_class_that_only_the_test_pictures_have_is_named(desk):
    (desk / "voc/Annotations/p7.xml").write_text(annotation(("blue", 1, 1, 9, 9)))
    refused = call(*LEARN, "--split", "train", "--test", "test")
    assert "unknown class 'blue'; known are red" in str(refused.exception)


def test_pictures_that_are_learnt_from_and_tested_on_are_refused(desk):
    (desk / "voc/ImageSets/Main/test.txt").write_text("p5\np7\n")
    assert "both learnt from and tested on" in str(call(*LEARN, "--split", "train", "--test", "test").exception)
