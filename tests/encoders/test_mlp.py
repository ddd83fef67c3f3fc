"""The multilayer perceptron: one length of input, and a message for any other."""

import pytest
import torch

from unlabeled.encoders import make_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing


def test_views_of_another_size_are_refused_in_words():
    encoder = make_encoder("mlp", ImagePreprocessing(16))
    assert encoder(torch.rand(2, 3, 16, 16)).shape == (2, 128)
    with pytest.raises(UnlabeledError, match=r"data of shape \(3, 16, 16\), not \(3, 8, 8\); for views .* 'conv'"):
        encoder(torch.rand(2, 3, 8, 8))


def test_vectors_of_another_length_are_refused_in_words():
    encoder = make_encoder("mlp", VectorPreprocessing(5, mean=(0.0,) * 5, scale=(1.0,) * 5))
    with pytest.raises(UnlabeledError, match=r"data of shape \(5,\), not \(4,\)$"):
        encoder(torch.rand(2, 4))
