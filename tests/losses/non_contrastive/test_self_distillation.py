from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import Centre, dino


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (6, 4)])
def test_dino_agrees_with_the_loop(dtype, n, k):
    s, t, c = (torch.randn(*shape, dtype=dtype) for shape in ((n, k), (n, k), (k,)))
    expected = []
    for i in range(n):
        shares = [math.exp((t[i, j] - c[j]) / 0.4) for j in range(k)]
        others = [math.exp(s[i, j] / 0.7) for j in range(k)]
        expected.append(-sum(a / sum(shares) * math.log(b / sum(others)) for a, b in zip(shares, others, strict=True)))
    options = {"student_temperature": 0.7, "teacher_temperature": 0.4}
    assert dino(s, t, c, **options, reduction="none").tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert dino(s, t, c, **options).item() == pytest.approx(sum(expected) / n, rel=1e-4, abs=1e-6)


def test_dino_moves_the_student_alone():
    s, t, c = (torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    c = c[0]
    assert torch.autograd.gradcheck(lambda s: dino(s, t, c), (s,))
    dino(s, t, c).backward()
    assert t.grad is None


def test_dino_cannot_be_won_by_one_class_or_by_none():
    """A teacher that says the same of everything gives, once centred, a loss that no student can lower: log k."""
    centre = Centre(5, momentum=0.0)
    logits = torch.tensor([[9.0, 0.0, 0.0, 0.0, 0.0]]).repeat(6, 1)
    assert dino(10 * logits, logits, centre.value).item() == pytest.approx(0, abs=1e-6)
    centre.update(logits)
    assert dino(0 * logits, logits, centre.value).item() == pytest.approx(math.log(5))
    assert dino(logits, logits, centre.value).item() > math.log(5)


def test_the_centre_is_a_moving_average_that_is_saved():
    centre, expected = Centre(3, momentum=0.75), torch.zeros(3)
    for _ in range(4):
        logits = torch.randn(7, 3, requires_grad=True)
        centre.update(logits)
        expected = 0.75 * expected + 0.25 * logits.detach().mean(dim=0)
    torch.testing.assert_close(centre.value, expected)
    assert not centre.value.requires_grad
    again = Centre(3)
    again.load_state_dict(centre.state_dict())
    assert torch.equal(again.value, centre.value)
    assert list(centre.parameters()) == []


def test_dino_with_huge_logits_and_cold_temperatures():
    s = torch.tensor([[1e30, -1e30, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    loss = dino(s, s.flip(1), torch.zeros(3), student_temperature=1e-3, teacher_temperature=1e-3)
    loss.backward()
    assert loss.isfinite()
    assert s.grad.isfinite().all()
    assert dino(s * math.nan, s, torch.zeros(3)).isnan()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: dino(x, x[:1], x[0]), "shapes differ"),
        (lambda x: dino(x, x, x), r"centre must have shape \(3,\), not \(2, 3\)"),
        (lambda x: dino(x, x, x[0], student_temperature=0.0), "student_temperature must be a positive number"),
        (lambda x: dino(x, x, x[0], teacher_temperature=-1.0), "teacher_temperature must be a positive number"),
        (lambda x: Centre(3, momentum=1.5), "momentum must lie between 0"),
        (lambda x: Centre(4).update(x), "centre is one of 4 logits, not of 3"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(UnlabeledError, match=message):
        call(torch.ones(2, 3))
