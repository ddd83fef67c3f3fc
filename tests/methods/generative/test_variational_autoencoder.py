"""The variational autoencoder: its bound by hand, and what it makes."""

import math

import numpy as np
import pytest
import torch

from unlabeled import VariationalAutoencoder
from unlabeled.errors import UnlabeledError
from unlabeled.methods.generative.variational_autoencoder import Deviation, gaussian_surprise


@pytest.fixture(scope="module")
def images(digits):
    return digits[0][:256]


@pytest.fixture(scope="module")
def fitted(images):
    settings = {"latent_dim": 6, "epochs": 2, "batch_size": 64, "random_state": 0, "progress": False}
    return {
        likelihood: VariationalAutoencoder(likelihood=likelihood, beta=0.7, **settings).fit(images)
        for likelihood in ("bernoulli", "gaussian")
    }


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_loss_is_the_negative_bound_summed_over_pixels(likelihood, fitted):
    method = fitted[likelihood]
    net = method.network_.eval()
    with torch.no_grad():
        if likelihood == "gaussian":
            net.deviation.log_deviation.fill_(math.log(0.3))
        y = torch.rand(5, 1, 8, 8)
        torch.manual_seed(3)
        loss = float(method.loss(net, y, y))
        torch.manual_seed(3)
        noise = torch.randn(5, 6)

        features = net.encoder.inner(y)
        mean, log_variance = net.encoder.latent(features).double(), net.log_variance(features).double()
        total = 0.0
        for i in range(5):
            code = mean[i] + (log_variance[i] / 2).exp() * noise[i]
            decoded = net.decoder(code.float()[None])[0].double()
            for value, output in zip(y[i].flatten().tolist(), decoded.flatten().tolist(), strict=True):
                if likelihood == "bernoulli":
                    p = 1 / (1 + math.exp(-output))
                    total -= value * math.log(p) + (1 - value) * math.log(1 - p)
                else:
                    total += (value - output) ** 2 / (2 * 0.3**2) + math.log(0.3 * math.sqrt(2 * math.pi))
            for k in range(6):
                variance = math.exp(log_variance[i, k])
                total += 0.7 * 0.5 * (float(mean[i, k]) ** 2 + variance - 1 - math.log(variance))
    assert loss == pytest.approx(total / 5, rel=1e-5)


def test_the_encoder_gives_the_mean_of_the_code(fitted, images):
    method = fitted["bernoulli"]
    t = torch.from_numpy(images[:4, None]).float() / 255
    with torch.no_grad():
        mean = method.network_.encoder.latent(method.network_.encoder.inner(t))
    assert method.transform(images[:4]).shape == (4, 6)
    np.testing.assert_allclose(method.transform(images[:4]), mean.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_samples_are_images_and_a_seed_gives_them_again(likelihood, fitted):
    method = fitted[likelihood]
    samples = method.sample(7, random_state=1)
    assert samples.shape == (7, 1, 8, 8)
    assert samples.min() >= 0
    assert samples.max() <= 1
    assert np.array_equal(method.sample(7, random_state=1), samples)
    assert not np.array_equal(method.sample(7), method.sample(7))


def test_as_many_are_decoded_at_a_time_as_a_batch_holds(fitted, images):
    method, sizes = fitted["bernoulli"], []
    handle = method.network_.decoder.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    assert len(method.sample(150, random_state=0)) == 150
    assert len(method.interpolate(images[0], images[1], steps=70)) == 70
    handle.remove()
    assert sizes == [64, 64, 22, 64, 6]


def test_the_way_between_two_images_begins_and_ends_with_their_reconstructions(fitted, images):
    method = fitted["bernoulli"]
    way = method.interpolate(images[0], images[1], steps=5)
    ends = method.reconstruct(images[:2])
    # Batches of other sizes sum in another order.
    np.testing.assert_allclose(way[[0, -1]], ends, atol=1e-5)
    codes = method.transform(images[:2])
    with torch.no_grad():
        middle = method.network_.decoder(torch.from_numpy(codes.mean(0, keepdims=True))).sigmoid()
    np.testing.assert_allclose(way[2], middle[0], atol=1e-5)


def test_it_shows_reconstructions_and_samples(fitted, images):
    shown = fitted["bernoulli"].pictures(images[:6])
    assert shown.names == ("instance", "rebuilt", "sample")
    assert shown.pictures.shape == (6, 3, 8, 8, 3)


def test_a_strong_beta_empties_the_code_and_a_weak_one_fills_it(images):
    def rate(beta):
        method = VariationalAutoencoder(
            latent_dim=4, beta=beta, epochs=4, batch_size=64, learning_rate=3e-3, random_state=0, progress=False
        ).fit(images)
        return float(np.square(method.transform(images)).sum(1).mean())

    assert rate(50.0) < 0.1 * rate(0.1)


def test_vectors_come_back_and_are_sampled_in_their_own_units():
    rng = np.random.default_rng(0)
    t = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)) * 50 + 1000
    method = VariationalAutoencoder(latent_dim=2, epochs=60, batch_size=50, random_state=0, progress=False).fit(t)
    assert ((method.reconstruct(t) - t) ** 2).sum() < 0.2 * ((t - t.mean(0)) ** 2).sum()
    samples = method.sample(400, random_state=0)
    assert np.abs(samples.mean(0) - t.mean(0)).max() < 0.3 * t.std(0).max()
    assert samples.std(0) == pytest.approx(t.std(0), rel=0.4)
    assert method.interpolate(t[0], t[1], steps=3).shape == (3, 6)


@pytest.mark.parametrize("error", [0.0, 1.0])
@pytest.mark.parametrize("start", [-5.0, -6.5])
def test_a_deviation_below_its_floor_can_only_grow(start, error):
    deviation = Deviation()
    with torch.no_grad():
        deviation.log_deviation.fill_(start)
    gaussian_surprise(torch.full((4,), error), torch.zeros(4), deviation()).sum().backward()
    slope = float(deviation.log_deviation.grad)
    assert deviation().item() == max(start, -6.0)
    floored = 4 * (1 - error**2 * math.exp(-2 * max(start, -6.0)))  # of the loss, by log σ
    assert slope == pytest.approx(0.0 if start < -6 and floored > 0 else floored, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "data", "says"),
    [
        ({"likelihood": "bernouli"}, np.zeros((4, 8, 8)), "did you mean 'bernoulli'"),
        ({"likelihood": "bernoulli"}, np.eye(5), "which vectors are not"),
        ({"beta": -1.0}, np.eye(5), "beta must not be negative"),
        ({"latent_dim": 0}, np.eye(5), "latent_dim must be a whole number of at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(settings, data, says):
    with pytest.raises(UnlabeledError, match=says):
        VariationalAutoencoder(epochs=1, progress=False, **settings).fit(data)


def test_numbers_of_samples_and_steps_are_checked(fitted, images):
    with pytest.raises(UnlabeledError, match="n must be a whole number of at least 1"):
        fitted["bernoulli"].sample(0)
    with pytest.raises(UnlabeledError, match="random_state must be a whole number from 0"):
        fitted["bernoulli"].sample(2, random_state=1.5)
    same = [fitted["bernoulli"].sample(2, random_state=seed) for seed in (3, np.int64(3))]
    assert np.array_equal(*same)
    with pytest.raises(UnlabeledError, match="steps must be a whole number of at least 2"):
        fitted["bernoulli"].interpolate(images[0], images[1], steps=1)
