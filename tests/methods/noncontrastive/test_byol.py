"""BYOL: the student learns, the teacher follows."""

import math

import numpy as np
import pytest
import torch

from unlabeled import BYOL

IMAGES = np.random.default_rng(0).random((32, 8, 8))


@pytest.fixture
def method():
    return BYOL(encoder="conv", epochs=1, random_state=0, progress=False).fit(IMAGES)


def test_the_loss_is_the_same_whichever_view_comes_first(method):
    x, y = torch.rand(2, 4, 1, 8, 8)
    net = method.network_.eval()
    with torch.no_grad():
        assert float(method.loss(net, x, y)) == pytest.approx(float(method.loss(net, y, x)), rel=1e-5)


def test_the_loss_is_two_minus_twice_the_cosine_in_both_directions(method):
    x, y = torch.rand(2, 4, 1, 8, 8)
    net = method.network_.eval()
    with torch.no_grad():
        by_hand = 0.0
        for seen, hidden in ((x, y), (y, x)):
            cosine = torch.cosine_similarity(net.predictor(net.project(seen)), net.teacher(hidden))
            by_hand += float((2 - 2 * cosine).mean())
        assert float(method.loss(net, x, y)) == pytest.approx(by_hand, rel=1e-5)


def test_no_gradient_reaches_the_teacher(method):
    x, y = torch.rand(2, 4, 1, 8, 8)
    net = method.network_
    net.zero_grad()
    method.loss(net, x, y).backward()
    assert all(p.grad is None or not p.grad.any() for p in net.teacher.parameters())
    assert any(p.grad is not None and p.grad.any() for p in net.encoder.parameters())


def test_the_teacher_moves_by_what_the_momentum_leaves(method):
    net = method.network_
    student, before = net.encoder.state_dict(), {k: v.clone() for k, v in net.teacher.state_dict().items()}
    done = 0.25
    method.after_step(net, None, done)
    m = 1 - (1 - method.momentum) * (math.cos(math.pi * done) + 1) / 2
    weights = [name for name, _ in net.encoder.named_parameters()]
    moved = {name: value for name, value in net.teacher.state_dict().items() if value.is_floating_point()}
    matched = 0
    for name in weights:
        for key, now in moved.items():
            if key.endswith(name) and now.shape == student[name].shape and "projector" not in key:
                assert torch.allclose(now, m * before[key] + (1 - m) * student[name], atol=1e-6)
                matched += 1
    assert matched >= len(weights)


def test_the_teacher_comes_to_rest_at_the_end(method):
    net = method.network_
    before = [p.clone() for p in net.teacher.parameters()]
    method.after_step(net, None, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, net.teacher.parameters(), strict=True))
