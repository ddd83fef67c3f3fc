"""Losses that look at the whole batch: what two processes return and learn is what one does with the joined rows."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist

from unlabeled.losses import (
    Centre,
    barlow_twins,
    batch_contrastive,
    batch_triplet,
    circle,
    dino,
    miners,
    triplet,
    vicreg,
)
from unlabeled.losses.blockwise.pairwise_reduction import score_memory
from unlabeled.processes import all_reduce_sum, gather, world_size

ROWS = 7
# The processes differ in how many rows have a positive, a negative, or a label at all.
LABELS = torch.tensor([0, 1, 2, 3, -1, 0, 4, 0, 1, 1, 1, 2, -1, -1])


def mined(z, labels):
    """The hardest triplets of all processes, on every process."""
    everyone = gather(z)
    a, p, n = miners.hardest(everyone, gather(labels))
    return triplet(everyone[a], everyone[p], everyone[n])


def centred(z, labels):
    """DINO with a centre that saw the batch."""
    centre = Centre(z.shape[1], momentum=0.5).double()
    centre.update(z.detach())
    return dino(z, z.detach().flip(1), centre.value)


LOSSES = {
    "batch_contrastive": batch_contrastive,
    "batch_triplet": batch_triplet,
    "batch_triplet_hardest": lambda z, y: batch_triplet(z, y, negatives="hardest", distance="cosine"),
    "circle": lambda z, y: circle(z, y, scale=4.0),
    "barlow_twins": lambda z, y: barlow_twins(z, z.square(), off_diagonal=0.5),
    "vicreg": lambda z, y: vicreg(z, z.square()),
    "mined": mined,
    "dino": centred,
}


def step(loss, layer, x, labels):
    """Give a loss and what it teaches a layer."""
    layer.zero_grad()
    value = loss(layer(x), labels)
    value.backward()
    return value.item(), all_reduce_sum(layer.weight.grad) / world_size()  # averaged as data-parallel training does


def one_of_two(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    weights, x = torch.load(f"{folder}/start.pt")
    layer = torch.nn.Linear(5, 4).double()
    layer.load_state_dict(weights)
    mine = slice(rank * ROWS, (rank + 1) * ROWS)
    with score_memory(2**10):
        found = {name: step(loss, layer, x[mine], LABELS[mine]) for name, loss in LOSSES.items()}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Run all losses once on one process and once on two."""
    folder = tmp_path_factory.mktemp("processes")
    layer, x = torch.nn.Linear(5, 4).double(), torch.randn(2 * ROWS, 5, dtype=torch.float64)
    torch.save((layer.state_dict(), x), folder / "start.pt")
    torch.multiprocessing.spawn(one_of_two, args=(str(folder),), nprocs=2)
    alone = {name: step(loss, layer, x, LABELS) for name, loss in LOSSES.items()}
    return alone, [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_equal_one_on_the_joined_batch(found, name):
    alone, (first, second) = found
    value, gradient = alone[name]
    assert (first[name][0] + second[name][0]) / 2 == pytest.approx(value, rel=1e-12)
    assert gradient.abs().max() > 1e-3
    for _, learnt in (first[name], second[name]):
        torch.testing.assert_close(learnt, gradient, rtol=1e-10, atol=1e-12)
