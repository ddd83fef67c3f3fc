"""From an encoded picture to 8-bit pixels of a given size, with every kind of file handled on purpose.

========================  ==============================================================================
EXIF orientation          applied; a damaged EXIF block is ignored
palette, CMYK, YCbCr      converted to RGB; embedded colour profiles are ignored
grey, bilevel             kept grey until the channels are chosen
transparency              laid on white
16-bit grey               scaled to 8 bits, never clipped; white is the largest number of 10, 12, 14 or 16 bits,
                          whichever first holds every pixel, for cameras store fewer bits than the file has
32-bit float grey         scaled from [0, 1]; other ranges are refused, for their white is unknown
animation, many pages     first frame
too many pixels           refused after reading the header, before anything is decoded
truncated, damaged        refused; never filled up with grey
========================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from unlabeled.errors import unknown_name

Fit: TypeAlias = Literal["crop", "squash", "pad", "stretch", "transformers_crop", "torchvision_crop"]
Raw: TypeAlias = Path | bytes | Image.Image

MAX_PIXELS = 100_000_000

# Pillow knows more formats, some of which start other programs (EPS) or hold no pixels; these are pictures.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000")
_SUFFIXES = ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .tif .tiff .bmp .dib .ppm .pgm .pbm .pnm .avif .jp2 .j2k"
HEIF_SUFFIXES = frozenset({".heic", ".heif"})
"""Pictures of most phones; read where pillow-heif is installed."""
HEIF = find_spec("pillow_heif") is not None
SUFFIXES = frozenset(_SUFFIXES.split()) | (HEIF_SUFFIXES if HEIF else frozenset())

# A picture is first shrunk by a cheap average to no less than twice the wanted size (Pillow's own choice for
# thumbnails), and only then resampled with care.
REDUCING_GAP = 2.0
EXACT = ("stretch", "transformers_crop", "torchvision_crop")
"""Geometries of other libraries, which resample the whole picture with care."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = (5, 6, 7, 8)
"""Orientations whose width and height change places."""


class UnreadableError(Exception):
    """Why a picture cannot be used; whoever catches it knows the picture's name."""


def check_fit(fit: str) -> None:
    """Raise if `fit` is none of the geometries."""
    if fit not in get_args(Fit):
        raise unknown_name("fit", fit, get_args(Fit))


def picture_size(raw: Raw, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Give width and height from the header alone, as stored, before any EXIF rotation."""
    with _opened(raw, max_pixels) as image:
        return image.size


def upright_size(raw: Raw, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Give width and height from the header alone, after the rotation that its EXIF block asks for."""
    with _opened(raw, max_pixels) as image:
        width, height = image.size
        return (height, width) if _orientation(image) in _TURNED else (width, height)


def is_grey(raw: Raw, max_pixels: int = MAX_PIXELS) -> bool:
    """Tell from the header alone whether a picture has a single channel of brightness.

    Raises
    ------
    UnreadableError
        If the file is missing, damaged, of no known format or larger than `max_pixels`.
    """
    with _opened(raw, max_pixels) as image:
        return image.mode in ("1", "L", "F") or image.mode.startswith("I")


def picture(raw: Raw, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a whole picture, upright, as 8-bit ``"L"`` (grey) or ``"RGB"``.

    Raises
    ------
    UnreadableError
        If the file is missing, damaged, of no known format or larger than `max_pixels`.
    """
    with _opened(raw, max_pixels) as image:
        return _plain(image)


def pixels(
    raw: Raw, size: int, fit: Fit = "crop", channels: int = 3, max_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """Decode a picture to a square of `size` pixels.

    A large JPEG is decoded at a half, a quarter or an eighth of its size when that is still at least twice what is
    needed. A picture that has the right size already is not resampled.

    Parameters
    ----------
    raw : Path, bytes or PIL image
        A file, its content, or a picture already open (which is left as it was).
    size : int
        Side of the square, in pixels.
    fit : {"crop", "squash", "pad"}, default "crop"
        ``"crop"``: the shorter side becomes `size` and the middle is kept. ``"squash"``: both sides become `size`.
        ``"pad"``: the longer side becomes `size` and the rest is filled with the picture's mean colour. The others are
        for checkpoints of other libraries, to the last bit: ``"stretch"`` is ``"squash"`` without the cheap average,
        ``"transformers_crop"`` and ``"torchvision_crop"`` bring the shorter side of the whole picture to `size` and
        then cut out the middle, where the libraries of these names round half a pixel differently.
    channels : {3, 1}, default 3
        RGB or grey (ITU-R 601 luma).
    max_pixels : int, default 100,000,000
        Largest width × height accepted.

    Returns
    -------
    ndarray of uint8, shape (channels, size, size)
    """
    mode = "L" if channels == 1 else "RGB"
    with _opened(raw, max_pixels) as image:
        width, height = scaled_sides(image.size, size, fit)
        if fit not in EXACT and image.width >= 2 * REDUCING_GAP * width:
            image.draft(None, (ceil(REDUCING_GAP * width), ceil(REDUCING_GAP * height)))
        square = _fitted(_plain(image), size, fit)
    array: NDArray[np.uint8] = np.asarray(square if square.mode == mode else square.convert(mode))
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def as_uint8(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Round floats in [0, 1] to 0, ..., 255; uint8 stays as it is."""
    if values.dtype == np.uint8:
        return values
    rounded: NDArray[np.uint8] = np.rint(values.astype(np.float32, copy=False) * np.float32(255)).astype(np.uint8)
    return rounded


@cache
def _readers() -> list[Any]:
    Image.init()
    if HEIF:
        import pillow_heif

        pillow_heif.register_heif_opener()
    return [Image.OPEN[name] for name in (*FORMATS, "HEIF") if name in Image.OPEN]


def _header(file: IO[bytes]) -> Image.Image:
    # Not Image.open: it warns and fails by a process-wide pixel limit, and tries every format it knows.
    start = file.read(16)
    if not start:
        raise UnreadableError("the file is empty")
    for reader, accepts in _readers():
        if accepts(start) is True:
            file.seek(0)
            image: Image.Image = reader(file, "")
            return image
    raise UnreadableError("not an image in a known format, whatever its name says")


@contextmanager
def _opened(raw: Raw, max_pixels: int) -> Iterator[Image.Image]:
    """Yield a picture whose header is read and whose pixels are not; every failure becomes `UnreadableError`."""
    try:
        if isinstance(raw, Path):
            with raw.open("rb") as file:
                yield _bounded(_header(file), max_pixels)
        elif isinstance(raw, bytes):
            yield _bounded(_header(BytesIO(raw)), max_pixels)
        else:
            yield _bounded(raw, max_pixels).copy()
    except (UnreadableError, MemoryError):
        raise
    # Damaged files make Pillow's readers fail in any way there is: struct.error, SyntaxError, IndexError, ...
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableError(reason or type(error).__name__) from error


def _bounded(image: Image.Image, max_pixels: int) -> Image.Image:
    width, height = image.size
    if width * height > max_pixels:
        raise UnreadableError(
            f"{width:,} × {height:,} pixels are more than the {max_pixels:,} that are decoded; make it smaller first"
        )
    return image


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # EXIF is an appendix: when it is damaged the picture is still good, as stored
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """Load the pixels, upright, as ``"L"`` or ``"RGB"``."""
    image.load()  # first, for PNG and TIFF know their orientation only afterwards
    orientation = _orientation(image)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_grey_from_wide(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _grey_from_wide(image: Image.Image) -> NDArray[np.uint8]:
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if image.mode == "F":
        if not (low >= 0 and high <= 1):
            raise UnreadableError(f"float pixels from {low:g} to {high:g}; only [0, 1] has a known white")
        return as_uint8(values)
    if low < 0 or high > 65535:
        raise UnreadableError(f"32-bit pixels from {low} to {high}; only 0 to 65535 has a known white")
    white = next(limit for limit in (1023, 4095, 16383, 65535) if high <= limit)
    return ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)


def scaled_sides(sides: tuple[int, int], size: int, fit: Fit) -> tuple[int, int]:
    """Give the sides of the whole picture once it is scaled for `fit`."""
    if fit in ("squash", "stretch"):
        return size, size
    if fit in EXACT:  # the shorter side is exact, and the longer one rounded down
        width, height = (int(size * side / min(sides)) for side in sides)
        return width, height
    base = min(sides) if fit == "crop" else max(sides)
    width, height = (max(1, round(side * size / base)) for side in sides)
    return width, height


def _fitted(image: Image.Image, size: int, fit: Fit) -> Image.Image:
    width, height = image.size
    if fit in EXACT:
        whole = image.resize(scaled_sides(image.size, size, fit), Image.Resampling.BICUBIC)
        half = int if fit == "transformers_crop" else round
        column, row = half((whole.width - size) / 2), half((whole.height - size) / 2)
        return whole.crop((column, row, column + size, row + size))
    if fit == "crop":
        side = min(width, height)
        if side == size:
            column, row = (width - side) // 2, (height - side) // 2
            return image if width == height else image.crop((column, row, column + side, row + side))
        left, top = (width - side) / 2, (height - side) / 2  # half pixels too, so that scaling does not shift
        return _resized(image, (size, size), (left, top, left + side, top + side))
    whole = _resized(image, scaled_sides(image.size, size, fit), (0, 0, width, height))
    if whole.size == (size, size):
        return whole
    mean = tuple(round(value) for value in ImageStat.Stat(whole).mean)
    square = Image.new(whole.mode, (size, size), mean)
    square.paste(whole, ((size - whole.width) // 2, (size - whole.height) // 2))
    return square


def _resized(image: Image.Image, sides: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    if image.size == sides:
        return image
    return image.resize(sides, Image.Resampling.BICUBIC, box=box, reducing_gap=REDUCING_GAP)
