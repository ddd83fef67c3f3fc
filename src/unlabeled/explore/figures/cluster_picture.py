"""A picture of clusters: one row each, with its size and its most typical instances or what is typical of them."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.palette import INK, colour
from unlabeled.figure import figure

UNIT = 0.7  # inches; a row of pictures is as high
LINES = 0.45  # height of a row of text
BAR = 2.4  # width of the longest bar, in rows' heights
MOST_ROWS = 40
LETTERS = 105  # in a line of text


def cluster_picture(
    sizes: Sequence[int] | NDArray[np.int64],
    path: str | PathLike[str],
    *,
    pictures: Sequence[NDArray[np.uint8]] | None = None,
    texts: Sequence[str] | None = None,
    title: str = "",
) -> Path:
    """Draw the sizes of clusters as bars, each beside its examples, as a PNG.

    Parameters
    ----------
    sizes : sequence of int, length k
        Rows of each cluster; the first 40 clusters are drawn.
    path : path
        The PNG to write.
    pictures : sequence of ndarray of uint8, shape (m, h, w, 3), length k, optional
        Examples of each cluster, where they are images.
    texts : sequence of str, length k, optional
        What to say of each cluster, where they are not.
    title : str
        Written above.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UnlabeledError
        If there is nothing to draw, or not one entry of `pictures` or `texts` for each cluster.

    Examples
    --------
    >>> import tempfile
    >>> cluster_picture([30, 12], tempfile.mkdtemp() + "/clusters.png", texts=["frogs and toads", "kings"]).name
    'clusters.png'
    """
    given = texts if pictures is None else pictures
    if given is None or len(given) != len(sizes) or len(sizes) == 0:
        raise UnlabeledError(f"there are {len(sizes)} clusters; give pictures or texts for each of them")
    shown = min(len(sizes), MOST_ROWS)
    beside = 8.5 if pictures is None else max(len(group) for group in pictures)
    rest = f"; the {shown} largest of {len(sizes)} clusters" if shown < len(sizes) else ""
    height = UNIT if pictures is not None else LINES
    with figure(path, UNIT * (BAR + beside + 2.2), height * shown + 0.5) as drawn:
        axes = drawn.add_subplot()
        largest, total = int(np.max(sizes)), int(np.sum(sizes))
        for row in range(shown):
            _draw_size(axes, row, int(sizes[row]), largest, total)
            if pictures is not None:
                _draw_pictures(axes, row, pictures[row])
            elif texts is not None:
                words = fill(" ".join(texts[row].split()), LETTERS, max_lines=2, placeholder=" …")
                axes.text(BAR + 1.5, row, words, va="center", fontsize=8.5, color=INK, parse_math=False)
        axes.set_title(title + rest, loc="left", fontsize=11, color=INK, pad=8, parse_math=False)
        axes.set_aspect("auto" if pictures is None else "equal")
        axes.set_xlim(-0.7, BAR + 1.5 + beside)
        axes.set_ylim(shown - 0.45, -0.55)
        axes.axis("off")
    return Path(path)


def _draw_size(axes: Any, row: int, size: int, largest: int, total: int) -> None:
    """Draw a cluster's number and a bar with its size."""
    axes.text(-0.15, row, str(row), ha="right", va="center", fontsize=10, fontweight="bold", color=INK)
    width = BAR * size / largest
    axes.barh(row, width, height=0.5, color=colour(row))
    share = size / total
    axes.text(width + 0.1, row, f"{size:,}\n{share:.1%}", va="center", fontsize=7.5, color=INK, linespacing=1.1)


def _draw_pictures(axes: Any, row: int, pictures: NDArray[np.uint8]) -> None:
    for place, picture in enumerate(pictures):
        left = BAR + 1.5 + place
        axes.imshow(picture, extent=(left, left + 0.94, row + 0.47, row - 0.47), interpolation="nearest")
