"""RandAugment: which operations, how many, for which images."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch

from unlabeled.views import Compose, Flip, Invert, Operation, RandAugment, View
from unlabeled.views.geometric import canvas


@dataclass(frozen=True)
class Add(Operation):
    """Adds a number, so that a sum tells which operations an image has seen."""

    amount: float
    p: float = 1.0

    def apply(self, canvas, chosen, generator):
        canvas.change(lambda images: images + self.amount, chosen)


@pytest.fixture(autouse=True, scope="module")
def forget_add():
    yield
    del Operation._known["Add"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_image_gets_its_count_of_operations_with_replacement():
    digits = RandAugment(count=2, operations=(Add(0.001), Add(0.01), Add(0.1)))
    sums = (digits(torch.zeros(4500, 1, 1, 1), seeded()).flatten() * 1000).round().int()
    values, counts = sums.unique(return_counts=True)
    # Pairs of equal operations come once in nine, pairs of different ones twice.
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)).keys() == {2, 11, 20, 101, 110, 200}
    expected = {2: 500, 20: 500, 200: 500, 11: 1000, 101: 1000, 110: 1000}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        assert abs(count - expected[value]) < 150


def test_a_list_of_operations_is_saved_as_a_tuple_is():
    given = RandAugment(operations=[Flip(), Invert()])
    again = View.from_dict(json.loads(json.dumps(given.to_dict())))
    assert again == given == RandAugment(operations=(Flip(), Invert()))


def test_count_0_changes_nothing():
    images = torch.rand(5, 3, 8, 8)
    assert torch.equal(RandAugment(count=0)(images, seeded()), images)


def test_operations_are_carried_out_in_the_order_of_the_list():
    # Adding 0.2 and then inverting gives 0.8; the other way round gives 1, clamped.
    result = RandAugment(count=2, operations=(Add(0.2), Invert()))(torch.zeros(200, 1, 1, 1), seeded())
    values = {round(value, 3) for value in result.flatten().tolist()}
    assert values == {0.4, 0.8, 0.0}


def test_strengths_are_drawn_anew_for_each_image():
    images = torch.rand(1, 3, 16, 16).expand(64, -1, -1, -1)
    different = {tuple(view.flatten().tolist()) for view in RandAugment()(images, seeded())}
    assert len(different) > 50  # two identities, or two equal curves, do give equal views now and then


def test_all_moves_make_one_resampling(monkeypatch):
    calls = []
    once = canvas.resample
    monkeypatch.setattr(canvas, "resample", lambda *arguments: calls.append(1) or once(*arguments))
    Compose([Flip(), RandAugment(count=4)])(torch.rand(32, 3, 16, 16), seeded())
    assert len(calls) == 1
