from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from unlabeled.errors import UnlabeledError
from unlabeled.explore import segments, segments_picture
from unlabeled.explore.segments import write_mask

BLUE, GREEN, SAND = (60, 110, 200), (40, 130, 50), (220, 200, 140)


@pytest.fixture
def beach():
    """Sky above, trees at the left below, sand at the right below; a little noise."""
    picture = np.empty((60, 90, 3), np.uint8)
    picture[:30], picture[30:, :40], picture[30:, 40:] = BLUE, GREEN, SAND
    return np.clip(picture + np.random.default_rng(0).normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_parts_and_their_colours_are_found(beach, method):
    found = segments(beach, 3, method=method, smooth=0)
    assert (found.labels[:29] == 0).mean() > 0.99
    assert (found.labels[31:, 42:] == 1).mean() > 0.99
    assert (found.labels[31:, :38] == 2).mean() > 0.99
    np.testing.assert_allclose(found.colours, [BLUE, SAND, GREEN], atol=3)


def test_place_tells_apart_what_colour_does_not():
    flat = np.full((20, 60, 3), 128, np.uint8)
    left, right = np.split(segments(flat, 2, place=1).labels, 2, axis=1)
    assert len(np.unique(left)) == len(np.unique(right)) == 1
    assert left[0, 0] != right[0, 0]
    assert np.unique(segments(flat, 2, place=0).labels).tolist() == [0]


def test_smoothing_takes_specks_away_and_keeps_parts(beach):
    beach[10, 10] = GREEN
    raw, smooth = (segments(beach, 3, smooth=share, place=0.1).labels for share in (0, 0.05))
    assert raw[10, 10] != raw[10, 12]
    assert smooth[10, 10] == smooth[10, 12]
    assert (smooth[:27] == 0).all()


def test_boundaries_lie_between_segments():
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:, 4:] = 255
    expected = np.zeros((4, 6), dtype=bool)
    expected[:, 3] = True
    assert (segments(picture, 2, smooth=0).boundaries == expected).all()


def test_of_many_pixels_some_make_the_clusters_and_all_are_segmented(beach, monkeypatch):
    whole = segments(beach, 3)
    monkeypatch.setattr(import_module("unlabeled.explore.segments"), "FITTED", 300)
    some = segments(beach, 3)
    assert some.labels.shape == beach.shape[:2]
    assert (some.labels == whole.labels).mean() > 0.99


def test_the_number_may_be_chosen(beach):
    found = segments(beach, "auto", place=0)
    assert len(found.colours) == 3
    assert "silhouette" in found.chosen


def test_the_picture_holds_the_photo_and_the_segments(beach, tmp_path):
    found = segments(beach, 3)
    sheet = np.asarray(Image.open(segments_picture(beach, found, path=tmp_path / "segments.png")))
    assert sheet.shape == (60, 90 + 8 + 90, 3)
    assert (sheet[:, -90:] == found.colours[found.labels]).all()
    inner = ~found.boundaries
    assert (sheet[:, :90][inner] == beach[inner]).all()
    assert (sheet[:, :90][found.boundaries] == [255, 235, 0]).all()


def test_the_mask_holds_the_numbers(beach, tmp_path):
    found = segments(beach, 3)
    assert (np.asarray(Image.open(write_mask(found, tmp_path / "mask.png"))) == found.labels).all()


@pytest.mark.parametrize(
    ("picture", "options", "says"),
    [
        (np.zeros((4, 4), np.uint8), {}, "a picture is uint8 of shape"),
        (np.zeros((4, 4, 3)), {}, "float64"),
        (np.zeros((0, 4, 3), np.uint8), {}, "a picture is uint8"),
        (np.zeros((2, 2, 3), np.uint8), {"k": 5}, "5 clusters of only 4 rows"),
        (np.zeros((2, 2, 3), np.uint8), {"k": 1, "place": -1}, "place"),
        (np.zeros((2, 2, 3), np.uint8), {"k": 1, "smooth": 1.5}, "smooth"),
    ],
)
def test_what_is_no_picture_is_refused(picture, options, says):
    with pytest.raises(UnlabeledError, match=says):
        segments(picture, **options)
