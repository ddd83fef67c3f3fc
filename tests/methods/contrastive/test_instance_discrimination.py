"""Instance discrimination: each view is told from noise, and the bank remembers each instance."""

import math

import numpy as np
import pytest
import torch

from unlabeled import InstanceDiscrimination
from unlabeled.data.batch import Batch
from unlabeled.views import Flip

IMAGES = np.random.default_rng(0).random((48, 8, 8))
SMALL = {"encoder": "conv", "batch_size": 16, "projection_dim": 8, "noise": 20, "random_state": 0, "progress": False}


@pytest.fixture(scope="module")
def method():
    return InstanceDiscrimination(**SMALL, epochs=2).fit(IMAGES)


def test_the_loss_tells_each_instance_from_noise(method):
    net, index = method.network_.eval(), torch.tensor([3, 40, 7])
    x = torch.rand(3, 1, 8, 8)
    bank, log_z = net.bank.vectors, net.log_partition.item()
    torch.manual_seed(5)
    noise = net.bank.sample(20)
    with torch.no_grad():
        losses = []
        for z, i in zip(net.project(x), index, strict=True):
            z = z / z.norm()
            odds = [float(z @ v) / method.temperature - log_z - math.log(20 / 48) for v in (bank[i], *noise)]
            losses.append(np.log1p(np.exp(-odds[0])) + sum(np.log1p(np.exp(h)) for h in odds[1:]))
        torch.manual_seed(5)
        assert float(method.loss(net, x, index)) == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_hidden_part_is_which_instance_it_is(method):
    batch = Batch(torch.rand(3, 1, 8, 8), torch.full((3,), -1), torch.tensor([5, 0, 47]))
    x, y = method.split(batch)
    assert x.shape == batch.values.shape
    assert y.tolist() == [5, 0, 47]


def test_the_bank_moves_towards_the_projections_after_the_step_and_stays_at_unit_length():
    method = InstanceDiscrimination(**SMALL, epochs=1, bank_momentum=0.75, views=Flip(p=0.0)).fit(IMAGES)
    net, index, x = method.network_.train(), torch.tensor([3, 40]), torch.rand(2, 1, 8, 8)
    before = net.bank.vectors.clone()
    method.loss(net, x, index).backward()
    assert torch.equal(net.bank.vectors, before)
    with torch.no_grad():
        z = torch.nn.functional.normalize(net.project(x))
    method.after_step(net, None, 0.0)
    moved = torch.nn.functional.normalize(0.75 * before[index] + 0.25 * z)
    torch.testing.assert_close(net.bank.vectors[index], moved)
    others = [i for i in range(48) if i not in (3, 40)]
    assert torch.equal(net.bank.vectors[others], before[others])
    torch.testing.assert_close(net.bank.vectors.norm(dim=1), torch.ones(48))
    assert not net.bank.vectors.requires_grad


def test_every_instance_was_renewed_in_an_epoch():
    torch.manual_seed(0)
    method = InstanceDiscrimination(**SMALL, epochs=1, bank_momentum=0.0, learning_rate=1e-30, views=Flip(p=0.0))
    method.fit(IMAGES)
    net = method.network_.train()
    x = torch.from_numpy(IMAGES[:, None]).float()
    # Normalisation goes by batches of 16, so the directions are near those of the whole, and far from chance.
    with torch.no_grad():
        cosines = torch.cosine_similarity(net.bank.vectors, net.project(x))
    assert cosines.min() > 0.5


def test_log_z_follows_the_sum_over_all_instances():
    method = InstanceDiscrimination(**SMALL, epochs=20, temperature=0.5, views=Flip(p=0.0)).fit(IMAGES)
    net, x = method.network_, torch.from_numpy(IMAGES[:, None]).float()
    with torch.no_grad():
        z = torch.nn.functional.normalize(net.train().project(x))
        sums = (z @ net.bank.vectors.T / 0.5).exp().sum(dim=1).mean().log()
    # Of 48 sums of 48 terms each, a moving average over about ten steps.
    assert net.log_partition.item() == pytest.approx(sums.item(), abs=0.3)
    start = math.log(48) + 1 / (2 * 8 * 0.25)
    assert abs(net.log_partition.item() - start) > 1e-3
