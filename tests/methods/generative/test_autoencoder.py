"""The autoencoder: shapes that come back, and the loss by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from unlabeled import Autoencoder
from unlabeled.data import Batch
from unlabeled.encoders.image.flat_conv import FlatConv
from unlabeled.methods.generative.autoencoder import image_decoder, vector_decoder
from unlabeled.modalities.image import ImagePreprocessing


def test_encoder_and_decoder_are_those_of_the_course():
    encoder = FlatConv(ImagePreprocessing(28, channels=1))
    layers = [layer for layer in encoder.body if isinstance(layer, nn.Conv2d)]
    assert [(layer.out_channels, layer.stride[0]) for layer in layers] == [(32, 1), (64, 2), (64, 2), (64, 1)]
    assert sum(isinstance(layer, nn.LeakyReLU) for layer in encoder.body) == 4
    assert isinstance(encoder.body[-1], nn.Flatten)
    decoder = image_decoder(2, (1, 28, 28))
    assert decoder[0].in_features == 2
    assert decoder[0].out_features == encoder.dim == 64 * 7 * 7
    mirrored = [layer for layer in decoder if isinstance(layer, nn.ConvTranspose2d)]
    assert [(layer.in_channels, layer.stride[0]) for layer in mirrored] == [(64, 1), (64, 2), (64, 2), (32, 1)]
    assert mirrored[-1].out_channels == 1
    assert sum(isinstance(layer, nn.LeakyReLU) for layer in decoder) == 3  # none after the last


@pytest.mark.parametrize("size", [8, 9, 10, 11, 28, 33])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_decoder_gives_images_of_the_size_there_were(size, channels):
    assert image_decoder(2, (channels, size, size))(torch.zeros(5, 2)).shape == (5, channels, size, size)


def test_the_decoder_of_vectors_gives_vectors_of_the_length_there_were():
    assert vector_decoder(2, (7,))(torch.zeros(5, 2)).shape == (5, 7)


def test_digits_of_28_pixels_pass_through_two_numbers():
    images = np.random.default_rng(0).random((16, 28, 28))
    method = Autoencoder(latent_dim=2, epochs=1, random_state=0, progress=False).fit(images)
    assert method.transform(images).shape == (16, 2)
    rebuilt = method.reconstruct(images)
    assert rebuilt.shape == (16, 1, 28, 28)
    assert rebuilt.min() >= 0
    assert rebuilt.max() <= 1


def test_the_loss_is_the_squared_distance_summed_over_pixels():
    images = np.random.default_rng(0).random((8, 8, 8))
    method = Autoencoder(latent_dim=4, epochs=1, random_state=0, progress=False).fit(images)
    t = torch.from_numpy(images[:, None]).float()
    x, y = method.split(Batch.unlabelled(t))
    net = method.network_.eval()
    with torch.no_grad():
        rebuilt = net.decoder(net.encoder(x)).double()
        by_hand = np.mean([float(((rebuilt[i] - t[i].double()) ** 2).sum()) for i in range(len(t))])
        assert float(method.loss(net, x, y)) == pytest.approx(by_hand, rel=1e-5)


def test_vectors_come_back_in_their_own_units():
    rng = np.random.default_rng(0)
    t = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)) * 50 + 1000  # a plane, which two numbers can hold
    method = Autoencoder(latent_dim=2, epochs=60, batch_size=50, random_state=0, progress=False).fit(t)
    error = ((method.reconstruct(t) - t) ** 2).sum()
    assert error < 0.1 * ((t - t.mean(0)) ** 2).sum()
