"""Batches with nothing to compare give 0 and a backward pass that works; transforms of functions are refused."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from unlabeled import losses
from unlabeled.errors import UnlabeledError
from unlabeled.losses import Queue, miners


@pytest.mark.parametrize(
    ("loss", "distance"),
    [
        *product(["triplet", "smooth_triplet"], ["euclidean", "squared", "cosine", "inner_product"]),
        *product(["contrastive"], ["euclidean", "squared", "cosine"]),
    ],
)
def test_a_miner_that_finds_nothing_gives_a_loss_of_zero(loss, distance):
    labels = torch.arange(64) % 8
    z = (3 * torch.eye(8)[labels] + 0.01 * torch.randn(64, 8)).requires_grad_()  # classes well apart
    a, p, n = miners.semi_hard(z, labels, margin=0.2)
    assert len(a) == 0
    if loss == "contrastive":
        value = losses.contrastive(z[a], z[p], torch.ones(0, dtype=torch.bool), distance=distance)
    else:
        value = getattr(losses, loss)(z[a], z[p], z[n], distance=distance)
    assert value.item() == 0
    value.backward()
    assert torch.equal(z.grad, torch.zeros_like(z))
    with pytest.raises(UnlabeledError, match="negatives must have shape"):
        losses.triplet(z[a], z[p], z[:1])


@pytest.mark.parametrize("critic", ["cosine", "dot", torch.eye(4)])
def test_negatives_from_an_empty_queue_give_a_loss_of_zero(critic):
    x, c = torch.randn(6, 4, requires_grad=True), torch.randn(6, 4)
    for negatives in (Queue(100, 4).vectors, torch.empty(6, 0, 4)):
        losses_of_rows = losses.info_nce(x, c, critic=critic, negatives=negatives, reduction="none")
        assert torch.equal(losses_of_rows, torch.zeros(6))
        losses_of_rows.sum().backward()
        assert torch.equal(x.grad, torch.zeros_like(x))
    value = losses.nce(x, c, Queue(100, 4).vectors, log_p=0.0)
    value.backward()
    assert value == 0


def test_sums_over_no_candidates_are_empty():
    a = torch.randn(3, 4, requires_grad=True)
    none = losses.log_sum_exp(a, torch.empty(0, 4))
    assert none.tolist() == [-torch.inf] * 3
    none.exp().sum().backward()
    assert torch.equal(a.grad, torch.zeros_like(a))


@pytest.mark.parametrize(
    "loss",
    [
        lambda z: losses.nt_xent(z[:4], z[4:]),
        lambda z: losses.soft_nearest_neighbours(z, torch.arange(8) % 2),
        lambda z: losses.batch_triplet(z, torch.arange(8) % 2),
        lambda z: losses.info_nce(z, z, critic=lambda a, c: a @ c.T),
    ],
)
def test_transforms_of_functions_are_refused_clearly(loss):
    with pytest.raises(UnlabeledError, match=r"cannot be transformed by torch\.func"):
        torch.func.grad(loss)(torch.randn(8, 4))
    losses.byol(torch.randn(4, 2), torch.randn(4, 2))  # an ordinary call afterwards is one
    assert torch.func.grad(lambda z: losses.vicreg(z[:4], z[4:]))(torch.randn(8, 4)).isfinite().all()
