"""Methods that compare two instances, on images with texts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unlabeled import CrossEncoder, SiameseNetwork, SimCLR, TripletNetwork, load
from unlabeled.data.batch import Batch
from unlabeled.data.pairs.prepared_pairs import Pair
from unlabeled.errors import UnlabeledError
from unlabeled.training.bases.tuples import OWN, pair_classes

pytestmark = pytest.mark.filterwarnings("ignore:dimensional collapse")  # four colours span three dimensions

COLOURS = {"red": (250, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 250), "yellow": (240, 240, 20)}
PLAIN = {"batch_size": 16, "random_state": 0, "progress": False, "precision": "float32"}


def coloured(n: int, seed: int = 0) -> tuple[list[tuple[np.ndarray, str]], list[str]]:
    random = np.random.default_rng(seed)
    names = [list(COLOURS)[i % 4] for i in range(n)]
    noise = random.integers(-20, 20, (n, 8, 8, 3))
    images = [np.clip(np.array(COLOURS[name]) + noise[i], 0, 255).astype(np.uint8) for i, name in enumerate(names)]
    return list(zip(images, [f"a {name} square" for name in names], strict=True)), names


def test_a_siamese_network_brings_images_and_their_texts_together(tmp_path):
    model = SiameseNetwork(epochs=12, learning_rate=5e-3, **PLAIN).fit(coloured(64)[0])
    others, names = coloured(40, seed=1)
    images = model.transform([image for image, _ in others])
    texts = model.transform([f"a {name} square" for name in COLOURS])
    nearest = np.array(list(COLOURS))[(images @ texts.T).argmax(1)]
    assert (nearest == names).mean() > 0.95
    model.save(tmp_path / "model")
    np.testing.assert_allclose(load(tmp_path / "model").transform(["a red square"]), texts[:1], atol=1e-6)


@pytest.mark.parametrize("form", ["joint", "two_towers"])
def test_a_cross_encoder_says_whether_image_and_text_belong_together(form, tmp_path):
    model = CrossEncoder(form=form, epochs=40, learning_rate=1e-3, **PLAIN).fit(coloured(64)[0])
    others, names = coloured(40, seed=1)
    images = [image for image, _ in others]
    right = model.predict_pairs(images, [f"a {name} square" for name in names])
    wrong = model.predict_pairs(images, [f"a {name} square" for name in np.roll(names, 1)])
    assert (right > 0.5).mean() > 0.9
    assert (wrong < 0.5).mean() > 0.9
    model.save(tmp_path / "model")
    words = ["red", "a blue square", "green " * 50]
    again = load(tmp_path / "model").predict_pairs(images[:3], words)
    np.testing.assert_allclose(again, model.predict_pairs(images[:3], words), atol=1e-6)
    assert model.transform(others[:4]).shape == (4, 128)
    if form == "joint":
        with pytest.raises(UnlabeledError, match="form='two_towers'"):
            model.transform(images)
    with pytest.raises(UnlabeledError, match="as many instances"):
        model.predict_pairs(images, ["red"])


@pytest.mark.parametrize("method", [SiameseNetwork, pytest.param(CrossEncoder, marks=pytest.mark.slow)])
def test_given_pairs_compare_the_image_of_one_with_the_text_of_the_other(method):
    """The given pairs say the opposite of the data: every image belongs to the next colour's text."""
    pairs, names = coloured(64)
    after = {name: list(COLOURS)[(i + 1) % 4] for i, name in enumerate(COLOURS)}
    first, second = np.random.default_rng(0).integers(64, size=(2, 2000))
    alike = np.array([after[names[a]] == names[b] for a, b in zip(first, second, strict=True)])
    chosen = np.concatenate([np.flatnonzero(alike)[:400], np.flatnonzero(~alike)[:400]])
    given = np.unique(np.stack([first, second, alike], 1)[chosen], axis=0)
    model = method(epochs=30, learning_rate=3e-3, **{**PLAIN, "batch_size": 64}).fit(pairs * 4, pairs=given)
    others, names = coloured(20, seed=1)
    images, words = [image for image, _ in others], [f"a {after[name]} square" for name in names]
    if method is CrossEncoder:
        assert (model.predict_pairs(images, words) > 0.5).mean() > 0.9
        assert (model.predict_pairs(images, [text for _, text in others]) < 0.5).mean() > 0.9
    else:
        u, v = model.transform(images), model.transform([f"a {name} square" for name in COLOURS])
        found = [list(COLOURS)[best] for best in (u @ v.T).argmax(1)]
        assert np.mean([colour == after[name] for colour, name in zip(found, names, strict=True)]) > 0.9


def test_pairs_that_share_an_image_or_a_text_are_one_class():
    picture, caption = torch.tensor([0, 1, 1, 2, 3, 4]), torch.tensor([9, 9, 8, 8, 7, 7])
    batch = Batch(Pair(None, None, picture, caption), torch.tensor([-1] * 5 + [3]), torch.tensor([10, 4, 5, 6, 20, 21]))
    assert (pair_classes(batch)[:5] - OWN).tolist() == [4, 4, 4, 4, 20]
    assert pair_classes(batch)[5] == 3


@pytest.mark.parametrize("method", [SimCLR, TripletNetwork])
def test_methods_that_do_not_compare_two_kinds_refuse_them(method):
    with pytest.raises(UnlabeledError, match=f"{method.__name__} is for image"):
        method(epochs=1, **PLAIN).fit(coloured(8)[0])


def test_a_single_tower_is_no_encoder_of_pairs():
    with pytest.raises(UnlabeledError, match="encoder 'conv' is for images"):
        CrossEncoder(encoder="conv", epochs=1, **PLAIN).fit(coloured(8)[0])
