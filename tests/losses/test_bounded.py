from __future__ import annotations

import math

import pytest
import torch

from unlabeled.losses.bounded import bounded


@pytest.mark.parametrize(
    ("value", "given", "gradient", "passed"),
    [
        (3.0, 3.0, 2.0, 2.0),
        (3.0, 3.0, -2.0, -2.0),
        (7.0, 5.0, 2.0, 2.0),  # descent makes it smaller: back
        (7.0, 5.0, -2.0, 0.0),
        (-7.0, 1.0, -2.0, -2.0),
        (-7.0, 1.0, 2.0, 0.0),
        (5.0, 5.0, -2.0, -2.0),  # on the bound it is not beyond it
    ],
)
def test_beyond_a_bound_the_gradient_passes_only_if_it_leads_back(value, given, gradient, passed):
    x = torch.tensor(value, requires_grad=True)
    inside = bounded(x, 1.0, 5.0)
    assert inside.item() == given
    inside.backward(torch.tensor(gradient))
    assert x.grad.item() == passed


def test_without_bounds_nothing_changes():
    x = torch.tensor([-1e30, 0.0, 1e30, math.inf], requires_grad=True)
    assert torch.equal(bounded(x), x)
    bounded(x)[:3].sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 0]
