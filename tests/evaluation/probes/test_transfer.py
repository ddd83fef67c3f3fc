"""A new head on a frozen encoder."""

import numpy as np
import pytest
import torch

from unlabeled import Autoencoder, FineTuning, transfer
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import linear_probe


@pytest.fixture(scope="module")
def parts(digits):
    images, labels = digits[0][:700] / np.float32(255 if digits[0].max() > 16 else 16), digits[1][:700]
    start = Autoencoder(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    return start, images, labels


def test_only_the_head_learns_and_it_reads_what_a_linear_probe_reads(parts, tmp_path):
    start, images, labels = parts
    before = {name: value.clone() for name, value in start.encoder_.state_dict().items()}
    model = transfer(start.encoder_, images[:500], labels[:500], random_state=0)
    for name, value in model.encoder_.state_dict().items():
        assert torch.equal(value, before[name]), name
    vectors = start.transform(images)
    probe = linear_probe(vectors[:500], labels[:500], vectors[500:], labels[500:]).accuracy
    assert model.score(images[500:], labels[500:]) > probe - 0.08  # it learns from a tenth fewer rows, which stop it
    model.save(tmp_path / "model")
    again = FineTuning.load(tmp_path / "model")
    # Convolutions sum in another order where weights lie otherwise in memory, so vectors differ in their last digit.
    # The head divides by the small spread of their columns: scores differ by what this digit of each product weighs.
    weighed = model.head_.weight.detach().abs() @ torch.from_numpy(vectors[:9]).abs().T
    unit = float(weighed.max()) * np.finfo(np.float32).eps
    assert unit < 2e-4  # more would hide a wrong head
    np.testing.assert_allclose(again.predict_proba(images[:9]), model.predict_proba(images[:9]), rtol=0, atol=unit)


def test_the_scale_of_the_vectors_does_not_matter(parts):
    start, images, labels = parts
    names = np.array(["even", "odd"])[labels % 2]
    model = transfer(start.encoder_, images[:200], names[:200], random_state=0, epochs=20)
    vectors = torch.from_numpy(start.transform(images[200:300]))
    scores = torch.nn.functional.linear(vectors, model.head_.weight.cpu(), model.head_.bias.cpu())
    expected = model.classes_[scores.detach().argmax(1).numpy()]
    assert (model.predict(images[200:300]) == expected).all()  # mean and scale are in the head
    assert model.score(images[200:300], names[200:300]) > 0.7


def test_numbers_too(parts):
    start, images, labels = parts
    model = transfer(start.encoder_, images[:300], labels[:300].astype(float), task="score", random_state=0)
    assert model.score(images[:300], labels[:300].astype(float)) > 0.5


def test_one_class_is_refused(parts):
    with pytest.raises(UnlabeledError, match="at least two classes"):
        transfer(parts[0].encoder_, parts[1][:9], ["a"] * 9)
