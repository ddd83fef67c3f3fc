"""Classes of pixels, where colour tells nothing and texture all."""

import numpy as np
import pytest
import torch

from unlabeled.encoders import Conv
from unlabeled.encoders.features import Features
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.probes.pixel_probe import pixel_probe
from unlabeled.modalities.image import ImagePreprocessing


def textures(seed, count=6):
    """Give pictures of horizontal stripes beside vertical ones of the same greys, and which is where."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:64, :64]
    pictures, masks = [], []
    for _ in range(count):
        mask = (columns >= rng.integers(20, 44)).astype(int)
        dark = np.where(mask, columns // 2 % 2, rows // 2 % 2)
        shade = np.where(dark, 60, 190) + rng.integers(-20, 20, dark.shape)
        pictures.append(np.repeat(shade.astype(np.uint8)[..., None], 3, axis=2))
        masks.append(mask)
    return pictures, masks


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return Conv(ImagePreprocessing(64), width=8, halvings=2)


def test_features_tell_textures_apart_and_colours_do_not(encoder):
    found = pixel_probe(encoder, *textures(0), *textures(1), per_picture=150, side=64)
    assert found.features.accuracy > 0.85
    assert found.colours.accuracy < 0.65
    assert found.features.n_test == found.colours.n_test == 6 * 150


def test_pixels_without_a_class_are_not_drawn(encoder):
    pictures, masks = textures(0, 2)
    masks[0][:, :60] = -1
    found = pixel_probe(encoder, pictures, masks, pictures, masks, per_picture=1000, side=64)
    assert found.features.n_train == 4 * 64 + 1000


def test_masks_that_do_not_fit_are_refused(encoder):
    pictures, masks = textures(0, 2)
    with pytest.raises(UnlabeledError, match="2 pictures and 1 masks"):
        pixel_probe(encoder, pictures, masks[:1], pictures, masks)
    with pytest.raises(UnlabeledError, match="of the shape of its picture"):
        pixel_probe(encoder, pictures, [mask[:9] for mask in masks], pictures, masks)
    with pytest.raises(UnlabeledError, match="classifier needs at least two classes"):
        pixel_probe(encoder, pictures, [np.zeros_like(mask) for mask in masks], pictures, masks)


def test_maps_may_come_from_a_gpu(encoder, monkeypatch, on_gpu):
    monkeypatch.setattr(encoder, "features", lambda values: Features(on_gpu(torch.rand(1, 8, 16, 16))))
    found = pixel_probe(encoder, *textures(0, 2), *textures(1, 2), per_picture=20)
    assert found.features.n_test == 40
