"""Blur against a plain two-dimensional convolution, sharpness against Pillow, Sobel against known edges."""

from __future__ import annotations

import math

import pytest
import torch
from PIL import Image, ImageEnhance

from unlabeled.views import Blur, Sharpness, Sobel, gaussian_blur
from unlabeled.views.photometric.filters import sharpen, sobel


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slow_blur(image: torch.Tensor, sigma: float) -> torch.Tensor:
    """Weigh every neighbour within three sigma by exp(-d² / 2σ²); the edge pixel stands for all beyond it."""
    reach = math.ceil(3 * sigma)
    height, width = image.shape
    result = torch.zeros_like(image)
    for i in range(height):
        for j in range(width):
            total = weights = 0.0
            for dy in range(-reach, reach + 1):
                for dx in range(-reach, reach + 1):
                    weight = math.exp(-(dy**2 + dx**2) / (2 * sigma**2))
                    pixel = image[min(max(i + dy, 0), height - 1), min(max(j + dx, 0), width - 1)]
                    total, weights = total + weight * pixel, weights + weight
            result[i, j] = total / weights
    return result


def test_blur_is_convolution_with_each_images_own_gaussian():
    images = torch.rand(3, 2, 7, 9, dtype=torch.float64)
    sigmas = [0.3, 1.0, 2.4]
    result = gaussian_blur(images, torch.tensor(sigmas, dtype=torch.float64), 2.4)
    for image, sigma, blurred in zip(images, sigmas, result, strict=True):
        for channel, seen in zip(image, blurred, strict=True):
            torch.testing.assert_close(seen, slow_blur(channel, sigma))


def test_sigma_is_the_width_of_the_gaussian_not_of_the_kernel():
    # The image of a point has the variance sigma² along each axis, but for what lies beyond three sigma.
    point = torch.zeros(1, 1, 41, 41, dtype=torch.float64)
    point[0, 0, 20, 20] = 1.0
    place = torch.arange(41.0) - 20
    for sigma in (1.0, 2.0, 4.0):
        profile = gaussian_blur(point, torch.tensor([sigma], dtype=torch.float64), sigma)[0, 0].sum(0)
        deviation = math.sqrt((profile * place**2).sum())
        assert 0.97 * sigma < deviation < 1.01 * sigma


def test_no_blur_is_the_exact_image():
    images = torch.rand(3, 3, 8, 8)
    assert torch.equal(gaussian_blur(images, torch.zeros(3), 2.0), images)
    torch.testing.assert_close(gaussian_blur(images, torch.full((3,), 1e-2), 2.0), images)


def test_an_image_is_blurred_the_same_beside_a_more_blurred_one():
    images = torch.rand(2, 3, 16, 16)
    together = gaussian_blur(images, torch.tensor([0.5, 3.0]), 3.0)
    torch.testing.assert_close(together[:1], gaussian_blur(images[:1], torch.tensor([0.5]), 0.5))


def test_the_first_sigma_is_along_x_and_the_second_along_y():
    rows = torch.rand(2, 1, 9, 1, dtype=torch.float64).expand(2, 1, 9, 9)  # constant along x
    only_x, only_y = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]], dtype=torch.float64).expand(2, 2, 2)
    both = torch.full((2,), 2.0, dtype=torch.float64)
    torch.testing.assert_close(gaussian_blur(rows, only_x, 2.0), rows)
    torch.testing.assert_close(gaussian_blur(rows, only_y, 2.0), gaussian_blur(rows, both, 2.0))
    torch.testing.assert_close(gaussian_blur(rows.mT, only_x, 2.0), gaussian_blur(rows.mT, both, 2.0))


def test_blur_keeps_flat_images_flat_and_takes_images_smaller_than_the_kernel():
    flat = torch.full((2, 3, 2, 3), 0.7)
    torch.testing.assert_close(Blur(sigma=(3.0, 3.0), p=1.0)(flat, seeded()), flat)


def test_blur_draws_sigma_uniformly():
    # The variance of a blurred point grows with sigma², so a point tells which sigma was drawn.
    points = torch.zeros(500, 1, 31, 31)
    points[..., 15, 15] = 1.0
    profile = Blur(sigma=(1.0, 3.0), p=1.0)(points, seeded())[:, 0].sum(1)
    sigma = (profile * (torch.arange(31) - 15) ** 2).sum(1).sqrt()
    assert 0.95 < sigma.min() < 1.1
    assert 2.85 < sigma.max() < 3.05
    assert abs(sigma.mean() - 2) < 0.1


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 1.9])
def test_sharpness_is_pillows(factor):
    pixels = torch.randint(80, 176, (1, 3, 10, 12), generator=seeded(1), dtype=torch.uint8)
    picture = Image.fromarray(pixels[0].permute(1, 2, 0).contiguous().numpy())
    theirs = torch.tensor(list(ImageEnhance.Sharpness(picture).enhance(factor).tobytes())).view(10, 12, 3)
    ours = sharpen(pixels.double() / 255, torch.tensor([factor], dtype=torch.float64))[0].permute(1, 2, 0) * 255
    assert (ours - theirs).abs().max() <= 1.6  # Pillow rounds the smooth copy and then the blend


def test_sharpness_draws_between_smoother_and_sharper():
    image = torch.zeros(1, 1, 5, 5)
    image[..., 2, 2] = 0.5
    middle = Sharpness(amount=0.5)(image.expand(300, -1, -1, -1), seeded())[:, 0, 2, 2]
    # The middle is 0.5 · (5 + 8 factor) / 13.
    factor = (middle * 26 - 5) / 8
    assert 0.5 <= factor.min() < 0.52
    assert 1.48 < factor.max() <= 1.5


def test_sobel_measures_the_step_of_an_edge():
    images = torch.zeros(1, 1, 8, 8)
    images[..., 4:] = 0.6
    edge = sobel(images)
    torch.testing.assert_close(edge[0, 0, :, 3:5], torch.full((8, 2), 0.6))
    assert edge[..., :3].abs().max() == 0
    assert edge[..., 5:].abs().max() == 0
    torch.testing.assert_close(sobel(images.mT), edge.mT)


def test_sobel_of_a_ramp_is_its_slope_whatever_the_direction():
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    for a, b in ((0.01, 0.0), (0.0, 0.02), (0.03, -0.04)):
        ramp = 0.5 + a * x + b * y
        inner = sobel(ramp[None, None])[0, 0, 1:-1, 1:-1]
        torch.testing.assert_close(inner, torch.full((7, 7), 2 * math.hypot(a, b)))


def test_sobel_of_a_flat_image_is_black():
    assert Sobel()(torch.full((2, 3, 5, 5), 0.8)).abs().max() == 0
