"""What all tests share: small real data, and a quiet, repeatable machine."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


@pytest.fixture(autouse=True)
def same_draws():
    """Start every test from one random state, so that what fails fails again."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def digits():
    """Scikit-learn's digits: images uint8 (1797, 8, 8) and labels (1797,)."""
    bunch = load_digits()
    return (bunch.images * (255 / 16)).round().astype(np.uint8), bunch.target.astype(np.int64)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip that says how to have it."""
    folder = os.environ.get("UNLABELED_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set UNLABELED_DATA to the folder with the real data sets")
    return Path(folder)
