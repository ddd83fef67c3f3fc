import numpy as np
import pytest
from PIL import Image, ImageColor, ImageFont

from unlabeled.errors import UnlabeledError
from unlabeled.explore import contact_sheet
from unlabeled.explore.figures.contact_sheet import FRAME, GAP, _fitted, _printable
from unlabeled.explore.figures.palette import PALETTE


def random_pictures(count, side, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize(("side", "times"), [(8, 14), (16, 7), (28, 4), (32, 4), (64, 2), (96, 1), (300, 1)])
def test_pictures_are_shown_unchanged_and_whole_times_larger(side, times, tmp_path):
    pictures = random_pictures(3, side)
    path = contact_sheet(pictures, ["a", "b", "c"], columns=2, path=tmp_path / "sheet.png")
    sheet = read(path)
    edge = side * times
    below = (sheet.shape[0] - GAP) // 2
    for place, (left, top) in enumerate([(GAP, GAP), (2 * GAP + edge, GAP), (GAP, GAP + below)]):
        shown = sheet[top : top + edge, left : left + edge]
        assert (shown == pictures[place].repeat(times, 0).repeat(times, 1)).all()
    assert (sheet[GAP + below :, 2 * GAP + edge :] == 255).all()  # the place of a fourth picture is empty


def test_frames_go_round_the_pictures_asked_for(tmp_path):
    path = contact_sheet(
        np.zeros((3, 8, 8, 3), np.uint8), ["q", "", ""], columns=3, path=tmp_path / "s.png", framed=[0]
    )
    sheet = read(path)
    frame = (sheet == ImageColor.getrgb(PALETTE[1])).all(-1)
    assert frame[GAP - FRAME : GAP, GAP : GAP + 112].all()
    assert frame[GAP + 112 : GAP + 112 + FRAME, GAP : GAP + 112].all()
    assert not frame[:, GAP + 112 + FRAME :].any()
    assert (sheet[GAP : GAP + 112, GAP : GAP + 112] == 0).all()  # and cover nothing of them


def test_captions_are_drawn_beneath_and_take_the_lines_they_need(tmp_path):
    heights = []
    for caption in ("", "one", "one\ntwo"):
        path = contact_sheet(random_pictures(1, 8), [caption], columns=1, path=tmp_path / "s.png")
        sheet = read(path)
        heights.append(len(sheet))
        assert (sheet[GAP + 112 :] < 128).any() == bool(caption)
    assert heights[0] == heights[1] < heights[2]


@pytest.mark.parametrize("caption", ["é", "猫", "a\udcff\x00\tb", "x" * 10_000, "\n\n", "👩‍👩‍👧"])
def test_captions_of_any_kind(caption, tmp_path):
    path = contact_sheet(random_pictures(1, 8), [caption], columns=9, path=tmp_path / "s.png")
    assert read(path).shape[1] == 2 * GAP + 112


def test_a_long_line_loses_its_middle():
    font = ImageFont.load_default(12)
    short = _fitted("photos/holiday/2021/IMG_20210403_112233.jpg", 112, font)
    assert font.getlength(short) <= 112
    start, end = short.split("…")
    assert "photos/holiday/2021/IMG_20210403_112233.jpg".startswith(start)
    assert end.endswith("33.jpg")
    assert _fitted("short", 112, font) == "short"
    assert _fitted("WWWW", 1, font)  # nothing fits, and it still ends


def test_characters_that_cannot_be_drawn_are_replaced():
    assert _printable("a\udcff\tb\nc") == ["a? b", "c"]


def test_pictures_need_not_be_square(tmp_path):
    pictures = np.zeros((2, 10, 28, 3), np.uint8)
    sheet = read(contact_sheet(pictures, "ab", columns=2, path=tmp_path / "s.png"))
    assert sheet.shape[1] == GAP + 2 * (112 + GAP)


@pytest.mark.parametrize(
    ("pictures", "captions", "columns", "message"),
    [
        (np.zeros((2, 8, 8), np.uint8), "ab", 2, r"uint8 and shape .*\(2, 8, 8\)"),
        (np.zeros((2, 8, 8, 3)), "ab", 2, "float64"),
        (np.zeros((0, 8, 8, 3), np.uint8), "", 2, "non-empty"),
        (np.zeros((2, 8, 8, 3), np.uint8), "abc", 2, "2 pictures, 3 captions and 2 columns"),
        (np.zeros((2, 8, 8, 3), np.uint8), "ab", 0, "at least one column"),
    ],
)
def test_bad_input_writes_nothing(pictures, captions, columns, message, tmp_path):
    with pytest.raises(UnlabeledError, match=message):
        contact_sheet(pictures, captions, columns=columns, path=tmp_path / "s.png")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnlabeledError, match="cannot write"):
        contact_sheet(random_pictures(1, 8), ["a"], columns=1, path=tmp_path / "file" / "s.png")
