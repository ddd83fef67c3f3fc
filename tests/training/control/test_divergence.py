"""Training that diverges is called so, with the learning rate, in every kind of training."""

import numpy as np
import pytest
from PIL import Image

from unlabeled import CLIP, GPT, FixMatch, FrameOrder, FuturePrediction, MeanTeacher, SimCLR, SimCSE
from unlabeled.errors import DivergenceError, UnlabeledError
from unlabeled.methods.fewlabels.fine_tuning import FineTuning
from unlabeled.methods.fewlabels.set_fit import SetFit
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.methods.generative.deep_image_prior import DeepImagePrior

RUN = {"epochs": 12, "batch_size": 16, "random_state": 0, "progress": False}
TEXT = RUN | {"dim": 16, "layers": 1, "heads": 2, "length": 8}
TEXTS = ["cats purr and cats sleep", "dogs bark and dogs dig"] * 20


def diverges(fit):
    with pytest.raises(DivergenceError, match=r"training diverged.*lower the learning rate") as caught:
        fit()
    assert isinstance(caught.value, UnlabeledError)
    assert "NaN" not in str(caught.value)  # it is not the data that are to be repaired


@pytest.mark.parametrize("kind", [Autoencoder, SimCLR])
def test_of_images(kind, digits):
    diverges(lambda: kind(**RUN, learning_rate=1e30, optimizer="sgd").fit(digits[0][:64]))


@pytest.mark.parametrize("kind", [GPT, SimCSE])
def test_of_texts(kind):
    diverges(lambda: kind(**TEXT, learning_rate=1e30, optimizer="sgd").fit(TEXTS))


@pytest.mark.parametrize("kind", [FrameOrder, FuturePrediction])
def test_of_videos(kind):
    clips = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 16, 3), dtype=np.uint8)
    diverges(lambda: kind(**RUN, learning_rate=1e30, optimizer="sgd").fit(clips))


def test_of_pairs():
    shades = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    pairs = [(Image.fromarray(shade), f"a picture of {i % 8} frogs") for i, shade in enumerate(shades)]
    diverges(lambda: CLIP(**RUN, learning_rate=1e30, optimizer="sgd").fit(pairs))


@pytest.mark.parametrize("kind", [FixMatch, MeanTeacher])
def test_of_few_labels(kind, digits):
    labels = np.where(np.arange(64) % 4, -1, digits[1][:64])
    diverges(lambda: kind(**RUN, learning_rate=1e30, optimizer="sgd").fit(digits[0][:64], labels))


def test_weights_that_are_no_numbers_end_it_although_the_loss_is_one(digits, monkeypatch):
    method = Autoencoder(**RUN)

    def breaks(net, batch, done):
        next(net.parameters()).data.fill_(float("nan"))

    monkeypatch.setattr(method, "after_step", breaks)
    monkeypatch.setattr(method, "loss", lambda net, x, y: sum(p.nan_to_num().sum() for p in net.parameters()) * 0)
    diverges(lambda: method.fit(digits[0][:64]))


def test_of_few_labelled_texts():
    start = SimCSE(**TEXT).fit(TEXTS).encoder_
    diverges(
        lambda: FineTuning(encoder=start, learning_rate=1e30, head_learning_rate=1e30, epochs=3, random_state=0).fit(
            TEXTS, [0, 1] * 20
        )
    )
    rate = {"tune": "always", "learning_rate": 1e30}
    diverges(lambda: SetFit(encoder=start, random_state=0, **rate).fit(TEXTS, [0, 1] * 20))


def test_of_one_picture():
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    prior = DeepImagePrior(steps=50, learning_rate=1e30, width=4, scales=2, random_state=0, progress=False)
    diverges(lambda: prior.denoise(picture))


@pytest.mark.parametrize("rate", [1e38, -1.0, 0.0, float("nan")])
def test_a_rate_that_no_optimiser_takes_is_refused_before(rate, digits):
    picture = np.zeros((32, 32, 3), np.uint8)
    for fit in (
        lambda: Autoencoder(**RUN, learning_rate=rate).fit(digits[0][:64]),
        lambda: DeepImagePrior(steps=2, learning_rate=rate, progress=False).denoise(picture),
        lambda: FineTuning(encoder=SimCSE(**TEXT | {"epochs": 1}).fit(TEXTS).encoder_, learning_rate=rate).fit(
            TEXTS, [0, 1] * 20
        ),
    ):
        with pytest.raises(UnlabeledError, match=r"learning_rate must be (above 0 and at most 1e|a number, not nan)"):
            fit()
