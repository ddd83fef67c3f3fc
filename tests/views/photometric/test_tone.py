"""Tone curves against Pillow, which defines them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from unlabeled.views import Posterize, Solarize
from unlabeled.views.photometric.tone import autocontrast, equalize, posterize, solarize


def random_pixels(seed: int, size: int, low: int, high: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high + 1, (1, 3, size, size), generator=generator, dtype=torch.uint8)


def pillow(pixels: torch.Tensor, function, *arguments) -> torch.Tensor:
    picture = function(Image.fromarray(pixels[0].permute(1, 2, 0).contiguous().numpy()), *arguments)
    size = pixels.shape[-1]
    return torch.tensor(list(picture.tobytes())).view(size, size, 3).permute(2, 0, 1)[None]


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    return (images * 255).round().long()


tones = st.tuples(st.integers(0, 255), st.integers(0, 255)).map(sorted)


@given(seed=st.integers(0, 10**6), size=st.integers(1, 40), bounds=tones)
@settings(deadline=None, max_examples=60)
def test_equalize_is_pillows(seed, size, bounds):
    pixels = random_pixels(seed, size, *bounds)
    assert torch.equal(as_bytes(equalize(pixels.float() / 255)), pillow(pixels, ImageOps.equalize))


@given(seed=st.integers(0, 10**6), size=st.integers(1, 12), bounds=tones)
@settings(deadline=None, max_examples=40)
def test_autocontrast_is_pillows(seed, size, bounds):
    pixels = random_pixels(seed, size, *bounds)
    ours = autocontrast(pixels.double() / 255) * 255
    # Pillow cuts its curve down to whole tones.
    assert (ours - pillow(pixels, ImageOps.autocontrast)).abs().max() < 1 + 1e-6


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterize_is_pillows(bits):
    pixels = random_pixels(0, 20, 0, 255)
    ours = posterize(pixels.float() / 255, torch.tensor([float(bits)]))
    assert torch.equal(as_bytes(ours), pillow(pixels, ImageOps.posterize, bits))


@pytest.mark.parametrize("threshold", [0, 1, 100, 128, 255])
def test_solarize_is_pillows(threshold):
    pixels = random_pixels(0, 20, 0, 255)
    ours = solarize(pixels.double() / 255, torch.tensor([threshold / 255], dtype=torch.float64))
    assert torch.equal(as_bytes(ours), pillow(pixels, ImageOps.solarize, threshold))


def test_curves_take_values_that_a_colour_step_drove_out_of_range():
    images = torch.tensor([-0.5, 0.2, 1.5, 0.9]).view(1, 1, 2, 2)
    inside = images.clamp(0, 1)
    for curve in (
        lambda x: solarize(x, torch.tensor([0.5])),
        lambda x: posterize(x, torch.tensor([3.0])),
        equalize,
    ):
        assert torch.equal(curve(images), curve(inside))


def test_a_flat_channel_stays_as_it_is():
    flat = torch.full((2, 3, 5, 5), 0.2)  # 51 / 255
    torch.testing.assert_close(autocontrast(flat), flat)
    torch.testing.assert_close(equalize(flat), flat)


def test_posterize_draws_every_depth_of_its_range():
    ramp = (torch.arange(256.0) / 255).view(1, 1, 16, 16).expand(300, -1, -1, -1)
    tones_left = [len(view.unique()) for view in Posterize(bits=(2, 4))(ramp, torch.Generator().manual_seed(0))]
    assert set(tones_left) == {4, 8, 16}
    assert min(tones_left.count(k) for k in (4, 8, 16)) > 60


def test_solarize_draws_its_threshold_uniformly():
    ramp = (torch.arange(1024.0) / 1024).view(1, 1, 32, 32).expand(400, -1, -1, -1)
    views = Solarize(threshold=(0.25, 0.75), p=1.0)(ramp, torch.Generator().manual_seed(0))
    thresholds = (views == ramp).flatten(1).sum(1) / 1024
    # At 0.5 the negative equals the value, so one pixel too many may count.
    assert 0.249 < thresholds.min() < 0.27
    assert 0.73 < thresholds.max() < 0.752
    assert abs(thresholds.mean() - 0.5) < 0.03
