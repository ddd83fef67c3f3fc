"""Contact sheets: small pictures in a grid, each with a caption."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.palette import INK, PALETTE
from unlabeled.files import written_aside

SIDE = 112  # pixels towards which small pictures are enlarged
GAP = 12
FRAME = 4
FONT_SIZE = 12
LINE = 16  # height of a line of caption


def contact_sheet(
    pictures: NDArray[np.uint8],
    captions: Sequence[str],
    *,
    columns: int,
    path: str | PathLike[str],
    framed: Sequence[int] = (),
) -> Path:
    """Draw pictures in a grid as a PNG, each with its caption beneath.

    Small pictures are enlarged a whole number of times, each pixel becoming a square, so that nothing is blurred.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (n, h, w, 3)
        RGB pictures.
    captions : sequence of str, length n
        One for each; a line break starts a second line. Lines wider than the picture lose their middle.
    columns : int
        Pictures in a row.
    path : path
        The PNG to write.
    framed : sequence of int
        Pictures that get a frame, such as the query of a search.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UnlabeledError
        If there are no pictures, they are not RGB bytes, captions do not match, or columns is below 1.

    Examples
    --------
    >>> import tempfile
    >>> pictures = np.zeros((3, 8, 8, 3), np.uint8)
    >>> contact_sheet(pictures, ["query", "a", "b"], columns=3, path=tempfile.mkdtemp() + "/found.png", framed=[0]).name
    'found.png'
    """
    from PIL import Image, ImageDraw, ImageFont

    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8 or 0 in pictures.shape:
        raise UnlabeledError(
            f"pictures must be a non-empty array of uint8 and shape (n, height, width, 3); "
            f"this one has {pictures.dtype} and shape {pictures.shape}"
        )
    if len(captions) != len(pictures) or columns < 1:
        raise UnlabeledError(
            f"a contact sheet needs a caption for each picture and at least one column; "
            f"there are {len(pictures)} pictures, {len(captions)} captions and {columns} columns"
        )
    times = max(1, round(SIDE / max(pictures.shape[1:3])))
    height, width = (side * times for side in pictures.shape[1:3])
    font = ImageFont.load_default(FONT_SIZE)
    lines = [[_fitted(line, width, font) for line in _printable(caption)] for caption in captions]
    columns = min(columns, len(pictures))
    cell_width = width + GAP
    cell_height = height + GAP + 4 + LINE * max(len(caption) for caption in lines)
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (GAP + columns * cell_width, GAP + rows * cell_height), "white")
    draw = ImageDraw.Draw(sheet)
    for place, picture in enumerate(pictures):
        left, top = GAP + place % columns * cell_width, GAP + place // columns * cell_height
        sheet.paste(Image.fromarray(picture).resize((width, height), Image.Resampling.NEAREST), (left, top))
        if place in framed:
            edge = (left - FRAME, top - FRAME, left + width + FRAME - 1, top + height + FRAME - 1)
            draw.rectangle(edge, outline=PALETTE[1], width=FRAME)
        for number, line in enumerate(lines[place]):
            middle = (left + width / 2, top + height + FRAME + 2 + number * LINE)
            draw.text(middle, line, fill=INK, font=font, anchor="ma")
    with written_aside(path) as aside:
        sheet.save(aside, format="PNG")
    return Path(path)


def _printable(caption: str) -> list[str]:
    """Split a caption into lines of characters that can be drawn; file names may hold any byte."""
    text = str(caption).encode("utf-8", "replace").decode("utf-8")
    return ["".join(c if c.isprintable() else " " for c in line) for line in text.splitlines()] or [""]


def _fitted(line: str, width: int, font: Any) -> str:
    """Cut the middle out of a line until it is no wider than `width`: of file names both ends say most."""
    kept = min(len(line), width)  # no letter is narrower than a pixel
    short = line
    while kept > 1 and font.getlength(short) > width:
        kept -= 1
        short = line[: kept - kept // 2] + "…" + line[len(line) - kept // 2 :]
    return short
