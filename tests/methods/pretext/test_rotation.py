"""Rotation: what it shows, what it hides, and its loss."""

import math

import numpy as np
import pytest
import torch

from unlabeled import Rotation
from unlabeled.data import Batch
from unlabeled.errors import UnlabeledError


def test_the_split_shows_each_image_in_all_four_positions_and_hides_which():
    t = torch.rand(3, 1, 4, 4)
    x, y = Rotation().split(Batch.unlabelled(t))
    assert x.shape == (12, 1, 4, 4)
    for image, turns, source in zip(x, y, torch.arange(3).repeat(4), strict=True):
        assert torch.equal(image, torch.rot90(t[source], int(turns), (-2, -1)))
    assert torch.equal(y.bincount(), torch.tensor([3, 3, 3, 3]))


def test_vectors_have_no_way_up():
    with pytest.raises(UnlabeledError, match="Rotation is for image data, not vectors"):
        Rotation(progress=False).fit(np.random.default_rng(0).random((20, 4)))


def test_the_loss_is_the_cross_entropy_of_the_answer():
    images = np.random.default_rng(0).random((64, 8, 8))
    method = Rotation(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    x, y = method.split(Batch.unlabelled(torch.from_numpy(images[:8, None]).float()))
    net = method.network_.eval()
    with torch.no_grad():
        log_p = net.head(net.encoder(x)).log_softmax(1)
        by_hand = -np.mean([float(log_p[i, turns]) for i, turns in enumerate(y.tolist())])
        assert float(method.loss(net, x, y)) == pytest.approx(by_hand, rel=1e-5)


def test_a_network_that_cannot_tell_has_the_loss_of_four_equal_answers():
    method = Rotation(encoder="conv", epochs=1, random_state=0, progress=False).fit(np.full((16, 8, 8), 0.5))
    x, y = method.split(Batch.unlabelled(torch.full((4, 1, 8, 8), 0.5)))
    with torch.no_grad():
        loss = float(method.loss(method.network_.eval(), x, y))
    assert loss >= math.log(4) - 1e-6  # all four look alike, so no answer beats an even guess


def test_users_get_the_encoder_and_not_the_head():
    images = np.random.default_rng(0).random((16, 8, 8))
    method = Rotation(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    assert method.transform(images).shape == (16, method.encoder_.dim)
