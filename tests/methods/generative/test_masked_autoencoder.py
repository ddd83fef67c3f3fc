"""The masked autoencoder: exactly so many patches are hidden, and the encoder never computes them."""

import numpy as np
import pytest
import torch

from unlabeled import MaskedAutoencoder
from unlabeled.data.batch import Batch
from unlabeled.encoders import ViT, make_encoder
from unlabeled.encoders.image.vit import patchify
from unlabeled.errors import UnlabeledError
from unlabeled.methods.generative.masked_autoencoder import patch_grid
from unlabeled.modalities.image import ImagePreprocessing


@pytest.fixture
def encoder():
    return ViT(ImagePreprocessing(20), patch=4, dim=24, depth=1, heads=2)


@pytest.fixture
def images():
    return torch.rand(3, 3, 20, 20)


@pytest.mark.parametrize(("ratio", "hidden"), [(0.75, 19), (0.5, 12), (0.04, 1), (0.96, 24)])
def test_exactly_the_share_of_patches_is_hidden(encoder, images, ratio, hidden):
    method = MaskedAutoencoder(mask_ratio=ratio)
    method.build(encoder)
    (_, visible), (target, unseen) = method.split(Batch.unlabelled(images))
    assert unseen.shape == (3, hidden)
    assert target.shape == (3, hidden, 48)
    for row in torch.cat((visible, unseen), 1):
        assert sorted(row.tolist()) == list(range(25))


def test_images_get_masks_of_their_own(encoder, images):
    method = MaskedAutoencoder()
    method.build(encoder)
    (_, visible), _ = method.split(Batch.unlabelled(images))
    assert len({tuple(sorted(row)) for row in visible.tolist()}) == 3


def test_the_encoder_computes_the_visible_patches_only(encoder, images):
    method = MaskedAutoencoder()
    net = method.build(encoder)
    lengths = []
    for layer in net.encoder.layers:
        layer.register_forward_hook(lambda module, inputs, output: lengths.append(inputs[0].shape[1]))
    x, y = method.split(Batch.unlabelled(images))
    lengths.clear()
    method.loss(net, x, y)
    assert lengths == [6]


def test_the_loss_is_the_error_on_standardised_hidden_patches(encoder, images):
    method = MaskedAutoencoder()
    net = method.build(encoder)
    x, y = method.split(Batch.unlabelled(images))
    with torch.no_grad():
        loss = float(method.loss(net, x, y))
        rebuilt = net.decoder(net.encoder.tokens(images, x[1]), x[1])
    errors = []
    patches = patchify(images, 4)
    for i, hidden in enumerate(y[1].tolist()):
        for j in hidden:
            patch = patches[i, j]
            standard = (patch - patch.mean()) / (patch.var() + 1e-4).sqrt()
            errors += [(float(a) - float(b)) ** 2 for a, b in zip(rebuilt[i, j], standard, strict=True)]
    assert loss == pytest.approx(np.mean(errors), rel=1e-4)


def test_what_is_hidden_reaches_the_network_by_the_loss_alone(encoder, images):
    method = MaskedAutoencoder()
    net = method.build(encoder)
    x, y = method.split(Batch.unlabelled(images))
    changed = images.clone().requires_grad_()
    rebuilt = net.decoder(net.encoder.tokens(changed, x[1]), x[1])
    rebuilt.square().sum().backward()
    slope = patchify(changed.grad, 4).abs().sum(2)
    assert (slope.gather(1, y[1]) == 0).all()
    assert (slope.gather(1, x[1]) > 0).all()


def test_the_decoder_knows_the_place_of_each_hidden_patch_and_of_each_visible_one(encoder, images):
    method = MaskedAutoencoder()
    net = method.build(encoder)
    x, y = method.split(Batch.unlabelled(images))
    with torch.no_grad():
        tokens = net.encoder.tokens(images, x[1])
        rebuilt = net.decoder(tokens, x[1])
        hidden = rebuilt.gather(1, y[1][:, :, None].expand(-1, -1, rebuilt.shape[2]))
        apart = torch.cdist(hidden, hidden) + torch.eye(hidden.shape[1])
        assert apart.min() > 1e-4  # one learnt vector stands for all of them; only their places differ
        order = torch.randperm(x[1].shape[1])
        torch.testing.assert_close(net.decoder(tokens[:, order], x[1][:, order]), rebuilt)
        assert not torch.allclose(net.decoder(tokens[:, order], x[1]), rebuilt, atol=1e-4)


def test_a_class_token_is_not_counted_among_the_patches():
    encoder = make_encoder("timm:vit_tiny_patch16_224", ImagePreprocessing(32))
    method = MaskedAutoencoder(mask_ratio=0.5)
    net = method.build(encoder)
    seen = []
    encoder.body.blocks[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[1]))
    x, y = method.split(Batch.unlabelled(torch.rand(2, 3, 32, 32)))
    seen.clear()
    method.loss(net, x, y)
    assert x[1].shape == y[1].shape == (2, 2)  # of 4 patches
    assert seen == [3]  # 2 patches and the class token
    with torch.no_grad():  # all patches visible give what the whole model gives
        images = torch.rand(2, 3, 32, 32)
        everything = torch.arange(4).expand(2, -1)
        torch.testing.assert_close(encoder.eval().tokens(images, everything), encoder.tokens(images))
        whole = encoder.body.forward_features((images - encoder.mean) / encoder.deviation)
        torch.testing.assert_close(encoder.tokens(images), whole[:, 1:])


def test_visible_patches_are_kept_and_hidden_ones_rebuilt(digits):
    images = digits[0][:64]
    method = MaskedAutoencoder(epochs=1, random_state=0, progress=False).fit(images)
    shown = method.pictures(images[:4])
    assert shown.names == ("image", "shown", "rebuilt")
    rebuilt = method.reconstruct(images[:4])
    assert np.array_equal((rebuilt[:, 0] * 255).round().astype(np.uint8), shown.pictures[:, 2, ..., 0])
    same = np.isclose(rebuilt[:, 0], images[:4] / 255, atol=1e-6).reshape(4, 4, 2, 4, 2).all((2, 4))
    assert (same.sum((1, 2)) >= 4).all()  # 4 of 16 patches are visible
    assert not same.all()
    with pytest.raises(UnlabeledError, match="random_state must be a whole number from 0"):
        method.reconstruct(images[:4], random_state="x")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"encoder": "conv"}, "does not work on patches"),
        ({"encoder": "timm:eva02_tiny_patch14_224", "size": 56}, "does not work on patches"),
        ({"encoder": "timm:hiera_tiny_224", "size": 64}, "does not work on patches"),
        ({"mask_ratio": 0.01}, "hides 0 of 16 patches"),
        ({"mask_ratio": 0.99}, "hides 16 of 16 patches"),
        ({"decoder_dim": 20}, "multiple of 16"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(settings, says):
    with pytest.raises(UnlabeledError, match=says):
        MaskedAutoencoder(epochs=1, progress=False, **settings).fit(np.zeros((4, 8, 8), np.uint8))


def test_patches_are_counted_where_the_encoder_is(encoder):
    assert patch_grid(encoder.to("meta")) == (25, 4)
