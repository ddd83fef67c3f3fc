"""The deep methods of few labels on texts: tokens are deleted in place of flips and shifts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import unlabeled
from unlabeled import (
    Distillation,
    EntropyMinimisation,
    FixMatch,
    FlexMatch,
    FreeMatch,
    MeanTeacher,
    MixMatch,
    Supervised,
)
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import open_instances

WORDS = {
    "sea": ["wave", "boat", "fish", "salt", "sail", "tide", "harbour", "gull"],
    "farm": ["cow", "barn", "field", "hay", "plough", "milk", "hen"],
}
QUICK = {"batch_size": 32, "random_state": 0, "progress": False, "precision": "float32", "unlabelled_ratio": 3.0}


@pytest.fixture(scope="module")
def texts():
    """Texts (64) of the words of two topics, their topics, and the labels of eight of them."""
    rng = np.random.default_rng(0)
    truth = np.array(["sea", "farm"])[np.arange(64) % 2]
    texts = [" ".join([*rng.choice(WORDS[name], 6), *rng.choice(["the", "and", "with"], 3)]) for name in truth]
    return texts, truth, np.where(np.arange(64) < 8, truth, "")


@pytest.fixture(scope="module")
def encoder(texts):
    """A small transformer without training."""
    _, preprocessing = open_instances(texts[0], Supervised(encoder="transformer"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Transformer(preprocessing, dim=32, layers=1, heads=2, dropout=0.0)


@pytest.mark.parametrize("method", [Supervised, EntropyMinimisation, MeanTeacher, FixMatch, FlexMatch, FreeMatch])
def test_it_learns_two_topics_of_texts_saves_and_loads(method, texts, encoder, tmp_path):
    sentences, truth, y = texts
    model = method(encoder=encoder, epochs=25, learning_rate=3e-3, **QUICK).fit(sentences, y)
    assert model.score(sentences, truth) > 0.9
    model.save(tmp_path / "model")
    assert np.array_equal(unlabeled.load(tmp_path / "model").predict(sentences[:5]), model.predict(sentences[:5]))
    alone = model.predict_proba(sentences[:1])
    np.testing.assert_allclose(alone, model.predict_proba(sentences)[:1], atol=1e-5)  # padding changes nothing


def test_a_teacher_of_texts_teaches_a_student(texts, encoder):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    sentences, truth, y = texts
    teacher = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(sentences[:8], y[:8])
    settings = {name: value for name, value in QUICK.items() if name != "unlabelled_ratio"}
    student = Distillation(teacher=teacher, encoder=encoder, epochs=25, learning_rate=3e-3, **settings).fit(sentences)
    assert student.score(sentences, truth) > 0.9


def test_the_strong_copy_loses_more_tokens_than_the_weak_one(texts, encoder):
    model = FixMatch(encoder=encoder)
    model.prepare(encoder.preprocessing)
    instances, _ = open_instances(texts[0], model, encoder.preprocessing)
    values = instances.gather(torch.arange(64)).values
    torch.manual_seed(0)
    whole, weak, strong = (int(tokens.mask.sum()) - 128 for tokens in (values, *model.unlabelled_views(values)))
    # Of the tokens between the first and the last a tenth is deleted, and half: four standard errors of a share.
    error = 4 * 0.5 / np.sqrt(whole)
    assert weak / whole == pytest.approx(0.9, abs=error)
    assert strong / whole == pytest.approx(0.5, abs=error)


def test_mixtures_of_tokens_are_refused(texts):
    with pytest.raises(UnlabeledError, match="MixMatch is for image, pair, video data, not texts"):
        MixMatch(epochs=1, progress=False).fit(texts[0], texts[2])


@pytest.mark.parametrize("method", [Supervised, FixMatch])
def test_pairs_of_texts_are_refused_by_name(method, texts, encoder):
    sentences, _, y = texts
    pairs, model = list(zip(sentences, sentences, strict=True)), method(encoder=encoder, epochs=1, **QUICK)
    with pytest.raises(UnlabeledError, match="these are pairs or triples of texts; give single texts"):
        model.fit(pairs, y)
    with pytest.raises(UnlabeledError, match=f"{method.__name__} classifies single texts, and these are pairs"):
        model.fit(sentences, y).predict(pairs)


def test_texts_of_which_the_first_is_missing_are_texts(texts, encoder):
    sentences, _, y = texts
    model = FixMatch(encoder=encoder, epochs=1, **QUICK)
    found = model.fit([None, *sentences[1:]], y).predict_proba(sentences)
    assert np.array_equal(found, model.fit(["", *sentences[1:]], y).predict_proba(sentences))
