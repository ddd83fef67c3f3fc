"""Pictures brought to a square: cropped, squashed or padded, and never scaled more than needed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.image.decode import check_fit, picture, pixels
from unlabeled.errors import UnlabeledError


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def random_picture(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def photo(height: int, width: int) -> Image.Image:
    """A smooth picture, for which good and bad resampling differ little."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = [np.sin(5 * x + 3 * y), np.cos(4 * y - x), np.sin(6 * x * y)]
    return Image.fromarray(np.rint(127.5 + 127 * np.stack(planes, axis=-1)).astype(np.uint8))


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("size", [1, 5, 32])
def test_right_size_is_untouched(fit: Any, size: int) -> None:
    values = random_picture(size, size)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(values)), size, fit), values.transpose(2, 0, 1))


@pytest.mark.parametrize(("height", "width"), [(10, 17), (17, 10), (10, 16), (11, 10)])
def test_crop_without_scaling_takes_the_exact_middle(height: int, width: int) -> None:
    values = random_picture(height, width)
    top, left = (height - 10) // 2, (width - 10) // 2
    expected = values[top : top + 10, left : left + 10].transpose(2, 0, 1)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(values)), 10, "crop"), expected)


def test_crop_scales_the_shorter_side() -> None:
    image = Image.fromarray(random_picture(20, 40))
    whole = np.asarray(image.resize((20, 10), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(pixels(encoded(image), 10, "crop"), whole[:, 5:15].transpose(2, 0, 1))


def test_squash_keeps_everything() -> None:
    values = np.zeros((20, 40, 3), dtype=np.uint8)
    values[:, 20:] = 255
    squashed = pixels(encoded(Image.fromarray(values)), 10, "squash")
    assert (squashed[:, :, :4] < 8).all()
    assert (squashed[:, :, 6:] > 247).all()


def test_pad_fills_with_the_mean_colour() -> None:
    values = np.zeros((4, 8, 3), dtype=np.uint8)
    values[:, :4, 0] = 200
    padded = pixels(encoded(Image.fromarray(values)), 8, "pad")
    np.testing.assert_array_equal(padded[:, 2:6], values.transpose(2, 0, 1))
    assert (padded[:, [0, 1, 6, 7]] == np.array([100, 0, 0])[:, None, None]).all()


def test_a_thin_line_keeps_at_least_one_pixel() -> None:
    thin = encoded(Image.new("RGB", (1000, 1), "white"))
    assert (pixels(thin, 8, "pad") == 255).all()


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    size=st.integers(1, 40),
    fit=st.sampled_from(["crop", "squash", "pad"]),
    channels=st.sampled_from([1, 3]),
    value=st.integers(0, 255),
)
@settings(deadline=None, max_examples=60)
def test_any_shape_becomes_the_square_and_a_flat_picture_stays_flat(
    height: int, width: int, size: int, fit: Any, channels: int, value: int
) -> None:
    square = pixels(Image.new("RGB", (width, height), (value,) * 3), size, fit, channels)
    assert square.shape == (channels, size, size)
    assert square.dtype == np.uint8
    assert (square == value).all()


def test_unknown_fit() -> None:
    with pytest.raises(UnlabeledError, match="did you mean 'crop'"):
        check_fit("crp")


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_a_big_jpeg_is_decoded_small_and_looks_the_same(fit: Any) -> None:
    image = photo(600, 800)
    data = encoded(image, "JPEG", quality=95)
    drafted = pixels(data, 32, fit).astype(float)
    whole = pixels(Image.open(io.BytesIO(data)), 32, fit).astype(float)  # a picture already open is decoded whole
    # Two good low-pass filters of a smooth picture: a level or two apart. A shift by a pixel would give about 10.
    assert np.abs(drafted - whole).mean() < 1.0
    assert np.abs(drafted - whole).max() < 8


def test_a_big_jpeg_is_drafted(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import JpegImagePlugin

    loaded = []
    load = JpegImagePlugin.JpegImageFile.load_prepare

    def spy(self: Any) -> None:
        loaded.append(self.size)
        load(self)

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load_prepare", spy)
    data = encoded(photo(600, 800), "JPEG")
    pixels(data, 32)
    picture(data)
    assert loaded == [(100, 75), (800, 600)]  # 75 ≥ 2 · 32, and another halving would not be
