from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses.health import alignment, collapse_kind, effective_rank, spread, uniformity


@pytest.mark.parametrize("d", [1, 2, 7, 32])
def test_effective_rank_of_an_orthonormal_basis_is_its_size(d):
    q, _ = torch.linalg.qr(torch.randn(d, d))
    assert effective_rank(q).item() == pytest.approx(d, rel=1e-5)
    assert effective_rank(1e30 * q).item() == pytest.approx(d, rel=1e-5)


def test_effective_rank_of_one_line_is_one():
    line = torch.randn(50, 1) @ torch.randn(1, 20)
    # The 19 vanishing singular values are rounding, 1e-7 each, and add 19 · 1e-7 · log 1e7 to the entropy.
    assert effective_rank(line).item() == pytest.approx(1, abs=1e-4)


def test_effective_rank_of_known_singular_values():
    sigma = torch.tensor([4.0, 2.0, 1.0, 1.0])
    u, _ = torch.linalg.qr(torch.randn(30, 4))
    v, _ = torch.linalg.qr(torch.randn(6, 4))
    # p = (1/2, 1/4, 1/8, 1/8): 1.75 bits
    assert effective_rank(u * sigma @ v.T).item() == pytest.approx(2**1.75, rel=1e-5)


@pytest.mark.parametrize("shape", [(700, 520), (520, 700)])
def test_effective_rank_of_large_tables_is_that_of_their_singular_values(shape):
    generator = torch.Generator().manual_seed(0)
    # As spectra of images are: a few directions hold most, and the last ones almost nothing.
    table = torch.randn(shape, generator=generator) * torch.logspace(0, -5, shape[1])
    sigma = torch.linalg.svdvals(table.double())
    expected = torch.special.entr(sigma / sigma.sum()).sum().exp().item()
    assert effective_rank(table, rows=1000).item() == pytest.approx(expected, rel=1e-6)
    assert effective_rank(1e-30 * table, rows=1000).item() == pytest.approx(expected, rel=1e-5)
    assert effective_rank(torch.zeros(shape), rows=1000).item() == 0
    line = torch.randn(shape[0], 1, generator=generator) @ torch.randn(1, shape[1], generator=generator)
    assert effective_rank(line, rows=1000).item() == pytest.approx(1, abs=1e-3)


def test_single_precision_is_enough_for_the_device_that_measures_large_tables(device_without_double):
    table = torch.randn(700, 520)
    rank = effective_rank(device_without_double(table), rows=1000).cpu()
    torch.testing.assert_close(rank, effective_rank(table, rows=1000))


def test_effective_rank_of_nothing_and_of_nan():
    assert effective_rank(torch.zeros(4, 3)).item() == 0
    assert effective_rank(torch.tensor([[1.0, math.nan]])).isnan()
    assert effective_rank(torch.tensor([[1.0, math.inf]])).isnan()


@pytest.mark.parametrize("interleaved", [False, True])
def test_at_most_so_many_rows_are_used_drawn_from_the_whole_table(interleaved):
    # Sorted by class, and class after class in turn: evenly spaced rows would all be of one class.
    table = torch.eye(4).repeat(1000, 1) if interleaved else torch.eye(4).repeat_interleave(1000, dim=0)
    assert effective_rank(table, rows=400).item() == pytest.approx(4, rel=0.02)
    assert effective_rank(torch.eye(40), rows=10).item() == pytest.approx(10)
    # A quarter of the pairs is of one class; of 512 rows drawn at random that share varies by 1 %.
    assert uniformity(table).item() == pytest.approx(math.log((127 + 384 * math.exp(-4)) / 511), abs=0.05)
    assert uniformity(table).item() == uniformity(table).item()


def test_alignment_agrees_with_the_loop():
    x, y = torch.randn(6, 3), torch.randn(6, 3)
    distances = [((a / a.norm() - b / b.norm()) ** 2).sum().item() for a, b in zip(x, y, strict=True)]
    assert alignment(x, y).item() == pytest.approx(sum(distances) / 6, rel=1e-5)
    assert alignment(x, 3 * x).item() == pytest.approx(0, abs=1e-12)
    assert alignment(x, -x).item() == pytest.approx(4)
    with pytest.raises(UnlabeledError, match="shapes differ"):
        alignment(x, y[:5])


def test_uniformity_agrees_with_the_loop():
    z = torch.randn(7, 3)
    units = [v / v.norm() for v in z]
    potentials = [
        math.exp(-2 * ((units[i] - units[j]) ** 2).sum().item()) for i in range(7) for j in range(7) if i != j
    ]
    assert uniformity(z).item() == pytest.approx(math.log(sum(potentials) / 42), rel=1e-5)


def test_uniformity_of_one_place_is_zero_and_evenly_spread_is_lower():
    assert uniformity(torch.ones(100, 8)).item() == pytest.approx(0, abs=2e-6)
    assert uniformity(torch.randn(500, 512)).item() == pytest.approx(-4, abs=0.05)
    with pytest.raises(UnlabeledError, match="at least two rows"):
        uniformity(torch.ones(1, 8))
    assert uniformity(torch.tensor([[1.0, math.nan], [0.0, 1.0]])).isnan()


def test_spread_tells_one_direction_from_many():
    assert spread(torch.ones(10, 4) * torch.arange(1, 11)[:, None]).item() == pytest.approx(0, abs=1e-6)
    assert spread(torch.cat([torch.eye(3), -torch.eye(3)])).item() == pytest.approx(1)
    z = torch.nn.functional.normalize(torch.randn(50, 4), dim=1)
    assert spread(z).item() / 2 == pytest.approx(z.var(dim=0, unbiased=False).mean().sqrt().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("spread", "rank", "most", "kind"),
    [
        (0.5, 100.0, 128, "none"),
        (0.0101, 100.0, 128, "none"),
        (0.0099, 100.0, 128, "complete"),
        (0.0, 0.0, 1, "complete"),
        (0.5, 3.53, 128, "dimensional"),  # 1 + 0.02 · 127 = 3.54
        (0.5, 3.55, 128, "none"),
        (0.5, 1.0, 1, "none"),  # a single column has one direction at best
        (0.5, 1.0, 2, "dimensional"),
    ],
)
def test_kinds_of_collapse(spread, rank, most, kind):
    assert collapse_kind(spread, rank, most) == kind


@pytest.mark.parametrize("metric", [effective_rank, uniformity, spread, lambda z: alignment(z, z.flip(0))])
def test_health_keeps_no_graph_and_ignores_autocast(metric):
    z = torch.randn(30, 5, requires_grad=True)
    value = metric(z)
    assert not value.requires_grad
    assert value.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(metric(z), value)
    assert metric(z.bfloat16()).item() == pytest.approx(value.item(), rel=0.05)
