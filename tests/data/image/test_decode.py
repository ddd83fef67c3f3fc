"""Pictures read from files of every kind, upright, whole and never more than is allowed."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.image.decode import MAX_PIXELS, UnreadableError, picture, picture_size, pixels


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


def png(width: int, height: int, bits: int, data: bytes) -> bytes:
    """A grey PNG written by hand: header, one block of data, end."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


# Kinds of file


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_colour_is_exact(kind: str) -> None:
    values = random_picture(9, 7)
    decoded = picture(encoded(Image.fromarray(values), kind))
    assert decoded.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(decoded), values)


def test_lossless_webp_is_exact() -> None:
    values = random_picture(9, 7)
    decoded = picture(encoded(Image.fromarray(values), "WEBP", lossless=True))
    np.testing.assert_array_equal(np.asarray(decoded), values)


def test_jpeg_is_what_pillow_decodes() -> None:
    data = encoded(photo(40, 30), "JPEG", quality=80)
    np.testing.assert_array_equal(np.asarray(picture(data)), np.asarray(Image.open(io.BytesIO(data))))


def test_grey_stays_grey_until_channels_are_chosen() -> None:
    values = random_picture(6, 6, channels=1)
    data = encoded(Image.fromarray(values))
    assert picture(data).mode == "L"
    np.testing.assert_array_equal(pixels(data, 6, channels=1), values[None])
    np.testing.assert_array_equal(pixels(data, 6, channels=3), np.stack([values] * 3))


def test_colour_to_grey_is_luma() -> None:
    values = random_picture(6, 6)
    grey = pixels(encoded(Image.fromarray(values)), 6, channels=1)[0]
    # ITU-R 601; Pillow computes it in 16-bit fixed point, so a level either way
    np.testing.assert_allclose(grey, values @ np.array([0.299, 0.587, 0.114]), atol=1)


def test_bilevel() -> None:
    values = random_picture(5, 5, channels=1) > 127
    decoded = picture(encoded(Image.fromarray(values)))
    np.testing.assert_array_equal(np.asarray(decoded), values * np.uint8(255))


def test_palette_gives_its_colours() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([1, 0])
    assert np.asarray(picture(encoded(image))).tolist() == [[[200, 100, 50], [10, 20, 30]]]


def test_transparent_palette_entry_becomes_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([1, 0])
    assert np.asarray(picture(encoded(image, transparency=0))).tolist() == [[[200, 100, 50], [255, 255, 255]]]


@pytest.mark.parametrize("alpha", [0, 1, 64, 128, 254, 255])
def test_alpha_is_laid_on_white(alpha: int) -> None:
    colour = (200, 100, 0)
    got = np.asarray(picture(encoded(Image.new("RGBA", (3, 2), (*colour, alpha)))))[1, 2]
    expected = [c * alpha / 255 + 255 * (1 - alpha / 255) for c in colour]
    np.testing.assert_allclose(got, expected, atol=1)  # integer compositing rounds
    if alpha in (0, 255):
        assert got.tolist() == (list(colour) if alpha else [255, 255, 255])


def test_grey_with_alpha_is_laid_on_white() -> None:
    image = Image.fromarray(np.array([[[80, 255], [80, 0]]], dtype=np.uint8), "LA")
    assert np.asarray(picture(encoded(image))).tolist() == [[[80, 80, 80], [255, 255, 255]]]


def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 257, 514, 32896, 65535, 128, 129, 40000]], dtype=np.uint16)
    expected = [0, 1, 2, 128, 255, 0, 1, 156]  # round(v / 257)
    Image.fromarray(values).save(tmp_path / "deep.png")
    Image.fromarray(values).save(tmp_path / "deep.tiff")
    (tmp_path / "deep.pgm").write_bytes(b"P5 8 1 65535\n" + values.astype(">u2").tobytes())
    for file in sorted(tmp_path.iterdir()):
        assert np.asarray(picture(file)).tolist() == [expected], file.name


def test_big_endian_16_bit_tiff() -> None:
    values = np.array([[0, 257, 65535]], dtype=">u2")
    image = Image.frombytes("I;16B", (3, 1), values.tobytes())
    assert np.asarray(picture(image)).tolist() == [[0, 1, 255]]


def test_every_16_bit_level_rounds_to_the_nearest() -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(np.asarray(picture(Image.fromarray(levels))), np.rint(levels / 257))


def test_32_bit_grey() -> None:
    within = Image.fromarray(np.array([[0, 65535]], dtype=np.int32))
    assert np.asarray(picture(within)).tolist() == [[0, 255]]
    with pytest.raises(UnreadableError, match="32-bit pixels from 0 to 70000"):
        picture(Image.fromarray(np.array([[0, 70000]], dtype=np.int32)))


def test_float_grey() -> None:
    within = Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert np.asarray(picture(encoded(within, "TIFF"))).tolist() == [[0, 128, 255]]
    for wrong in (1.5, -0.1, np.nan):
        with pytest.raises(UnreadableError, match="float pixels"):
            picture(Image.fromarray(np.array([[0.0, wrong]], dtype=np.float32)))


def test_cmyk_jpeg() -> None:
    # 100 % cyan is red 0, green and blue full
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    decoded = picture(encoded(image, "JPEG", quality=100))
    assert decoded.mode == "RGB"
    np.testing.assert_allclose(np.asarray(decoded)[8, 8], [0, 255, 255], atol=3)  # JPEG is lossy


@pytest.mark.parametrize(("kind", "suffix"), [("GIF", "gif"), ("WEBP", "webp"), ("PNG", "apng"), ("TIFF", "tif")])
def test_animations_and_pages_give_the_first_frame(kind: str, suffix: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / f"moving.{suffix}"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], **options)
    with Image.open(path) as check:
        assert getattr(check, "n_frames", 1) == 3
    decoded = np.asarray(picture(path))
    assert decoded.shape == (6, 8, 3)
    assert (decoded == [255, 0, 0]).all()


# EXIF orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    blocks = np.zeros((16, 32), dtype=np.uint8)
    blocks[:8, :8] = 250  # a bright corner and a grey one tell all eight apart
    blocks[8:, 24:] = 120
    blocks[:8, 24:] = 60
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    data = encoded(Image.fromarray(blocks).convert("RGB"), kind, exif=exif, **options)
    stored = blocks.astype(int)
    # The EXIF table: what is done to the stored rows and columns to see the picture upright.
    upright = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.T,
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].T,
        8: np.rot90(stored),
    }[orientation]
    decoded = np.asarray(picture(data).convert("L")).astype(int)
    assert decoded.shape == upright.shape
    assert np.abs(decoded - upright).max() <= 4  # JPEG; the wrong orientation is off by hundreds


def test_orientation_comes_before_the_crop() -> None:
    values = np.zeros((4, 8, 3), dtype=np.uint8)
    values[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(values), exif=exif)
    assert picture(data).size == (4, 8)
    # Upright, white is above: the middle square has two white rows over two black ones.
    assert pixels(data, 4)[0].tolist() == [[255] * 4] * 2 + [[0] * 4] * 2


def test_damaged_exif_is_ignored() -> None:
    values = random_picture(8, 8)
    data = encoded(Image.fromarray(values), exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff broken")
    np.testing.assert_array_equal(np.asarray(picture(data)), values)


def test_an_open_picture_is_left_as_it_was() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(photo(60, 90), "JPEG", exif=exif)))
    pixels(image, 4)
    picture(image)
    assert image.size == (90, 60)
    assert image.getexif()[0x0112] == 6


# Refusals


def test_truncated_jpeg_is_refused() -> None:
    data = encoded(photo(200, 200), "JPEG")
    with pytest.raises(UnreadableError, match="truncated"):
        picture(data[: len(data) // 2])


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF", "BMP", "JPEG"])
@given(cut=st.floats(0.0, 0.9))
@settings(deadline=None, max_examples=25)
def test_truncated_files_never_give_a_picture(kind: str, cut: float) -> None:
    data = encoded(Image.fromarray(random_picture(32, 32)), kind)
    with pytest.raises(UnreadableError):
        picture(data[: int(cut * len(data))])


@given(
    data=st.binary(max_size=200), start=st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\x00", b"P5 "])
)
@settings(deadline=None, max_examples=100)
def test_garbage_is_refused_and_nothing_else_is_raised(data: bytes, start: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        picture(start + data)


def test_text_with_an_image_s_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("Dear diary, today I renamed a file.")
    with pytest.raises(UnreadableError, match="not an image in a known format"):
        picture(path)


def test_empty_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(UnreadableError, match="empty"):
        picture(tmp_path / "empty.png")
    with pytest.raises(UnreadableError, match="No such file"):
        picture(tmp_path / "gone.png")


def test_formats_that_run_programs_are_not_opened() -> None:
    with pytest.raises(UnreadableError, match="known format"):
        picture(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")


def test_decompression_bomb_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side = 30_000
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 1, bytes((side // 8 + 1) * side)))
    assert path.stat().st_size < 200_000  # 112 MB of zeros, well packed
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    for decode in (picture, picture_size, lambda raw: pixels(raw, 8)):
        with pytest.raises(UnreadableError, match=r"30,000 × 30,000 .* more than the 100,000,000"):
            decode(path)


def test_max_pixels_is_exact_and_can_be_raised() -> None:
    data = encoded(Image.new("L", (20, 10)))
    assert picture(data, max_pixels=200).size == (20, 10)
    with pytest.raises(UnreadableError, match="more than the 199"):
        picture(data, max_pixels=199)
    with pytest.raises(UnreadableError, match="more than the 199"):
        picture(Image.new("L", (20, 10)), max_pixels=199)


def test_pillow_s_own_limit_neither_warns_nor_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # it warns from 11 and fails from 21 pixels
    assert picture(encoded(Image.new("L", (8, 8)))).size == (8, 8)
    assert MAX_PIXELS == 100_000_000


def test_size_is_read_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(photo(30, 20), "JPEG")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert picture_size(data) == (20, 30)


@pytest.mark.parametrize(("bits", "white"), [(10, 1023), (12, 4095), (14, 16383), (16, 65535)])
def test_fewer_bits_in_a_16_bit_file_keep_their_white(bits: int, white: int) -> None:
    ramp = np.linspace(0, white, 64).astype(np.uint16).reshape(8, 8)
    grey = np.asarray(picture(encoded(Image.fromarray(ramp), "PNG")))
    assert grey.max() == 255
    np.testing.assert_allclose(grey, ramp / white * 255, atol=0.5 + 1e-6)
