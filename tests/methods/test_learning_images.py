"""Each image method learns: on real images a linear probe reads its vectors better than those of its untrained self.

The linear probe is the measure that these methods were published with. Rotation, in particular, puts what it knows
where a linear classifier finds it and plain distances do not. The probe learns from 300 labels, which methods that use
labels see too, and is tested on the other images. Methods that learn little from few steps see more images.
"""

import numpy as np
import pytest
import torch

from unlabeled.data import Images
from unlabeled.evaluation import evaluate
from unlabeled.registry import method, methods
from unlabeled.runs.judge import untrained
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.views import Compose, RandomCrop, Rotate

ROWS, LABELS = 2000, 300
SLOW = {"masked_autoencoder", "colorization", "sim_siam"}
"""They learn from 10,000 images and are judged with 1,000 labels: they need more steps before they learn anything."""
MARGIN = 0.02
"""What the trained encoder must be better by: two standard errors of an accuracy of 85 % on 1,700 test images."""
SEEDS = (0, 1, 2)
# A digit in a mirror is no digit, and half of one may be another, so the views crop and turn a little.
VIEWS = Compose([RandomCrop(scale=(0.7, 1.0)), Rotate(degrees=15)])
SEEN = {"views": VIEWS, "epochs": 6, "learning_rate": 3e-3}
CROPS = {**SEEN, "local": Compose([RandomCrop(scale=(0.3, 0.7)), Rotate(degrees=15)]), "local_views": 1}
SETTINGS = {
    "autoencoder": {"epochs": 10},
    "denoising_autoencoder": {"epochs": 10, "amount": 0.3},
    "variational_autoencoder": {"epochs": 10},
    "masked_autoencoder": {"epochs": 20},
    "gan": {"epochs": 5},
    "rotation": {"epochs": 10},
    "relative_position": {"epochs": 6, "learning_rate": 3e-3},
    "jigsaw": {"epochs": 6, "learning_rate": 3e-3},
    "inpainting": {"epochs": 8, "learning_rate": 3e-3},
    "deblurring": {"epochs": 8, "learning_rate": 3e-3},
    "super_resolution": {"epochs": 8, "learning_rate": 3e-3},
    "colorization": {"epochs": 8},
    "exemplar": SEEN,
    "simclr": SEEN,
    "moco": {**SEEN, "queue_size": 512},
    "instance_discrimination": SEEN,
    "cpc": {"epochs": 6},
    "sup_con": SEEN,
    "siamese_network": SEEN,
    "triplet_network": SEEN,
    "cross_encoder": {**SEEN, "form": "two_towers"},
    "byol": {**SEEN, "epochs": 16},
    # Its authors' optimiser. With AdamW it learns as well, a little less.
    "sim_siam": {"views": VIEWS, "epochs": 8, "optimizer": "sgd", "learning_rate": 0.2},
    "barlow_twins": SEEN,
    "vicreg": SEEN,
    "dino": {**CROPS, "prototypes": 128},
    "swav": {**CROPS, "prototypes": 64},
}


def test_no_image_method_is_forgotten():
    principles = {"generative", "pretext", "contrastive", "non-contrastive"}
    deep = {name for name, cls in methods().items() if issubclass(cls, SelfSupervised) and "image" in cls.modalities}
    assert set(SETTINGS) == {name for name in deep if method(name).principle in principles}


@pytest.fixture(scope="module")
def images(real_data):
    def read(name):
        data, size, channels = ("cifar10", 32, 3) if name == "colorization" else ("mnist", 28, 1)
        rows = 5 * ROWS if name in SLOW else ROWS
        prepared = Images(real_data / data / "train.parquet").prepare(size=size, channels=channels)
        return prepared.gather(torch.arange(rows)).values, np.asarray(prepared.labels)[:rows]

    return read


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SETTINGS)
def test_it_beats_its_untrained_self_by_the_linear_probe(name, seed, images):
    values, labels = images(name)
    model = method(name)(**SETTINGS[name], batch_size=128, random_state=seed, progress=False)
    rows, known = len(values), 1000 if name in SLOW else LABELS
    given = [np.where(np.arange(rows) < known, labels, -1)] if model.uses_labels else []
    model.fit(values, *given)
    baseline = untrained(model.encoder_, Images(values).prepare(channels=values.shape[1]), np.arange(rows), seed=seed)
    judged = evaluate(
        model.transform(values), labels, baselines={"untrained": baseline}, seeds=(seed,), probes=("linear",),
        test_rows=np.arange(known, rows),
    )  # fmt: skip
    learnt, before = (judged.score("linear accuracy", *which).mean for which in ((), ("untrained",)))
    print(f"{name}, seed {seed}: {100 * before:.1f} -> {100 * learnt:.1f} %")
    assert learnt > before + MARGIN
