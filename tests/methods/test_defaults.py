"""The defaults that the papers and the course give, and that the documentation promises."""

import pytest

from unlabeled.registry import method

# What was chosen by experiment, such as learning rates, is not held here.
PUBLISHED = {
    "masked_autoencoder": {"mask_ratio": 0.75, "normalise": True},
    "variational_autoencoder": {"beta": 1.0},
    "simclr": {"temperature": 0.5},
    "moco": {"temperature": 0.2, "symmetric": True},
    "instance_discrimination": {"bank_momentum": 0.5},
    "sup_con": {"temperature": 0.1},
    "simcse": {"temperature": 0.05, "views": "dropout"},
    "siamese_network": {"margin": 1.0, "distance": "euclidean"},
    "triplet_network": {"margin": 0.2, "negatives": "sum"},
    "cpc": {"temperature": 0.1},
    "vicreg": {"invariance": 25.0, "variance": 25.0, "covariance": 1.0},
    "barlow_twins": {"redundancy": 0.005},
    "dino": {"student_temperature": 0.1, "teacher_temperature": 0.04, "centre_momentum": 0.9},
    "swav": {"temperature": 0.1, "epsilon": 0.05, "iterations": 3},
    "fix_match": {"threshold": 0.95, "weight": 1.0, "unlabelled_ratio": 7.0, "ema": 0.999, "include_labelled": True},
    "flex_match": {"threshold": 0.95, "unlabelled_ratio": 7.0},
    "free_match": {"fairness": 0.01, "unlabelled_ratio": 7.0},
    "mix_match": {
        "guesses": 2,
        "temperature": 0.5,
        "alpha": 0.75,
        "weight": 75.0,
        "ramp_steps": 16_000,
        "unlabelled_ratio": 1.0,
    },
    "semi_supervised_em": {"alpha": 1.0, "unlabelled_weight": 1.0},
    "label_spreading": {"alpha": 0.99},
    "tracking_by_colorization": {"colours": 16, "clip_length": 4},
    "clip": {"objective": "softmax", "frozen": "none"},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_defaults_are_the_defaults(name):
    settings = method(name)().get_params()
    assert {key: settings[key] for key in PUBLISHED[name]} == PUBLISHED[name]
