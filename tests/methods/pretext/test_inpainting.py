"""Inpainting: blocks that hide, and pixels outside them that stay."""

import numpy as np
import pytest
import torch

from unlabeled import Inpainting
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError
from unlabeled.methods.pretext.inpainting import blocks


@pytest.fixture(scope="module")
def fitted(digits):
    return Inpainting(epochs=8, batch_size=32, learning_rate=3e-3, random_state=0, progress=False).fit(digits[0][:1000])


@pytest.fixture
def mask():
    marked = np.zeros((8, 8), np.uint8)
    marked[3:5, 3:6] = 255
    return marked


def test_blocks_have_a_quarter_to_a_half_of_the_sides_and_lie_anywhere():
    hole = blocks(torch.zeros(400, 3, 32, 32))
    rows, columns = hole[:, 0].amax(2), hole[:, 0].amax(1)
    assert torch.equal(hole[:, 0], rows[:, :, None] * columns[:, None])
    for places in (rows, columns):
        sides = places.sum(1)
        assert sides.min() == 8
        assert sides.max() == 16
        first = places.argmax(1)
        assert ((first + sides) <= 32).all()
        assert first.min() == 0
        assert (first + sides).max() == 32


def test_what_is_hidden_is_not_shown():
    method = Inpainting()
    t = torch.rand(4, 3, 16, 16)
    (seen, hole), y = method.split(Batch.unlabelled(t))
    assert torch.equal(y, t)
    assert (seen[hole.expand_as(seen) > 0] == 0.5).all()
    assert torch.equal(seen[hole.expand_as(seen) == 0], t[hole.expand_as(seen) == 0])


def test_the_loss_is_the_mean_over_images_of_the_mean_over_hidden_pixels(fitted):
    net = fitted.network_.eval()
    torch.manual_seed(0)
    x, y = fitted.split(Batch.unlabelled(torch.rand(5, 1, 8, 8)))
    assert len({float(hole.sum()) for hole in x[1]}) > 1  # so that a mean over all pixels would be another one
    with torch.no_grad():
        painted = net.decoder(net.encoder.features(x[0]).maps(), torch.cat(x, 1))
        errors = [float((p - t)[hole > 0].square().mean()) for p, t, hole in zip(painted, y, x[1], strict=True)]
        assert float(fitted.loss(net, x, y)) == pytest.approx(np.mean(errors), rel=1e-4)


def test_it_paints_better_than_grey_and_keeps_the_rest(fitted, digits, mask):
    images = digits[0][1000:1200]
    painted = fitted.inpaint(images, mask)[:, 0]
    clean, hidden = images / 255, mask > 0
    np.testing.assert_allclose(painted[:, ~hidden], clean[:, ~hidden], atol=1e-6)
    mean = clean[:, hidden].mean(0)
    error = ((painted - clean)[:, hidden] ** 2).mean()
    assert error < 0.85 * ((clean[:, hidden] - mean) ** 2).mean()
    spoilt = images.copy()
    spoilt[:, hidden] = 255
    np.testing.assert_allclose(fitted.inpaint(spoilt, mask)[:, 0], painted, atol=1e-6)
    assert fitted.pictures(images[:4]).names == ("image", "with hole", "painted")


def test_a_mask_of_another_size_is_refused(fitted, digits):
    with pytest.raises(UnlabeledError, match="the mask has 5 × 8 pixels and the picture 8 × 8"):
        fitted.inpaint(digits[0][:2], np.ones((5, 8)))
