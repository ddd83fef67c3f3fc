"""An encoder that has learnt is named by a fitted method, a folder or itself, wherever one is judged."""

import numpy as np
import pytest
import torch

from unlabeled import BERT, KMeans, SimCLR, WordVectors
from unlabeled.encoders.make import own_encoder, trained_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import (
    edge_probing,
    fine_tune,
    pixel_probe,
    scored_pairs,
    sentence_similarity,
    text_classification,
    transfer,
)
from unlabeled.explore import feature_segments

TEXTS = [f"{('a dog barks', 'the cat sleeps')[i % 2]} {i}" for i in range(24)]
CLASSES = [i % 2 for i in range(24)]
PAIRS, SCORES = [("a dog", "the dog"), ("a cat", "the sun"), ("dog", "cat")], [1.0, 0.2, 0.4]
WORDS, TAGS = [["a", "dog", "barks"], ["the", "cat", "sleeps"]] * 8, [["D", "N", "V"]] * 16
PICTURE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
MASK = np.repeat([0, 1], 8)[:, None].repeat(16, 1)
ONE = {"epochs": 1, "random_state": 0, "progress": False}
OF_TEXTS = {
    "sentence_similarity": lambda encoder: sentence_similarity(encoder, PAIRS, SCORES).all_pairs,
    "scored_pairs": lambda encoder: str(scored_pairs(encoder, PAIRS, SCORES)),
    "text_classification": lambda encoder: str(text_classification(encoder, TEXTS, CLASSES, TEXTS, CLASSES)),
    "fine_tune": lambda encoder: fine_tune(encoder, TEXTS, CLASSES, **ONE).predict_proba(TEXTS).tolist(),
    "transfer": lambda encoder: transfer(encoder, TEXTS, CLASSES, **ONE).predict_proba(TEXTS).tolist(),
}
OF_IMAGES = {
    "feature_segments": lambda encoder: feature_segments(encoder, PICTURE, k=2).labels.tolist(),
    "pixel_probe": lambda encoder: pixel_probe(encoder, [PICTURE], [MASK], [PICTURE], [MASK]).features.accuracy,
}

JUDGES = {**OF_TEXTS, **OF_IMAGES, "edge_probing": lambda encoder: edge_probing(encoder, WORDS, TAGS, WORDS, TAGS)}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return saved(BERT(dim=16, layers=1, heads=2, **ONE).fit(TEXTS), tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    pictures = np.random.default_rng(1).integers(0, 256, (16, 3, 16, 16), np.uint8)
    return saved(SimCLR(**ONE).fit(pictures), tmp_path_factory.mktemp("images"))


def saved(model, folder):
    model.save(folder / "model")
    return model, folder / "model"


@pytest.mark.parametrize("judge", OF_TEXTS.values(), ids=OF_TEXTS)
def test_encoders_of_texts(judge, texts):
    check(judge, *texts)


@pytest.mark.parametrize("judge", OF_IMAGES.values(), ids=OF_IMAGES)
def test_encoders_of_images(judge, images):
    check(judge, *images)


def check(judge, model, folder):
    expected = judge(model.encoder_)
    assert [judge(given) for given in (model, folder, str(folder))] == [expected] * 3


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize("given", [None, 3, torch.nn.Linear(2, 2), WordVectors(["a"], np.ones((1, 2), np.float32))])
def test_what_is_no_encoder_is_refused(judge, given):
    with pytest.raises(UnlabeledError, match=r"an encoder is an Encoder, a fitted|encoder must be a text, a path"):
        judge(given)


def test_a_method_without_an_encoder_is_told():
    for method in (BERT(), BERT, KMeans()):
        with pytest.raises(UnlabeledError, match="has no encoder; fit a method that learns one first"):
            trained_encoder(method)


def test_an_encoder_for_other_data_is_refused(images):
    with pytest.raises(UnlabeledError, match="the encoder is for images, and the data are texts"):
        edge_probing(images[0], WORDS, TAGS, WORDS, TAGS)


def test_to_change_an_encoder_one_gets_a_copy(texts):
    model, folder = texts
    assert trained_encoder(model.encoder_) is model.encoder_
    for given in (model.encoder_, model, folder):
        found = own_encoder(given)
        assert found is not model.encoder_
        assert all(map(torch.equal, found.state_dict().values(), model.encoder_.state_dict().values()))


def test_a_setting_that_is_a_fitted_method_is_told_to_give_its_encoder(images):
    with pytest.raises(UnlabeledError, match=r"encoder must be .*; give its encoder_"):
        SimCLR(encoder=images[0], **ONE).fit(PICTURE[None])
