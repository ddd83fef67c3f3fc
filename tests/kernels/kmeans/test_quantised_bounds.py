"""The quantised bounds of k-means: they rule out only centres that are farther, and give way where they do not help."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled import KMeans
from unlabeled.kernels.compiled import processor_has
from unlabeled.kernels.kmeans.assign_quantised import LONG, PAUSE
from unlabeled.kernels.kmeans.int8_products import LANES
from unlabeled.kernels.kmeans.quantised_bounds import (
    FAR,
    GROUP,
    MARGIN,
    ULP,
    guess,
    quantise,
    rule_out,
    rule_out_scored,
    thresholds,
)
from unlabeled.kernels.layout import aligned, round_up
from unlabeled.methods.mixture.kmeans import lloyd, quantised_centres
from unlabeled.methods.mixture.kmeans.nearest_centres import Centres

needs_bytes = pytest.mark.skipif(not processor_has("avx512vnni"), reason="this processor has no AVX-512 VNNI")
EXACT = np.longdouble


def squares(rows, centres):
    """All squared distances, to more digits than those of the data."""
    return ((rows[:, None].astype(EXACT) - centres.astype(EXACT)) ** 2).sum(axis=2)


@st.composite
def problems(draw):
    """Rows and centres of kinds that are hard on a rounding to 8 bits."""
    n, d, k = draw(st.integers(1, 60)), draw(st.integers(1, 70)), draw(st.integers(1, 140))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centres = rng.standard_normal((k, d))
    rows = centres[rng.integers(0, k, n)] + rng.standard_normal((n, d)) * draw(st.sampled_from([0, 1e-6, 0.1, 1, 30]))
    for kind in draw(st.lists(st.integers(0, 7), max_size=3)):
        if kind == 0:  # centres twice
            centres[rng.integers(0, k, k // 2 + 1)] = centres[0]
        elif kind == 1:  # one column of another size
            column, size = rng.integers(0, d), draw(st.sampled_from([1e-5, 1e3, 1e5]))
            centres[:, column] *= size
            rows[:, column] *= size
        elif kind == 2:  # a column that says nothing
            centres[:, 0], rows[:, 0] = 7, 7
        elif kind == 3:  # zeros
            centres[rng.integers(0, k)], rows[rng.integers(0, n)] = 0, 0
        elif kind == 4:  # centres far from zero and near each other
            far = 300 * rng.standard_normal(d)
            centres, rows = centres + far, rows + far
        elif kind == 5:  # one centre and one row far away
            centres[rng.integers(0, k)] *= 1e4
            rows[rng.integers(0, n)] *= 1e3
        elif kind == 6 and k > 1:  # rows half-way between two centres
            pairs = rng.integers(0, k, (n, 2))
            rows = centres[pairs].mean(axis=1)
        elif kind == 7:  # mostly zeros
            centres *= rng.uniform(size=centres.shape) < 0.1
    scale = draw(st.sampled_from([1.0, 1e-9, 1e9, 2.0**-30, 3e-39 if dtype == np.float32 else 1e-300]))
    return (rows * scale).astype(dtype), (centres * scale).astype(dtype), rng


@settings(deadline=None, max_examples=150)
@given(problems())
def test_the_nearest_centre_is_found(problem):
    rows, centres, rng = problem
    (n, d), k = rows.shape, len(centres)
    laid = Centres(centres, np.zeros(d), rows.dtype, False, quantise=True)
    labels = rng.integers(-1, k + 2, n).astype(np.int32)  # what was said before may be wrong, even impossible
    before = labels.copy()
    found = laid.assign(rows, labels)
    assert found.changed == np.count_nonzero(labels != before)
    truth = squares(rows, centres)
    chosen = truth[np.arange(n), labels]
    least = truth.min(axis=1)
    eps, tiny = float(np.finfo(rows.dtype).eps), float(np.finfo(rows.dtype).tiny)
    if found.by_bounds == n:  # then distances are those of differences, with the rounding of a sum of squares
        assert (chosen <= least * (1 + (d + 4) * eps) + d * tiny).all()
    else:  # then some rows have been searched by scores, with a rounding of the size of ‖x‖² and ‖c‖²
        size = max(float((x.astype(EXACT) ** 2).sum(axis=1).max()) for x in (rows, centres))
        assert (chosen <= least + 4 * (d + 8) * eps * size + d * tiny).all()
    assert found.inertia == pytest.approx(float(chosen.sum()), rel=(d + 8) * eps, abs=n * d * tiny)


@settings(deadline=None, max_examples=60)
@given(problems(), problems())
def test_rows_kept_as_bytes_change_nothing(problem, other):
    rows, centres, rng = problem
    (n, d), dtype = rows.shape, rows.dtype
    kept, unit = quantised_centres.quantised_rows(n, round_up(d, LANES)), quantised_centres.unit_of(rows) or 1.0
    for c in (centres, centres[: len(other[1])] * dtype.type(2), rows[: len(centres)]):  # rounded at the first of them
        start = rng.integers(-1, len(c) + 1, n).astype(np.int32)
        one, two = start.copy(), start.copy()
        plain = Centres(c, np.zeros(d), dtype, False, quantise=True, unit=unit).assign(rows, one)
        found = Centres(c, np.zeros(d), dtype, False, quantise=True, unit=unit).assign(rows, two, kept=kept)
        assert np.array_equal(one, two)
        assert (plain.inertia, plain.by_bounds) == (found.inertia, found.by_bounds)
        assert np.array_equal(plain.sums, found.sums)


@numba.njit
def quantised_alone(memory, known, d, quantised, quantised_rows, workspace):
    """Round 16 rows, guess their centres and rule out others, with the scores that were kept and with new ones."""
    numbers, starts, halves, groups, longest, unit = quantised
    codes, figures = quantised_rows
    line, words, narrow, scores, masks, _, guessed, _, _ = workspace
    zero, length = np.uint64(0), np.uint64(len(words))
    quantise(memory, 16, unit, line, words, narrow, codes, figures, zero)
    guess(codes, figures, zero, numbers, starts, halves, groups, length, scores, guessed)
    bounds = thresholds(figures, zero, known, zero, d, unit, longest)
    rule_out_scored(scores, groups, bounds, masks)
    others = masks.copy()
    rule_out(codes, zero, numbers, starts, halves, groups, length, bounds, masks)
    return others


@needs_bytes
@settings(deadline=None, max_examples=150)
@given(problems())
def test_scores_are_within_their_bounds(problem):
    rows, centres, rng = problem
    rows, (k, d), dtype = rows[:LANES], centres.shape, rows.dtype
    dim, n = round_up(d, LANES), len(rows)
    laid, memory = aligned((k, dim), dtype), aligned((LANES, dim), dtype)
    laid[:, :d], memory[:n, :d] = centres, rows
    unit = quantised_centres.unit_of(laid)
    if unit is None:
        return
    quantised = quantised_centres.quantise_centres(laid, unit)
    quantised_rows, workspace = quantised_centres.quantised_rows(LANES, dim), quantised_centres.workspace(k, dim, dtype)
    truth = squares(rows, centres)
    known = aligned((LANES,), dtype)
    known[:n] = truth[np.arange(n), rng.integers(0, k, n)]  # a distance to one of them
    others = quantised_alone(memory, known, d, quantised, quantised_rows, workspace)
    assert np.array_equal(others, workspace.masks)
    may = (workspace.masks[:, None] >> np.arange(n) & 1).astype(bool).T
    assert may[:, :k][truth <= known[:n, None]].all()
    x, c = (each.astype(EXACT) * EXACT(unit) for each in (rows, centres))
    scale, error, square = quantised_rows.figures[:, :n].astype(EXACT)
    far = np.sqrt((x**2).sum(axis=1)) >= FAR
    assert np.array_equal(np.isinf(error), far)
    assert may[:, :k][far].all()
    group = np.arange(round_up(k, GROUP)) // GROUP
    step, _, longest, off = quantised.groups[:, group].astype(EXACT)
    scores = workspace.scores.reshape(-1, LANES).T[:n].astype(EXACT) * scale[:, None] * step
    assert (scores[:, k:] == -np.inf).all()
    guessed = scores[np.arange(n), workspace.guessed[:n]]
    assert (guessed >= scores.max(axis=1) - 1e-6 * np.abs(guessed)).all()
    lengths = np.sqrt((c**2).sum(axis=1))
    assert (lengths <= longest[:k]).all()
    slack = (error + quantised.longest * EXACT(MARGIN))[:, None] * longest + (np.sqrt(square) + error)[:, None] * off
    wrong = np.abs(scores[:, :k] - (x @ c.T - lengths**2 / 2))
    assert (wrong <= (slack * (1 + (d + 16) * EXACT(ULP)))[:, :k])[~far].all()


@needs_bytes
def test_a_centre_too_long_to_be_rounded_rules_nothing_out():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 32)).astype(np.float32)
    centres = rows[:20].copy()
    centres[3] *= 1e8
    labels = np.full(40, -1, np.int32)
    found = Centres(centres, np.zeros(32), np.float32, False, quantise=True, unit=1.0).assign(rows, labels)
    assert found.by_bounds == 0
    assert np.array_equal(labels, squares(rows, centres).argmin(axis=1))


@needs_bytes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 7, 8, 9, 31, 32, 33, 65, 129])
def test_every_edge_of_tiles_and_groups(dtype, k):
    rng = np.random.default_rng(k)
    for n, d in [(k, 1), (k + 5, 15), (2 * k + 6, 16), (121 + k, 17), (60 + k, 67)]:
        rows = rng.integers(-50, 50, (n, d)).astype(dtype)  # whole numbers: all sums are exact, and ties are ties
        centres, weights = rows[rng.permutation(n)[:k]], rng.integers(0, 4, n).astype(float)
        centres[k // 2] = centres[0]
        plain, by_bounds = (
            Centres(centres, np.zeros(d), dtype, False, quantise=quantise) for quantise in (False, True)
        )
        for start in (np.full(n, -1, np.int32), rng.integers(0, k, n).astype(np.int32)):
            one, two = start.copy(), start.copy()
            expected, found = plain.assign(rows, one, weights), by_bounds.assign(rows, two, weights)
            assert np.array_equal(one, squares(rows, centres).argmin(axis=1))  # among equals the first
            assert np.array_equal(one, two)
            assert (found.inertia, found.changed) == (expected.inertia, expected.changed)
            assert np.array_equal(found.sums, expected.sums)
            assert np.array_equal(found.counts, expected.counts)
            kept, three = quantised_centres.quantised_rows(n, round_up(d, LANES)), start.copy()
            assert by_bounds.assign(rows, three, weights, kept=kept).inertia == expected.inertia
            assert np.array_equal(one, three)
            alone = by_bounds.assign(rows, start.copy(), weights, add=False)
            assert alone.inertia == found.inertia
            assert alone.sums.shape == (0, d)


def test_the_mean_is_taken_off_first():
    rng = np.random.default_rng(0)
    rows, mean = rng.standard_normal((50, 40)) + 1000, np.full(40, 1000.0)
    centres = rows[:30].copy()
    labels = np.full(50, -1, np.int32)
    found = Centres(centres - mean, mean, rows.dtype, False, quantise=True).assign(rows, labels)
    assert np.array_equal(labels, squares(rows, centres).argmin(axis=1))
    assert found.sums.sum(axis=0) == pytest.approx((rows - mean).sum(axis=0))


def crowded(n, dtype):
    """Rows for which quantised bounds rule out hardly any of 256 centres, which lie close together."""
    rng = np.random.default_rng(0)
    return (50 + 0.001 * rng.standard_normal((n, 64))).astype(dtype)


@needs_bytes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_gives_way_where_it_does_not_help_and_comes_back(dtype):
    rng = np.random.default_rng(1)
    pause = LANES + PAUSE * LONG
    centres = np.concatenate([crowded(128, dtype), 50 * rng.standard_normal((128, 64)).astype(dtype)])
    easy = centres[128 + rng.integers(0, 128, 3 * pause)] + rng.standard_normal((3 * pause, 64)).astype(dtype)
    laid = Centres(centres, np.zeros(64), dtype, False, quantise=True)

    def by_bounds(*parts):
        rows = np.concatenate(parts)
        labels = np.full(len(rows), -1, np.int32)
        found = laid.assign(rows, labels)
        kept = quantised_centres.quantised_rows(len(rows), 64)
        for _ in range(2):  # the second time some are kept as bytes
            assert found.by_bounds == laid.assign(rows, np.full(len(rows), -1, np.int32), kept=kept).by_bounds
        far = np.array([((row.astype(float) - centres.astype(float)) ** 2).sum(axis=1) for row in rows])
        chosen = far[np.arange(len(rows)), labels]
        assert (chosen <= far.min(axis=1) + 400 * np.finfo(dtype).eps * 64 * 50**2).all()
        return found.by_bounds

    assert by_bounds(easy) == len(easy)
    assert by_bounds(crowded(pause, dtype)) <= LONG
    hard = crowded(2 * LONG, dtype)
    both = by_bounds(hard, easy)
    assert len(easy) - pause - LONG <= both < len(easy)


@needs_bytes
def test_rows_too_far_away_are_searched():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((64, 32)).astype(np.float32)
    rows = centres[rng.integers(0, 64, LANES)] * np.float32(1e7)
    labels = np.full(LANES, -1, np.int32)
    found = Centres(centres, np.zeros(32), np.float32, False, quantise=True).assign(rows, labels)
    assert found.by_bounds == 0
    assert np.array_equal(labels, squares(rows, centres).argmin(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-30, 1e30, 3e38])
def test_no_size_does_harm(dtype, size):
    rng = np.random.default_rng(0)
    rows = (rng.choice([-1.0, 0.0, 1.0], (40, 32)) * size).astype(dtype)
    labels = np.full(40, -1, np.int32)
    with np.errstate(all="ignore"):
        Centres(rows[:35], np.zeros(32), dtype, False, quantise=True).assign(rows, labels)
        Centres(rows[:35] * 0 + 1, np.zeros(32), dtype, False, quantise=True).assign(rows, labels)
    assert ((labels >= 0) & (labels < 35)).all()


def test_without_products_of_bytes_all_centres_are_searched(monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 64))
    labels, same = np.full(300, -1, np.int32), np.full(300, -1, np.int32)
    by_bounds = Centres(rows[:128], np.zeros(64), np.float64, False, quantise=True).assign(rows, labels).by_bounds
    assert by_bounds == (300 if processor_has("avx512vnni") else 0)
    monkeypatch.setattr(quantised_centres, "processor_has", lambda feature: False)
    assert Centres(rows[:128], np.zeros(64), np.float64, False, quantise=True).assign(rows, same).by_bounds == 0
    assert np.array_equal(labels, same)


def test_few_rows_and_few_or_short_centres_are_searched():
    assert not quantised_centres.quantising_is_faster(10**6, (10, 512), np.float32)
    assert not quantised_centres.quantising_is_faster(10**6, (100, 8), np.float64)
    assert not quantised_centres.quantising_is_faster(1000, (256, 64), np.float64)
    assert quantised_centres.quantising_is_faster(10**6, (256, 64), np.float32)
    assert quantised_centres.quantising_is_faster(10**6, (64, 64), np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fit_is_the_same_with_and_without(dtype, monkeypatch):
    rng = np.random.default_rng(0)
    places = 2 * rng.standard_normal((200, 64))
    rows = (places[rng.integers(200, size=9000)] + rng.standard_normal((9000, 64))).astype(dtype)
    settings = {"init": rows[:200].copy(), "max_iter": 5, "tol": 0}
    with_it = KMeans(200, **settings).fit(rows)
    streamed = KMeans(200, **settings).fit(lambda: iter(np.array_split(rows, 7)))
    assert np.array_equal(with_it.cluster_centers_, streamed.cluster_centers_)
    assert with_it.history_ == streamed.history_
    assert np.array_equal(with_it.predict(rows), with_it.labels_)
    monkeypatch.setattr(lloyd, "rows_may_be_kept", lambda *of: False)
    afresh = KMeans(200, **settings).fit(rows)
    assert np.array_equal(with_it.cluster_centers_, afresh.cluster_centers_)
    assert with_it.history_ == afresh.history_
    monkeypatch.setattr(lloyd, "quantising_is_faster", lambda *of: False)
    without = KMeans(200, **settings).fit(rows)
    assert np.array_equal(with_it.labels_, without.labels_)
    np.testing.assert_allclose(with_it.history_, without.history_, rtol=1e-6 if dtype == np.float32 else 1e-13)


def test_rows_are_kept_only_where_they_take_little_memory():
    assert quantised_centres.rows_may_be_kept(3_500_000, 64)
    assert not quantised_centres.rows_may_be_kept(10_000_000, 64)
    n = quantised_centres.KEPT_BYTES // 76
    assert quantised_centres.rows_may_be_kept(n, 64)
    assert not quantised_centres.rows_may_be_kept(n + 1, 64)
    for d in (1, 16, 63, 64):  # what is allowed is what is taken
        room = quantised_centres.quantised_rows(1600, round_up(d, LANES))
        limit = quantised_centres.KEPT_BYTES * 1600 // sum(part.nbytes for part in room)
        assert quantised_centres.rows_may_be_kept(limit, d)
        assert not quantised_centres.rows_may_be_kept(limit + 1, d)
