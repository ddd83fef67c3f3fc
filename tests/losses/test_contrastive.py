from __future__ import annotations

import math

import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses import nt_xent, tiles


def loop(x, y, temperature):
    """SimCLR's equation, one pair at a time."""
    views = [v / v.norm() if v.norm() > 0 else v for v in [*x, *y]]
    n, losses = len(x), []
    for i in range(2 * n):
        other = i + n if i < n else i - n
        denominator = sum(torch.exp(torch.dot(views[i], views[j]) / temperature) for j in range(2 * n) if j != i)
        losses.append(-torch.log(torch.exp(torch.dot(views[i], views[other]) / temperature) / denominator))
    return torch.stack(losses)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "d", "temperature"), [(1, 3, 0.5), (2, 1, 0.5), (3, 8, 0.1), (7, 5, 1.0), (12, 2, 0.07)])
def test_agrees_with_the_double_loop(dtype, n, d, temperature):
    x = (3 * torch.randn(n, d, dtype=dtype)).requires_grad_()
    y = torch.randn(n, d, dtype=dtype, requires_grad=True)
    expected = loop(x, y, temperature)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        torch.testing.assert_close(nt_xent(x, y, temperature, reduction=reduction), reduced, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(nt_xent(x, y, temperature), (x, y))
    torch.testing.assert_close(ours, torch.autograd.grad(expected.mean(), (x, y)), rtol=1e-4, atol=1e-5)


def test_several_tiles_agree_with_the_textbook_matrix():
    n = 700  # 1,400 views: three tiles a side
    x, y = torch.randn(n, 32, requires_grad=True), torch.randn(n, 32, requires_grad=True)
    z = functional.normalize(torch.cat([x, y]).double(), dim=1)
    scores = (z @ z.T / 0.2).fill_diagonal_(-math.inf)
    expected = functional.cross_entropy(scores, torch.arange(2 * n).roll(n))
    ours = nt_xent(x, y, 0.2)
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(expected.item(), rel=1e-6)
    gradients = torch.autograd.grad(ours, (x, y))
    for a, b in zip(gradients, torch.autograd.grad(expected, (x, y)), strict=True):
        assert (a - b).norm() <= 1e-5 * b.norm()


@pytest.mark.parametrize("size", [3, 100])
def test_gradient_agrees_with_finite_differences(monkeypatch, size):
    monkeypatch.setattr(tiles, "_blocks", lambda z: [slice(i, min(i + size, len(z))) for i in range(0, len(z), size)])
    x, y = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(nt_xent, (x, y))


@pytest.mark.parametrize("n", [1, 2, 5, 256, 600])
@pytest.mark.parametrize("temperature", [0.5, 0.05, 1.0])
def test_identical_embeddings_give_log_of_the_number_of_others(n, temperature):
    same = torch.tensor([[0.3, -2.0, 5.0]]).repeat(n, 1)
    exact = math.log(2 * n - 1)
    # The loss is (1/τ + ln(2n − 1)) − 1/τ; each term is rounded to 24 bits a few times.
    assert nt_xent(same, same, temperature).item() == pytest.approx(exact, abs=3e-7 * (1 / temperature + exact))


def test_perfect_views_far_from_all_others_give_nothing():
    x = torch.eye(4)
    assert nt_xent(x, x, temperature=1e-3).item() == pytest.approx(0, abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 6), seed=st.integers(0, 99), scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e30]))
def test_value_ignores_length_order_and_which_view_is_first(n, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, 4, generator=generator), torch.randn(n, 4, generator=generator)
    value = nt_xent(x, y).item()
    order = torch.randperm(n, generator=generator)
    assert nt_xent(y, x).item() == pytest.approx(value, abs=1e-5)
    assert nt_xent(x[order], y[order]).item() == pytest.approx(value, abs=1e-5)
    assert nt_xent(x * scale, y).item() == pytest.approx(value, abs=1e-5)
    assert -1e-5 <= value <= math.log(2 * n - 1) + 4  # cosines over τ = 0.5 lie in [−2, 2]


@pytest.mark.parametrize("temperature", [0.5, 1e-3])
def test_extreme_embeddings_give_finite_losses_and_gradients(temperature):
    x = torch.randn(6, 3)
    x[0], x[1], x[2] = 0, 1e38, 1e-38
    y = torch.randn(6, 3)
    y[0], y[3] = 0, 0
    x.requires_grad_()
    loss = nt_xent(x, y, temperature)
    loss.backward()
    assert loss.isfinite()
    assert x.grad[[0, 1, 3, 4, 5]].isfinite().all()
    assert x.grad[0].abs().max() < 10 / temperature**0.5  # a zero vector's gradient is not blown up by 1/0


def test_one_instance_has_nothing_to_repel():
    x, y = torch.randn(1, 3, requires_grad=True), torch.randn(1, 3)
    loss = nt_xent(x, y)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert x.grad.abs().max() < 1e-6


def test_nan_is_handed_on():
    x = torch.randn(3, 2)
    x[1, 1] = math.nan
    assert nt_xent(x, torch.randn(3, 2)).isnan()


def test_half_precision_is_computed_in_single():
    x, y = torch.randn(20, 8), torch.randn(20, 8)
    half = nt_xent(x.bfloat16(), y.bfloat16())
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, nt_xent(x.bfloat16().float(), y.bfloat16().float()))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(nt_xent(x, y), nt_xent(x.clone(), y.clone()))
        cast = nt_xent(x, y)
    torch.testing.assert_close(cast, nt_xent(x, y))


@pytest.mark.parametrize(
    ("x", "y", "keywords", "message"),
    [
        (torch.ones(2, 3), torch.ones(3, 3), {}, r"shapes differ: \(2, 3\) and \(3, 3\)"),
        (torch.ones(2, 3), torch.ones(2, 4), {}, "shapes differ"),
        (torch.ones(0, 3), torch.ones(0, 3), {}, "at least one row"),
        (torch.ones(2, 0), torch.ones(2, 0), {}, "at least one row and one column"),
        (torch.ones(3), torch.ones(3), {}, r"shape \(n, d\)"),
        (torch.ones(2, 3, dtype=torch.int64), torch.ones(2, 3), {}, "floating-point"),
        (torch.ones(2, 3), torch.ones(2, 3), {"temperature": 0.0}, "temperature must be a positive number, not 0.0"),
        (torch.ones(2, 3), torch.ones(2, 3), {"temperature": math.nan}, "temperature"),
        (torch.ones(2, 3), torch.ones(2, 3), {"reduction": "average"}, "'average'"),
    ],
)
def test_bad_input_is_refused(x, y, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        nt_xent(x, y, **keywords)


SIZES = [3, 300]  # the larger has several tiles, which the anchors' own columns cross


def one_of_two(rank, folder):
    """Take one step of a shared layer on this process's half of each batch."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.set_num_threads(1)
    for n in SIZES:
        weights, batch = torch.load(f"{folder}/{n}.pt")
        layer = torch.nn.Linear(6, 4)
        layer.load_state_dict(weights)
        model = torch.nn.parallel.DistributedDataParallel(layer)
        mine = batch[:, rank * n : (rank + 1) * n].flatten(0, 1)
        x, y = model(mine).chunk(2)
        each = nt_xent(x, y, 0.3, reduction="none")
        nt_xent(x, y, 0.3).backward()
        torch.save({"each": each.detach(), "gradient": layer.weight.grad}, f"{folder}/{n}-{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_equal_one_on_the_joined_batch(tmp_path):
    cases = {n: (torch.nn.Linear(6, 4), torch.randn(2, 2 * n, 6)) for n in SIZES}
    for n, (layer, batch) in cases.items():
        torch.save((layer.state_dict(), batch), tmp_path / f"{n}.pt")
    torch.multiprocessing.spawn(one_of_two, args=(str(tmp_path),), nprocs=2)
    for n, (layer, batch) in cases.items():
        x, y = layer(batch[0]), layer(batch[1])
        each = nt_xent(x, y, 0.3, reduction="none").detach().view(2, 2, n)
        nt_xent(x, y, 0.3).backward()
        for rank in range(2):
            part = torch.load(tmp_path / f"{n}-{rank}.pt")
            torch.testing.assert_close(part["each"], each[:, rank].flatten())
            torch.testing.assert_close(part["gradient"], layer.weight.grad)
