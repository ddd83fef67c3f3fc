from __future__ import annotations

import pytest
import torch

from unlabeled.encoders import load_encoder, make_encoder, save_encoder
from unlabeled.encoders.video.conv3d import PaddedConv3d
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.video import VideoPreprocessing
from unlabeled.views.photometric.colour import LUMA

NAMES = ["frames", "frames:conv:2", "frames:vit", "temporal:conv", "conv3d"]
CLIPS = VideoPreprocessing(6, 16, 3)


def made(name: str, preprocessing: VideoPreprocessing = CLIPS):
    torch.manual_seed(0)
    return make_encoder(name, preprocessing).eval()


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_a_clip_becomes_a_vector_and_vectors_in_time(name, tmp_path):
    encoder, clips = made(name), torch.rand(2, 6, 3, 16, 16)
    vectors, in_time = encoder(clips), encoder.features(clips).vectors
    assert vectors.shape == (2, encoder.dim)
    assert in_time.shape == (2, 3 if name == "conv3d" else 6, encoder.dim)
    torch.testing.assert_close(vectors, in_time.mean(1))
    assert encoder(clips[:, :1]).shape == (2, encoder.dim)  # a single frame is a clip as well
    save_encoder(encoder, tmp_path / "encoder")
    assert torch.equal(load_encoder(tmp_path / "encoder").eval()(clips), vectors)


@torch.no_grad()
def test_frame_wise_is_the_image_encoder_frame_by_frame():
    encoder, clips = made("frames"), torch.rand(2, 6, 3, 16, 16)
    each = torch.stack([encoder.frame(clips[:, t]) for t in range(6)], 1)
    torch.testing.assert_close(encoder.features(clips).vectors, each)
    torch.testing.assert_close(encoder(clips.flip(1)), encoder(clips))  # the mean knows no order
    maps = made("frames:conv:2").maps(clips)
    assert maps.shape == (2, 6, 192, 4, 4)


@pytest.mark.parametrize("name", ["temporal:conv", "conv3d"])
@torch.no_grad()
def test_a_head_over_time_knows_the_order(name):
    encoder, clips = made(name), torch.rand(2, 6, 3, 16, 16)
    vectors = encoder(clips)
    assert (vectors - encoder(clips.flip(1))).abs().max() > 0.01 * vectors.abs().max()


@torch.no_grad()
def test_grey_sees_the_luma_alone():
    encoder, clips = made("frames"), torch.rand(2, 6, 3, 16, 16)
    luma = (clips * torch.tensor(LUMA)[:, None, None]).sum(2, keepdim=True).expand_as(clips)
    of_luma = encoder(luma)
    encoder.grey = True
    torch.testing.assert_close(encoder(clips), of_luma)
    assert encoder.settings()["grey"] is True


def test_halvings_of_conv():
    images = torch.rand(2, 3, 16, 16)
    for name, side in (("conv", 2), ("conv:2", 4), ("conv:1", 8)):
        assert make_encoder(name, ImagePreprocessing(16)).features(images).vectors.shape[2:] == (side, side)
    for name in ("conv:4", "conv:x"):
        with pytest.raises(UnlabeledError, match="halve"):
            make_encoder(name, ImagePreprocessing(16))


def test_encoders_of_other_kinds_are_refused():
    with pytest.raises(UnlabeledError, match=r"'conv' is for images.*'conv3d', 'frames', 'temporal'"):
        made("conv")
    with pytest.raises(UnlabeledError, match="is for"):
        make_encoder("conv3d", ImagePreprocessing(16))
    with pytest.raises(UnlabeledError, match="8 pixels a side"):
        made("conv3d", VideoPreprocessing(4, 6))


@pytest.mark.parametrize(("frames", "side", "kernel"), [(2, 6, (3, 1, 1)), (2, 2, (3, 3, 3)), (2, 8, (3, 4, 4))])
def test_weights_of_short_clips_have_right_gradients_in_bfloat16(frames, side, kernel):
    """Without padding of our own they are no numbers here, or off by more than their length."""
    padding = (1, 0, 0) if kernel[1] == 1 else (1, 1, 1)
    for seed in range(4):
        torch.manual_seed(seed)
        layer = PaddedConv3d(96, 32, kernel, padding=padding, bias=False)
        clips, gradients = torch.randn(8, 96, frames, side, side), []
        direction = torch.randn_like(layer(clips))
        for short in (True, False):
            layer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=short):
                found = layer(clips)
            (found.float() * direction).sum().backward()
            gradients.append(layer.weight.grad.clone())
        # A bfloat16 has 8 bits of mantissa, so a product is off by at most 2⁻⁸ of its size.
        assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 2**-7
        plain = torch.nn.functional.conv3d(clips, layer.weight, padding=padding)
        torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-4)
