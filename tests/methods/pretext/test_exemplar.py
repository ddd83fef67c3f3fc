"""Exemplar: an instance is its own class, and memory does not grow with their number beyond their vectors."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from unlabeled import Exemplar
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError


@pytest.fixture(scope="module")
def fitted(digits):
    return Exemplar(epochs=1, batch_size=32, random_state=0, progress=False).fit(digits[0][:96])


def test_the_class_of_a_view_is_the_position_of_its_instance(fitted):
    batch = Batch(torch.rand(3, 1, 8, 8), torch.full((3,), -1), torch.tensor([7, 90, 0]))
    x, y = fitted.split(batch)
    assert x.shape == batch.values.shape
    assert not torch.equal(x, batch.values)
    assert y.tolist() == [7, 90, 0]
    assert fitted.network_.classes.vectors.shape == (96, 64)


def test_class_vectors_are_saved(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    assert torch.equal(Exemplar.load(tmp_path / "model").network_.classes.vectors, fitted.network_.classes.vectors)


def test_it_learns_to_tell_instances_apart(digits):
    method = Exemplar(epochs=15, batch_size=32, learning_rate=3e-3, views="weak", random_state=0, progress=False)
    # Guessing among 64 classes costs ln 64.
    assert method.fit(digits[0][:64]).history_[-1]["loss"] < math.log(64) - 0.3


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("negatives", 0, "negatives must be a whole number of at least 1"),
        ("temperature", 0.0, "temperature must be a positive number"),
    ],
)
def test_what_cannot_be_meant_is_refused(setting, value, message):
    with pytest.raises(UnlabeledError, match=message):
        Exemplar(progress=False, **{setting: value}).fit(np.zeros((4, 8, 8), np.uint8))


MANY = """
import resource, numpy as np
from unlabeled import Exemplar
images = np.random.default_rng(0).integers(0, 256, (150_000, 8, 8), dtype=np.uint8)
Exemplar(batch_size=4096, epochs=1, views="weak", random_state=0, progress=False).fit(images)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_150_000_classes_fit_into_one_and_a_half_gibibytes():
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True)
    used = int(done.stdout.split()[-1])
    print(f"{used / 2**30:.2f} GiB")
    assert used < 1.5 * 2**30
