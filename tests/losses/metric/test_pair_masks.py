from __future__ import annotations

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.pairwise_reduction import score_memory
from unlabeled.losses.metric.pair_masks import blocks, check_labels, count_alike, pair_masks, reduce_counted


@pytest.mark.parametrize("budget", [2**10, 2**16, 2**24])
@pytest.mark.parametrize(("n", "columns"), [(1, 1), (7, 7), (300, 1000)])
def test_blocks_hold_every_row_once(budget, n, columns):
    with score_memory(budget):
        rows = [i for block in blocks(torch.zeros(n, 2), columns) for i in range(block.start, block.stop)]
    assert rows == list(range(n))


@pytest.mark.parametrize("labels", [[0], [-1], [4, 4, 4], [0, 1, 2], [7, -1, 7, 2, -1, 2, 9]])
def test_masks_and_counts_agree_with_the_loop(labels):
    n = len(labels)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j and labels[i] >= 0 and labels[j] >= 0]
    alike = {(i, j) for i, j in pairs if labels[i] == labels[j]}
    tensor = torch.tensor(labels)
    positive, negative = pair_masks(tensor[1:], tensor, own=1)
    assert {(i + 1, j) for i, j in positive.nonzero().tolist()} == {(i, j) for i, j in alike if i > 0}
    assert {(i + 1, j) for i, j in negative.nonzero().tolist()} == {(i, j) for i, j in {*pairs} - alike if i > 0}
    positives, negatives = count_alike(tensor)
    assert positives.tolist() == [sum(a == i for a, _ in alike) for i in range(n)]
    assert negatives.tolist() == [sum(a == i for a, _ in {*pairs} - alike) for i in range(n)]


def test_the_mean_is_over_what_counts():
    losses = torch.tensor([2.0, 0.0, 4.0])
    assert reduce_counted(losses, torch.tensor([True, False, True]), "mean").item() == 3
    assert reduce_counted(losses, torch.zeros(3), "mean").item() == 6  # nothing counts: divided by 1, and all are 0
    assert reduce_counted(losses, torch.ones(3), "sum").item() == 6
    assert reduce_counted(losses, torch.ones(3), "none") is losses


@pytest.mark.parametrize("labels", [torch.zeros(3, dtype=torch.int64), torch.zeros(2), torch.zeros(2) > 0])
def test_what_is_not_one_integer_a_row_is_refused(labels):
    with pytest.raises(UnlabeledError, match="labels must be"):
        check_labels(labels, 2)
