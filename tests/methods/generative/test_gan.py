"""The GAN: two players in one loss, each moved by its own."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unlabeled import GAN
from unlabeled.errors import UnlabeledError
from unlabeled.methods.generative.gan import constant, generator
from unlabeled.methods.generative.inversion import between, nearest_codes
from unlabeled.methods.generative.spectral_norm import SpectralNorm


@pytest.fixture(scope="module")
def fitted(digits):
    return GAN(epochs=1, batch_size=64, random_state=0, progress=False).fit(digits[0][:128])


def players(net):
    return [*net.encoder.parameters(), *net.head.parameters()], list(net.decoder.parameters())


def test_each_player_has_the_gradient_of_its_own_loss_alone(fitted):
    method, net = fitted, fitted.network_.eval()
    z, t = torch.randn(6, 64), torch.rand(6, 1, 8, 8)
    net.zero_grad()
    method.loss(net, z, t).backward()
    discriminator, maker = players(net)
    found = [p.grad.clone() for p in discriminator + maker]

    def logits(images):
        return net.head(net.encoder(images))

    real = t.clone().requires_grad_()
    slope = torch.autograd.grad(logits(real).sum(), real, create_graph=True)[0]
    penalty = method.penalty / 2 * sum(slope[i].pow(2).sum() for i in range(6)) / 6
    for_discriminator = (
        -torch.log(torch.sigmoid(logits(real))).mean()
        - torch.log(1 - torch.sigmoid(logits(net.decoder(z).detach()))).mean()
        + penalty
    )
    for_generator = -torch.log(torch.sigmoid(logits(net.decoder(z)))).mean()
    expected = [
        *torch.autograd.grad(for_discriminator, discriminator),
        *torch.autograd.grad(for_generator, maker),
    ]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
    by_hand = float((for_discriminator + for_generator).detach())
    assert float(method.loss(net, z, t).detach()) == pytest.approx(by_hand, rel=1e-4)


def test_a_constant_module_passes_gradients_to_its_input_only():
    module = torch.nn.Linear(3, 2)
    x = torch.randn(4, 3, requires_grad=True)
    constant(module, x).square().sum().backward()
    assert module.weight.grad is None
    expected = torch.autograd.grad(module(x).square().sum(), x)[0]
    torch.testing.assert_close(x.grad, expected)


def test_without_a_penalty_there_is_none(fitted):
    net = fitted.network_.eval()
    plain = GAN(penalty=0.0)
    z, t = torch.randn(6, 64), torch.rand(6, 1, 8, 8)
    with torch.no_grad():
        by_hand = (
            F.softplus(-net.head(net.encoder(t))).mean()
            + F.softplus(net.head(net.encoder(net.decoder(z)))).mean()
            + F.softplus(-net.head(net.encoder(net.decoder(z)))).mean()
        )
        assert float(plain.loss(net, z, t)) == pytest.approx(float(by_hand), rel=1e-5)


def largest_singular_value(layer):
    return float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))


def test_spectral_normalisation_keeps_the_largest_singular_value_at_one(digits):
    model = GAN(epochs=1, batch_size=8, penalty=0.0, spectral_norm=True, random_state=0, progress=False)
    net = model.fit(digits[0][:256]).network_
    layers = [layer for layer in [*net.encoder.modules(), net.head] if hasattr(layer, "weight")]
    assert len(layers) == 5
    for layer in layers:
        # One step of power iteration lags a little behind weights that move by 1e-3 a step.
        assert largest_singular_value(layer) == pytest.approx(1, abs=0.03)
    plain = GAN(epochs=1, batch_size=8, penalty=0.0, random_state=0, progress=False).fit(digits[0][:256]).network_
    sizes = [
        float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) for layer in [*plain.encoder.body[::2]][:4]
    ]
    assert max(abs(size - 1) for size in sizes) > 0.1


def test_power_iteration_finds_the_singular_value_of_kernels_that_stay():
    layer = torch.nn.Conv2d(3, 6, 3)
    norm = SpectralNorm(layer)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(6, 3, 3, 3))
    before = layer.weight.detach().clone()
    for _ in range(200):
        norm(layer)
    expected = before / np.linalg.svd(before.flatten(1).numpy(), compute_uv=False)[0]
    torch.testing.assert_close(layer.weight.detach(), expected, rtol=1e-3, atol=1e-4)


def test_spectral_normalisation_is_saved_and_goes_on(tmp_path, digits):
    settings = {"batch_size": 16, "penalty": 0.0, "spectral_norm": True, "random_state": 0, "progress": False}
    model = GAN(epochs=1, **settings).fit(digits[0][:64])
    model.save(tmp_path / "gan")
    loaded = GAN.load(tmp_path / "gan")
    ours, theirs = loaded.network_.state_dict(), model.network_.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert any(key.startswith("spectral_norm.") for key in theirs)


@pytest.mark.parametrize("size", [2, 7, 8, 9, 28, 32, 33, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_generator_makes_images_of_any_size(size, channels):
    made = generator(5, (channels, size, size), width=4)(torch.randn(2, 5))
    assert made.shape == (2, channels, size, size)
    assert made.min() >= 0
    assert made.max() <= 1


def test_samples_come_from_the_running_average(fitted):
    samples = fitted.sample(5, random_state=3)
    assert samples.shape == (5, 1, 8, 8)
    assert np.array_equal(fitted.sample(5, random_state=3), samples)
    net = fitted.network_.eval()
    codes = torch.randn(5, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        np.testing.assert_allclose(samples, net.teacher(codes), atol=1e-6)
        assert not np.allclose(samples, net.decoder(codes), atol=1e-4)
    assert fitted.pictures(None).pictures.shape == (8, 8, 8, 8, 3)


def test_codes_are_found_again_from_the_images_that_they_make(fitted):
    net = fitted.network_.eval()
    generator = net.teacher.copy
    true = torch.nn.functional.normalize(torch.randn(2, 64), dim=1) * 8  # √64
    with torch.no_grad():
        images = generator(true)
        others = generator(torch.randn(200, 64))
    weights = [p.clone() for p in generator.parameters()]
    torch.manual_seed(0)
    codes = nearest_codes(generator, images, 64)
    assert all(torch.equal(p, q) for p, q in zip(weights, generator.parameters(), strict=True))
    torch.testing.assert_close(codes.norm(dim=1), torch.full((2,), 8.0))
    with torch.no_grad():
        found = (generator(codes) - images).square().flatten(1).sum(1)
    nearest = torch.cdist(images.flatten(1), others.flatten(1)).square().amin(1)
    assert (found < nearest / 4).all()  # far nearer than the best of 200 samples


def test_the_way_keeps_the_length_of_codes_and_goes_in_even_turns():
    a, b = (torch.nn.functional.normalize(torch.randn(20), dim=0) * 5 for _ in range(2))
    way = between(a, b, 7)
    torch.testing.assert_close(way[[0, -1]], torch.stack((a, b)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(way.norm(dim=1), torch.full((7,), 5.0))
    turns = torch.cosine_similarity(way[1:], way[:-1], dim=1).arccos()
    torch.testing.assert_close(turns, turns.mean().expand(6), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(between(a, a, 3), a.expand(3, -1), rtol=1e-4, atol=1e-5)


def test_the_way_between_two_images_begins_and_ends_with_images_like_them(fitted):
    a, b = fitted.sample(2, random_state=5)[:, 0]
    way = fitted.interpolate(a, b, steps=4)
    assert way.shape == (4, 1, 8, 8)
    assert np.array_equal(fitted.interpolate(a, b, steps=4), way)
    for end, image, other in ((way[0, 0], a, b), (way[3, 0], b, a)):
        assert ((end - image) ** 2).sum() < ((end - other) ** 2).sum() / 2
    with pytest.raises(UnlabeledError, match="steps must be a whole number of at least 2"):
        fitted.interpolate(a, b, steps=1)
    with pytest.raises(UnlabeledError, match="random_state must be a whole number from 0"):
        fitted.interpolate(a, b, random_state=-1)


def test_samples_outlive_saving(fitted, tmp_path):
    fitted.save(tmp_path / "gan")
    assert np.array_equal(GAN.load(tmp_path / "gan").sample(3, random_state=0), fitted.sample(3, random_state=0))


@pytest.mark.parametrize(
    ("settings", "data", "says"),
    [
        ({"penalty": -1.0}, np.zeros((4, 8, 8)), "penalty not negative"),
        ({"momentum": 1.0}, np.zeros((4, 8, 8)), r"momentum in \[0, 1\)"),
        ({}, np.eye(5), "GAN is for image data, not vectors"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(settings, data, says):
    with pytest.raises(UnlabeledError, match=says):
        GAN(epochs=1, progress=False, **settings).fit(data)
