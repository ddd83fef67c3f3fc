"""Crop, flip, shift, turn and shear: what they draw, and that in a row they make one resampling."""

from __future__ import annotations

import math
import random

import pytest
import torch
from scipy import stats
from torch.nn.functional import interpolate

from unlabeled.views import Compose, Flip, RandomCrop, Resize, Rotate, Rotate90, Shear, Shift, simclr
from unlabeled.views.geometric import canvas


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slow_box(height, width, scale, ratio, rng) -> tuple[int, int, int, int]:
    """Draw one box as RandomResizedCrop's definition says: x, y, width, height."""
    for _ in range(10):
        area = height * width * rng.uniform(*scale)
        shape = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < w <= width and 0 < h <= height:
            return rng.randint(0, width - w), rng.randint(0, height - h), w, h
    if width / height < ratio[0]:
        w, h = width, round(width / ratio[0])
    elif width / height > ratio[1]:
        w, h = round(height * ratio[1]), height
    else:
        w, h = width, height
    return (width - w) // 2, (height - h) // 2, w, h


@pytest.mark.parametrize(
    ("size", "scale", "ratio"),
    [
        ((32, 32), (0.08, 1.0), (3 / 4, 4 / 3)),
        ((200, 320), (0.08, 1.0), (3 / 4, 4 / 3)),
        ((40, 200), (0.5, 1.0), (0.5, 2.0)),  # most boxes do not fit, and are drawn again
    ],
)
def test_boxes_are_distributed_as_random_resized_crops(size, scale, ratio):
    corner, extent = RandomCrop(scale=scale, ratio=ratio).boxes(8000, size, seeded())
    rng = random.Random(0)
    slow = torch.tensor([slow_box(*size, scale, ratio, rng) for _ in range(8000)], dtype=torch.float64)
    fast = torch.cat((corner, extent), 1)
    assert torch.equal(fast, fast.round())
    assert (corner >= 0).all()
    assert (corner + extent <= torch.tensor([size[1], size[0]])).all()
    features = (lambda b: b[:, 2] * b[:, 3], lambda b: b[:, 2] / b[:, 3], lambda b: b[:, 0], lambda b: b[:, 1])
    for feature in features:
        # Equal distributions give a p-value this small once in a thousand tests; the seeds are fixed.
        assert stats.ks_2samp(feature(fast).numpy(), feature(slow).numpy()).pvalue > 1e-3


def test_area_is_uniform_and_ratio_log_uniform_where_every_box_fits():
    _, extent = RandomCrop(scale=(0.1, 0.5)).boxes(8000, (3000, 3000), seeded())
    width, height = extent.unbind(1)
    area = (width * height / 3000**2).numpy()
    log_ratio = (width / height).log().numpy()
    assert stats.kstest(area, stats.uniform(0.1, 0.4).cdf).pvalue > 1e-3
    assert stats.kstest(log_ratio, stats.uniform(math.log(3 / 4), 2 * math.log(4 / 3)).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("size", "ratio", "corner", "extent"),
    [
        ((10, 100), (0.5, 0.5), (47, 0), (5, 10)),
        ((100, 10), (2.0, 2.0), (0, 47), (10, 5)),
        ((10, 100), (0.5, 2.0), (40, 0), (20, 10)),
    ],
)
def test_when_no_box_fits_the_largest_is_cut_from_the_centre(size, ratio, corner, extent):
    drawn = RandomCrop(scale=(1.0, 1.0), ratio=ratio).boxes(3, size, seeded())
    assert drawn[0].tolist() == [list(corner)] * 3
    assert drawn[1].tolist() == [list(extent)] * 3


def test_a_crop_shows_its_box():
    images = torch.rand(20, 3, 24, 30)
    crop = RandomCrop(size=32)
    result = crop(images, seeded(5))
    generator = seeded(5)
    torch.rand(20, generator=generator, dtype=torch.float64)  # whether each image is chosen
    corner, extent = crop.boxes(20, (24, 30), generator)
    for image, (x, y), (w, h), view in zip(images, corner.int().tolist(), extent.int().tolist(), result, strict=True):
        box = interpolate(image[None, :, y : y + h, x : x + w], (32, 32), mode="bilinear")[0]
        # At its rim a view interpolates towards the pixels outside the box, where a cut-out box repeats its own.
        inner = slice(32 // min(w, h) + 1, -(32 // min(w, h)) - 1)
        torch.testing.assert_close(view[:, inner, inner], box[:, inner, inner], atol=1e-5, rtol=0)


def test_a_crop_of_everything_is_the_image():
    images = torch.rand(3, 3, 12, 12)
    assert torch.equal(RandomCrop(scale=(1.0, 1.0), ratio=(1.0, 1.0))(images, seeded()), images)


def test_an_image_that_is_not_cropped_is_resized_whole():
    images = torch.rand(4, 3, 10, 14)
    assert torch.equal(RandomCrop(size=20, p=0.0)(images, seeded()), Resize(20)(images))


def test_flip_mirrors_left_to_right():
    images = torch.rand(40, 3, 5, 8)
    result = Flip(p=0.5)(images, seeded())
    flipped = [torch.equal(a, b.flip(-1)) for a, b in zip(result, images, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(result, images, strict=True)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 8 < sum(flipped) < 32


def test_shift_moves_whole_pixels_up_to_its_limit_and_mirrors_the_rest():
    row = torch.arange(16.0) / 100
    images = row.expand(400, 1, 16, 16)
    result = Shift(0.125)(images, seeded())
    padded = torch.cat((row[:2].flip(0), row, row[-2:].flip(0)))
    seen = set()
    for view in result[:, 0]:
        assert torch.equal(view, view[:1].expand(16, 16))  # along y every row is the same
        (place,) = [k for k in range(5) if torch.equal(padded[k : k + 16], view[0])]
        seen.add(place)
    assert seen == set(range(5))
    tall = Shift(0.125)(images.mT, seeded())
    assert len({tuple(view.flatten().tolist()) for view in tall}) == 5


def test_rotate90_takes_all_four_turns_equally_often():
    images = torch.rand(1, 3, 6, 6).expand(2000, -1, -1, -1)
    result = Rotate90()(images, seeded())
    counts = [
        sum(torch.equal(view, turned) for view in result)
        for turned in (torch.rot90(images[0], k, (-2, -1)) for k in range(4))
    ]
    assert sum(counts) == 2000
    assert max(abs(count - 500) for count in counts) < 100


def test_rotate_and_shear_stay_within_their_limits():
    linear = Rotate(20).maps(2000, (8, 8), seeded())[:, :, :2]
    angles = torch.rad2deg(torch.atan2(linear[:, 1, 0], linear[:, 0, 0]))
    assert angles.abs().max() <= 20
    assert stats.kstest(angles.numpy(), stats.uniform(-20, 40).cdf).pvalue > 1e-3
    linear = Shear(0.3).maps(2000, (8, 8), seeded())[:, :, :2]
    along_x, along_y = linear[:, 0, 1], linear[:, 1, 0]
    assert ((along_x == 0) != (along_y == 0)).all()
    assert 850 < (along_x != 0).sum() < 1150
    assert stats.kstest((along_x + along_y).numpy(), stats.uniform(-0.3, 0.6).cdf).pvalue > 1e-3
    assert torch.equal(linear.diagonal(dim1=1, dim2=2), torch.ones(2000, 2, dtype=torch.float64))


def test_shear_slides_rows_about_the_centre():
    image = torch.zeros(1, 1, 9, 9)
    image[..., 4] = 1.0  # a vertical line through the centre
    for view in Shear(0.5)(image.expand(30, -1, -1, -1), seeded()):
        assert view[0, 4, 4] == 1.0
        columns = (view[0] * torch.arange(9)).sum(1) / view[0].sum(1).clamp(min=1e-9)
        if torch.equal(view, image[0]):
            continue  # slid along y, a vertical line stays
        slopes = columns.diff()[2:6]
        assert (slopes - slopes[0]).abs().max() < 1e-4


def test_moves_that_keep_pixels_compose_exactly():
    images = torch.rand(64, 3, 9, 9)
    steps = [Flip(), Rotate90(), Flip(), Rotate90()]
    generator = seeded(3)
    expected = images
    for step in steps:
        expected = step(expected, generator)
    assert torch.equal(Compose(steps)(images, seeded(3)), expected)


def test_a_crop_and_then_a_flip_is_the_flipped_crop():
    images = torch.rand(16, 3, 20, 20)
    generator = seeded(1)
    expected = Flip()(RandomCrop()(images, generator), generator)
    torch.testing.assert_close(Compose([RandomCrop(), Flip()])(images, seeded(1)), expected, atol=1e-5, rtol=0)


def test_moves_in_a_row_interpolate_once(monkeypatch):
    calls = []
    once = canvas.resample
    monkeypatch.setattr(canvas, "resample", lambda *arguments: calls.append(1) or once(*arguments))
    Compose([RandomCrop(size=12), Flip(), Rotate(10), Shear(), Shift()])(torch.rand(4, 3, 16, 16), seeded())
    assert len(calls) == 1
    simclr(40)(torch.rand(4, 3, 48, 48), seeded())
    assert len(calls) == 2


def test_a_turn_after_a_crop_sees_what_lies_outside_the_box():
    # The image is flat but for a frame that only a turn of the crop can bring into view.
    image = torch.full((1, 1, 40, 40), 0.5)
    image[..., :8, :] = image[..., -8:, :] = image[..., :8] = image[..., -8:] = 1.0
    crop = RandomCrop(scale=(0.36, 0.36), ratio=(1.0, 1.0))  # 24 of 40 pixels
    views = Compose([crop, Rotate(45)])(image.expand(50, -1, -1, -1), seeded())
    assert views.isfinite().all()
    assert (views > 0.9).flatten(1).any(1).sum() > 25
