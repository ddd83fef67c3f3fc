"""Deblurring: how much is blurred, and that it gets sharper."""

import numpy as np
import pytest
import torch

from unlabeled import Deblurring
from unlabeled.errors import UnlabeledError
from unlabeled.views.photometric.gaussian_blur import gaussian_blur


def test_each_image_is_blurred_by_a_width_of_its_own_within_the_range():
    point = torch.zeros(200, 1, 33, 33)
    point[:, :, 16, 16] = 1
    blurred = Deblurring(sigma=(1.0, 3.0)).damage(point)
    distance = (torch.arange(33) - 16).float()
    widths = (blurred[:, 0].sum(1) * distance.square()).sum(1).sqrt()  # the deviation of a blurred point is sigma
    assert 0.97 < widths.min() < 1.1
    assert 2.8 < widths.max() < 3.02
    assert torch.equal(point[:, :, 16, 16], torch.ones(200, 1))


def test_blurred_images_come_back_sharper(digits):
    images = np.kron(digits[0][:500], np.ones((1, 2, 2), np.uint8))
    method = Deblurring(
        sigma=(1.0, 1.5), epochs=3, batch_size=32, learning_rate=3e-3, random_state=0, progress=False
    ).fit(images[:400])
    clean = torch.from_numpy(images[400:, None] / 255).float()
    blurred = gaussian_blur(clean, torch.full((100,), 1.2), 1.5)
    restored = method.restore(blurred[:, 0].clamp(0, 1).numpy())
    assert ((restored - clean.numpy()) ** 2).mean() < ((blurred - clean) ** 2).mean() / 1.5


@pytest.mark.parametrize(
    "sigma",
    [
        *[(2.0, 1.0), (-1.0, 1.0), (0.0, 0.0), (1.0,), (1.0, 2.0, 3.0), (0.5, float("inf")), (0.5, float("nan"))],
        *[("a", "b"), (None, 1.0), (True, 2.0), ((0.5,), (2.0,))],
    ],
)
def test_a_range_that_is_none_is_refused(sigma):
    with pytest.raises(UnlabeledError, match="sigma must be a range"):
        Deblurring(sigma=sigma, progress=False).fit(np.zeros((4, 8, 8), np.uint8))
