"""Settings of methods of texts beside an encoder that is given: each acts, or is refused with the reason."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from unlabeled import GPT, ELMo, NoisyTextRestoration, SimCSE
from unlabeled.encoders.image.conv import Conv
from unlabeled.encoders.text.lstm import LSTM
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.methods.contrastive.simcse import has_dropout
from unlabeled.modalities import open_instances
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.training.bases.self_supervised import CIRCUMSTANCES
from unlabeled.training.bases.text_method import with_dropout

TEXTS = ["the dog barks at the cat", "the cat runs away from it", "it rains all day long", "the sun is out again"] * 2
QUICK = {"epochs": 1, "batch_size": 4, "precision": "float32", "progress": False, "random_state": 0}
OTHERS = {
    "epochs": 2, "batch_size": 3, "optimizer": "sgd", "learning_rate": 1e-2, "weight_decay": 0.5, "warmup": 0.9,
    "clip_norm": 1e-3, "accumulate": 2, "random_state": 5, "size": 33, "resize": "pad", "channels": 1,
    "tokenizer": "bpe", "vocabulary": 70, "column": "text", "unit": "file", "length": 6, "dim": 64, "layers": 3,
    "heads": 2, "dropout": 0.5, "views": "crop", "temperature": 0.5, "pooling": "cls",
}  # fmt: skip
"""A value of each setting that is neither the default nor that of `QUICK`."""
REFUSED = {"size", "resize", "channels", "tokenizer", "vocabulary", "column", "unit", "dim", "layers", "heads"}


@pytest.fixture(scope="module")
def preprocessing():
    return open_instances(TEXTS)[1]


@pytest.fixture(scope="module")
def encoder(preprocessing):
    torch.manual_seed(0)
    return Transformer(preprocessing, dim=16, layers=1, heads=2)


@pytest.fixture(scope="module")
def usual(encoder):
    return SimCSE(encoder=encoder, **QUICK).fit(TEXTS).transform(TEXTS)


def test_every_setting_has_another_value_here():
    fields = {field.name for field in dataclasses.fields(SimCSE)}
    assert set(OTHERS) == fields - {*CIRCUMSTANCES, "precision", "encoder"}


@pytest.mark.parametrize("name", OTHERS)
def test_a_setting_beside_a_given_encoder_acts_or_is_refused(encoder, usual, name):
    model = SimCSE(encoder=encoder, **{**QUICK, name: OTHERS[name]})
    if name in REFUSED:
        with pytest.raises(UnlabeledError, match=f"{name}="):
            model.fit(TEXTS)
    else:
        assert not np.array_equal(model.fit(TEXTS).transform(TEXTS), usual)


@pytest.mark.parametrize("name", ["dim", "layers", "heads"])
@pytest.mark.parametrize("given", ["object", "name"])
def test_sizes_are_refused_beside_an_encoder_that_has_its_own(encoder, given, name):
    chosen = encoder if given == "object" else "transformer"
    with pytest.raises(UnlabeledError, match=f"^{name}={OTHERS[name]} is for the network that encoder='auto' makes"):
        SimCSE(encoder=chosen, **{**QUICK, name: OTHERS[name]}).fit(TEXTS)
    SimCSE(**QUICK, **{name: OTHERS[name]})  # which makes its own


def test_a_vocabulary_is_refused_where_none_is_learnt(encoder, tmp_path):
    with pytest.raises(UnlabeledError, match=r"^vocabulary=70 is for a tokenizer that is trained, and the encoder"):
        SimCSE(encoder=encoder, vocabulary=70, **QUICK).fit(TEXTS)
    encoder.preprocessing.tokenizer.save(tmp_path, 16)
    with pytest.raises(UnlabeledError, match=r"^vocabulary=70 is for a tokenizer that is trained, and '.*' is"):
        SimCSE(tokenizer=str(tmp_path), vocabulary=70, **QUICK).fit(TEXTS)


def test_heads_are_refused_by_a_network_that_has_none():
    with pytest.raises(UnlabeledError, match=r"^heads=2 is for attention"):
        ELMo(heads=2, dim=16, layers=1, **QUICK).fit(TEXTS)


@pytest.mark.parametrize("make", [lambda p: Transformer(p, dim=16, layers=1, heads=2), lambda p: LSTM(p, width=8)])
def test_another_dropout_leaves_the_weights(preprocessing, make):
    first = make(preprocessing)
    for rate in (0.0, 0.5):
        found = with_dropout(first, rate)
        assert found.describe() == first.describe() | {"dropout": rate}
        assert has_dropout(found) == (rate > 0)
        assert found.state_dict().keys() == first.state_dict().keys()
        assert all(torch.equal(value, first.state_dict()[name]) for name, value in found.state_dict().items())


def test_dropout_of_a_model_of_transformers_is_in_its_configuration(preprocessing):
    transformers = pytest.importorskip("transformers")
    from unlabeled.encoders.text.pretrained_text import PretrainedText

    config = transformers.BertConfig(
        vocab_size=len(preprocessing.tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, hidden_act="relu",
    )  # fmt: skip
    first = PretrainedText(preprocessing, config=config.to_dict())
    found = with_dropout(first, 0.0)
    assert not has_dropout(found)
    assert has_dropout(with_dropout(found, 0.3))
    assert all(torch.equal(value, first.state_dict()[name]) for name, value in found.state_dict().items())


def test_an_encoder_without_dropout_has_none_to_set():
    with pytest.raises(UnlabeledError, match=r"^dropout=0\.5 cannot be set in the encoder, of architecture 'conv'"):
        with_dropout(Conv(ImagePreprocessing(8)), 0.5)


@pytest.mark.parametrize("method", [GPT, NoisyTextRestoration])
def test_the_dropout_of_a_network_of_its_own_is_a_tenth_unless_one_is_given(method):
    size = {"dim": 16, "layers": 1, "heads": 2}
    assert method(**size, **QUICK).fit(TEXTS).encoder_.sizes["dropout"] == 0.1
    assert method(**size, dropout=0.3, **QUICK).fit(TEXTS).encoder_.sizes["dropout"] == 0.3
