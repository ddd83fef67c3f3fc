"""Corruption of vectors: entries of other rows, in the same column."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.errors import UnlabeledError
from unlabeled.views import TableCorruption, View


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(n: int, d: int) -> torch.Tensor:
    """Rows whose entries tell where they come from: 1000 · column + row."""
    return 1000.0 * torch.arange(d) + torch.arange(n)[:, None]


@given(n=st.integers(2, 12), d=st.integers(1, 6), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_every_entry_comes_from_its_column_in_another_row(n, d, seed):
    table = numbered(n, d)
    result = TableCorruption(p=1.0)(table, seeded(seed))
    column, row = (result // 1000).long(), (result % 1000).long()
    assert torch.equal(column, torch.arange(d).expand(n, d))
    assert (row != torch.arange(n)[:, None]).all()
    assert (row < n).all()


def test_each_entry_is_replaced_with_probability_p():
    table = numbered(500, 40)
    changed = TableCorruption(p=0.3)(table, seeded()) != table
    assert abs(changed.float().mean() - 0.3) < 0.02  # six standard deviations of 20,000 entries
    assert len({tuple(row) for row in changed.tolist()}) == 500


def test_all_other_rows_are_as_likely():
    table = torch.arange(5.0)[:, None].expand(5, 4000)
    rows = TableCorruption(p=1.0)(table, seeded())[2]
    counts = rows.long().bincount(minlength=5)
    assert counts[2] == 0
    assert (counts[counts > 0] - 1000).abs().max() < 150


def test_entries_of_a_row_come_from_rows_of_their_own():
    rows = TableCorruption(p=1.0)(numbered(100, 50), seeded()) % 1000
    assert min(len(set(row)) for row in rows.tolist()) > 20


def test_extremes_and_small_batches():
    table = numbered(6, 3)
    assert torch.equal(TableCorruption(p=0.0)(table), table)
    assert torch.equal(TableCorruption(p=1.0)(table[:1]), table[:1])
    assert TableCorruption()(table[:0]).shape == (0, 3)


def test_it_keeps_its_input_its_dtype_and_its_seed():
    table = numbered(8, 3).double()
    before = table.clone()
    first = TableCorruption()(table, seeded(1))
    assert first.dtype == torch.float64
    assert torch.equal(TableCorruption()(table, seeded(1)), first)
    assert torch.equal(table, before)


def test_images_are_refused():
    with pytest.raises(UnlabeledError, match=r"vectors of shape \(n, d\); got \(2, 3, 4, 4\)"):
        TableCorruption()(torch.rand(2, 3, 4, 4))


def test_its_description_makes_it_again():
    assert View.from_dict(TableCorruption(p=0.25).to_dict()) == TableCorruption(p=0.25)
