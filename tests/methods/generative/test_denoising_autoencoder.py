"""The denoising autoencoder: what is damaged, what is asked for, and that noise goes."""

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled import DenoisingAutoencoder
from unlabeled.data.batch import Batch
from unlabeled.encoders import make_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing
from unlabeled.runs.showing.restore import in_tiles


def prepared(kind="image", **settings):
    method = DenoisingAutoencoder(**settings)
    method.prepare(ImagePreprocessing(8) if kind == "image" else VectorPreprocessing(8))
    return method


@pytest.mark.parametrize("corruption", ["gaussian", "masking", "salt_and_pepper"])
def test_the_damaged_copy_is_shown_and_the_clean_instance_asked_for(corruption):
    t = torch.rand(4, 1, 8, 8)
    before = t.clone()
    x, y = prepared(corruption=corruption, amount=0.3).split(Batch.unlabelled(t))
    assert torch.equal(y, before)
    assert not torch.equal(x, before)


@pytest.mark.parametrize("corruption", ["gaussian", "masking", "salt_and_pepper"])
def test_single_precision_is_enough_for_the_device(corruption, device_without_double):
    prepared(corruption=corruption, amount=0.3).damage(device_without_double(torch.rand(4, 1, 8, 8)))


def test_gaussian_noise_has_the_deviation_asked_for_and_ends_at_black_and_white():
    grey = torch.full((20, 3, 32, 32), 0.5)
    noise = prepared(amount=0.1).damage(grey) - grey
    assert noise.std() == pytest.approx(0.1, rel=0.02)  # of 61,440 numbers; a standard error is 0.3 %
    assert abs(noise.mean()) < 0.002
    black = prepared(amount=0.1).damage(torch.zeros(2, 1, 8, 8))
    assert black.min() == 0
    assert prepared("vector", amount=0.1).damage(torch.zeros(200, 8)).min() < 0


@pytest.mark.parametrize(("kind", "pepper"), [("image", 0.0), ("vector", -1.0)])
def test_masking_and_salt_and_pepper_strike_the_share_asked_for(kind, pepper):
    shape = (50, 1, 32, 32) if kind == "image" else (50, 1024)
    t = torch.full(shape, 0.4)
    masked = prepared(kind, corruption="masking", amount=0.25).damage(t)
    assert sorted(masked.unique().tolist()) == pytest.approx([0, 0.4])
    assert (masked == 0).float().mean() == pytest.approx(0.25, abs=0.01)
    salted = prepared(kind, corruption="salt_and_pepper", amount=0.25).damage(t)
    assert sorted(salted.unique().tolist()) == pytest.approx([pepper, 0.4, 1])
    for value in (pepper, 1.0):
        assert (salted == value).float().mean() == pytest.approx(0.125, abs=0.01)


def test_the_loss_is_the_squared_distance_to_the_clean_instance():
    images = np.random.default_rng(0).random((16, 8, 8))
    method = DenoisingAutoencoder(epochs=1, random_state=0, progress=False).fit(images)
    t = torch.from_numpy(images[:5, None]).float()
    x, y = method.split(Batch.unlabelled(t))
    net = method.network_.eval()
    with torch.no_grad():
        restored = net.decoder(net.encoder, x)
        by_hand = np.mean([float(((restored[i] - t[i]) ** 2).sum()) for i in range(5)])
        assert float(method.loss(net, x, y)) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("name", ["conv", "flat_conv", "vit", "timm:resnet10t", "timm:vit_tiny_patch16_224"])
@pytest.mark.parametrize("size", [32, 48])
def test_any_encoder_with_feature_maps_will_do(name, size):
    net = DenoisingAutoencoder().build(make_encoder(name, ImagePreprocessing(size)))
    t = torch.rand(2, 3, size, size)
    assert net.decoder(net.encoder, t).shape == t.shape


def test_noise_goes_from_new_images(digits):
    images = digits[0]
    method = DenoisingAutoencoder(
        amount=0.25, epochs=10, batch_size=32, learning_rate=3e-3, random_state=0, progress=False
    ).fit(images[:1000])
    clean = images[1000:1100] / 255
    noisy = np.clip(clean + np.random.default_rng(1).normal(0, 0.25, clean.shape), 0, 1)
    restored = method.restore(noisy.astype(np.float32))[:, 0]
    assert ((restored - clean) ** 2).mean() < ((noisy - clean) ** 2).mean() / 2
    shown = method.pictures(images[:6])
    assert shown.names == ("instance", "damaged", "restored")
    assert shown.pictures.shape == (6, 3, 8, 8, 3)


def test_vectors_are_restored_in_their_own_units():
    rng = np.random.default_rng(0)
    t = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 8)) * 50 + 1000  # a plane: noise can be seen to leave it
    method = DenoisingAutoencoder(amount=0.5, epochs=40, batch_size=50, random_state=0, progress=False).fit(t)
    noisy = t + 0.5 * t.std(0) * rng.normal(size=t.shape)
    assert ((method.restore(noisy) - t) ** 2).sum() < 0.5 * ((noisy - t) ** 2).sum()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"corruption": "gausian"}, "did you mean 'gaussian'"),
        ({"amount": 0.0}, "amount must be above 0"),
        ({"amount": np.inf}, "amount must be above 0 and finite"),
        ({"corruption": "masking", "amount": 1.5}, "as a share at most 1"),
        ({"encoder": "mlp"}, "has no features"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(settings, says):
    with pytest.raises(UnlabeledError, match=says):
        DenoisingAutoencoder(epochs=1, progress=False, **settings).fit(np.zeros((4, 8, 8), np.uint8))


@pytest.mark.slow
@pytest.mark.real_data
def test_photographs_come_out_at_least_as_clean_as_by_non_local_means(real_data):
    restoration = pytest.importorskip("skimage.restoration", reason="needs scikit-image, of the extra bench")

    def read(path):
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((160, 160))
        return np.asarray(picture)

    def psnr(picture, clean):
        return -10 * np.log10(((picture / 255.0 - clean / 255.0) ** 2).mean())

    paths = sorted((real_data / "raccoon" / "JPEGImages").iterdir())
    tiles = []
    for photo in map(read, paths[3:]):
        rows, columns = (range(0, side - 31, 32) for side in photo.shape[:2])
        tiles += [photo[row : row + 32, column : column + 32] for row in rows for column in columns]
    settings = {"amount": 25 / 255, "learning_rate": 2e-3, "batch_size": 32, "random_state": 0, "progress": False}
    method = DenoisingAutoencoder(epochs=10, **settings).fit(np.stack(tiles))
    for path in paths[:3]:
        clean = read(path)
        noise = np.random.default_rng(0).normal(0, 25, clean.shape)
        noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
        ours = psnr(in_tiles(method, noisy, 32), clean)
        known = {"h": 0.8 * 25 / 255, "sigma": 25 / 255, "patch_size": 5, "patch_distance": 6, "fast_mode": True}
        peer = psnr(255 * restoration.denoise_nl_means(noisy / 255.0, channel_axis=-1, **known), clean)
        print(f"{path.name}: {psnr(noisy, clean):.1f} dB, ours {ours:.1f}, non-local means {peer:.1f}")
        assert ours >= peer


def test_the_loss_on_what_is_held_out_falls_where_there_is_something_to_learn(digits):
    settings = {"encoder": "conv", "epochs": 6, "batch_size": 32, "random_state": 0, "progress": False}
    model = DenoisingAutoencoder(**settings).fit(digits[0][:200])
    losses = [look["validation_loss"] for look in model.history_ if "validation_loss" in look]
    assert model.n_instances_ - model.n_learnt_ == 20
    assert losses[-1] < 0.7 * losses[0]
    all_learnt = DenoisingAutoencoder(**settings | {"epochs": 1}, validation_fraction=0).fit(digits[0][:200])
    assert not any("validation_loss" in look for look in all_learnt.history_)
