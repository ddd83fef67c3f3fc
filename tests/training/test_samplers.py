"""Samplers: every stream shows all before any comes again, for one process or several, from any step on."""

import numpy as np
import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.training import samplers
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import LabelledAndUnlabelled, LabelledOnly, PerClass

LABELS = np.array([0, 1, 2, -1] + [-1] * 36)


def plan(rows=40, epochs=4, batch_size=10, accumulate=1, seed=0):
    return Plan(rows, epochs, batch_size, accumulate, 0.0, seed)


def test_each_batch_holds_labelled_rows_first_and_then_unlabelled_ones():
    sampler = LabelledAndUnlabelled(plan(), LABELS, ratio=4)
    assert (sampler.labelled, sampler.unlabelled) == (2, 8)
    for batch in sampler.index_batches():
        assert (LABELS[batch[:2]] >= 0).all()
        assert (LABELS[batch[2:]] < 0).all()


@pytest.mark.parametrize("include", [False, True])
def test_each_stream_shows_every_instance_once_before_any_comes_again(include):
    sampler = LabelledAndUnlabelled(plan(epochs=30), LABELS, ratio=4, include_labelled=include)
    batches = list(sampler.index_batches())
    assert len(batches) == plan(epochs=30).steps
    for stream, wanted in (
        (torch.cat([b[:2] for b in batches]), [0, 1, 2]),
        (torch.cat([b[2:] for b in batches]), list(range(40)) if include else list(range(3, 40))),
    ):
        passes = [sorted(part.tolist()) for part in stream.split(len(wanted))]
        assert all(part == wanted for part in passes[:-1])
        assert len(passes) > 2
    orders = {tuple(part.tolist()) for part in torch.cat([b[2:] for b in batches]).split(37)}
    assert len(orders) > 2  # each pass has an order of its own


def drawn_one_by_one(plan, rows, purpose, batch, count):
    """The instances of a batch, each looked up in the shuffled pass that it comes from."""
    found = []
    for place in range(batch * count, (batch + 1) * count):
        order = samplers.permutation(len(rows), plan.seed_for(place // len(rows), 0, purpose))
        found.append(int(rows[order][place % len(rows)]))
    return found


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("ratio", [0.5, 4])
def test_streams_are_shuffled_passes_one_after_the_other(ratio, start):
    p = plan(accumulate=2)
    known, unknown = (torch.from_numpy(np.flatnonzero(part)) for part in (LABELS >= 0, LABELS < 0))
    both, only = LabelledAndUnlabelled(p, LABELS, ratio), LabelledOnly(p, LABELS, ratio)
    batches, alone = list(both.index_batches(start)), list(only.index_batches(start))
    assert len(batches) == len(alone) == (p.steps - start) * p.parts
    for number, (batch, labelled) in enumerate(zip(batches, alone, strict=True), start * p.parts):
        first = drawn_one_by_one(p, known, 4, number, both.labelled)
        assert batch.tolist() == first + drawn_one_by_one(p, unknown, 5, number, both.unlabelled)
        assert labelled.tolist() == first


def test_each_pass_is_shuffled_once(monkeypatch):
    shuffled, permutation = [], samplers.permutation
    monkeypatch.setattr(samplers, "permutation", lambda n, seed: shuffled.append(n) or permutation(n, seed))
    assert len(list(LabelledAndUnlabelled(plan(epochs=10), LABELS, 4).index_batches())) == 40
    assert shuffled.count(3) == -(-40 * 2 // 3)
    assert shuffled.count(37) == -(-40 * 8 // 37)


@pytest.mark.parametrize("make", [lambda p: LabelledAndUnlabelled(p, LABELS, 4), lambda p: PerClass(p, LABELS, 3)])
def test_the_batches_from_a_later_step_are_the_rest_of_all(make):
    p = plan(accumulate=2)
    whole = [b.tolist() for b in make(p).index_batches()]
    assert len(whole) == p.steps * p.parts
    assert [b.tolist() for b in make(p).index_batches(3)] == whole[6:]


@pytest.mark.parametrize("make", [lambda p: LabelledAndUnlabelled(p, LABELS, 4), lambda p: PerClass(p, LABELS, 2)])
def test_two_processes_together_draw_what_one_does(make, monkeypatch):
    p = plan(batch_size=20)
    one = [sorted(b.tolist()) for b in make(p).index_batches()]
    both = []
    monkeypatch.setattr(samplers, "world_size", lambda: 2)
    for number in range(2):
        monkeypatch.setattr(samplers, "rank", lambda number=number: number)
        both.append([b.tolist() for b in make(p).index_batches()])
    assert [sorted(a + b) for a, b in zip(*both, strict=True)] == one
    assert {len(b) for mine in both for b in mine} == {len(one[0]) // 2}


def test_a_batch_per_class_holds_so_many_of_each():
    labels = np.array([0] * 20 + [1] * 2 + [2] * 18 + [-1] * 10)
    sampler = PerClass(plan(rows=50, batch_size=12), labels, each=4)
    for batch in sampler.index_batches():
        assert sorted(np.bincount(labels[batch]).tolist()) == [4, 4, 4]
        large = batch[labels[batch] != 1]
        assert len(set(large.tolist())) == len(large)  # only the class of two must repeat its members


def test_fewer_classes_than_places_take_more_instances_and_repeat_none():
    labels = np.array([0] * 20 + [1] * 20)
    for batch in PerClass(plan(batch_size=12), labels, each=4).index_batches():
        assert sorted(np.bincount(labels[batch]).tolist()) == [4, 8]
        assert len(set(batch.tolist())) == 12


def test_many_small_classes_meet_in_every_batch():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10_000) * 3, 4))  # numbers need not be dense
    sampler = PerClass(plan(rows=40_000, epochs=1, batch_size=256), labels, each=4)
    assert len(sampler.members) == 10_000
    for batch, _ in zip(sampler.index_batches(), range(5), strict=False):
        found, counts = np.unique(labels[batch], return_counts=True)
        assert len(found) == 64
        assert set(counts.tolist()) == {4}
        assert len(set(batch.tolist())) == 256


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LabelledAndUnlabelled(plan(), np.full(40, -1)), "no instance is labelled"),
        (lambda: LabelledAndUnlabelled(plan(), np.zeros(40, int)), "every instance is labelled"),
        (lambda: LabelledAndUnlabelled(plan(batch_size=1), LABELS), "choose a larger batch_size"),
        (lambda: PerClass(plan(), np.zeros(40, int)), "need labels of at least two classes, not of 1"),
        (lambda: PerClass(plan(), np.full(40, -1)), "need labels of at least two classes, not of 0"),
        (lambda: PerClass(plan(batch_size=4), LABELS), "cannot hold 4 instances of each of two"),
    ],
)
def test_what_cannot_be_sampled_is_said(make, said):
    with pytest.raises(UnlabeledError, match=said):
        make()
