"""Segments by what an encoder has learnt: the pixels of a picture, clustered by its feature maps."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from unlabeled.explore.clusters import Method
from unlabeled.explore.segments import Segments, checked_picture, clustered, places

SPREAD = 50.0
"""Root of the mean squared length of the features; colours are about as far from their mean in CIELAB."""


def feature_segments(
    encoder: Any,
    picture: ArrayLike,
    k: int | Literal["auto"] = 6,
    place: float = 0.5,
    smooth: float = 0.01,
    method: Method = "kmeans",
    random_state: int = 0,
    side: int | None = None,
) -> Segments:
    """Cut a picture into k parts that are alike to an encoder.

    As `unlabeled.explore.segments`, with the features of a pixel in the place of its colour. Maps are coarser than the
    picture, and so are the edges of the segments.

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of images, with feature maps or patches.
    picture : array-like of uint8, shape (h, w, 3)
    k, place, smooth, method, random_state
        As in `unlabeled.explore.segments`.
    side : int, optional
        Pixels to which the picture is scaled for the encoder, see `pixel_features`.

    Returns
    -------
    Segments
    """
    from unlabeled.encoders.image.pixel_features import pixel_features
    from unlabeled.encoders.make import trained_encoder

    pixels = checked_picture(picture, place, smooth)
    features = pixel_features(trained_encoder(encoder), pixels, side)
    features *= SPREAD
    return clustered(np.dstack([features, places(pixels, place)]), pixels, k, smooth, method, random_state)
