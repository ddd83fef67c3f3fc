"""SimSiam, Barlow Twins and VICReg: the equations, the pins, and no gradient where there must be none."""

import numpy as np
import pytest
import torch
from torch import nn

from unlabeled import BarlowTwins, SimSiam, VICReg
from unlabeled.data.batch import Batch

IMAGES = np.random.default_rng(0).random((32, 8, 8))
SMALL = {"encoder": "conv", "batch_size": 16, "projection_dim": 8, "epochs": 1, "random_state": 0, "progress": False}
fitted_models = {}


def fitted(cls):
    if cls not in fitted_models:
        fitted_models[cls] = cls(**SMALL).fit(IMAGES)
    return fitted_models[cls]


@pytest.mark.parametrize("cls", [SimSiam, BarlowTwins, VICReg])
def test_the_loss_is_the_same_whichever_view_comes_first(cls):
    method, (x, y) = fitted(cls), torch.rand(2, 6, 1, 8, 8)
    net = method.network_.eval()
    with torch.no_grad():
        assert float(method.loss(net, x, y)) == pytest.approx(float(method.loss(net, y, x)), rel=1e-4)


def test_sim_siam_predicts_the_other_projection():
    method, (x, y) = fitted(SimSiam), torch.rand(2, 4, 1, 8, 8)
    net = method.network_.eval()
    with torch.no_grad():
        z = [net.project(v) for v in (x, y)]
        p = [net.predictor(v) for v in z]
        cosines = [torch.cosine_similarity(p[i], z[1 - i]).mean() for i in (0, 1)]
        assert float(method.loss(net, x, y)) == pytest.approx(-float(sum(cosines)) / 2, rel=1e-5)


def test_in_sim_siam_no_gradient_passes_through_what_is_predicted():
    method, (x, y) = fitted(SimSiam), torch.rand(2, 4, 1, 8, 8)
    net = method.network_.eval()
    net.zero_grad()
    method.loss(net, x, y).backward()
    ours = [p.grad.clone() for p in net.encoder.parameters()]
    net.zero_grad()
    z = [net.project(v) for v in (x, y)]
    p = [net.predictor(v) for v in z]
    (-sum(torch.cosine_similarity(p[i], z[1 - i].detach()).mean() for i in (0, 1)) / 2).backward()
    for a, b in zip(ours, net.encoder.parameters(), strict=True):
        torch.testing.assert_close(a, b.grad, rtol=1e-3, atol=1e-7)


def test_the_projector_of_sim_siam_ends_in_a_normalisation_without_scale():
    projector = fitted(SimSiam).network_.projector
    last = list(projector.modules())[-1]
    assert isinstance(last, nn.BatchNorm1d)
    assert not last.affine
    assert sum(isinstance(layer, nn.Linear) for layer in projector.modules()) == 3


def test_barlow_twins_correlates_features():
    method, (x, y) = fitted(BarlowTwins), torch.rand(2, 7, 1, 8, 8)
    net = method.network_.eval()
    with torch.no_grad():
        a, b = (net.project(v).double() for v in (x, y))
        loss = 0.0
        for k in range(8):
            for m in range(8):
                correlation = np.corrcoef(a[:, k], b[:, m])[0, 1]
                loss += (1 - correlation) ** 2 if k == m else 0.005 * correlation**2
        assert float(method.loss(net, x, y)) == pytest.approx(loss, rel=1e-3)


def test_vicreg_adds_its_three_terms():
    method, (x, y) = fitted(VICReg), torch.rand(2, 7, 1, 8, 8)
    net = method.network_.eval()
    with torch.no_grad():
        a, b = (net.project(v).double().numpy() for v in (x, y))
        loss = 25 * ((a - b) ** 2).mean()
        for z in (a, b):
            C = np.cov(z.T)
            loss += 25 / 2 * np.maximum(0, 1 - np.sqrt(np.diag(C) + 1e-4)).mean()
            loss += (C**2)[~np.eye(8, dtype=bool)].sum() / 8
        assert float(method.loss(net, x, y)) == pytest.approx(loss, rel=1e-3)
        without = VICReg(invariance=0.0, covariance=0.0)
        assert 0 <= float(without.loss(net, x, y)) <= 25


@pytest.mark.parametrize("cls", [SimSiam, BarlowTwins, VICReg])
def test_the_split_is_two_different_views(cls):
    values = torch.rand(4, 1, 8, 8)
    x, y = fitted(cls).split(Batch.unlabelled(values))
    assert x.shape == y.shape == values.shape
    assert not torch.equal(x, y)
