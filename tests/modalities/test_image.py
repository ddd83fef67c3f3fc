"""Images as a kind of data: which view a collection wants."""

from __future__ import annotations

import html

import numpy as np
import pytest
from sklearn.datasets import load_digits

from unlabeled import FixMatch, SimCLR, SwAV
from unlabeled.data import Images
from unlabeled.modalities.image import ImageModality, has_margin
from unlabeled.runs import learn
from unlabeled.views import Compose, Cutout, Flip, RandAugment, Shift, gentle, local, simclr


def prepared(images: np.ndarray):
    return Images(images).prepare(channels=images.shape[1])


def framed(n: int, channels: int, margin: int) -> np.ndarray:
    images = np.zeros((n, channels, 12, 12), np.uint8)
    inner = slice(margin, 12 - margin)
    images[:, :, inner, inner] = np.random.default_rng(0).integers(0, 256, images[:, :, inner, inner].shape)
    return images


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return (load_digits().images[:200, None] * (255 / 16)).round().astype(np.uint8)


def test_digits_have_a_margin(digits):
    assert has_margin(prepared(digits))
    usual = {name: ImageModality().view_for(prepared(digits), name) for name in ("auto", "weak", "strong")}
    assert usual == {"auto": "gentle", "weak": "shift", "strong": "strong"}


@pytest.mark.parametrize(
    ("n", "channels", "margin", "expected"),
    [
        (50, 1, 1, True),
        (50, 1, 0, False),  # noise up to the border
        (50, 3, 1, False),  # in colour
        (1, 1, 1, False),  # of one image nothing can be said
    ],
)
def test_a_margin_is_what_is_the_same_in_all_grey_images(n, channels, margin, expected):
    assert has_margin(prepared(framed(n, channels, margin))) is expected


def test_a_margin_may_be_white_and_lie_at_one_side():
    images = framed(50, 1, 0)
    images[:, :, :2] = 255
    assert has_margin(prepared(images))
    images[:, :, 1] = framed(50, 1, 0)[:, :, 1]  # one row of twelve is less than a tenth
    assert not has_margin(prepared(images))


def test_images_that_are_all_the_same_have_none():
    assert not has_margin(prepared(np.full((20, 1, 8, 8), 7, np.uint8)))


def test_methods_settle_on_the_gentle_view_where_none_was_asked_for(digits, tmp_path):
    def fit(method, **settings):
        return method(epochs=1, batch_size=100, random_state=0, progress=False, **settings).fit(digits)

    model = fit(SimCLR)
    assert model.view_ == gentle()
    assert model.provenance_["training"]["views"] == "gentle"
    model.save(tmp_path / "model")
    assert SimCLR.load(tmp_path / "model").view_ == gentle()
    asked = fit(SimCLR, views="simclr")
    assert asked.view_ == simclr()
    assert "views" not in asked.provenance_["training"]
    crops = fit(SwAV)
    assert crops.view_ == crops.local_view_ == gentle()
    crops.save(tmp_path / "crops")
    assert SwAV.load(tmp_path / "crops").local_view_ == gentle()
    assert fit(SwAV, local=local(8)).local_view_ == local(8)


def test_learning_says_which_view_it_chose(digits, tmp_path):
    said: list[str] = []
    run = learn(digits, tmp_path / "run", SimCLR(epochs=1, batch_size=100, progress=False), say=said.append)
    assert 'views is "gentle", which suits these data' in said
    assert 'views = "auto"  # here "gentle"' in html.unescape((run.folder / "report.html").read_text())


def test_methods_of_few_labels_do_not_flip_what_has_a_margin(digits, tmp_path):
    labels = load_digits().target[:200].copy()
    labels[50:] = -1

    def fit(**settings):
        return FixMatch(epochs=1, random_state=0, progress=False, **settings).fit(digits, labels)

    model = fit()
    assert model.weak_ == Shift(fraction=0.125)
    assert model.strong_ == Compose([Shift(fraction=0.125), RandAugment(), Cutout(fraction=0.5)])
    assert model.provenance_["training"]["weak"] == "shift"
    model.save(tmp_path / "model")
    loaded = FixMatch.load(tmp_path / "model")
    assert (loaded.weak_, loaded.strong_) == (model.weak_, model.strong_)
    assert fit(weak=Flip()).weak_ == Flip()
