import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.training.plan import Plan
from unlabeled.training.samplers import Shuffled


def plan(rows=100, epochs=3, batch_size=16, accumulate=1, warmup=0.1, seed=0):
    return Plan(rows, epochs, batch_size, accumulate, warmup, seed)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 70),
    epochs=st.integers(1, 3),
    batch_size=st.integers(1, 80),
    accumulate=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_every_epoch_shows_an_instance_at_most_once_and_leaves_less_than_a_step_over(
    rows, epochs, batch_size, accumulate, seed
):
    p = plan(rows, epochs, batch_size, accumulate, seed=seed)
    batches = [b.tolist() for b in Shuffled(p).index_batches()]
    assert len(batches) == p.steps * p.parts
    assert all(len(b) == p.batch for b in batches)
    each = p.steps_per_epoch * p.parts
    for epoch in range(epochs):
        seen = [i for b in batches[epoch * each : (epoch + 1) * each] for i in b]
        assert len(set(seen)) == len(seen)
        assert set(seen) <= set(range(rows))
        assert rows - len(seen) < p.batch * p.parts


@given(start=st.integers(0, 18))
def test_the_batches_from_a_later_step_are_the_rest_of_all(start):
    p = plan(accumulate=2)
    whole = [b.tolist() for b in Shuffled(p).index_batches()]
    assert p.steps == 9
    assert [b.tolist() for b in Shuffled(p).index_batches(min(start, 9))] == whole[2 * min(start, 9) :]


def test_epochs_are_shuffled_differently_and_seeds_differ():
    p = plan(rows=32, epochs=2, batch_size=32)
    first, second = (b.tolist() for b in Shuffled(p).index_batches())
    assert first != second
    assert first != next(Shuffled(plan(rows=32, epochs=2, batch_size=32, seed=1)).index_batches()).tolist()


def test_fewer_instances_than_a_batch_make_one_smaller_batch():
    p = plan(rows=5, batch_size=256)
    assert (p.batch, p.steps_per_epoch, p.steps) == (5, 1, 3)


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine():
    p = plan(rows=100, epochs=10, batch_size=10, warmup=0.1)
    rates = [p.rate(step) for step in range(p.steps)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10:] == pytest.approx([0.5 * (1 + math.cos(math.pi * i / 90)) for i in range(90)])
    assert 0 < rates[-1] < 0.001


@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_no_warmup_and_only_warmup_are_fine(warmup):
    p = plan(warmup=warmup)
    assert all(0 < p.rate(step) <= 1 for step in range(p.steps))
