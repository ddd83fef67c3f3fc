"""The layout of Pascal VOC: what is read, and what is refused by name."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from unlabeled.data import VOC
from unlabeled.errors import UnlabeledError


def annotation(*objects, size=(40, 30)):
    sides = "" if size is None else f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<annotation>{sides}{''.join(objects)}</annotation>"


def thing(name="cat", box=(5, 6, 20, 25), difficult=0, more=""):
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name>{more}<difficult>{difficult}</difficult><bndbox>{corners}</bndbox></object>"


@pytest.fixture
def folder(tmp_path):
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / part).mkdir(parents=True)
    for name in ("one", "two"):
        Image.new("RGB", (40, 30), "red").save(tmp_path / "JPEGImages" / f"{name}.jpg")
    (tmp_path / "Annotations/one.xml").write_text(annotation(thing()))
    (tmp_path / "Annotations/two.xml").write_text(annotation(thing("dog", (1, 1, 40, 30), 1), thing()))
    (tmp_path / "ImageSets/Main/train.txt").write_text("one\ntwo\n")
    (tmp_path / "ImageSets/Main/cat_train.txt").write_text("one  1\n")
    return tmp_path


def test_corners_counted_from_one_become_edges(folder):
    voc = VOC(folder, "train")
    assert voc.ids == ["one", "two"]
    assert voc.classes == ["cat", "dog"]
    assert voc.sizes == [(40, 30)] * 2
    assert voc.objects[1].boxes.tolist() == [[0, 0, 40, 30], [4, 5, 20, 25]]
    assert voc.objects[1].labels.tolist() == ["dog", "cat"]
    assert voc.objects[1].difficult.tolist() == [True, False]
    assert voc.decode(0).size == (40, 30)
    assert not voc.remarks


def test_the_fingerprint_is_that_of_pictures_and_boxes_wherever_they_are(folder, tmp_path_factory):
    copy = shutil.copytree(folder, tmp_path_factory.mktemp("elsewhere") / "copy")
    known = {VOC(folder).fingerprint}
    assert VOC(copy).fingerprint in known
    Image.new("RGB", (40, 30), "blue").save(copy / "JPEGImages/two.jpg")
    known.add(VOC(copy).fingerprint)
    for changed in (thing("dog"), thing(box=(5, 6, 20, 24)), thing(difficult=1), ""):
        (copy / "Annotations/one.xml").write_text(annotation(changed))
        known.add(VOC(copy).fingerprint)
    assert len(known) == 6


def test_a_list_of_one_class_has_flags_and_without_a_split_all_are_read(folder):
    assert VOC(folder, "cat_train").ids == ["one"]
    assert VOC(folder).ids == ["one", "two"]


def test_parts_of_an_object_are_no_objects(folder):
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></part>"
    (folder / "Annotations/one.xml").write_text(annotation(thing(more=part)))
    assert VOC(folder).objects[0].labels.tolist() == ["cat"]
    assert VOC(folder).objects[0].boxes.tolist() == [[4, 5, 20, 25]]


def test_a_corner_at_zero_is_the_edge(folder):
    (folder / "Annotations/one.xml").write_text(annotation(thing(box=(0, 0, 9, 9))))
    assert VOC(folder).objects[0].boxes.tolist() == [[0, 0, 9, 9]]


def test_a_picture_without_objects_is_kept_and_remarked_on(folder):
    (folder / "Annotations/one.xml").write_text(annotation())
    voc = VOC(folder)
    assert voc.objects[0].boxes.shape == (0, 4)
    assert "1 picture without a box" in voc.remarks[0]


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxx"><!ENTITY y "&x;&x;">]><annotation>&y;</annotation>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            annotation(thing(box=(5, 5, 41, 20))),
            "object 1 of one.xml (cat) has the box 5, 5, 41, 20, which is not inside",
        ),
        (annotation(thing(box=(-1, 5, 20, 20))), "not inside the picture of 40 × 30 pixels"),
        (
            annotation(thing(), thing(box=(9, 5, 9, 20))),
            "object 2 of one.xml (cat) has the box 9, 5, 9, 20, which has no area",
        ),
        (annotation(thing(box=(20, 5, 9, 20))), "no area"),
        (annotation(thing(box=("nan", 5, 9, 20))), "a box without four numbers"),
        (annotation(thing(box=("ten", 5, 9, 20))), "a box without four numbers"),
        (annotation("<object><name>cat</name></object>"), "object 1 of one.xml (cat) has no box"),
        (annotation("<object><bndbox/></object>"), "has no name"),
        (annotation(thing(), size=(30, 40)), "is for 30 × 40 pixels, but the picture has 40 × 30"),
        ("<annotation><object>", "one.xml is not XML"),
        ("", "one.xml is not XML"),
        ("<html/>", "it begins with <html>"),
        (BOMB, "declares a document type"),
        (BOMB.encode("utf-16"), "declares a document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "declares a document type"),
    ],
)
def test_what_is_wrong_with_an_annotation_is_named(folder, text, message):
    path = folder / "Annotations/one.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UnlabeledError, match=re.escape(message)) as caught:
        VOC(folder, "train")
    assert "1 picture of 2" in str(caught.value)
    left = VOC(folder, "train", on_error="skip")
    assert left.ids == ["two"]
    assert message in left.skipped[0][1]


def test_what_is_missing_is_named(folder):
    (folder / "ImageSets/Main/train.txt").write_text("one\ntwo\nthree\n")
    with pytest.raises(UnlabeledError, match="three: the picture is missing in JPEGImages"):
        VOC(folder, "train")
    Image.new("RGB", (4, 4)).save(folder / "JPEGImages/three.png")
    with pytest.raises(UnlabeledError, match=re.escape("the annotation three.xml is missing")):
        VOC(folder, "train")
    with pytest.raises(UnlabeledError, match=re.escape("no test.txt: there are cat_train, train")):
        VOC(folder, "test")
    with pytest.raises(UnlabeledError, match="unknown class 'dog'; known are cat"):
        VOC(folder, "cat_train", classes=["cat"]) and VOC(folder, classes=["cat"])
    with pytest.raises(UnlabeledError, match="has no folder JPEGImages"):
        VOC(folder / "ImageSets")
    (folder / "ImageSets/Main/train.txt").write_text("../../secret\n")
    with pytest.raises(UnlabeledError, match="is no name of a picture"):
        VOC(folder, "train")


def test_a_folder_in_which_nothing_is_marked_is_refused(folder):
    for name in ("one", "two"):
        (folder / f"Annotations/{name}.xml").write_text(annotation(size=None))
    with pytest.raises(UnlabeledError, match="no picture has a box"):
        VOC(folder)


def test_boxes_are_for_the_upright_picture(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((40, 30, 3), np.uint8)).save(folder / "JPEGImages/one.jpg", exif=exif)
    voc = VOC(folder)
    assert voc.sizes[0] == (40, 30)
    assert voc.decode(0).size == (40, 30)


def test_a_damaged_picture_is_named(folder):
    path = folder / "JPEGImages/one.jpg"
    voc = VOC(folder)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnlabeledError, match=re.escape("one.jpg cannot be read")):
        voc.decode(0)


@pytest.mark.real_data
def test_the_raccoons(real_data):
    voc = VOC(real_data / "raccoon", "trainval")
    assert len(voc) == 160
    assert voc.classes == ["raccoon"]
    assert (
        sum(len(objects.boxes) for objects in voc.objects)
        + sum(len(objects.boxes) for objects in VOC(real_data / "raccoon", "test").objects)
        == 217
    )
