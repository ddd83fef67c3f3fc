"""Super-resolution: what is shrunk is what Pillow shrinks, and detail comes back."""

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled import SuperResolution
from unlabeled.data import Images
from unlabeled.errors import UnlabeledError

BICUBIC = Image.Resampling.BICUBIC


def psnr(a, b):
    return -10 * np.log10(((a - b) ** 2).mean())


@pytest.mark.parametrize(("size", "factor", "small"), [(32, 2, 16), (27, 2, 14), (32, 3, 11)])
def test_the_damage_is_shrinking_and_enlarging_as_pillow_does(size, factor, small):
    pixels = (np.random.default_rng(0).random((size, size)) * 255).astype(np.float32)
    there = Image.fromarray(pixels).resize((small, small), BICUBIC)
    back = np.asarray(there.point(lambda v: v).resize((size, size), BICUBIC)) / 255
    ours = SuperResolution(factor=factor).damage(torch.from_numpy(pixels)[None, None] / 255)[0, 0].numpy()
    inside = (back > 0.02) & (back < 0.98)  # ours is cut off at black and white twice
    assert np.abs(ours - back)[inside].mean() < 0.01


def test_detail_comes_back(digits):
    images = np.kron(digits[0][:500], np.ones((1, 2, 2), np.uint8))
    method = SuperResolution(epochs=3, batch_size=32, learning_rate=3e-3, random_state=0, progress=False).fit(
        images[:400]
    )
    small = [np.asarray(Image.fromarray(image).resize((8, 8), BICUBIC)) for image in images[400:]]
    bicubic = np.stack([np.asarray(Image.fromarray(image).resize((16, 16), BICUBIC)) for image in small]) / 255
    clean = images[400:] / 255
    assert psnr(method.restore(np.stack(small))[:, 0], clean) > psnr(bicubic, clean) + 1


@pytest.mark.slow
@pytest.mark.real_data
def test_photographs_are_better_than_bicubic(real_data):
    train = Images(real_data / "cifar10" / "train.parquet").prepare(size=32).gather(torch.arange(4000)).values.numpy()
    test = Images(real_data / "cifar10" / "test.parquet").prepare(size=32).gather(torch.arange(500)).values.numpy()
    method = SuperResolution(epochs=4, batch_size=32, learning_rate=2e-3, random_state=0, progress=False).fit(train)
    pictures = [Image.fromarray(image.transpose(1, 2, 0)) for image in test]
    small = [picture.resize((16, 16), BICUBIC) for picture in pictures]
    bicubic = np.stack([np.asarray(picture.resize((32, 32), BICUBIC)) for picture in small]).transpose(0, 3, 1, 2)
    gain = psnr(method.restore(small), test / 255) - psnr(bicubic / 255, test / 255)
    print(f"{gain:+.2f} dB over bicubic")
    assert gain > 0.3


@pytest.mark.parametrize("factor", [1, 9])
def test_a_factor_that_cannot_be_is_refused(factor):
    with pytest.raises(UnlabeledError, match="factor must be"):
        SuperResolution(factor=factor, progress=False).fit(np.zeros((4, 8, 8), np.uint8))
