"""DINO and SwAV: large and local views, teachers, centres, assignments and queues."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unlabeled import DINO, SwAV
from unlabeled.data.batch import Batch
from unlabeled.encoders import Prototypes
from unlabeled.errors import UnlabeledError
from unlabeled.losses import sinkhorn
from unlabeled.views import local

IMAGES = np.random.default_rng(0).random((48, 16, 16))
SMALL = {"batch_size": 16, "projection_dim": 8, "hidden_dim": 12, "random_state": 0, "progress": False}
OF = {DINO: {"prototypes": 10}, SwAV: {"prototypes": 6, "queue_size": 40}}
fitted_models = {}


def fitted(cls):
    if cls not in fitted_models:
        fitted_models[cls] = cls(**SMALL, **OF[cls], encoder="conv", epochs=2).fit(IMAGES)
    return fitted_models[cls]


def views_of(count=4, n=5):
    return list(torch.rand(count, n, 1, 16, 16))


@pytest.mark.parametrize("cls", OF)
@pytest.mark.parametrize("encoder", ["conv", "vit"])
def test_local_views_may_be_smaller_and_as_many_as_asked(cls, encoder):
    method = cls(**SMALL, **OF[cls], encoder=encoder, epochs=1, local_views=3, local=local(8)).fit(IMAGES)
    x, y = method.split(Batch.unlabelled(torch.rand(5, 1, 16, 16)))
    assert [tuple(v.shape[2:]) for v in x] == [(16, 16)] * 2 + [(8, 8)] * 3
    assert y[0] is x[0]
    assert y[1] is x[1]
    assert len({float(v.sum()) for v in x}) == 5
    assert method.transform(IMAGES).shape == (48, method.encoder_.dim)


def test_local_views_show_less():
    position = torch.linspace(0, 1, 16).expand(200, 1, 16, 16)  # its range tells how wide a crop is
    large, small = (fitted(DINO).view_(position), fitted(DINO).local_view_(position))
    widths = [(v.amax(dim=(1, 2, 3)) - v.amin(dim=(1, 2, 3))).mean() for v in (large, small)]
    assert widths[1] < 0.75 * widths[0]


def test_the_loss_of_dino_is_over_pairs_of_different_views():
    method, x = fitted(DINO), views_of()
    net = method.network_.eval()
    with torch.no_grad():
        student, teacher = [net.project(v).double() for v in x], [net.teacher(v).double() for v in x[:2]]
        losses = []
        for g in range(2):
            q = F.softmax((teacher[g] - net.centre.value) / 0.04, dim=1)
            losses += [-(q * F.log_softmax(student[v] / 0.1, dim=1)).sum(1).mean() for v in range(4) if v != g]
        assert float(method.loss(net, x, x[:2])) == pytest.approx(float(sum(losses) / 6), rel=1e-4)


def test_in_dino_the_centre_follows_the_teachers_logits_and_the_teacher_the_student():
    method = DINO(**SMALL, prototypes=10, encoder="conv", epochs=1, momentum=0.8, centre_momentum=0.7).fit(IMAGES)
    net, x = method.network_.train(), views_of()
    net.zero_grad()
    method.loss(net, x, x[:2]).backward()
    logits = torch.cat(method.logits_)
    assert all(p.grad is None for p in net.teacher.parameters())
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    before, centre = [p.clone() for p in net.teacher.parameters()], net.centre.value.clone()
    method.after_step(net, None, 0.25)
    torch.testing.assert_close(net.centre.value, 0.7 * centre + 0.3 * logits.mean(dim=0))
    assert not method.logits_
    m = 1 - 0.2 * (math.cos(math.pi / 4) + 1) / 2
    students = [*net.encoder.parameters(), *net.projector.parameters()]
    for old, student, now in zip(before, students, net.teacher.parameters(), strict=True):
        torch.testing.assert_close(now, m * old + (1 - m) * student)
    shares = [p.data_ptr() for p in net.teacher.parameters()]
    assert not set(shares) & {p.data_ptr() for p in students}


def test_the_loss_of_swav_is_every_other_views_prediction_of_the_assignment():
    method, x = fitted(SwAV), views_of()
    net = method.network_.eval()
    with torch.no_grad():
        scores = [net.prototypes(net.project(v)).double() for v in x]
        queue = net.prototypes(net.queue.vectors).double()
        assert len(queue) == 40
        losses = []
        for g in range(2):
            q = sinkhorn(torch.cat([queue, scores[g]]))[40:]
            losses += [-(q * F.log_softmax(scores[v] / 0.1, dim=1)).sum(1).mean() for v in range(4) if v != g]
        assert float(method.loss(net, x, x[:2])) == pytest.approx(float(sum(losses) / 6), rel=1e-4)


def test_in_swav_assignments_have_no_gradient_and_the_queue_takes_in_large_views():
    method = SwAV(**SMALL, prototypes=6, queue_size=40, encoder="conv", epochs=1, local_views=1).fit(IMAGES)
    x = views_of()
    net = method.network_.train()
    net.zero_grad()
    method.loss(net, x, x[:2]).backward()
    assert net.prototypes.weight.grad.abs().sum() > 0
    pushed = net.queue.pushed
    z = torch.cat(method.embeddings_)
    assert len(z) == 10
    assert not z.requires_grad
    method.after_step(net, None, 0.0)
    assert net.queue.pushed == pushed + 10
    torch.testing.assert_close(net.queue.vectors.norm(dim=1), torch.ones(len(net.queue)))


def test_a_queue_counts_only_once_it_is_full():
    method = SwAV(**SMALL, prototypes=6, queue_size=48, encoder="conv", epochs=1).fit(IMAGES)
    net, scores = method.network_.eval(), torch.rand(5, 6)
    net.queue.pushed = 47
    assert torch.equal(method._assigned(net, scores), sinkhorn(scores))
    net.queue.pushed = 48
    assert not torch.equal(method._assigned(net, scores), sinkhorn(scores))


def test_prototypes_compare_by_cosine():
    prototypes, z = Prototypes(5, 3), torch.randn(4, 5)
    scores = prototypes(z)
    for i in range(4):
        for k in range(3):
            assert scores[i, k].item() == pytest.approx(
                torch.cosine_similarity(z[i], prototypes.weight[k], dim=0).item(), abs=1e-6
            )
    torch.testing.assert_close(prototypes(7 * z), scores)


@pytest.mark.parametrize("setting", [{"prototypes": 49}, {"prototypes": 1}, {"queue_size": 49}, {"queue_size": -1}])
def test_more_prototypes_or_places_than_instances_are_refused(setting):
    with pytest.raises(UnlabeledError, match=f"{next(iter(setting))} must lie between .* instances, 48"):
        SwAV(**SMALL, **setting, encoder="conv", epochs=1).fit(IMAGES)


@pytest.mark.parametrize(
    ("encoder", "side", "says"),
    [
        ("conv", 4, "needs 8 pixels a side, not 4"),
        ("flat_conv", 8, r"was made for images of shape \(1, 16, 16\), not \(1, 8, 8\)"),
        ("mlp", 8, r"was made for data of shape \(1, 16, 16\), not \(1, 8, 8\)"),
    ],
)
def test_local_views_of_a_size_that_the_encoder_does_not_take_are_refused(encoder, side, says):
    with pytest.raises(UnlabeledError, match=says):
        DINO(**SMALL, **OF[DINO], encoder=encoder, epochs=1, local=local(side)).fit(IMAGES)


@pytest.mark.parametrize("momentum", [1.5, -0.1])
def test_a_momentum_that_is_no_share_is_refused(momentum):
    with pytest.raises(UnlabeledError, match="momentum is a share that stays, between 0 and 1"):
        DINO(**SMALL, **OF[DINO], encoder="conv", epochs=1, momentum=momentum).fit(IMAGES)
