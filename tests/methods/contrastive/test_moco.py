"""MoCo: keys of a slow teacher, a queue of them, and no way to tell which keys were made together."""

import numpy as np
import pytest
import torch

from unlabeled import MoCo
from unlabeled.errors import UnlabeledError

IMAGES = np.random.default_rng(0).random((48, 8, 8))
SMALL = {"encoder": "conv", "batch_size": 16, "projection_dim": 8, "random_state": 0, "progress": False}


@pytest.fixture(scope="module")
def method():
    return MoCo(**SMALL, epochs=2, queue_size=40).fit(IMAGES)


def cross_entropy(query, key, negatives, temperature):
    """One query, one key at a time."""
    scores = [float(torch.cosine_similarity(query, other, dim=0)) / temperature for other in (key, *negatives)]
    return np.log(sum(np.exp(score) for score in scores)) - scores[0]


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_loss_looks_for_the_key_among_those_of_the_queue(method, symmetric):
    x, y = torch.rand(2, 4, 1, 8, 8)
    net = method.network_.eval()
    model = MoCo(**SMALL, temperature=0.3, symmetric=symmetric)
    with torch.no_grad():
        queries, keys = [net.project(v).double() for v in (x, y)], [net.teacher(v).double() for v in (x, y)]
        queue = net.queue.vectors.double()
        assert len(queue) == 40
        losses = [cross_entropy(q, k, queue, 0.3) for q, k in zip(queries[0], keys[1], strict=True)]
        if symmetric:
            losses += [cross_entropy(q, k, queue, 0.3) for q, k in zip(queries[1], keys[0], strict=True)]
        assert float(model.loss(net, x, y)) == pytest.approx(np.mean(losses), rel=1e-4)


def test_no_gradient_reaches_the_teacher_or_the_queue(method):
    net = method.network_.train()
    net.zero_grad()
    method.loss(net, *torch.rand(2, 4, 1, 8, 8)).backward()
    method.keys_.clear()
    assert all(p.grad is None for p in net.teacher.parameters())
    assert not net.queue.storage.requires_grad
    assert any(p.grad.abs().sum() > 0 for p in net.encoder.parameters())


def test_with_the_students_weights_the_teacher_makes_the_same_keys_in_training(method):
    net = method.network_.train()
    x = torch.rand(6, 1, 8, 8)
    net.teacher.follow(net.encoder, net.projector, momentum=0.0)
    torch.testing.assert_close(net.teacher(x), net.project(x))
    net.eval()


def test_after_a_step_the_queue_holds_its_keys_and_the_teacher_has_moved():
    method = MoCo(**SMALL, epochs=1, queue_size=40, momentum=0.75).fit(IMAGES)
    net = method.network_.train()
    x, y = torch.rand(2, 4, 1, 8, 8)
    method.loss(net, x, y).backward()
    with torch.no_grad():
        keys = torch.cat([net.teacher(y), net.teacher(x)])
        for parameter in net.encoder.parameters():
            parameter += 1
        net.encoder.body[0][1].running_mean += 3
        before = [p.clone() for p in net.teacher.copy[0].parameters()]
    pushed = net.queue.pushed
    method.after_step(net, None, 0.0)
    assert net.queue.pushed == pushed + 8
    held = net.queue.vectors
    for key in keys:
        assert (held - key / key.norm()).norm(dim=1).min() < 1e-5
    torch.testing.assert_close(held.norm(dim=1), torch.ones(40))
    for old, student, now in zip(before, net.encoder.parameters(), net.teacher.copy[0].parameters(), strict=True):
        torch.testing.assert_close(now, 0.75 * old + 0.25 * student)
    # Normalisation's buffers are copied, and the copy shares no storage with the student.
    theirs, ours = net.encoder.body[0][1].running_mean, net.teacher.copy[0].body[0][1].running_mean
    assert torch.equal(theirs, ours)
    assert theirs.data_ptr() != ours.data_ptr()


def test_the_queue_is_no_longer_than_half_the_collection_unless_asked():
    assert len(MoCo(**SMALL, epochs=1).fit(IMAGES).network_.queue.storage) == 24
    for size in (0, 49):
        with pytest.raises(UnlabeledError, match="queue_size must lie between 1 and the number of instances, 48"):
            MoCo(**SMALL, epochs=1, queue_size=size).fit(IMAGES)
