"""Segments: the pixels of a picture, clustered by colour and place."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore.clusters import Method, clusters
from unlabeled.explore.figures.lab import lab
from unlabeled.files import written_aside

FITTED = 40_000  # pixels that the clusters are made of; the others join the nearest
LINE = (255, 235, 0)  # colour of boundaries
GAP = 8  # pixels between the picture and its segments


@dataclass(frozen=True)
class Segments:
    """Parts of a picture.

    Attributes
    ----------
    labels : ndarray of int64, shape (h, w)
        Segment of each pixel; 0 is the largest, and so on down.
    colours : ndarray of uint8, shape (k, 3)
        Mean colour of each segment.
    chosen : str
        A sentence on where the number of segments comes from.
    """

    labels: NDArray[np.int64]
    colours: NDArray[np.uint8]
    chosen: str

    @property
    def boundaries(self) -> NDArray[np.bool_]:
        """Whether the pixel to the right or beneath belongs to another segment, shape (h, w)."""
        edges = np.zeros(self.labels.shape, dtype=bool)
        edges[:, :-1] |= self.labels[:, :-1] != self.labels[:, 1:]
        edges[:-1] |= self.labels[:-1] != self.labels[1:]
        return edges


def segments(
    picture: ArrayLike,
    k: int | Literal["auto"] = 6,
    place: float = 0.5,
    smooth: float = 0.01,
    method: Method = "kmeans",
    random_state: int = 0,
) -> Segments:
    r"""Cut a picture into k parts of like colour and place.

    A pixel at column u and row v is the row of numbers

    .. math:: \left(L^*, a^*, b^*, \tfrac{100 \, \lambda \, u}{s}, \tfrac{100 \, \lambda \, v}{s}\right),

    with s the longer side and λ the weight of the place; the rows are clustered. (Achanta et al., SLIC Superpixels,
    PAMI 2012, weigh place and colour so.) Nothing makes a segment connected: with λ = 0 it is all pixels of a colour.

    Parameters
    ----------
    picture : array-like of uint8, shape (h, w, 3)
    k : int or "auto", default 6
        Segments; see `unlabeled.explore.clusters`.
    place : float, default 0.5
        λ: with 1, the longer side counts as much as the way from black to white.
    smooth : float, default 0.01
        Each pixel joins the segment that most pixels around it belong to, in a square whose side is this share of the
        picture's longer side; specks and ragged edges go. With 0 every pixel keeps its own.
    method : {"kmeans", "minibatch", "mixture"}
        How the pixels are clustered.
    random_state : int, default 0
        Of the choice of pixels, at most 40,000, that the clusters are made of, and of the starts.

    Returns
    -------
    Segments

    Raises
    ------
    UnlabeledError
        If this is no picture, it has fewer pixels than k, or `place` or `smooth` is negative.

    Examples
    --------
    >>> picture = np.zeros((4, 6, 3), np.uint8)
    >>> picture[:, 4:] = [255, 0, 0]
    >>> found = segments(picture, 2)
    >>> found.labels[0].tolist(), found.colours.tolist()
    ([0, 0, 0, 0, 1, 1], [[0, 0, 0], [255, 0, 0]])
    """
    pixels = checked_picture(picture, place, smooth)
    features = np.dstack([lab(pixels), places(pixels, place)])
    return clustered(features, pixels, k, smooth, method, random_state)


def checked_picture(picture: ArrayLike, place: float, smooth: float) -> NDArray[np.uint8]:
    """Give the picture as an array, if it is one, and the settings of segments are in range."""
    pixels = np.asarray(picture)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise UnlabeledError(f"a picture is uint8 of shape (h, w, 3); this one is {pixels.dtype} of {pixels.shape}")
    if not 0 <= place < np.inf:
        raise UnlabeledError(f"place, the weight of where a pixel is, must be at least 0; it is {place}")
    if not 0 <= smooth < 1:
        raise UnlabeledError(f"smooth, a share of the longer side, must be at least 0 and below 1; it is {smooth}")
    return pixels


def places(pixels: NDArray[np.uint8], place: float) -> NDArray[np.float32]:
    """Give column and row of each pixel, weighted, shape (h, w, 2)."""
    height, width = pixels.shape[:2]
    scale = np.float32(100 * place / max(height, width))
    rows, columns = np.mgrid[:height, :width].astype(np.float32) * scale
    return np.dstack([columns, rows])


def clustered(
    features: NDArray[np.float32],
    pixels: NDArray[np.uint8],
    k: int | Literal["auto"],
    smooth: float,
    method: Method,
    random_state: int,
) -> Segments:
    """Cluster the pixels of a picture by their features, shape (h, w, d), into segments without specks."""
    height, width = pixels.shape[:2]
    features = features.reshape(height * width, -1)
    chosen = np.arange(len(features))
    if len(features) > FITTED:
        chosen = np.sort(np.random.default_rng(random_state).choice(len(features), FITTED, replace=False))
    found = clusters(features[chosen], k, method, random_state)
    raw = _smoothed(found.predict(features).reshape(height, width), round(smooth * max(height, width) / 2))
    _, labels, sizes = np.unique(raw.ravel(), return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(labels, pixels[..., channel].ravel()) for channel in range(3)], axis=1)
    order = np.argsort(-sizes, kind="stable")
    colours = np.rint(sums / sizes[:, None]).astype(np.uint8)[order]
    return Segments(np.argsort(order)[labels].reshape(height, width), colours, found.chosen)


def _smoothed(labels: NDArray[np.int64], radius: int) -> NDArray[np.int64]:
    """Give each pixel the label that is commonest within `radius` pixels of it, to either side."""
    from scipy.ndimage import uniform_filter

    if radius == 0:
        return labels
    most, found = np.zeros(labels.shape, np.float32), labels.copy()
    for label in np.unique(labels):
        share = uniform_filter((labels == label).astype(np.float32), 2 * radius + 1, mode="nearest")
        more = share > most
        most[more], found[more] = share[more], label
    return found


def segments_picture(picture: NDArray[np.uint8], *found: Segments, path: str | PathLike[str]) -> Path:
    """Draw a picture with the boundaries of its segments, beside the segments in their mean colours, as a PNG.

    Each further segmentation is a row below.
    """
    from PIL import Image

    thick = max(1, round(max(picture.shape[:2]) / 600))
    rows = [_segments_row(picture, each, thick) for each in found]
    gap = np.full((GAP * thick, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for row in rows for part in (gap, row)][1:])
    with written_aside(path) as aside:
        Image.fromarray(sheet).save(aside, format="PNG")
    return Path(path)


def _segments_row(picture: NDArray[np.uint8], found: Segments, thick: int) -> NDArray[np.uint8]:
    edges = found.boundaries
    grown = edges.copy()
    for step in range(1, thick):  # towards the top left, where the pixels on this side of the boundary are
        grown[:-step] |= edges[step:]
        grown[:, :-step] |= edges[:, step:]
    outlined = np.where(grown[..., None], np.array(LINE, np.uint8), picture)
    gap = np.full((picture.shape[0], GAP * thick, 3), 255, np.uint8)
    return np.concatenate([outlined, gap, found.colours[found.labels]], axis=1)


def write_mask(found: Segments, path: str | PathLike[str]) -> Path:
    """Write a grey PNG whose pixels are the numbers of their segments; of more than 256 segments it is of 16 bits."""
    from PIL import Image

    with written_aside(path) as aside:
        Image.fromarray(found.labels.astype(np.uint8 if len(found.colours) <= 256 else np.uint16)).save(aside, "PNG")
    return Path(path)
