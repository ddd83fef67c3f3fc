from __future__ import annotations

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.errors import UnlabeledError
from unlabeled.losses import MemoryBank, Queue, info_nce
from unlabeled.losses.blockwise.embedding_checks import unit


def test_a_bank_starts_with_random_directions_and_moves_towards_what_it_is_given():
    bank = MemoryBank(10, 3, momentum=0.75, generator=torch.Generator().manual_seed(0))
    again = MemoryBank(10, 3, momentum=0.75, generator=torch.Generator().manual_seed(0))
    before = bank.vectors.clone()
    torch.testing.assert_close(before, again.vectors)
    torch.testing.assert_close(before.norm(dim=1), torch.ones(10))
    z = torch.randn(2, 3, requires_grad=True)
    bank.update(torch.tensor([7, 2]), 5 * z)
    for place, row in [(7, z[0]), (2, z[1])]:
        moved = 0.75 * before[place] + 0.25 * row / row.norm()
        torch.testing.assert_close(bank.vectors[place], (moved / moved.norm()).detach())
    untouched = [i for i in range(10) if i not in (2, 7)]
    assert torch.equal(bank.vectors[untouched], before[untouched])
    assert not bank.vectors.requires_grad


def test_a_bank_draws_evenly_and_repeatably():
    bank = MemoryBank(5, 2)
    drawn = bank.sample(10000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(drawn, bank.sample(10000, generator=torch.Generator().manual_seed(1)))
    counts = torch.tensor([(drawn == vector).all(dim=1).sum() for vector in bank.vectors])
    # 2,000 each, with a standard deviation of 40.
    assert counts.sum() == 10000
    assert (counts - 2000).abs().max() < 200


@settings(deadline=None, max_examples=60)
@given(size=st.integers(1, 7), pushes=st.lists(st.integers(1, 10), max_size=6))
def test_a_queue_holds_the_latest(size, pushes):
    queue, everything = Queue(size, 2), torch.empty(0, 2)
    for n in pushes:
        z = torch.randn(n, 2)
        queue.push(z)
        everything = torch.cat([everything, z / z.norm(dim=1, keepdim=True)])
    latest = everything[-size:]
    assert len(queue) == len(latest) == len(queue.vectors)
    ordered = [v[v[:, 0].argsort()] for v in (queue.vectors, latest)]
    torch.testing.assert_close(*ordered)


def test_what_was_taken_out_of_a_queue_does_not_change_when_more_is_pushed():
    queue = Queue(8, 4)
    queue.push(torch.randn(8, 4))
    x, c = torch.randn(5, 4, requires_grad=True), torch.randn(5, 4)
    loss = info_nce(x, c, negatives=queue.vectors)
    queue.push(torch.randn(5, 4))
    loss.backward()
    assert x.grad.isfinite().all()


def test_a_queue_keeps_labels_in_the_order_of_its_vectors():
    queue = Queue(5, 2)
    assert queue.labels.tolist() == []
    queue.push(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([7, 3], dtype=torch.int32))
    queue.push(torch.tensor([[-1.0, 0.0]]))
    assert queue.labels.tolist() == [7, 3, -1]
    queue.push(torch.tensor([[0.0, -1.0], [1.0, 0.0], [0.6, 0.8]]), torch.tensor([1, 2, 4]))
    pairs = zip(queue.vectors.tolist(), queue.labels.tolist(), strict=True)
    found = {(round(a, 1), round(b, 1)): label for (a, b), label in pairs}
    assert found == {(0.0, 1.0): 3, (-1.0, 0.0): -1, (0.0, -1.0): 1, (1.0, 0.0): 2, (0.6, 0.8): 4}
    again = Queue(5, 2)
    again.load_state_dict(queue.state_dict())
    assert torch.equal(again.labels, queue.labels)
    with pytest.raises(UnlabeledError, match="labels must be one number a row"):
        queue.push(torch.ones(2, 2), torch.tensor([1]))


def test_state_is_saved_and_taken_up():
    queue, bank = Queue(5, 3), MemoryBank(6, 3)
    queue.push(torch.randn(7, 3))
    both = torch.nn.ModuleDict({"queue": queue, "bank": bank})
    file = io.BytesIO()
    torch.save(both.state_dict(), file)
    file.seek(0)
    new = torch.nn.ModuleDict({"queue": Queue(5, 3), "bank": MemoryBank(6, 3)})
    new.load_state_dict(torch.load(file, weights_only=True))
    z = torch.randn(2, 3)
    for module in (both, new):
        module["queue"].push(z)
    assert torch.equal(new["queue"].vectors, queue.vectors)
    assert torch.equal(new["bank"].vectors, bank.vectors)


def test_they_take_any_precision_and_keep_their_own():
    for kind in (torch.bfloat16, torch.float64):
        queue, bank = Queue(4, 3), MemoryBank(4, 3, momentum=0)
        z = torch.randn(2, 3, dtype=kind)
        queue.push(z)
        bank.update(torch.tensor([0, 1]), z)
        assert queue.vectors.dtype == bank.vectors.dtype == torch.float32
        torch.testing.assert_close(queue.vectors, unit(z).float())
        torch.testing.assert_close(bank.vectors[:2], unit(z).float())
    half = Queue(4, 3).to(torch.bfloat16)
    half.push(torch.randn(2, 3))
    assert half.vectors.dtype == torch.bfloat16
    halved = MemoryBank(4, 3).to(torch.bfloat16)
    halved.update(torch.tensor([3]), torch.randn(1, 3))
    assert halved.vectors.dtype == torch.bfloat16


def test_they_move_with_the_device():
    queue, bank = Queue(4, 3).to("meta"), MemoryBank(4, 3).to("meta")
    queue.push(torch.randn(2, 3, device="meta"))
    bank.update(torch.tensor([0, 1], device="meta"), torch.randn(2, 3, device="meta"))
    assert queue.vectors.device.type == bank.sample(2).device.type == "meta"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Queue(0, 3), "at least one place and one dimension, not 0 and 3"),
        (lambda: MemoryBank(3, 0), "at least one place"),
        (lambda: MemoryBank(3, 2, momentum=1.0), "momentum must be from 0 up to but not 1"),
        (lambda: Queue(3, 2).push(torch.ones(1, 3)), "dimension 2 to be kept here, not 3"),
        (lambda: Queue(3, 2).push(torch.ones(2)), r"shape \(n, d\)"),
        (lambda: MemoryBank(3, 2).update(torch.tensor([0]), torch.ones(2, 2)), "2 embeddings need as many indices"),
        (lambda: MemoryBank(3, 2).update(torch.tensor([-1, 0]), torch.ones(2, 2)), "between 0 and 2, .* from -1 to 0"),
        (lambda: MemoryBank(3, 2).update(torch.tensor([3]), torch.ones(1, 2)), "between 0 and 2"),
        (lambda: MemoryBank(3, 2).update(torch.tensor([True]), torch.ones(1, 2)), "indices must be integers"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(UnlabeledError, match=message):
        call()
