"""One contract for all methods: scikit-learn's own checks on vectors, and the same promises on images."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import unlabeled
from unlabeled.data import Batch, Images
from unlabeled.errors import UnlabeledError
from unlabeled.registry import card, methods
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.inference import canonical_batches

UNSUPERVISED = [cls for cls in methods().values() if issubclass(cls, SelfSupervised) and not cls.uses_labels]
DEEP = [cls for cls in UNSUPERVISED if "image" in cls.modalities]
ON_VECTORS = [cls for cls in UNSUPERVISED if "vector" in cls.modalities]
REPRESENTATIVES = ["Autoencoder", "SimCLR", "BYOL"]
QUICK = {"epochs": 1, "progress": False}


@parametrize_with_checks([cls(**QUICK) for cls in ON_VECTORS if cls.__name__ in REPRESENTATIVES])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([cls(**QUICK) for cls in ON_VECTORS if cls.__name__ not in REPRESENTATIVES])
def test_scikit_learns_checks_of_all_other_methods(estimator, check):
    check(estimator)


LARGE, COLOURED = {"RelativePosition", "Jigsaw"}, {"Colorization"}
"""Methods that need more than 8 pixels a side, or colours."""


def suited(cls, pixels):
    """Give digits as a method takes them."""
    if cls.__name__ in LARGE:
        return np.kron(pixels, np.ones((1, 3, 3), np.uint8))
    return pixels[..., None] // np.array([1, 2, 3], np.uint8) if cls.__name__ in COLOURED else pixels


@pytest.fixture
def images(method, digits):
    return suited(method, digits[0][:96])


@pytest.fixture(params=DEEP, ids=lambda cls: cls.__name__)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(digits):
    models = {}

    def fit(cls):
        if cls not in models:
            images = suited(cls, digits[0][:96])
            models[cls] = cls(**QUICK, batch_size=32, random_state=0).fit(images, np.arange(96) % 4 - 1)
        return models[cls]

    return fit


def test_fields_are_the_parameters(method):
    model = method(**QUICK)
    assert clone(model).get_params() == model.get_params()
    assert set(model.get_params()) == {option.name for option in card(method).options}


def test_every_setting_and_the_class_are_documented(method):
    about = card(method)
    assert about.sentence.endswith(".")
    assert about.paper
    assert ".. [" not in about.paper
    assert [option.name for option in about.options if not option.doc] == []


def test_it_can_be_checked_before_a_long_fit(method, images):
    model = method(**QUICK, batch_size=32)
    model.check(Images(images))
    assert not hasattr(model, "encoder_")


def test_a_vector_an_image(method, images, fitted):
    vectors = fitted(method).transform(images)
    assert vectors.shape == (96, fitted(method).encoder_.dim)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_a_row_depends_on_its_instance_only(method, images, fitted):
    whole = fitted(method).transform(images)
    order = np.random.default_rng(0).permutation(96)
    # Sums of float32 products in another order: a few units in the last place of the largest term.
    close = {"rtol": 1e-4, "atol": 1e-5 * np.abs(whole).max()}
    np.testing.assert_allclose(fitted(method).transform(images[order]), whole[order], **close)
    np.testing.assert_allclose(fitted(method).transform(images[:1]), whole[:1], **close)


def test_labels_are_ignored_by_methods_that_do_not_use_them(method, images, fitted):
    if not method.uses_labels:
        without = method(**QUICK, batch_size=32, random_state=0).fit(images)
        assert np.array_equal(without.transform(images), fitted(method).transform(images))


def test_single_precision_is_enough_for_the_device_that_splits(method, images, fitted, device_without_double):
    model = fitted(method)
    values = next(canonical_batches(model, images, torch.device("cpu")))
    model.split(Batch.unlabelled(values).to(torch.device("cpu")))


def test_save_and_load_give_the_same_vectors_bit_for_bit(method, images, fitted, tmp_path):
    fitted(method).save(tmp_path / "model")
    for loaded in (method.load(tmp_path / "model"), unlabeled.load(tmp_path / "model")):
        assert np.array_equal(loaded.transform(images), fitted(method).transform(images))
        assert loaded.get_params() == fitted(method).get_params()
        for verb in ("reconstruct", "restore", "colorize"):
            if hasattr(loaded, verb):
                assert np.array_equal(getattr(loaded, verb)(images), getattr(fitted(method), verb)(images))
        assert loaded.history_ == fitted(method).history_
    assert sorted(p.name for p in (tmp_path / "model").glob("[!.]*")) == [
        "encoder.json", "encoder.safetensors", "model.json", "network.safetensors",
    ]  # fmt: skip
    about = json.loads((tmp_path / "model" / "encoder.json").read_text())
    assert about["recipe"]["method"] == card(method).name
    assert len(about["data"]["fingerprint"]) == 64


def test_files_arrays_and_data_objects_are_the_same_to_it(method, images, fitted, tmp_path):
    from PIL import Image

    paths = []
    for number, pixels in enumerate(images[:8]):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    model, expected = fitted(method), fitted(method).transform(images[:8])
    assert np.array_equal(model.transform(paths), expected)
    assert np.array_equal(model.transform(tmp_path), expected)
    assert np.array_equal(model.transform(Images(tmp_path)), expected)
    assert np.array_equal(model.transform(images[:8] if images.ndim == 4 else images[:8, None]), expected)


@pytest.mark.parametrize("method", ON_VECTORS, ids=lambda cls: cls.__name__)
def test_it_stands_in_a_pipeline(method):
    rng = np.random.default_rng(0)
    piped = make_pipeline(StandardScaler(), method(**QUICK, random_state=0))
    assert piped.fit_transform(rng.normal(size=(40, 6)), np.arange(40) % 3 - 1).shape == (40, piped[-1].encoder_.dim)
    assert len(piped.get_feature_names_out()) == piped[-1].encoder_.dim


@pytest.mark.parametrize("method", sorted(set(DEEP) - set(ON_VECTORS), key=str), ids=lambda cls: cls.__name__)
def test_vectors_are_refused_by_a_method_that_has_no_meaning_for_them(method):
    with pytest.raises(UnlabeledError, match=f"{method.__name__} is for image"):
        method(**QUICK).fit(np.random.default_rng(0).normal(size=(40, 6)))


def test_vectors_after_images_are_refused(method, fitted):
    with pytest.raises((UnlabeledError, ValueError)):
        fitted(method).transform(np.zeros((3, 64)))


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("epochs", 0, "epochs must be a whole number of at least 1, got 0"),
        ("batch_size", -3, "batch_size"),
        ("learning_rate", 0.0, "learning_rate must be above 0"),
        ("warmup", 2, "warmup is a share"),
        ("optimizer", "adam", "did you mean 'adamw'"),
        ("precision", "fp16", "did you mean 'bf16'"),
        ("device", "gpu7", "device 'gpu7' cannot be used here"),
        ("encoder", "convv", "did you mean 'conv'"),
        ("resize", "cropp", "did you mean 'crop'"),
        ("channels", 2, "channels must be 1 or 3"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_words(method, images, setting, value, says):
    with pytest.raises(UnlabeledError, match=says):
        method(**{**QUICK, setting: value}).fit(images, np.arange(96) % 3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (np.full((4, 8, 8), np.nan), "nan in image 0"),
        (np.full((4, 8, 8), 7.0), r"\[0, 1\]"),
        (["/nowhere/1.png"], "1.png"),
        ("/nowhere", "nowhere"),
    ],
    ids=["NaN", "out of range", "missing file", "missing folder"],
)
def test_bad_images_are_refused_in_words(method, data, says):
    with pytest.raises(UnlabeledError, match=says):
        method(**QUICK).fit(data)


def test_one_image_is_enough_or_refused_in_words(method, images):
    model = method(**QUICK)
    if method.minimum_rows == 1:
        assert model.fit(images[:1]).transform(images[:1]).shape[0] == 1
    else:
        with pytest.raises(UnlabeledError, match="needs at least 2 instances"):
            model.fit(images[:1])
