"""One contract for all methods of texts: the promises of `test_contract`, on a dozen short texts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

import unlabeled
from unlabeled import GPT, ELMo, FineTuning, SentenceVectors, SetFit, WordVectors
from unlabeled.data.text.texts import Texts
from unlabeled.errors import UnlabeledError
from unlabeled.registry import card, methods
from unlabeled.training.bases.text_method import TextMethod

TEXTS = ["the dog barks", "the cat meows", "a dog runs. It is fast", "a cat sleeps", "my dog eats", "my cat eats"] * 2
CLASSES = ["dog", "cat"] * 6
QUICK = {"length": 12, "epochs": 1, "batch_size": 4, "progress": False, "random_state": 0}
SMALL = {"dim": 16, "layers": 1, "heads": 2, **QUICK}
VECTORS = WordVectors(["dog", "cat", "the", "a", "runs", "eats"], np.random.default_rng(0).normal(size=(6, 4)))
DEEP = [cls for cls in methods().values() if issubclass(cls, TextMethod)]
METHODS = [*DEEP, FineTuning, SetFit, SentenceVectors]
FRAMES = {
    "tuple": tuple,
    "series": pd.Series,
    "array": np.array,
    "objects": lambda texts: np.array(texts, dtype=object),
    "frame": lambda texts: pd.DataFrame({"text": texts, "number": range(len(texts))}),
    "data": Texts,
}


@pytest.fixture(scope="module")
def start():
    """A trained encoder."""
    return GPT(**SMALL).fit(TEXTS).encoder_


@pytest.fixture(params=METHODS, ids=lambda cls: cls.__name__)
def method(request):
    return request.param


@pytest.fixture
def make(method, start):
    """Make a quick model of the method."""
    settings = {
        ELMo: {"dim": 16, "layers": 1, **QUICK},
        FineTuning: {"encoder": start, "epochs": 2, "batch_size": 4, "random_state": 0, "progress": False},
        SetFit: {"encoder": start, "tune": "always", "pairs": 1, "random_state": 0, "progress": False},
        SentenceVectors: {"vectors": VECTORS},
    }.get(method, SMALL)
    return lambda **others: method(**settings | others)


@pytest.fixture(scope="module")
def models():
    return {}


@pytest.fixture
def fitted(method, make, models):
    """A fitted model, made once; the tests leave it as it is."""
    if method not in models:
        models[method] = make().fit(TEXTS, CLASSES)
    return models[method]


def outcome(model, texts):
    """Give what a model makes of texts: vectors, or probabilities."""
    return model.transform(texts) if hasattr(model, "transform") else model.predict_proba(texts)


def attributes(model):
    """Give the fitted attributes in a form that can be compared."""
    found = {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}
    return {name: comparable(value) for name, value in found.items()}


def comparable(value):
    if isinstance(value, nn.Module):
        return {key: tensor.tolist() for key, tensor in value.state_dict().items()}
    if isinstance(value, np.ndarray):
        return value.dtype, value.tolist()
    return value.state() if hasattr(value, "state") else value


def test_fields_are_the_parameters(method, make):
    model = make()
    assert set(model.get_params(deep=False)) == {option.name for option in card(method).options}
    copied = clone(model).get_params(deep=False)
    plain = {name: value for name, value in model.get_params(deep=False).items() if name not in ("encoder", "vectors")}
    assert {name: copied[name] for name in plain} == plain
    name = next(iter(plain))
    assert model.set_params(**{name: "other"}) is model
    assert model.get_params()[name] == "other"
    with pytest.raises(ValueError, match="nonsense"):
        model.set_params(nonsense=1)


def test_every_setting_and_the_class_are_documented(method):
    about = card(method)
    assert about.sentence.endswith(".")
    assert about.paper
    assert [option.name for option in about.options if not option.doc] == []


def test_the_name_of_a_model_says_how_to_make_it(method, make):
    model = make()
    assert repr(model).startswith(f"{method.__name__}(")
    if method in DEEP:
        assert eval(repr(model), {method.__name__: method}).get_params() == model.get_params()


def test_fit_gives_the_model_and_changes_neither_settings_nor_texts(make):
    model, texts = make(), list(TEXTS)
    before = model.get_params(deep=False)
    assert model.fit(texts, CLASSES) is model
    assert all(value is before[name] for name, value in model.get_params(deep=False).items())
    assert texts == TEXTS


def test_what_is_not_fitted_says_so(make, tmp_path):
    for use in (lambda model: outcome(model, TEXTS), lambda model: model.save(tmp_path / "model")):
        with pytest.raises(NotFittedError):
            use(make())


def test_the_same_seed_gives_the_same_also_from_a_clone_and_from_a_fitted_model(make, fitted):
    again = clone(make()).fit(TEXTS, CLASSES)
    assert np.array_equal(outcome(again, TEXTS), outcome(fitted, TEXTS))
    again.fit(TEXTS[:8], CLASSES[:8])
    assert np.array_equal(outcome(again.fit(TEXTS, CLASSES), TEXTS), outcome(fitted, TEXTS))
    assert attributes(again) == attributes(fitted)


def test_a_row_depends_on_its_text_only(fitted):
    whole, order = outcome(fitted, TEXTS), np.random.default_rng(0).permutation(len(TEXTS))
    assert len(whole) == len(TEXTS)
    assert np.isfinite(whole).all()
    # Sums of float32 products in another order: a few units in the last place of the largest term.
    close = {"rtol": 1e-4, "atol": 1e-5 * np.abs(whole).max()}
    np.testing.assert_allclose(outcome(fitted, [TEXTS[row] for row in order]), whole[order], **close)
    np.testing.assert_allclose(outcome(fitted, TEXTS[:1]), whole[:1], **close)


def test_save_and_load_give_the_same_vectors_and_attributes(method, fitted, tmp_path):
    fitted.save(tmp_path / "model")
    for loaded in (method.load(tmp_path / "model"), unlabeled.load(tmp_path / "model")):
        assert np.array_equal(outcome(loaded, TEXTS), outcome(fitted, TEXTS))
        assert attributes(loaded) == attributes(fitted)
        given = ("encoder", "vectors", "tokenizer") if method not in DEEP else ()  # saved with what came of them
        settings = {name: value for name, value in fitted.get_params(deep=False).items() if name not in given}
        assert settings.items() <= loaded.get_params(deep=False).items()
        loaded.save(tmp_path / "again")
        assert attributes(method.load(tmp_path / "again")) == attributes(fitted)


@pytest.mark.parametrize("frame", FRAMES)
def test_whatever_holds_texts_is_the_same_to_it(method, make, fitted, frame):
    if method is SentenceVectors and frame in ("frame", "data"):
        pytest.skip("texts are counted by `Documents`, which takes a column of a frame")
    texts = FRAMES[frame](TEXTS)
    assert np.array_equal(outcome(fitted, texts), outcome(fitted, TEXTS))
    assert np.array_equal(outcome(make().fit(texts, CLASSES), TEXTS), outcome(fitted, TEXTS))


@pytest.mark.parametrize(("frame", "missing"), [("tuple", float("nan")), ("series", None), ("objects", pd.NA)])
def test_a_missing_first_text_is_an_empty_one(method, make, fitted, frame, missing):
    if method is SentenceVectors:
        pytest.skip("a document that is missing is refused")
    texts = FRAMES[frame]([missing, *TEXTS[1:]])
    expected = ["", *TEXTS[1:]]
    assert np.array_equal(outcome(fitted, texts), outcome(fitted, expected))
    assert np.array_equal(outcome(make().fit(texts, CLASSES), TEXTS), outcome(make().fit(expected, CLASSES), TEXTS))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ((text for text in TEXTS), "texts come as .* not as the generator|from an iterator"),
        ([1.0, 2.0], r"holds 1\.0 in row 0, where a text belongs|for texts, and the data are vectors|no string"),
        ((TEXTS, TEXTS[1:]), "rows of 12 values; of columns, give their rows|for texts, and the data are vectors"),
        ({"texts": []}, "not clear which column|choose the column"),
        ("/nowhere", "nowhere"),
    ],
    ids=["generator", "numbers", "columns", "mapping", "missing file"],
)
def test_what_is_no_list_of_texts_is_refused_in_words_about_texts(method, make, data, says):
    if method is SentenceVectors and not isinstance(data, list | dict | str):
        pytest.skip("documents may come one after the other, and cut into words")
    with pytest.raises(UnlabeledError, match=says):
        make().fit(data, CLASSES)


@pytest.mark.parametrize("method", DEEP, ids=lambda cls: cls.__name__)
def test_it_can_be_checked_before_a_long_fit(method, make):
    model = make()
    model.check(Texts(TEXTS))
    assert not hasattr(model, "encoder_")


@pytest.mark.parametrize("method", DEEP, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("epochs", 0, "epochs must be a whole number of at least 1, got 0"),
        ("batch_size", -3, "batch_size"),
        ("vocabulary", 0, "vocabulary"),
        ("dropout", 1.0, "dropout is a share"),
        ("tokenizer", "wordpeice", "unknown tokenizer 'wordpeice'; did you mean 'wordpiece'"),
        ("encoder", "transfomer", "did you mean 'transformer'"),
        ("encoder", "conv", "encoder 'conv' is for images, and the data are texts"),
        ("unit", "lines", "did you mean 'line'"),
        ("size", 33, "size=33 is for pictures, and the data are texts; leave it out"),
        ("resize", "pad", "resize='pad' is for pictures"),
        ("channels", 1, "channels=1 is for pictures"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_words(method, setting, value, says):
    with pytest.raises(UnlabeledError, match=says):
        method(**{**QUICK, setting: value}).fit(TEXTS)
