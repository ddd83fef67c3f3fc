"""Temperatures and scales can be learnt in every loss that has one; all other settings are plain numbers."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from unlabeled import losses
from unlabeled.errors import UnlabeledError

Y = torch.arange(8) // 2
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
OTHER = torch.randn(8, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
PROXIES = torch.randn(3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
P = torch.tensor([[0.7, 0.2, 0.1, 0.0]], dtype=torch.float64)


# Each takes embeddings and a temperature or scale.
def sampled_softmax(z, t):
    torch.manual_seed(0)  # the same classes are drawn each time
    return losses.sampled_softmax(z, PROXIES, CLASSES, negatives=2, temperature=t)


OF_TEMPERATURE = {
    "sampled_softmax": sampled_softmax,
    "nt_xent": lambda z, t: losses.nt_xent(z, OTHER, t),
    "dcl": lambda z, t: losses.dcl(z, OTHER, t),
    "sup_con": lambda z, t: losses.sup_con(z, Y, t),
    "info_nce": lambda z, t: losses.info_nce(z, OTHER, t),
    "info_nce callable": lambda z, t: losses.info_nce(z, OTHER, t, critic=lambda a, c: a @ c.T),
    "info_nce negatives": lambda z, t: losses.info_nce(z, OTHER, t, negatives=PROXIES),
    "nce": lambda z, t: losses.nce(z, OTHER, PROXIES, log_p=-1.0, temperature=t),
    "mutual_information_bound": lambda z, t: losses.mutual_information_bound("dot", z, OTHER, t),
    "soft_nearest_neighbours": lambda z, t: losses.soft_nearest_neighbours(z, Y, t),
    "soft_nearest_neighbours euclidean": lambda z, t: losses.soft_nearest_neighbours(z, Y, t, distance="euclidean"),
    "soft_nearest_neighbours cosine": lambda z, t: losses.soft_nearest_neighbours(z, Y, t, distance="cosine"),
    "smooth_triplet": lambda z, t: losses.smooth_triplet(z, OTHER, OTHER.flip(0), temperature=t),
    "smooth_triplet softmax": lambda z, t: losses.smooth_triplet(
        z, OTHER, OTHER.flip(0), temperature=t, form="softmax"
    ),
    "proxy_nca": lambda z, t: losses.proxy_nca(z, CLASSES, PROXIES, temperature=t),
    "proxy_anchor": lambda z, t: losses.proxy_anchor(z, CLASSES, PROXIES, scale=t),
    "arc_face": lambda z, t: losses.arc_face(z, CLASSES, PROXIES, scale=t),
    "cosface": lambda z, t: losses.cosface(z, CLASSES, PROXIES, scale=t),
    "circle": lambda z, t: losses.circle(z, Y, scale=t),
    "clip": lambda z, t: losses.clip(z, OTHER, t),
    "siglip": lambda z, t: losses.siglip(z, OTHER, t),
    "distillation": lambda z, t: losses.distillation(z, OTHER, temperature=t),
    "sharpen": lambda z, t: losses.sharpen(P, t)[0, 0],
    "dino student": lambda z, t: losses.dino(z, OTHER, torch.zeros(4).double(), student_temperature=t),
    "dino teacher": lambda z, t: losses.dino(z, OTHER, torch.zeros(4).double(), teacher_temperature=t),
    "dino_multi_crop": lambda z, t: losses.dino_multi_crop(
        [z, OTHER], [OTHER], torch.zeros(4).double(), student_temperature=t
    ),
}
every = pytest.mark.parametrize("name", OF_TEMPERATURE)


def embeddings():
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@every
def test_a_parameter_gives_the_loss_of_its_number_and_the_slope_by_finite_differences(name):
    loss, z = OF_TEMPERATURE[name], embeddings()
    t = torch.nn.Parameter(torch.tensor([0.7], dtype=torch.float64))
    value = loss(z, t)
    torch.testing.assert_close(value.double(), loss(z, 0.7).double(), rtol=1e-6, atol=1e-9)
    value.backward()
    step = 1e-5
    slope = (loss(z, 0.7 + step) - loss(z, 0.7 - step)) / (2 * step)
    assert t.grad.item() == pytest.approx(slope.item(), rel=1e-4, abs=1e-7)
    assert t.grad != 0


@every
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.ones(2), r"one number, not a tensor of shape \(2,\)"),
        (torch.tensor(0.0), "must be a positive number, not 0.0"),
        (torch.tensor(math.nan), "must be a positive number, not nan"),
        (-1.0, "must be a positive number, not -1.0"),
    ],
)
def test_what_is_no_temperature_is_refused(name, bad, message):
    with pytest.raises(UnlabeledError, match=message):
        OF_TEMPERATURE[name](embeddings(), bad)


def test_no_loss_with_a_temperature_was_forgotten():
    tried = {name.partition(" ")[0] for name in OF_TEMPERATURE}
    for name in losses.__all__:
        function = getattr(losses, name)
        if not inspect.isfunction(function):
            continue
        settings = inspect.signature(function).parameters
        if any("temperature" in setting or setting == "scale" for setting in settings):
            assert name in tried, name


@pytest.mark.parametrize(
    "call",
    [
        lambda p: losses.contrastive(OTHER, OTHER, Y > 1, margin=p),
        lambda p: losses.triplet(OTHER, OTHER, OTHER, margin=p),
        lambda p: losses.lifted_structured(OTHER, Y, p),
        lambda p: losses.multi_similarity(OTHER, Y, alpha=p),
        lambda p: losses.multi_similarity(OTHER, Y, base=p),
        lambda p: losses.barlow_twins(OTHER, OTHER, off_diagonal=p),
        lambda p: losses.vicreg(OTHER, OTHER, variance=p),
        lambda p: losses.n_pair(OTHER, OTHER, l2=p),
        lambda p: losses.distillation(OTHER, OTHER, alpha=p),
        lambda p: losses.sinkhorn(OTHER, epsilon=p),
    ],
)
def test_other_settings_refuse_a_parameter_which_they_would_not_learn(call):
    with pytest.raises(UnlabeledError, match="cannot be learnt here"):
        call(torch.nn.Parameter(torch.tensor(0.5)))


def test_a_scale_at_its_ceiling_comes_back_where_the_loss_wants_it_lower():
    x, y = torch.randn(2, 32, 8, generator=torch.Generator().manual_seed(0))  # unrelated pairs
    log_scale = torch.nn.Parameter(torch.tensor(math.log(100)))
    optimizer = torch.optim.SGD([log_scale], lr=0.1)
    for _ in range(50):
        optimizer.zero_grad()
        losses.clip(x, y, log_scale.exp()).backward()
        optimizer.step()
        with torch.no_grad():
            log_scale.clamp_(0, math.log(100))
    assert log_scale.exp() < 2


def test_a_scale_at_its_ceiling_is_not_driven_further():
    same = torch.randn(32, 8)
    log_scale = torch.nn.Parameter(torch.tensor(math.log(150)))
    losses.clip(same, same, log_scale.exp()).backward()  # pairs that belong together want it higher
    assert log_scale.grad == 0
