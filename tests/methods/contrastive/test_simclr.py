"""SimCLR: two views, and the loss by hand."""

import math

import numpy as np
import pytest
import torch

from unlabeled import SimCLR
from unlabeled.data import Batch

IMAGES = np.random.default_rng(0).random((32, 8, 8))


@pytest.fixture(scope="module")
def method():
    return SimCLR(encoder="conv", epochs=1, temperature=0.2, random_state=0, progress=False).fit(IMAGES)


def test_the_split_is_two_different_views_of_the_same_images(method):
    t = torch.from_numpy(IMAGES[:, None]).float()
    x, y = method.split(Batch.unlabelled(t))
    assert x.shape == y.shape == t.shape
    assert not torch.equal(x, y)
    assert not torch.equal(x, t)


def test_the_loss_is_each_views_search_for_the_other_among_all(method):
    x, y = torch.rand(2, 4, 1, 8, 8)
    net = method.network_.eval()
    with torch.no_grad():
        z = torch.cat([net.project(x), net.project(y)]).double()
        losses = []
        for i in range(8):
            similarity = [float(torch.cosine_similarity(z[i], z[j], dim=0)) / 0.2 for j in range(8)]
            others = sum(math.exp(similarity[j]) for j in range(8) if j != i)
            losses.append(math.log(others) - similarity[(i + 4) % 8])
        assert float(method.loss(net, x, y)) == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_loss_reaches_the_encoder_through_both_views(method):
    for hidden in (0, 1):
        views = [torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)]
        views[hidden].requires_grad_()
        method.loss(method.network_.eval(), *views).backward()
        assert views[hidden].grad.abs().sum() > 0


def test_users_get_the_encoder_and_not_the_projector(method):
    assert method.transform(IMAGES).shape == (32, method.encoder_.dim)
    assert method.network_.projector[-1].out_features == method.projection_dim
