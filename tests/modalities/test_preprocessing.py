import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing


def test_images_come_to_between_zero_and_one():
    batch = torch.tensor([0, 51, 255, 102], dtype=torch.uint8).reshape(1, 1, 2, 2)
    canonical = ImagePreprocessing(2, channels=1).canonical(batch)
    assert canonical.flatten().tolist() == pytest.approx([0, 0.2, 1, 0.4])


def test_vectors_are_standardised_column_by_column():
    vectors = np.array([[1.0, 10.0], [3.0, 30.0]], dtype=np.float32)
    canonical = VectorPreprocessing.measured(vectors).canonical(torch.from_numpy(vectors))
    assert canonical.tolist() == [[-1.0, -1.0], [1.0, 1.0]]


@pytest.mark.parametrize("constant", [0.0, 1.0, 1e-3, 123456.789])
def test_a_constant_column_becomes_zero_not_noise(constant):
    vectors = np.full((7, 1), constant, dtype=np.float32)
    canonical = VectorPreprocessing.measured(vectors).canonical(torch.from_numpy(vectors))
    assert canonical.abs().max() < 1e-3


def test_a_large_mean_does_not_swallow_a_small_deviation():
    vectors = np.array([[16_000_000.0], [16_000_004.0]], dtype=np.float32)
    assert VectorPreprocessing.measured(vectors).canonical(torch.from_numpy(vectors)).flatten().tolist() == [-1.0, 1.0]


def test_another_shape_is_refused_with_both_shapes():
    with pytest.raises(UnlabeledError, match=r"\(3, 4, 4\).*\(3, 8, 8\)"):
        ImagePreprocessing(8).canonical(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=8))
def test_the_description_gives_back_the_same_preprocessing_exactly(column):
    import json

    preprocessing = VectorPreprocessing.measured(np.array(column, dtype=np.float32)[:, None])
    assert Preprocessing.from_dict(json.loads(json.dumps(preprocessing.to_dict()))) == preprocessing
