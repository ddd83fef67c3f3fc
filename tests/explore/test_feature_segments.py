"""Segments by feature maps, where colour tells nothing."""

import numpy as np
import pytest
import torch

from unlabeled.encoders import Conv
from unlabeled.encoders.features import Features
from unlabeled.encoders.image.pixel_features import pixel_features
from unlabeled.encoders.image.vit import ViT
from unlabeled.errors import UnlabeledError
from unlabeled.explore import feature_segments, segments
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing


@pytest.fixture
def stripes():
    """Horizontal stripes at the left, vertical ones at the right, of the same two greys."""
    rows, columns = np.mgrid[:96, :96]
    dark = np.where(columns < 48, rows // 2 % 2, columns // 2 % 2)
    return np.repeat(np.where(dark, 60, 190).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return Conv(ImagePreprocessing(32), width=8, halvings=2)


def agreement(found):
    """Give the share of pixels on the right side, whichever number it has."""
    share = (found.labels == (np.arange(96) >= 48)).mean()
    return max(share, 1 - share)


def test_textures_of_the_same_colours_are_told_apart(stripes, encoder):
    by_features = feature_segments(encoder, stripes, 2, place=0, smooth=0.1, side=96)
    assert agreement(by_features) > 0.9
    assert agreement(segments(stripes, 2, place=0, smooth=0)) < 0.6


def test_features_have_the_size_of_the_picture_and_one_scale(stripes, encoder):
    found = pixel_features(encoder, stripes[:60], components=5)
    assert (found.shape, found.dtype) == ((60, 96, 5), np.float32)
    assert 0.2 < np.square(found).sum(-1).mean() < 1.3  # interpolated: a little less than 1
    assert np.abs(found.mean((0, 1))).max() < 0.1


def test_an_encoder_of_patches_has_features_too(stripes):
    start = ViT(ImagePreprocessing(32), patch=8, dim=16, depth=1, heads=2)
    assert pixel_features(start, stripes).shape == (96, 96, 16)


def test_grey_encoders_see_grey(stripes):
    assert pixel_features(Conv(ImagePreprocessing(32, 1), width=4, halvings=2), stripes).shape == (96, 96, 16)


def test_what_does_not_fit_is_said(stripes, encoder):
    from unlabeled.encoders.mlp import MLP

    with pytest.raises(UnlabeledError, match="for vectors"):
        feature_segments(MLP(VectorPreprocessing(4)), stripes)
    with pytest.raises(UnlabeledError, match=r"shape \(h, w, 3\)"):
        feature_segments(encoder, stripes[..., 0])


def test_a_picture_too_large_for_memory_is_refused(encoder, monkeypatch):
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 10_000)
    with pytest.raises(UnlabeledError, match="the features of 30 × 40 pixels"):
        feature_segments(encoder, np.zeros((30, 40, 3), np.uint8), 2)


def test_features_are_computed_where_the_encoder_is(stripes, encoder, monkeypatch, on_gpu):
    encoder.to("meta")
    places, maps = [], on_gpu(torch.rand(1, 8, 16, 16))
    monkeypatch.setattr(encoder, "features", lambda values: places.append(values.device.type) or Features(maps))
    assert pixel_features(encoder, stripes, components=3).shape == (96, 96, 3)
    assert places == ["meta"]


def test_it_is_told_why_there_are_no_maps(stripes, encoder, monkeypatch):
    def fail(values):
        raise RuntimeError(f"no room for {values.shape[-1]} pixels")

    monkeypatch.setattr(encoder, "features", fail)
    with pytest.raises(UnlabeledError, match=r"of pictures of 32 pixels \(no room for 32 pixels\); leave the side out"):
        pixel_features(encoder, stripes)
