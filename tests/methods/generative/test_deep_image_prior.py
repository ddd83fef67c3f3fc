"""Deep image prior: what is fitted, what is kept, and when it stops."""

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled import DeepImagePrior
from unlabeled.errors import UnlabeledError
from unlabeled.methods.generative.deep_image_prior import Hourglass, RunningAverage, as_picture, as_tensor

QUICK = {"steps": 12, "width": 8, "scales": 2, "random_state": 0, "progress": False}


def psnr(a, b):
    return -10 * np.log10(((np.asarray(a) / 255.0 - np.asarray(b) / 255.0) ** 2).mean())


@pytest.fixture(scope="module")
def disc():
    row, column = np.mgrid[:32, :32]
    return np.where((row - 15) ** 2 + (column - 12) ** 2 < 80, 200, 60).astype(np.uint8)


def test_the_running_figures_are_those_of_a_plain_loop():
    images = [torch.rand(1, 1, 2, 3) for _ in range(60)]
    average = RunningAverage(0.1)
    weights, mean, variance, all_variances, means = 0.1, images[0], 0.0, [], []
    for step, image in enumerate(images, start=1):
        average.add(image, step)
        if step > 1:
            variance = (1 - weights) * (variance + weights * float((image - mean).pow(2).mean()))
            mean = (1 - weights) * mean + weights * image
        all_variances.append(variance)
        means.append(mean)
        assert average.variance == pytest.approx(variance, rel=1e-5)
        torch.testing.assert_close(average.mean, mean)
    best = min(range(19, 60), key=lambda i: all_variances[i])  # the first 2/α − 1 steps only fill the average
    assert average.best_step == best + 1
    torch.testing.assert_close(average.best, means[best])


@pytest.mark.parametrize("shape", [(16, 16), (9, 31), (20, 11, 3)])
def test_a_picture_comes_back_with_the_shape_it_had(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(as_picture(as_tensor(picture)), picture)
    restored = DeepImagePrior(**QUICK).denoise(picture)
    assert restored.shape == shape
    assert restored.dtype == np.uint8


def test_one_seed_gives_one_result_and_the_callers_randomness_is_left_alone(disc):
    state = torch.get_rng_state()
    results = [DeepImagePrior(**{**QUICK, "random_state": seed}).denoise(disc) for seed in (3, 3, 4)]
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_known_pixels_stay_and_hidden_ones_play_no_part(disc):
    mask = np.zeros((32, 32), bool)
    mask[10:18, 8:14] = True
    filled = DeepImagePrior(**QUICK).inpaint(disc, mask)
    assert np.array_equal(filled[~mask], disc[~mask])
    other = np.where(mask, 255, disc).astype(np.uint8)
    assert np.array_equal(DeepImagePrior(**QUICK).inpaint(other, mask), filled)


def test_a_mask_may_be_a_picture(disc, tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[4:8, 4:8] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    from_file = DeepImagePrior(**QUICK).inpaint(disc, tmp_path / "mask.png")
    assert np.array_equal(from_file, DeepImagePrior(**QUICK).inpaint(disc, mask > 0))


def test_it_removes_noise_and_stops_before_it_fits_it(disc):
    noisy = np.clip(disc + np.random.default_rng(0).normal(0, 25, disc.shape), 0, 255).astype(np.uint8)
    seen = []
    method = DeepImagePrior(steps=400, width=16, scales=2, patience=60, random_state=0, progress=False)
    restored = method.denoise(noisy, watch=lambda step, picture: seen.append((step, picture.shape)))
    assert psnr(restored, disc) > psnr(noisy, disc) + 4
    assert len(method.history_) == method.best_step_ + 60  # stopped early, and gives the step before
    assert [step for step, _ in seen] == list(range(50, len(method.history_) + 1, 50))
    variances = [figures["variance"] for figures in method.history_]
    assert method.best_step_ == 40 + int(np.argmin(variances[39:]))


def test_super_resolution_shrinks_to_what_was_given(disc):
    method = DeepImagePrior(steps=120, width=8, scales=3, patience=0, random_state=0, progress=False)
    large = method.super_resolve(disc, factor=2)
    assert large.shape == (64, 64)
    shrunk = Image.fromarray(large).resize((32, 32), Image.Resampling.BICUBIC)
    assert psnr(np.asarray(shrunk), disc) > 22


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_network_takes_odd_sizes_and_gives_values_of_an_image(outputs):
    made = Hourglass(outputs, 8, 2)(torch.rand(1, Hourglass.inputs, 13, 21))
    assert made.shape == (1, outputs, 13, 21)
    assert made.min() >= 0
    assert made.max() <= 1


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (lambda m, disc: m.inpaint(disc, np.ones((8, 8), bool)), "the mask has 8 × 8 pixels and the picture 32 × 32"),
        (lambda m, disc: m.inpaint(disc, np.zeros((32, 32), bool)), "marks no pixel"),
        (lambda m, disc: m.inpaint(disc, np.ones((32, 32), bool)), "marks every pixel"),
        (lambda m, disc: m.denoise(disc[:4, :4]), "needs 8 pixels a side, not 4 × 4"),
        (lambda m, disc: m.denoise("/nowhere/photo.jpg"), "photo.jpg"),
        (lambda m, disc: m.super_resolve(disc, factor=1), "factor must be a whole number"),
        (lambda m, disc: m.set_params(smoothing=0.0).denoise(disc), "smoothing must be above 0"),
        (lambda m, disc: m.set_params(steps=0).denoise(disc), "steps must be"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(work, says, disc):
    with pytest.raises(UnlabeledError, match=says):
        work(DeepImagePrior(**QUICK), disc)


def test_a_picture_too_large_for_the_memory_is_refused_before_the_work(disc, monkeypatch):
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 10**9)
    with pytest.raises(UnlabeledError, match=r"4,000 × 5,000 pixels needs .* GB of memory"):
        DeepImagePrior()._check(torch.Size((4000, 5000)))


@pytest.mark.slow
@pytest.mark.real_data
def test_photographs_gain_four_decibels(real_data):
    for path in sorted((real_data / "raccoon" / "JPEGImages").iterdir())[:3]:
        photo = Image.open(path).convert("RGB")
        photo.thumbnail((96, 96))
        clean = np.asarray(photo)
        noise = np.random.default_rng(0).normal(0, 25, clean.shape)
        noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
        restored = DeepImagePrior(steps=1200, random_state=0, progress=False).denoise(noisy)
        print(path.name, f"{psnr(noisy, clean):.1f} -> {psnr(restored, clean):.1f} dB")
        assert psnr(restored, clean) > psnr(noisy, clean) + 4


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"patience": -1}, "patience must be a whole number of at least 0"),
        ({"patience": 1.5}, "patience must be a whole number"),
        ({"smoothing": "a"}, "smoothing must be a number"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"random_state": -1}, "random_state must be a whole number from 0"),
    ],
)
def test_settings_are_checked_before_the_work(settings, says, disc):
    with pytest.raises(UnlabeledError, match=says):
        DeepImagePrior(**{**QUICK, **settings}).denoise(disc)
