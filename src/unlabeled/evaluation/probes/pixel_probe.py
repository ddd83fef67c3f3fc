"""A probe of pixels: can a linear classifier read what is where off the feature maps?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.encoders import Encoder
from unlabeled.encoders.image.pixel_features import picture_maps
from unlabeled.encoders.make import trained_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.probes.linear_probe import LinearProbeResult, linear_probe


@dataclass(frozen=True)
class PixelProbeResult:
    """What two linear probes found on the same pixels.

    Attributes
    ----------
    features : LinearProbeResult
        By the encoder's feature maps at the place of a pixel.
    colours : LinearProbeResult
        By the colour of the pixel alone.
    """

    features: LinearProbeResult
    colours: LinearProbeResult


def pixel_probe(
    encoder: Any,
    pictures: Sequence[NDArray[np.uint8]],
    masks: Sequence[Any],
    test_pictures: Sequence[NDArray[np.uint8]],
    test_masks: Sequence[Any],
    *,
    per_picture: int = 200,
    side: int | None = None,
    random_state: int = 0,
) -> PixelProbeResult:
    """Learn the classes of pixels from pictures with masks and judge on others: by features, and by colours.

    A pixel has the features of the place of the map that it lies in.

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of images, with feature maps or patches.
    pictures, test_pictures : sequence of ndarray of uint8, each of shape (h, w, 3)
    masks, test_masks : sequence of ndarray of int, each of shape (h, w)
        The class of each pixel; −1 where nobody said.
    per_picture : int, default 200
        Pixels drawn from each picture, of those that have a class.
    side : int, optional
        Pixels to which a picture is scaled for the encoder, see `pixel_features`.
    random_state : int, default 0

    Returns
    -------
    PixelProbeResult

    Raises
    ------
    UnlabeledError
        If a mask has not the size of its picture, the encoder has no maps, or the pixels are of one class.
    """
    encoder, random = trained_encoder(encoder), np.random.default_rng(random_state)
    parts = []
    for seen, known in ((pictures, masks), (test_pictures, test_masks)):
        if len(seen) != len(known) or len(seen) == 0:
            raise UnlabeledError(f"there are {len(seen)} pictures and {len(known)} masks; give one mask each")
        drawn = [_drawn(encoder, *pair, per_picture, side, random) for pair in zip(seen, known, strict=True)]
        parts.append([np.concatenate(each) for each in zip(*drawn, strict=True)])
    (features, colours, classes), (test_features, test_colours, test_classes) = parts
    return PixelProbeResult(
        linear_probe(features, classes, test_features, test_classes, random_state=random_state),
        linear_probe(colours, classes, test_colours, test_classes, random_state=random_state),
    )


def _drawn(
    encoder: Encoder,
    picture: NDArray[np.uint8],
    mask: Any,
    count: int,
    side: int | None,
    random: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Draw pixels of a picture: their features, colours and classes."""
    given = np.asarray(mask)
    if given.shape != picture.shape[:2] or given.dtype.kind not in "iu":
        raise UnlabeledError(
            f"a mask is whole numbers of the shape of its picture, {picture.shape[:2]}; this one is {given.dtype} of "
            f"{given.shape}"
        )
    rows, columns = np.nonzero(given.astype(np.int64) >= 0)
    chosen = random.choice(len(rows), min(count, len(rows)), replace=False)
    rows, columns = rows[chosen], columns[chosen]
    maps = picture_maps(encoder, picture, side).numpy()
    places = (rows * maps.shape[1] // given.shape[0], columns * maps.shape[2] // given.shape[1])
    colours = picture[rows, columns].astype(np.float32)
    return maps[:, places[0], places[1]].T, colours, given[rows, columns].astype(np.int64)
