"""Linear colour against definitions written out pixel by pixel, and the algebra that lets the steps fuse."""

from __future__ import annotations

import colorsys
import itertools

import pytest
import torch
from PIL import Image, ImageEnhance

from unlabeled.views import ColourJitter, Compose, Grey, Invert, RandomCrop
from unlabeled.views.geometric import affine, canvas
from unlabeled.views.photometric.colour import LUMA, colour_matrices


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def matrices(mean, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    values = (
        torch.full((len(mean),), float(value), dtype=mean.dtype) for value in (brightness, contrast, saturation, hue)
    )
    return colour_matrices(mean, *values)


def recoloured(images: torch.Tensor, **change: float) -> torch.Tensor:
    matrix = matrices(images.mean((-2, -1)), **change)
    return torch.einsum("nij,njhw->nihw", matrix[..., :-1], images) + matrix[..., -1, None, None]


def luma(images: torch.Tensor) -> torch.Tensor:
    return sum(weight * images[:, k] for k, weight in enumerate(LUMA))[:, None]


def blend(images: torch.Tensor, other: torch.Tensor, gain: float) -> torch.Tensor:
    """Pillow's and torchvision's form of brightness, contrast and saturation."""
    return gain * images + (1 - gain) * other


IMAGES = torch.rand(4, 3, 6, 7, dtype=torch.float64, generator=seeded(1))


@pytest.mark.parametrize("gain", [0.0, 0.4, 1.0, 1.8])
class TestGain:
    def test_brightness_blends_with_black(self, gain):
        torch.testing.assert_close(recoloured(IMAGES, brightness=gain), blend(IMAGES, torch.zeros(1), gain))

    def test_contrast_blends_with_the_mean_luma(self, gain):
        mean = luma(IMAGES).mean((-2, -1), keepdim=True)
        torch.testing.assert_close(recoloured(IMAGES, contrast=gain), blend(IMAGES, mean, gain))

    def test_saturation_blends_with_the_luma(self, gain):
        torch.testing.assert_close(recoloured(IMAGES, saturation=gain), blend(IMAGES, luma(IMAGES), gain))


@pytest.mark.parametrize("field", ["brightness", "contrast", "saturation"])
def test_gains_are_pillows(field):
    enhance = {
        "brightness": ImageEnhance.Brightness,
        "contrast": ImageEnhance.Contrast,
        "saturation": ImageEnhance.Color,
    }
    pixels = torch.randint(60, 196, (1, 3, 9, 9), generator=seeded(2), dtype=torch.uint8)
    picture = Image.fromarray(pixels[0].permute(1, 2, 0).contiguous().numpy())
    for gain in (0.3, 0.7, 1.2):
        theirs = torch.tensor(list(enhance[field](picture).enhance(gain).tobytes())).view(9, 9, 3).permute(2, 0, 1)
        ours = recoloured(pixels.double() / 255, **{field: gain})[0] * 255
        # Pillow rounds the grey it blends with, then the blend: at most half a level and one more each time.
        assert (ours.clamp(0, 255) - theirs).abs().max() <= 1.6


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.0, 0.1, 0.25])
def test_hue_turns_the_chroma_at_constant_luma(turn):
    yiq = torch.tensor([LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)], dtype=torch.float64)
    before = torch.einsum("ij,njhw->nihw", yiq, IMAGES)
    after = torch.einsum("ij,njhw->nihw", yiq, recoloured(IMAGES, hue=turn))
    torch.testing.assert_close(after[:, 0], before[:, 0])
    chroma_before, chroma_after = torch.complex(before[:, 1], before[:, 2]), torch.complex(after[:, 1], after[:, 2])
    torch.testing.assert_close(chroma_after.abs(), chroma_before.abs())
    expected = torch.polar(torch.ones(()).double(), torch.tensor(-2 * torch.pi * turn).double())
    torch.testing.assert_close(chroma_after, chroma_before * expected)


def test_a_positive_hue_goes_from_red_towards_yellow():
    red = torch.tensor([0.6, 0.3, 0.3], dtype=torch.float64).view(1, 3, 1, 1)
    for turn in (0.05, 0.1, 0.15):
        r, g, b = recoloured(red, hue=turn).flatten().tolist()
        # The angle in YIQ is not the angle of the HSV hexagon, but it goes the same way and nearly as far.
        assert abs(colorsys.rgb_to_hsv(r, g, b)[0] - turn) < 0.05


def test_a_full_circle_of_hue_changes_nothing():
    torch.testing.assert_close(recoloured(IMAGES, hue=1.0), IMAGES)


def test_brightness_contrast_saturation_and_hue_commute():
    changes = [{"brightness": 1.3}, {"contrast": 0.4}, {"saturation": 1.7}, {"hue": 0.15}]
    together = recoloured(IMAGES, brightness=1.3, contrast=0.4, saturation=1.7, hue=0.15)
    for order in itertools.permutations(changes):
        images = IMAGES
        for change in order:
            images = recoloured(images, **change)
        torch.testing.assert_close(images, together)


def test_no_change_is_the_exact_identity():
    mean = torch.rand(5, 3)
    assert torch.equal(matrices(mean), affine.identity_like(matrices(mean)))
    assert torch.equal(ColourJitter(0, 0, 0, 0, p=1.0)(IMAGES), IMAGES)


def test_grey_is_the_luma_in_every_channel():
    torch.testing.assert_close(Grey(p=1.0)(IMAGES), luma(IMAGES).expand_as(IMAGES))


def test_invert_is_the_negative():
    torch.testing.assert_close(Invert()(IMAGES), 1 - IMAGES)


def test_colour_steps_fuse_into_what_they_do_in_turn():
    # Contrast after brightness, grey or negative must pivot about the mean as it then stands.
    images = 0.4 + 0.2 * IMAGES  # stays inside [0, 1], so that clamping plays no part
    steps = [ColourJitter(0.2, 0.3, 0.3, 0.1, p=0.7), Invert(p=0.5), Grey(p=0.3), ColourJitter(0.1, 0.9, 0.2, 0.1)]
    generator = seeded(8)
    expected = images
    for step in steps:
        expected = step(expected, generator)
    torch.testing.assert_close(Compose(steps)(images, seeded(8)), expected)


def test_colour_in_a_row_mixes_channels_once(monkeypatch):
    calls = []
    once = torch.baddbmm
    monkeypatch.setattr(canvas.torch, "baddbmm", lambda *arguments: calls.append(1) or once(*arguments))
    Compose([ColourJitter(), Grey(), Invert(), RandomCrop(), ColourJitter()])(IMAGES, seeded())
    assert len(calls) == 1


def test_contrast_pivots_about_what_the_crop_shows():
    # Left half dark, right half bright: a crop of either is flat, and contrast leaves a flat image as it is.
    images = torch.cat((torch.full((1, 3, 32, 16), 0.2), torch.full((1, 3, 32, 16), 0.8)), 3).expand(200, -1, -1, -1)
    crop, contrast = RandomCrop(scale=(0.05, 0.1), size=8), ColourJitter(0, 1.0, 0, 0, p=1.0)
    cropped = crop(images, seeded(4))
    flat = cropped.flatten(1).std(1) < 1e-6
    assert flat.sum() > 50
    changed = Compose([crop, contrast])(images, seeded(4))
    torch.testing.assert_close(changed[flat], cropped[flat])


def test_recolouring_and_resampling_commute():
    images = 0.4 + 0.2 * IMAGES
    jitter = matrices(images.mean((-2, -1)), 0.9, 1.2, 0.5, 0.1)
    results = []
    for colour_first in (True, False):
        paper = canvas.Canvas(images)
        crop = RandomCrop().maps(4, (6, 7), seeded(2))
        for step in [0, 1] if colour_first else [1, 0]:
            paper.move(crop, (6, 7)) if step else paper.recolour(jitter)
        results.append(paper.finished())
    torch.testing.assert_close(*results)


def test_values_are_clamped_once_at_the_end():
    bright = torch.full((1, 3, 2, 2), 0.9)
    doubled = canvas.Canvas(bright)
    for gain in (2.0, 0.5):
        doubled.recolour(matrices(torch.zeros(1, 3), brightness=gain))
    torch.testing.assert_close(doubled.finished(), bright)  # clamping in between would have left 0.5


def test_grey_images_have_no_saturation_or_hue():
    grey = torch.rand(3, 1, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(recoloured(grey, saturation=0.0, hue=0.3), grey)
    torch.testing.assert_close(recoloured(grey, brightness=0.7), 0.7 * grey)
    mean = grey.mean((-2, -1), keepdim=True)
    torch.testing.assert_close(recoloured(grey, contrast=0.4), 0.4 * grey + 0.6 * mean)
    torch.testing.assert_close(Grey(p=1.0)(grey), grey)


def test_jitter_draws_its_gains_from_the_stated_ranges():
    n = 4000
    drawn = {
        "brightness": ColourJitter(1.5, 0, 0, 0, p=1.0).matrices(torch.zeros(n, 1), seeded())[:, 0, 0],
        "contrast": ColourJitter(0, 0.5, 0, 0, p=1.0).matrices(torch.zeros(n, 1), seeded())[:, 0, 0],
    }
    for field, (low, high) in {"brightness": (0.0, 2.5), "contrast": (0.5, 1.5)}.items():
        gains = drawn[field]
        assert low <= gains.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < gains.max() <= high
        assert abs(gains.mean() - (low + high) / 2) < 0.05
