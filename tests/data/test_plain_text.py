"""Every text file that is read whole may be UTF-16 or UTF-32 with its mark, and is refused where it is no text."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unlabeled.cli.grouping.topics import _stop_words
from unlabeled.data import Images, read_labels
from unlabeled.data.image.proposals import read_proposals
from unlabeled.data.image.voc import VOC
from unlabeled.data.pairs.image_texts import ImageTexts
from unlabeled.data.paths import listed_paths
from unlabeled.data.plain_text import encoding_of, read_plain_text
from unlabeled.data.text.annotated import read_conll
from unlabeled.data.text.text_tables import read_columns
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.words.lexicon import lines
from unlabeled.modalities import open_source

MARKED = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
MARKED |= {"utf-32-le": codecs.BOM_UTF32_LE}


@pytest.mark.parametrize("encoding", MARKED)
def test_the_mark_tells_the_encoding(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes(MARKED[encoding] + "größer\nпривет\n".encode(encoding))
    assert read_plain_text(tmp_path / "a.txt") == "größer\nпривет\n"


@pytest.mark.parametrize("content", [b"gr\xf6\xdfer", "wide".encode("utf-16-le"), codecs.BOM_UTF16_LE + b"a\0b"])
def test_what_is_no_text_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UnlabeledError, match=r"a\.txt.* UTF-8"):
        read_plain_text(tmp_path / "a.txt")
    with pytest.raises(UnlabeledError, match="cannot read"):
        read_plain_text(tmp_path)


@pytest.fixture
def wide(tmp_path):
    """A folder with a picture; its text files are written as UTF-16."""
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "ä.png")

    def write(name: str, text: str) -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-16")
        return tmp_path / name

    return write


def test_labels_and_lists_of_paths(wide):
    assert read_labels(wide("labels.csv", "path,label\nä.png,größer\n")).names == ["größer"]
    listing = wide("list.txt", "# of one\nä.png\n")
    assert listed_paths(listing)[1] == ["ä.png"]
    assert isinstance(open_source(listing), Images)


def test_tables_of_texts_are_known_as_such(wide):
    assert open_source(wide("texts.csv", "id,text\n1,größer\n2,kleiner\n")).kind == "text"
    assert read_columns(wide("texts.jsonl", json.dumps({"text": "größer"}, ensure_ascii=False)))["text"] == ["größer"]


def test_captions_tags_boxes_and_words(wide, tmp_path):
    wide("ä.txt", "ein größeres Bild\n")
    assert ImageTexts(tmp_path).captions == ["ein größeres Bild"]
    assert read_conll(wide("tags.conll", "größer ADJ\n"))[0] == [["größer"]]
    assert list(read_proposals(wide("boxes.csv", "id,left,top,right,bottom\nä,0,0,4,4\n"))) == ["ä"]
    assert list(lines(wide("pairs.tsv", "groß\tgrößer\t8\n"))) == [(1, "groß\tgrößer\t8")]
    assert _stop_words(str(wide("stop.txt", "der größer"))) == ["der", "größer"]


def test_lists_of_pictures_with_boxes(wide, tmp_path):
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>"
    size = "<size><width>8</width><height>8</height><depth>3</depth></size>"
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "JPEGImages").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "JPEGImages" / "ä.jpg")
    text = f"<annotation><filename>ä.jpg</filename>{size}<object><name>x</name>{box}</object></annotation>"
    (tmp_path / "Annotations" / "ä.xml").write_text(text, encoding="utf-8")
    wide("ImageSets/Main/train.txt", "ä\n")
    assert list(VOC(tmp_path, "train").ids) == ["ä"]


def test_a_file_without_a_mark_is_utf_8(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert encoding_of(tmp_path / "a") == "utf-8-sig"
