"""A picture as a PNG file, whole or not at all."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unlabeled.files import written_aside


def write_png(picture: NDArray[np.uint8], path: str | PathLike[str]) -> Path:
    """Write a picture, uint8 of shape (h, w) or (h, w, 3), as a PNG."""
    from PIL import Image

    with written_aside(path) as aside:
        Image.fromarray(picture).save(aside, format="PNG")
    return Path(path)
