"""Views in a row, and the choice by size."""

from __future__ import annotations

import torch

from unlabeled.views import (
    Blur,
    BySize,
    ColourJitter,
    Compose,
    Cutout,
    Flip,
    Grey,
    RandomCrop,
    Resize,
    Rotate90,
    Solarize,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_in_a_row_is_a_copy():
    images = torch.rand(2, 3, 4, 4)
    copy = Compose([])(images)
    assert torch.equal(copy, images)
    assert copy.data_ptr() != images.data_ptr()


def test_steps_that_cannot_fuse_follow_one_another():
    images = torch.rand(16, 3, 10, 10)
    steps = [Flip(), Solarize(p=0.5), Rotate90(), Cutout(p=0.5), Flip(), Blur()]
    generator = seeded(6)
    expected = images
    for step in steps:
        expected = step(expected, generator)
    torch.testing.assert_close(Compose(steps)(images, seeded(6)), expected)


def test_contrast_pivots_about_the_image_that_the_step_before_has_left():
    images = torch.rand(16, 3, 10, 10)
    contrast = ColourJitter(0, 0.9, 0, 0, p=1.0)
    for between in (Cutout(), RandomCrop(scale=(0.1, 0.1)), Solarize(threshold=(0.0, 0.0), p=1.0)):
        inside = 0.3 + 0.2 * images  # clamping plays no part
        generator = seeded(6)
        expected = contrast(between(contrast(inside, generator), generator), generator)
        result = Compose([contrast, between, contrast])(inside, seeded(6))
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


def test_nesting_changes_nothing():
    images = torch.rand(8, 3, 10, 10)
    flat = Compose([RandomCrop(), Flip(), ColourJitter(), Blur()])
    nested = Compose([Compose([RandomCrop(), Flip()]), Compose([ColourJitter(), Compose([Blur()])])])
    assert torch.equal(flat(images, seeded()), nested(images, seeded()))


def test_a_list_and_a_tuple_of_steps_are_the_same_view():
    assert Compose([Flip(), Grey()]) == Compose((Flip(), Grey()))
    assert Compose([Flip(), Grey()]) != Compose([Grey(), Flip()])


def test_its_repr_makes_it_again():
    view = Compose([Compose([RandomCrop(size=8), Flip()]), BySize(Compose([]), Grey()), Compose([])])
    assert eval(repr(view)) == view
    assert "\n    Compose([\n        RandomCrop(" in repr(view)


def test_sizes_follow_one_another():
    images = torch.rand(2, 3, 20, 30)
    assert Compose([Resize(12), RandomCrop(size=7), Flip()])(images, seeded()).shape == (2, 3, 7, 7)
    assert Compose([Resize(12), Rotate90()])(images, seeded()).shape == (2, 3, 12, 12)


def test_by_size_looks_at_the_shorter_side_as_it_stands():
    view = BySize(small=Grey(p=1.0), large=Compose([]), limit=8)

    def was_greyed(images: torch.Tensor) -> bool:
        return torch.equal(images[:, 0], images[:, 1])

    assert was_greyed(view(torch.rand(1, 3, 8, 20)))
    assert not was_greyed(view(torch.rand(1, 3, 9, 20)))
    assert was_greyed(Compose([Resize(8), view])(torch.rand(1, 3, 20, 20)))
