from __future__ import annotations

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.views import (
    Blur,
    ColourJitter,
    Compose,
    Cutout,
    Noise,
    RandAugment,
    RandomCrop,
    Rotate,
    View,
    simclr,
)
from unlabeled.views.video import ClipView, FrameSampling

VIEWS = [
    simclr(),
    simclr(16),
    Compose([RandomCrop(size=12), Rotate(), ColourJitter(p=1.0), Blur(p=1.0), Cutout()]),
    RandAugment(),
]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("view", VIEWS)
def test_one_frame_is_an_image(view):
    """A clip of one frame is distorted exactly as the image is."""
    images = torch.rand(6, 3, 20, 20)
    clips = ClipView(view)(images[:, None], generator())
    torch.testing.assert_close(clips[:, 0], view(images, generator()))


@pytest.mark.parametrize("view", VIEWS)
def test_a_still_clip_stays_still(view):
    """If all frames are equal they are so afterwards: one geometry and one colour for all."""
    images = torch.rand(6, 3, 20, 20)
    clips = ClipView(view)(images[:, None].expand(-1, 5, -1, -1, -1), generator())
    torch.testing.assert_close(clips, clips[:, :1].expand_as(clips))
    torch.testing.assert_close(clips[:, 0], view(images, generator()))


def test_contrast_pivots_about_the_mean_of_the_clip():
    """Frames of different brightness get the same matrix: a linear change of all pixels of the clip."""
    clips = 0.4 + 0.2 * torch.rand(4, 6, 3, 8, 8) + torch.linspace(-0.05, 0.05, 6)[:, None, None, None]
    got = ClipView(ColourJitter(0.1, 0.3, 0.1, 0.05, p=1.0))(clips, generator())
    for before, after in zip(clips, got, strict=True):
        pixels = before.transpose(0, 1).flatten(1)
        known = torch.cat((pixels, torch.ones_like(pixels[:1]))).T.double()
        wanted = after.transpose(0, 1).flatten(1).T.double()
        fitted = known @ torch.linalg.lstsq(known, wanted).solution
        torch.testing.assert_close(fitted, wanted, atol=1e-5, rtol=0)


def test_clips_differ_from_one_another():
    clip = torch.rand(1, 3, 3, 16, 16)
    a, b = ClipView(simclr())(clip.expand(2, -1, -1, -1, -1), generator())
    assert (a - b).abs().mean() > 0.01


def test_frame_wise_jitter_flickers():
    still = torch.rand(2, 1, 3, 8, 8).expand(-1, 4, -1, -1, -1)
    got = ClipView(Compose([]), per_frame=Noise((0.1, 0.1)))(still, generator())
    assert (got[:, 0] - got[:, 1]).abs().mean() > 0.05


def test_half_precision_and_the_batch_are_left_as_they_were():
    clips = torch.rand(2, 3, 3, 16, 16).bfloat16()
    before = clips.clone()
    got = ClipView(simclr())(clips, generator())
    assert got.dtype == torch.bfloat16
    assert torch.equal(clips, before)


def test_it_is_described_and_made_again():
    view = ClipView(simclr(16), per_frame=Noise(), sampling=FrameSampling(4, 2))
    assert View.from_dict(view.to_dict()) == view


@pytest.mark.parametrize("batch", [torch.rand(2, 3, 8, 8), torch.zeros(2, 3, 3, 8, 8, dtype=torch.uint8)])
def test_what_is_no_clip_is_refused(batch):
    with pytest.raises(UnlabeledError, match="a view of clips needs floats"):
        ClipView(simclr())(batch)


@pytest.mark.parametrize(
    ("length", "max_pace", "paces"), [(3, 1, {1}), (3, 4, {1, 2, 3, 4}), (5, 4, {1, 2}), (9, 3, {1})]
)
def test_frames_are_a_run_at_an_even_pace(length, max_pace, paces):
    clips = torch.arange(9.0).repeat(400, 1)[:, :, None, None, None]
    got = FrameSampling(length, max_pace)(clips, generator()).flatten(1)
    assert got.shape == (400, length)
    steps = got.diff(dim=1)
    assert (steps == steps[:, :1]).all()
    assert set(steps[:, 0].int().tolist()) == paces
    for pace in paces:  # every start that there is room for
        starts = set(got[steps[:, 0] == pace, 0].int().tolist())
        assert starts == set(range(9 - (length - 1) * pace))


def test_frames_that_are_not_there_cannot_be_taken():
    with pytest.raises(UnlabeledError, match="cannot take 5 frames from clips of 4"):
        FrameSampling(5)(torch.rand(1, 4, 3, 8, 8))
    with pytest.raises(UnlabeledError, match="length"):
        FrameSampling(0)
