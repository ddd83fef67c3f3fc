"""A picture of the similarity of each image to each text of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.palette import INK
from unlabeled.figure import figure

CAPTION = 34
"""Characters of a text that are shown."""


def similarity_picture(
    similarities: NDArray[np.float32],
    pictures: NDArray[np.uint8],
    texts: Sequence[str],
    path: str | PathLike[str],
) -> Path:
    """Draw a similarity matrix as a PNG: a row an image, a column a text, and a frame around each pair's own cell.

    Parameters
    ----------
    similarities : ndarray of float32, shape (n, n)
        Cosines; the image of row i and the text of column i are a pair.
    pictures : ndarray of uint8, shape (n, h, w, 3)
        The images.
    texts : sequence of str
        The texts; long ones are cut off.
    path : path
        The PNG to write.

    Raises
    ------
    UnlabeledError
        If the matrix, the pictures and the texts do not belong together.

    Examples
    --------
    >>> import tempfile
    >>> pictures = np.zeros((2, 8, 8, 3), np.uint8)
    >>> path = tempfile.mkdtemp() + "/similarity.png"
    >>> similarity_picture(np.eye(2, dtype=np.float32), pictures, ["a", "b"], path).name
    'similarity.png'
    """
    n = len(texts)
    if similarities.shape != (n, n) or len(pictures) != n or not n:
        raise UnlabeledError(
            f"a similarity matrix of shape {similarities.shape} does not fit {len(pictures)} images and {n} texts"
        )
    low, high = float(similarities.min()), float(similarities.max())
    with figure(path, 0.52 * n + 1.6, 0.52 * n + 2.2) as drawn:
        axes = drawn.add_subplot()
        axes.imshow(similarities, cmap="Blues", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest")
        for row in range(n):
            for column in range(n):
                dark = similarities[row, column] > (low + high) / 2
                axes.text(
                    column, row, f"{similarities[row, column]:.2f}".replace("-", "−"),
                    ha="center", va="center", fontsize=6.5, color="white" if dark else INK,
                )  # fmt: skip
            corner, edge = (row - 0.5, row - 0.5), "#f08700"
            axes.add_patch(_square(corner, edge))
            axes.imshow(pictures[row], extent=(-1.5, -0.6, row + 0.45, row - 0.45), interpolation="bilinear")
        axes.set_xlim(-1.55, n - 0.5)
        axes.set_ylim(n - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.xaxis.tick_top()
        axes.set_xticks(range(n), [_short(text) for text in texts], rotation=60, ha="left", fontsize=7, color=INK)
        axes.set_yticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return Path(path)


def _square(corner: tuple[float, float], edge: str) -> object:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, fill=False, edgecolor=edge, linewidth=1.6)


def _short(text: str) -> str:
    plain = " ".join(text.split()).replace("$", r"\$")  # a dollar sign would begin a formula
    return plain if len(plain) <= CAPTION else plain[: CAPTION - 1].rstrip() + "…"
