import torch

from unlabeled.training.length_buckets import LengthBuckets
from unlabeled.training.plan import Plan

LENGTHS = torch.randint(2, 60, (103,), generator=torch.Generator().manual_seed(0))


def batches(start=0, accumulate=1):
    plan = Plan(103, 3, 10, accumulate, 0.0, 7)
    return plan, [rows.tolist() for rows in LengthBuckets(plan, LENGTHS).index_batches(start)]


def test_every_text_comes_at_most_once_an_epoch_in_full_batches():
    for accumulate in (1, 3):
        plan, found = batches(accumulate=accumulate)
        assert len(found) == plan.steps * plan.parts
        for epoch in range(3):
            size = plan.steps_per_epoch * plan.parts
            rows = [row for batch in found[epoch * size : (epoch + 1) * size] for row in batch]
            assert len(rows) == len(set(rows)) == size * 10


def test_a_run_can_be_taken_up_at_any_step():
    plan, found = batches(accumulate=3)
    for start in range(plan.steps):
        assert batches(start, 3)[1] == found[start * 3 :]


def test_epochs_have_orders_of_their_own():
    _, found = batches()
    assert found[:10] != found[10:20]
