"""Resampling against a loop over pixels, and against PyTorch's own functions where definitions agree."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import affine_grid, grid_sample, interpolate

from unlabeled.errors import UnlabeledError
from unlabeled.views import rotate90
from unlabeled.views.geometric import affine, geometry
from unlabeled.views.geometric.geometry import resample


def mirrored(index: int, length: int) -> int:
    """Find the pixel shown at an index when the image goes on in mirror images: 0 1 2 2 1 0 0 1 2 …"""
    index %= 2 * length
    return index if index < length else 2 * length - 1 - index


def slow_resample(images: torch.Tensor, maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Interpolate between the four pixels around each position, one at a time."""
    n, c, height, width = images.shape
    result = torch.zeros(n, c, *size, dtype=torch.float64)
    for k in range(n):
        for i in range(size[0]):
            for j in range(size[1]):
                x, y = (maps[k] @ torch.tensor([j + 0.5, i + 0.5, 1.0], dtype=torch.float64) - 0.5).tolist()
                left, top = math.floor(x), math.floor(y)
                for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                    weight = (1 - abs(x - column)) * (1 - abs(y - row))
                    pixel = images[k, :, mirrored(row, height), mirrored(column, width)]
                    result[k, :, i, j] += weight * pixel
    return result


def random_maps(n: int, seed: int, size: tuple[int, int]) -> torch.Tensor:
    """Turn, shear, enlarge and shift; none shrinks, so that nothing is smoothed."""
    generator = torch.Generator().manual_seed(seed)
    angle = torch.rand(n, generator=generator, dtype=torch.float64) * 2 * math.pi
    turned = geometry.turn(angle.cos(), angle.sin(), size)
    scale = 0.3 + 0.6 * torch.rand(n, 2, generator=generator, dtype=torch.float64)
    offset = 6 * torch.rand(n, 2, generator=generator, dtype=torch.float64) - 3
    return affine.compose(turned, geometry.axis_aligned(scale, offset))


@given(
    seed=st.integers(0, 10**6),
    source=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    result=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)
@settings(deadline=None, max_examples=30)
def test_resampling_is_bilinear_interpolation_of_the_mirrored_image(seed, source, result):
    images = torch.rand(2, 2, *source, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    maps = random_maps(2, seed, source)
    # Positions go through grid_sample's unit and back, which costs a few units in the last place.
    torch.testing.assert_close(resample(images, maps, result), slow_resample(images, maps, result), atol=1e-9, rtol=0)


@given(
    seed=st.integers(0, 10**6),
    turns=st.integers(0, 3),
    flip=st.booleans(),
    shift=st.tuples(st.integers(-30, 30), st.integers(-30, 30)),
    result=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
@settings(deadline=None, max_examples=60)
def test_maps_from_pixels_to_pixels_copy_them_exactly(seed, turns, flip, shift, result):
    images = torch.rand(1, 2, 6, 6, generator=torch.Generator().manual_seed(seed))
    maps = geometry.quarter_turns(torch.tensor([turns]), (6, 6))
    if flip:
        maps = affine.compose(maps, torch.tensor([[[-1.0, 0, 6], [0, 1, 0]]], dtype=torch.float64))
    shifted = geometry.axis_aligned(torch.ones(1, 2, dtype=torch.float64), torch.tensor([shift], dtype=torch.float64))
    maps = affine.compose(maps, shifted)
    assert torch.equal(resample(images, maps, result).double(), slow_resample(images, maps, result))


def test_a_shift_by_half_a_pixel_is_the_mean_of_neighbours():
    image = torch.rand(1, 2, 4, 6)
    maps = geometry.axis_aligned(torch.ones(1, 2).double(), torch.tensor([[0.5, 0.0]]).double())
    expected = (image + torch.cat((image[..., 1:], image[..., -1:]), -1)) / 2
    torch.testing.assert_close(resample(image, maps, (4, 6)), expected)


def test_exact_and_interpolated_images_share_a_batch():
    images = torch.rand(4, 3, 5, 7)
    maps = random_maps(4, 0, (5, 7))
    maps[1] = torch.tensor([[-1.0, 0, 7], [0, 1, 0]])
    maps[3] = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    result = resample(images, maps, (5, 7))
    assert torch.equal(result[1], images[1].flip(-1))
    assert torch.equal(result[3], images[3])
    for k in range(4):
        assert torch.equal(result[k : k + 1], resample(images[k : k + 1], maps[k : k + 1], (5, 7)))


@pytest.mark.parametrize("result", [(9, 13), (20, 13), (31, 40)])
def test_enlarging_is_pytorchs_interpolate(result):
    images = torch.rand(2, 3, 9, 13)
    ours = resample(images, geometry.stretch(2, (9, 13), result), result)
    torch.testing.assert_close(ours, interpolate(images, result, mode="bilinear"), atol=1e-5, rtol=0)


def test_turning_is_pytorchs_affine_grid():
    images = torch.rand(5, 3, 12, 12)
    angle = torch.linspace(-3, 3, 5, dtype=torch.float64)
    matrices = torch.zeros(5, 2, 3)
    matrices[:, 0, 0] = matrices[:, 1, 1] = angle.cos()
    matrices[:, 0, 1], matrices[:, 1, 0] = -angle.sin(), angle.sin()
    grid = affine_grid(matrices, images.shape, align_corners=False)
    theirs = grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    ours = resample(images, geometry.turn(angle.cos(), angle.sin(), (12, 12)), (12, 12))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_a_positive_angle_turns_counter_clockwise():
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 8] = 1.0  # at three o'clock
    angle = torch.tensor([math.radians(90)], dtype=torch.float64)
    turned = resample(image, geometry.turn(angle.cos(), angle.sin(), (9, 9)), (9, 9))
    assert turned[0, 0].flatten().argmax() == 0 * 9 + 4  # at twelve


def test_turning_is_rigid_when_images_are_not_square():
    # A disc stays a disc about the same centre, as far as the image shows it in every direction.
    y, x = torch.meshgrid(torch.arange(20) - 9.5, torch.arange(40) - 19.5, indexing="ij")
    disc = torch.exp(-(x**2 + y**2) / 18)[None, None]
    angle = torch.tensor([0.7], dtype=torch.float64)
    turned = resample(disc, geometry.turn(angle.cos(), angle.sin(), (20, 40)), (20, 40))
    # Between pixels an interpolated Gaussian of width 3 is low by at most 1/8 of its curvature, 1/9.
    near = x**2 + y**2 < 81
    torch.testing.assert_close(turned[..., near], disc[..., near], atol=2 / 72, rtol=0)


@pytest.mark.parametrize("k", range(4))
def test_rotate90_is_rot90(k):
    images = torch.rand(3, 2, 5, 5)
    assert torch.equal(rotate90(images, torch.full((3,), k)), torch.rot90(images, k, (-2, -1)))


def test_rotate90_turns_each_image_by_its_own_number():
    images = torch.rand(6, 3, 8, 8)
    turns = torch.tensor([3, 0, 1, 2, 1, 0])
    result = rotate90(images, turns)
    for image, turn, turned in zip(images, turns.tolist(), result, strict=True):
        assert torch.equal(turned, torch.rot90(image, turn, (-2, -1)))


def test_rotate90_refuses_what_has_no_answer():
    with pytest.raises(UnlabeledError, match="square images; these are 4 × 6"):
        rotate90(torch.rand(2, 3, 4, 6), torch.tensor([0, 2]))
    with pytest.raises(UnlabeledError, match=r"2 images need turns of shape \(2,\); got \(3,\)"):
        rotate90(torch.rand(2, 3, 4, 4), torch.tensor([0, 2, 1]))


def test_shrinking_smooths_away_what_the_new_pixels_cannot_show():
    # Stripes one pixel wide have no place in an image of a third of the size; their mean has. Each new pixel lies on
    # the middle of an old one, so without smoothing it would be black or white.
    stripes = (torch.arange(33) % 2).float().expand(1, 1, 33, 33)
    small = resample(stripes, geometry.stretch(1, (33, 33), (11, 11)), (11, 11))
    assert small[..., 2:-2].sub(0.5).abs().max() < 0.02
    coarse = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    smooth = interpolate(coarse, (32, 32), mode="bicubic")
    ours = resample(smooth, geometry.stretch(1, (32, 32), (16, 16)), (16, 16))
    # Our Gaussian is not PyTorch's triangle; on a smooth image the two all but agree.
    torch.testing.assert_close(ours, interpolate(smooth, (16, 16), mode="bilinear", antialias=True), atol=0.02, rtol=0)


def test_shrinking_one_image_does_not_smooth_another():
    images = torch.rand(2, 3, 16, 16)
    maps = torch.cat(
        (
            geometry.stretch(1, (16, 16), (8, 8)),
            geometry.axis_aligned(*torch.tensor([[[0.5, 0.4]], [[1.0, 1.0]]]).double()),
        )
    )
    alone = resample(images[1:], maps[1:], (8, 8))
    torch.testing.assert_close(resample(images, maps, (8, 8))[1:], alone)


def test_composition_is_one_map_after_the_other():
    outer, inner = random_maps(3, 1, (8, 8)), random_maps(3, 2, (8, 8))
    points = torch.rand(3, 2, dtype=torch.float64)
    torch.testing.assert_close(
        affine.apply(affine.compose(outer, inner), points), affine.apply(outer, affine.apply(inner, points))
    )
    torch.testing.assert_close(affine.compose(outer, affine.identity_like(outer)), outer)
    torch.testing.assert_close(affine.compose(affine.identity_like(outer), outer), outer)
