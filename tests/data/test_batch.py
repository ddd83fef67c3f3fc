"""A batch keeps values, labels and positions together, whatever the values are."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unlabeled.data import Batch, Vectors
from unlabeled.data.batch import joined, joined_batches, rows_of
from unlabeled.data.instances import Relabelled, Subset


class Tokens(NamedTuple):
    ids: Tensor
    mask: Tensor


def batch(start):
    rows = torch.arange(start, start + 3)
    return Batch(Tokens(rows[:, None] * 10, rows[:, None] > 0), rows - 1, rows)


def test_batches_of_named_tuples_are_joined_member_by_member():
    whole = joined_batches([batch(0), batch(3)])
    assert isinstance(whole.values, Tokens)
    assert whole.values.ids[:, 0].tolist() == [0, 10, 20, 30, 40, 50]
    assert whole.labels.tolist() == [-1, 0, 1, 2, 3, 4]
    assert whole.index.tolist() == list(range(6))


def test_rows_are_chosen_in_every_member():
    some = rows_of(batch(0).values, torch.tensor([2, 0]))
    assert some.ids[:, 0].tolist() == [20, 0]
    assert some.mask[:, 0].tolist() == [True, False]


def test_to_moves_every_member_and_keeps_types():
    moved = batch(0).to("meta")
    assert moved.values.ids.device.type == moved.labels.device.type == moved.index.device.type == "meta"


def test_a_subset_keeps_ids_and_labels_and_counts_positions_anew():
    vectors = Vectors(np.arange(12.0).reshape(6, 2), labels=["a", "b", "a", "", "b", "a"])
    some = Subset(vectors, np.array([4, 3, 0]))
    got = some.gather(torch.tensor([2, 0]))
    assert some.ids == ["4", "3", "0"]
    assert got.values.tolist() == [[0.0, 1.0], [8.0, 9.0]]
    assert got.labels.tolist() == [0, 1]
    assert got.index.tolist() == [2, 0]
    assert [b.labels.tolist() for b in some.batches(torch.arange(3).split(2))] == [[1, -1], [0]]


def test_relabelled_hides_or_replaces_labels():
    vectors = Vectors(np.zeros((3, 2)), labels=["a", "b", "a"])
    assert Relabelled(vectors).gather(torch.arange(3)).labels.tolist() == [-1, -1, -1]
    other = Relabelled(vectors, np.array([2, -1, 0]), ["x", "y", "z"])
    assert [b.labels.tolist() for b in other.batches(torch.arange(3).split(2))] == [[2, -1], [0]]


def test_rows_of_tokens_of_different_lengths_are_padded_where_batches_are_joined():
    short, long = (Tokens(torch.ones(1, n, dtype=torch.int64), torch.ones(1, n, dtype=torch.bool)) for n in (1, 3))
    together = joined([short, long])
    assert together.ids.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert together.mask.tolist() == [[True, False, False], [True, True, True]]
