"""Features of pixels: the feature maps of a picture, each place where the picture has it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.image.decode import pixels
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.pair.two_towers import image_tower
from unlabeled.errors import UnlabeledError
from unlabeled.memory import check_memory
from unlabeled.modalities import check_modality
from unlabeled.setting_checks import check_whole_number

BYTES_A_PIXEL = 1024
"""Memory that the maps of a first layer take, about: 64 channels of single precision, a few times."""
BYTES_A_FEATURE = 10
"""Memory that clustering takes for each feature of a pixel: the features, and a copy of them with the places."""
MAGNIFIED = 4
"""Sides for which an encoder was made that a picture is scaled to, where the encoder takes any: maps are coarse."""


@torch.no_grad()
def picture_maps(encoder: Encoder, picture: NDArray[np.uint8], side: int | None = None) -> Tensor:
    """Give the feature maps of a whole picture, shape (channels, rows, columns), in the processor's memory.

    It is computed where the encoder is; parameters as in `pixel_features`.
    """
    encoder = image_tower(encoder)
    wanted = encoder.preprocessing
    check_modality(wanted, "image", f"the encoder is for {wanted.kind}s, and segments are parts of images")
    own = wanted.shape[-1]
    if side is not None:
        check_whole_number("side", side)
        check_memory(side * side * BYTES_A_PIXEL, f"a picture scaled to side={side}", "take a smaller side")
    device = next(encoder.parameters()).device
    for each in (MAGNIFIED * own, own) if side is None else (side,):
        values = torch.from_numpy(pixels(Image.fromarray(picture), each, "squash", wanted.shape[0]).copy())[None]
        try:
            maps = encoder.eval().features(wanted.part(each).canonical(values.to(device))).maps()
        except (AssertionError, RuntimeError, ValueError) as error:  # each library says it otherwise
            reason = error
        else:
            return maps[0].float().cpu()
    raise UnlabeledError(
        f"encoder {encoder.architecture!r} gives no maps of pictures of {side or own} pixels ({reason}); leave the "
        "side out, or use a convolutional encoder"
    ) from reason


def pixel_features(
    encoder: Encoder, picture: NDArray[np.uint8], side: int | None = None, components: int = 16
) -> NDArray[np.float32]:
    """Give each pixel a vector: the encoder's maps, their principal components, interpolated to the picture's size.

    Parameters
    ----------
    encoder : Encoder
        Of images, or of pairs of an image and a text, with feature maps or patches.
    picture : ndarray of uint8, shape (h, w, 3)
    side : int, optional
        Pixels to which both sides of the picture are scaled for the encoder. By default four times the size that it was
        made for, or that size where it takes no other.
    components : int, default 16
        Principal components at most.

    Returns
    -------
    ndarray of float32, shape (h, w, components)
        Centred; the mean squared length of the vectors is 1.

    Raises
    ------
    UnlabeledError
        If the encoder is not one of images, or has no maps of this size; or if there is too little memory.
    """
    height, width = picture.shape[:2]
    check_memory(
        height * width * components * BYTES_A_FEATURE,
        f"the features of {height:,} × {width:,} pixels",
        "shrink the picture",
    )
    maps = picture_maps(encoder, picture, side)
    flat = maps.flatten(1).T
    centred = flat - flat.mean(0)
    directions = torch.linalg.eigh(centred.T @ centred)[1].flip(1)[:, :components]
    found = (centred @ directions).T.reshape(1, -1, *maps.shape[1:])
    found = found / found.square().sum(1).mean().sqrt().clamp(min=1e-12)
    features = np.empty((height, width, found.shape[1]), dtype=np.float32)
    for number in range(found.shape[1]):  # one at a time: of a large photo all of them take gigabytes
        one = found[:, number : number + 1]
        features[:, :, number] = F.interpolate(one, (height, width), mode="bilinear", align_corners=False)[0, 0].numpy()
    return features
