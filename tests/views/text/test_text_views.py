import pytest
import torch

from unlabeled.data.text.tokenization.tokens import TextPair, TextTriple, Tokens, padded
from unlabeled.errors import UnlabeledError
from unlabeled.views import View
from unlabeled.views.text import TokenCrop, TokenDeletion

ROWS = [[2, *range(10, 30), 3], [2, 40, 3], [2, 3], [2, 50, 51, 3]]


def rows_of(values):
    return [ids[mask].tolist() for ids, mask in zip(*values, strict=True)]


@pytest.mark.parametrize("view", [TokenDeletion(0.6), TokenDeletion(1.0), TokenCrop(), TokenCrop(0.1, 0.2)], ids=str)
def test_a_view_keeps_order_beginning_end_and_at_least_one_token(view):
    values = padded(ROWS, 0)
    for _ in range(30):
        for before, after in zip(ROWS, rows_of(view(values)), strict=True):
            assert (after[0], after[-1]) == (2, 3)
            assert [token for token in before if token in after] == after
            assert len(after) >= min(3, len(before))
    assert rows_of(values) == ROWS


@pytest.mark.parametrize("view", [TokenDeletion(0.5), TokenDeletion(1.0), TokenCrop(0.3, 0.3), TokenCrop()], ids=str)
def test_single_precision_is_enough_for_the_device(view, device_without_double):
    values = padded(ROWS, 0)
    expected = view(values, torch.Generator().manual_seed(1))
    there = Tokens(*map(device_without_double, values))
    assert rows_of(view(there, torch.Generator().manual_seed(1))) == rows_of(expected)


def test_the_share_that_is_deleted():
    values = padded([[2, *range(10, 110), 3]] * 200, 0)
    kept = int(TokenDeletion(0.6)(values).mask.sum()) - 400
    assert kept / 20_000 == pytest.approx(0.4, abs=0.014)  # four deviations


def test_a_crop_is_one_stretch_of_the_asked_length():
    values = padded([[2, *range(10, 110), 3]] * 200, 0)
    lengths, starts = set(), set()
    for row in rows_of(TokenCrop(0.3, 0.5)(values)):
        inner = row[1:-1]
        assert inner == list(range(inner[0], inner[0] + len(inner)))
        lengths.add(len(inner))
        starts.add(inner[0])
    assert min(lengths) >= 30
    assert max(lengths) <= 50
    assert min(starts) < 15
    assert max(starts) > 60


def test_the_same_seed_gives_the_same_view():
    values = padded(ROWS, 0)
    one, two = (TokenDeletion()(values, torch.Generator().manual_seed(1)) for _ in range(2))
    assert rows_of(one) == rows_of(two)
    assert View.from_dict(TokenCrop(0.2, 0.4).to_dict()) == TokenCrop(0.2, 0.4)


@pytest.mark.parametrize("make", [lambda: TokenDeletion(1.5), lambda: TokenCrop(0.0), lambda: TokenCrop(0.8, 0.5)])
def test_shares_that_are_none_are_errors(make):
    with pytest.raises(UnlabeledError, match="must be a"):
        make()


@pytest.mark.parametrize("view", [TokenDeletion(), TokenCrop()], ids=str)
@pytest.mark.parametrize("kind", [TextPair, TextTriple])
def test_pairs_and_triples_are_refused_by_name(view, kind):
    values = kind(*(padded(ROWS, 0) for _ in kind._fields))
    with pytest.raises(UnlabeledError, match=f"{type(view).__name__} distorts single texts, and these are pairs"):
        view(values)
