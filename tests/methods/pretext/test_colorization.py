"""Colorization: bins of colours, weights of the rare ones, and an encoder that sees no colour."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled import Colorization
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError
from unlabeled.methods.pretext.colorization import ColourBins
from unlabeled.modalities import open_instances
from unlabeled.training.control.health_monitor import CollapseWarning
from unlabeled.views.photometric.cielab import rgb_to_lab


@pytest.fixture(scope="module")
def images():
    """Light parts are red and dark ones blue, so lightness says the colour."""
    rng = np.random.default_rng(0)
    light = np.kron(rng.random((64, 2, 2)) < 0.5, np.ones((1, 8, 8))) > 0
    pixels = np.where(light[..., None], [230, 120, 110], [20, 30, 90]) + rng.integers(-9, 10, (64, 16, 16, 3))
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(images):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)  # two colours need no more than two directions
        return Colorization(epochs=40, batch_size=8, learning_rate=3e-3, random_state=0, progress=False).fit(images)


def test_every_colour_falls_into_the_bin_whose_middle_is_nearest():
    bins = ColourBins()
    assert 200 < len(bins.centres) < 320
    colours = rgb_to_lab(torch.rand(40, 3, 5, 5))[:, 1:]
    found = bins.bins(colours)
    for i in range(40):
        colour, centre = colours[i, :, 2, 3], bins.centres[found[i, 2, 3]]
        distances = (bins.centres - colour).square().sum(1)
        assert (centre - colour).square().sum() == pytest.approx(float(distances.min()), abs=1e-3)


def test_weights_are_those_of_the_paper_and_one_on_average():
    bins = ColourBins()
    colours = rgb_to_lab(torch.rand(20, 3, 8, 8))[:, 1:]
    bins.count(colours)
    assert bins.seen.sum() == 20 * 64
    count = len(bins.seen)
    share = (bins.seen.double() + 1) / (20 * 64 + count)
    by_hand = torch.tensor([1 / (0.5 * float(p) + 0.5 / count) for p in share], dtype=torch.float64)
    by_hand = by_hand / (by_hand * share).sum()
    torch.testing.assert_close(bins.weights().double(), by_hand, rtol=1e-5, atol=1e-6)
    assert bins.weights()[bins.seen.argmax()] < bins.weights()[bins.seen.argmin()]


def test_the_loss_is_the_weighted_cross_entropy(fitted):
    net = fitted.network_.eval()
    x, y = fitted.split(Batch.unlabelled(torch.rand(2, 3, 16, 16)))
    with torch.no_grad():
        loss = float(fitted.loss(net, x, y))
        log_p = net.decoder(net.encoder.features(x).maps()).log_softmax(1)
        weights, total = net.palette.weights(), 0.0
        for i in range(2):
            for row in range(8):
                for column in range(8):
                    colour = y[i, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean((1, 2))
                    number = int(net.palette.bins(colour.view(1, 2, 1, 1)))
                    total -= float(weights[number] * log_p[i, number, row, column])
        # So that processes and accumulated batches have the gradient of the whole.
        parts = [float(fitted.loss(net, x[[i]], y[[i]])) for i in range(2)]
    assert loss == pytest.approx(total / (2 * 64), rel=1e-4)
    assert loss == pytest.approx(np.mean(parts), rel=1e-4)


def test_colours_of_what_is_given_are_not_looked_at(fitted, images):
    grey = np.repeat(np.asarray(images).mean(3, keepdims=True), 3, 3).astype(np.uint8)
    lightness = rgb_to_lab(torch.from_numpy(grey).permute(0, 3, 1, 2) / 255)
    tinted = fitted.colorize(grey)
    again = fitted.colorize(tinted.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(again, tinted, atol=0.03)  # 8-bit rounding, and cut-off colours
    found = rgb_to_lab(torch.from_numpy(tinted))
    assert (found[:, 0] - lightness[:, 0]).abs().mean() < 2


def test_it_learns_which_colours_go_with_what(fitted, images):
    colours = rgb_to_lab(torch.from_numpy(fitted.colorize(images)))[:, 1:, 4::8, 4::8].flatten(2)
    truth = rgb_to_lab(torch.from_numpy(images.copy()).permute(0, 3, 1, 2) / 255)[:, 1:, 4::8, 4::8].flatten(2)
    assert (colours - truth).norm(dim=1).mean() < truth.norm(dim=1).mean() / 1.5  # grey's error
    assert fitted.pictures(images[:3]).names == ("image", "lightness", "colourised")


def test_grey_photographs_that_are_stored_in_colour_are_refused(images, tmp_path):
    grey = np.repeat(np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1)), 3, axis=3).astype(np.uint8)
    for number, image in enumerate(grey):
        Image.fromarray(image).save(tmp_path / f"{number:02}.jpg")
    method = Colorization(epochs=1, batch_size=16, random_state=0, progress=False)
    for data in (grey, str(tmp_path)):
        with pytest.raises(UnlabeledError, match="40 of these, taken from everywhere, are all grey"):
            method.fit(data)
    with pytest.raises(UnlabeledError, match="are all grey"):
        method.check(open_instances(grey, method)[0])
    assert method.fit(np.concatenate([grey, images[:1]])).n_instances_ == 41  # one in colour is enough


def test_counts_are_saved_and_loaded(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    assert torch.equal(Colorization.load(tmp_path / "model").network_.palette.seen, fitted.network_.palette.seen)
    assert fitted.network_.palette.seen.sum() > 0


@pytest.mark.parametrize(
    ("data", "says"),
    [(np.zeros((4, 16, 16), np.uint8), "in colour, and these are grey"), (np.eye(4), "image data, not vectors")],
)
def test_what_has_no_colours_is_refused(data, says):
    with pytest.raises(UnlabeledError, match=says):
        Colorization(progress=False).fit(data)
