"""The recipes: what they contain, and the rule for small images."""

from __future__ import annotations

import pytest
import torch

from unlabeled.views import (
    Blur,
    BySize,
    ColourJitter,
    Compose,
    Cutout,
    Flip,
    Grey,
    RandAugment,
    RandomCrop,
    Resize,
    Shift,
    simclr,
    strong,
    weak,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_simclr_at_32_pixels_has_half_the_jitter_and_no_blur():
    assert simclr(32) == Compose(
        [
            RandomCrop((0.08, 1.0), (3 / 4, 4 / 3), size=32),
            Flip(0.5),
            ColourJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
            Grey(0.2),
        ]
    )


def test_simclr_above_32_pixels_has_all_of_both():
    assert simclr(96) == Compose(
        [
            RandomCrop((0.08, 1.0), (3 / 4, 4 / 3), size=96),
            Flip(0.5),
            ColourJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
            Grey(0.2),
            Blur((0.1, 2.0), p=0.5),
        ]
    )


@pytest.mark.parametrize("size", [8, 28, 32, 33, 64])
def test_simclr_of_no_stated_size_follows_the_same_rule(size):
    images = torch.rand(4, 3, size, size)
    assert torch.equal(simclr()(images, seeded()), simclr(size)(images, seeded()))


def test_simclr_takes_the_strengths_it_is_given():
    view = simclr(32, jitter=1.0, blur=0.5)
    assert ColourJitter(0.8, 0.8, 0.8, 0.2, p=0.8) in view.steps
    assert Blur(p=0.5) in view.steps
    assert not any(isinstance(step, Blur) for step in simclr(96, blur=0.0).steps)
    assert isinstance(simclr(), BySize)
    assert isinstance(simclr(jitter=0.7, blur=0.1), Compose)  # nothing is left to decide


def test_simclr_changes_every_image_of_a_batch_its_own_way():
    images = torch.rand(1, 3, 40, 40).expand(32, -1, -1, -1)
    views = simclr(40)(images, seeded())
    assert len({tuple(view.flatten().tolist()) for view in views}) == 32


def test_weak_flips_and_shifts_by_at_most_an_eighth():
    assert weak() == Compose([Flip(0.5), Shift(0.125)])
    assert weak(24) == Compose([Resize(24), Flip(0.5), Shift(0.125)])


def test_weak_views_hold_only_pixels_of_the_image():
    images = torch.rand(30, 1, 16, 16)
    for image, view in zip(images, weak()(images, seeded()), strict=True):
        assert set(view.flatten().tolist()) <= set(image.flatten().tolist())


def test_strong_is_weak_then_randaugment_then_cutout():
    assert strong() == Compose([Flip(0.5), Shift(0.125), RandAugment(2), Cutout(0.5)])
    assert strong(24).steps[0] == Resize(24)
