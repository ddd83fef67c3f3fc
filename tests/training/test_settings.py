"""Epochs; and a method that was given an encoder: once loaded, it transforms, and fits again only with one."""

from __future__ import annotations

import operator

import numpy as np
import pytest
import torch
from sklearn.base import clone

import unlabeled
from unlabeled import Autoencoder, FineTuning, FixMatch, SimCLR
from unlabeled.encoders import save_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.training.settings import check_settings

QUICK = {"epochs": 1, "batch_size": 16, "progress": False, "random_state": 0, "precision": "float32"}


@pytest.fixture(scope="module")
def images(digits):
    return digits[0][:32]


@pytest.fixture(scope="module")
def given(images):
    return SimCLR(encoder="conv", **QUICK).fit(images).encoder_


@pytest.fixture(scope="module")
def model(given, images):
    return SimCLR(encoder=given, **QUICK).fit(images)


@pytest.fixture
def loaded(model, tmp_path):
    model.save(tmp_path / "model")
    return unlabeled.load(tmp_path / "model")


def test_without_the_encoder_it_does_not_fit_again(loaded, model, images, tmp_path):
    assert np.array_equal(loaded.transform(images), model.transform(images))
    for each in (loaded, clone(loaded)):
        with pytest.raises(UnlabeledError, match=r"SimCLR learnt from an encoder .* set_params\(encoder=\.\.\.\)"):
            each.fit(images)
    loaded.save(tmp_path / "again")
    again = SimCLR.load(tmp_path / "again")
    assert again.recipe() == loaded.recipe() == model.recipe()
    assert np.array_equal(again.transform(images), model.transform(images))
    assert repr(loaded.encoder) == "LostEncoder('conv')"


def test_with_the_encoder_it_fits_to_the_same(loaded, given, model, images):
    again = clone(loaded).set_params(encoder=given).fit(images)
    assert np.array_equal(again.transform(images), model.transform(images))


def test_epochs_may_be_a_whole_number_of_numpy(images, model, given, tmp_path):
    settings = QUICK | {"epochs": np.int64(1)}
    SimCLR(encoder=given, **settings).fit(images).save(tmp_path / "model")
    loaded = unlabeled.load(tmp_path / "model")
    assert loaded.epochs == 1
    assert np.array_equal(loaded.transform(images), model.transform(images))


@pytest.mark.parametrize("epochs", [0, -1, np.int64(0), True, 1.0, np.float64(1)])
def test_epochs_that_are_none_are_refused(epochs):
    with pytest.raises(UnlabeledError, match="epochs must be a whole number"):
        check_settings(SimCLR(epochs=epochs))


def test_no_epochs_are_for_a_trained_encoder():
    with pytest.raises(UnlabeledError, match="0 takes an encoder as it is, which must be a trained one"):
        check_settings(SimCLR(epochs=0))


@pytest.mark.parametrize("cls", [SimCLR, Autoencoder, FixMatch, FineTuning])
def test_an_encoder_may_be_named_by_a_path(cls, given, digits, tmp_path):
    save_encoder(given, tmp_path / "encoder")
    images, labels = digits[0][:32], digits[1][:32]
    learning = [labels] if cls in (FixMatch, FineTuning) else []
    models = [cls(encoder=folder, **QUICK) for folder in (tmp_path / "encoder", str(tmp_path / "encoder"))]
    by_path, by_text = (model.fit(images, *learning) for model in models)
    read = operator.methodcaller("predict_proba" if cls is FineTuning else "transform", images)
    assert np.array_equal(read(by_path), read(by_text))
    assert by_path.recipe() == by_text.recipe()
    by_path.save(tmp_path / "model")
    again = clone(unlabeled.load(tmp_path / "model")).fit(images, *learning)
    assert np.array_equal(read(again), read(by_path))


@pytest.mark.parametrize("cls", [SimCLR, FineTuning])
def test_what_is_no_encoder_is_refused_by_name(cls, digits):
    for other in (3, torch.nn.Linear(64, 8), ["conv"]):
        with pytest.raises(UnlabeledError, match="encoder must be a text, a path or an Encoder, not "):
            cls(encoder=other, **QUICK).fit(digits[0][:32], digits[1][:32])


def test_what_is_no_view_is_refused_by_name(images):
    with pytest.raises(UnlabeledError, match="views must be a text or a View, not 3"):
        SimCLR(views=3, **QUICK).fit(images)


@pytest.mark.parametrize("cls", [SimCLR, FineTuning])
def test_a_device_may_be_one_of_pytorch(cls, given, digits, tmp_path):
    images, labels = digits[0][:32], digits[1][:32]
    learning = [labels] if cls is FineTuning else []
    by_device, by_name = (
        cls(encoder=given, device=device, **QUICK).fit(images, *learning) for device in (torch.device("cpu"), "cpu")
    )
    read = operator.methodcaller("predict_proba" if cls is FineTuning else "transform", images)
    assert np.array_equal(read(by_device), read(by_name))
    by_device.save(tmp_path / "model")
    loaded = unlabeled.load(tmp_path / "model")
    assert loaded.device == "cpu"
    assert np.array_equal(read(loaded), read(by_device))
