import numpy as np
import pytest

from unlabeled.explore.figures.lab import lab


# Published values (D65, 2° observer), to the digit in which tables differ.
@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_known_colours(rgb, expected):
    np.testing.assert_allclose(lab(rgb), expected, atol=0.03)


def test_greys_have_no_colour_and_rise_in_lightness():
    greys = lab(np.repeat(np.arange(256)[:, None], 3, axis=1))
    assert np.abs(greys[:, 1:]).max() < 1e-3
    assert (np.diff(greys[:, 0]) > 0).all()


def test_a_whole_picture_keeps_its_shape():
    assert lab(np.zeros((4, 5, 3), np.uint8)).shape == (4, 5, 3)
    assert lab(np.zeros((4, 5, 3), np.uint8)).dtype == np.float32
