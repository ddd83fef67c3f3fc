"""Figures: drawn by matplotlib without a display, and written whole or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.files import check_output, written_aside


def check_picture(path: str | PathLike[str], inputs: Iterable[Any] = (), *, overwrite: bool = False) -> None:
    """Refuse, before the work, a name that is no PNG's, or one that `unlabeled.files.check_output` refuses."""
    if Path(path).suffix.lower() != ".png":
        raise UnlabeledError(f"{path}: the picture is a PNG, so its name ends in .png")
    check_output(path, inputs, overwrite=overwrite)


@contextmanager
def figure(path: str | PathLike[str], width: float, height: float) -> Iterator[Any]:
    """Yield a white figure of `width` × `height` inches; when the block ends well, `path` is its PNG, at 150 dpi.

    The same drawing gives the same bytes: nothing in the file tells when or by what it was made.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(width, height), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(drawn)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # shown as a box; no reason to fail
        yield drawn
        with written_aside(path) as aside:
            drawn.savefig(aside, format="png", metadata={"Software": None})
