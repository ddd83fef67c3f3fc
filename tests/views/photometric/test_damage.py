"""Cutout and noise."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from unlabeled.views import Cutout, Noise
from unlabeled.views.photometric.damage import cut_out


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [(8, 8), (7, 12), (1, 1)])
@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 1.0])
def test_the_box_is_where_a_loop_would_paint_it(size, fraction):
    height, width = size
    images = torch.rand(20, 2, height, width)
    centre = torch.rand(20, 2, generator=seeded())
    expected = images.clone()
    box_height, box_width = round(fraction * height), round(fraction * width)
    for image, (x, y) in zip(expected, centre.tolist(), strict=True):
        top, left = int(y * height) - box_height // 2, int(x * width) - box_width // 2
        for i in range(height):
            for j in range(width):
                if top <= i < top + box_height and left <= j < left + box_width:
                    image[:, i, j] = 0.5
    assert torch.equal(cut_out(images, centre, fraction), expected)


def test_the_centre_lies_anywhere():
    hit = Cutout(fraction=0.25)(torch.zeros(4000, 1, 8, 8), seeded())[:, 0] == 0.5
    assert hit.flatten(1).any(1).all()
    assert hit[:, 0, 0].any()  # a corner too
    # Of 8 places along an axis a pixel inside is covered from 2; chance 1/16, deviation of the share 0.004.
    assert abs(hit[:, 4, 4].float().mean() - 1 / 16) < 0.02


def test_noise_is_gaussian_of_each_images_own_strength():
    grey = torch.full((300, 1, 40, 40), 0.5)
    noise = (Noise(sigma=(0.02, 0.1))(grey, seeded()) - 0.5).flatten(1)
    strength = noise.std(1)
    assert stats.kstest(strength.numpy(), stats.uniform(0.02, 0.08).cdf).pvalue > 1e-3
    assert stats.kstest((noise / strength[:, None])[:20].flatten().numpy(), stats.norm.cdf).pvalue > 1e-3


def test_noise_is_independent_in_every_value():
    noise = Noise(sigma=(0.1, 0.1))(torch.full((2, 3, 50, 50), 0.5), seeded()) - 0.5
    correlation = torch.corrcoef(noise.reshape(6, -1)) - torch.eye(6)
    assert correlation.abs().max() < 0.1  # five standard deviations of 2,500 pairs


def test_noise_is_clamped():
    white = Noise(sigma=(0.5, 0.5))(torch.ones(1, 1, 20, 20), seeded())
    assert white.max() == 1
    assert 0.3 < (white == 1).float().mean() < 0.7
