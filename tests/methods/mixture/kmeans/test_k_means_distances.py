"""The start of k-means++ with rows kept as bytes: the numbers must be those without, bit for bit."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.data.blocks import Blocks
from unlabeled.kernels.compiled import processor_has
from unlabeled.kernels.kmeans.k_means_plus_plus_quantised import list_rows, round_rows
from unlabeled.kernels.layout import aligned
from unlabeled.methods.mixture.kmeans import k_means_distances, quantised_centres
from unlabeled.methods.mixture.kmeans.k_means_distances import Distances, QuantisedDistances, distances
from unlabeled.methods.mixture.kmeans.k_means_start import k_means_plus_plus
from unlabeled.methods.mixture.threads import threads

needs_bytes = pytest.mark.skipif(not processor_has("avx512vnni"), reason="this processor has no AVX-512 VNNI")


@st.composite
def problems(draw):
    """Rows of kinds that are hard on a rounding to 8 bits, in blocks of 256."""
    n, d = draw(st.integers(1, 700)), draw(st.integers(1, 70))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = rng.standard_normal((n, d)) + 5 * rng.standard_normal((4, d))[rng.integers(4, size=n)]
    for kind in draw(st.lists(st.integers(0, 6), max_size=3)):
        if kind == 0:  # rows twice
            rows[n // 2 :] = rows[: n - n // 2]
        elif kind == 1:  # one column of another size
            rows[:, rng.integers(d)] *= draw(st.sampled_from([1e-5, 1e3, 1e5]))
        elif kind == 2:  # a column that says nothing
            rows[:, 0] = 7
        elif kind == 3:  # far from zero
            rows += draw(st.sampled_from([100.0, 1e6]))
        elif kind == 4:  # a few rows far from the others
            rows[rng.integers(0, n, 3)] *= draw(st.sampled_from([30.0, 1e4, 1e9]))
        elif kind == 5:  # mostly zeros
            rows *= rng.uniform(size=rows.shape) < 0.1
        elif kind == 6:  # whole numbers, among whose distances many are equal
            rows = np.rint(rows)
    scale = draw(st.sampled_from([1.0, 1e-9, 1e9, 1e-30, 1e30, 3e-39 if dtype == np.float32 else 1e-300]))
    with np.errstate(all="ignore"):
        rows = (rows * scale).astype(dtype)
    rows[~np.isfinite(rows)] = np.finfo(dtype).max
    return rows, rng.uniform(0, 2, n) if draw(st.booleans()) else None, rng


@needs_bytes
@settings(deadline=None, max_examples=150)
@given(problems(), st.sampled_from([1, 2, 7, 8, 9, 16, 17]), st.sampled_from([None, 1.0]))
def test_bit_for_bit(problem, trials, unit):
    rows, weights, rng = problem
    blocks = Blocks(rows, block_bytes=1)
    assert blocks.rows_per_block == 256
    with np.errstate(all="ignore"), threads(1) as pool:
        middle = rows.mean(axis=0)
        middle[~np.isfinite(middle)] = 0
        unit = unit or quantised_centres.unit_of(rows - middle)
        if unit is None:
            return
        plain = Distances(blocks, trials, weights, pool)
        by_bounds = QuantisedDistances(blocks, trials, weights, pool, middle, unit)
        candidates = [int(rng.integers(len(rows)))]
        for _ in range(6):
            expected, found = plain.potentials(candidates), by_bounds.potentials(candidates)
            assert np.array_equal(expected, found, equal_nan=True)
            best = int(rng.integers(len(candidates)))
            plain.take(best)
            by_bounds.take(best)
            for start in range(0, len(rows), 256):
                here = slice(start, min(start + 256, len(rows)))
                if rng.integers(2):  # some blocks are looked at between steps and some are not
                    assert np.array_equal(plain.of_rows(here), by_bounds.of_rows(here), equal_nan=True)
            candidates = rng.integers(0, len(rows), trials).tolist()


@numba.njit
def listed(closest, quantised_rows, quantised, found, n, d):
    return list_rows(n, d, closest, quantised_rows, quantised, found)


@needs_bytes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearly_all_rows_are_ruled_out(dtype):
    rng = np.random.default_rng(0)
    n, d = 3000, 64
    rows = rng.standard_normal((n, d)).astype(dtype)
    middle = rows.mean(axis=0)
    unit = quantised_centres.unit_of(rows - middle)
    quantised_rows = quantised_centres.quantised_rows(n, d)
    round_rows(
        rows, middle, dtype(unit), aligned((120, d), dtype), quantised_rows, quantised_centres.workspace(1, d, dtype)
    )
    closest = np.full(n + 16, np.inf, dtype)
    closest[:n] = ((rows[:, None] - rows[:100]) ** 2).sum(axis=2).min(axis=1)
    candidates = rows[100:107]
    found = np.zeros(n + 24, np.int64)
    count = listed(closest, quantised_rows, quantised_centres.quantise_centres(candidates - middle, unit), found, n, d)
    nearer = np.flatnonzero((((rows[:, None] - candidates) ** 2).sum(axis=2) < closest[:n, None]).any(axis=1))
    assert set(nearer) <= set(found[:count].tolist())
    assert np.all(np.diff(found[:count]) > 0)
    assert len(nearer) <= count < 2 * len(nearer) < n / 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_rows_are_drawn_with_and_without(dtype, weighted, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((40, 48))[rng.integers(40, size=9000)] + rng.standard_normal((9000, 48))).astype(dtype)
    weights = rng.integers(0, 3, 9000).astype(float) if weighted else None
    np.save(tmp_path / "rows.npy", rows)

    def drawn(source, workers=2):
        blocks = Blocks(source, block_bytes=1 << 18)
        with threads(workers) as pool:
            return k_means_plus_plus(blocks, 50, weights, np.random.RandomState(3), pool).tolist()

    kept = drawn(rows)
    assert drawn(rows, 1) == kept
    assert drawn(tmp_path / "rows.npy") == kept
    assert drawn(lambda: iter(np.array_split(rows, 7))) == kept
    monkeypatch.setattr(k_means_distances, "quantised_start_is_faster", lambda *of: False)
    assert drawn(rows) == kept


def test_when_rows_are_kept(monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((5000, 40))
    with threads(1) as pool:

        def kind(source, k=20):
            return type(distances(Blocks(source), k, 3, None, pool))

        assert kind(rows) is (QuantisedDistances if processor_has("avx512vnni") else Distances)
        assert kind(sp.csr_matrix(rows)) is Distances
        assert kind(rows[:4000]) is Distances
        assert kind(rows[:, :30].copy()) is Distances
        assert kind(rows, k=10) is Distances
        assert kind(np.ones((5000, 40))) is Distances
        assert kind(rows * 1e-300) is Distances
        monkeypatch.setattr(quantised_centres, "KEPT_BYTES", 5000 * 60 - 1)
        assert kind(rows) is Distances
        monkeypatch.undo()
        monkeypatch.setattr(quantised_centres, "processor_has", lambda feature: False)
        assert kind(rows) is Distances
    assert not quantised_centres.quantised_start_is_faster(10_000_000, 64, 256)  # 10 million rows of a file stay in it
