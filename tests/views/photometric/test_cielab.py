"""CIELAB on tensors: equal to the tables' own, and back again."""

import numpy as np
import torch

from unlabeled.explore.figures.lab import lab
from unlabeled.views.photometric.cielab import lab_to_rgb, rgb_to_lab


def test_it_is_what_the_picture_tools_compute():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3), dtype=np.uint8)
    pixels[:3] = [[0, 0, 0], [255, 255, 255], [1, 2, 3]]
    expected = lab(pixels)
    found = rgb_to_lab(torch.from_numpy(pixels.astype(np.float32) / 255)[:, :, None, None])[:, :, 0, 0]
    # Values up to 110, of cube roots in float32.
    np.testing.assert_allclose(found.numpy(), expected, atol=5e-3)


def test_every_colour_comes_back():
    steps = torch.linspace(0, 1, 12)
    cube = torch.cartesian_prod(steps, steps, steps)[:, :, None, None]
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(cube)), cube, atol=2e-4, rtol=0)  # the dark end is steep
    grey = rgb_to_lab(torch.full((1, 3, 2, 2), 0.3))
    assert grey[:, 1:].abs().max() < 1e-3


def test_what_no_screen_can_show_is_cut_off():
    shown = lab_to_rgb(torch.tensor([60.0, 120.0, -120.0]).view(1, 3, 1, 1))
    assert shown.min() >= 0
    assert shown.max() <= 1
