"""Each method learns: on real digits a linear probe reads its vectors better than those of its untrained self.

The linear probe is the measure that these methods were published with. Rotation, in particular, puts what it knows
where a linear classifier finds it and plain distances do not.
"""

import numpy as np
import pytest
import torch

from unlabeled.data import Images
from unlabeled.evaluation import evaluate
from unlabeled.registry import method
from unlabeled.runs.judge import untrained
from unlabeled.views import Compose, RandomCrop, Rotate

ROWS, LABELS = 2000, 200
# A digit in a mirror is no digit, so the views only crop and turn a little.
VIEWS = Compose([RandomCrop(scale=(0.5, 1.0)), Rotate(degrees=15)])
SETTINGS = {
    "autoencoder": {"epochs": 10},
    "denoising_autoencoder": {"epochs": 10},
    "variational_autoencoder": {"epochs": 10},
    "rotation": {"epochs": 10},
    "simclr": {"epochs": 8, "views": VIEWS, "temperature": 0.2},
    "byol": {"epochs": 16, "views": VIEWS},
}


@pytest.fixture(scope="module")
def mnist(real_data):
    prepared = Images(real_data / "mnist" / "train.parquet").prepare(size=28, channels=1)
    return prepared.gather(torch.arange(ROWS)).values.numpy()[:, 0], prepared.labels[:ROWS]


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("name", SETTINGS)
def test_it_beats_its_untrained_self_by_the_linear_probe(name, mnist):
    images, labels = mnist
    gains = []
    for seed in range(3):
        model = method(name)(**SETTINGS[name], batch_size=128, random_state=seed, progress=False).fit(images)
        instances = Images(images).prepare(channels=1)
        baseline = untrained(model.encoder_, instances, np.arange(ROWS), seed=seed)
        judged = evaluate(
            model.transform(images), labels, baselines={"untrained": baseline}, seeds=(seed,), probes=("linear",),
            test_size=1 - LABELS / ROWS,
        )  # fmt: skip
        gains.append(judged.score("linear accuracy").mean - judged.score("linear accuracy", "untrained").mean)
    print(name, [f"{100 * gain:+.1f}" for gain in gains])
    assert min(gains) > 0.01, gains
