"""What is drawn: random bits, kept words, negatives; against the formulas in the docstrings."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from unlabeled.kernels.random import below, draw, seeded
from unlabeled.kernels.words.sampling import (
    alias_table,
    draw_word,
    keep_probabilities,
    keep_thresholds,
    negatives_table,
    subsampled,
)


@numba.njit
def draws(state, n):
    out = np.empty(n, np.uint64)
    for i in range(n):
        out[i] = draw(state)
    return out


@numba.njit
def numbers_below(state, limit, n):
    out = np.empty(n, np.int64)
    for i in range(n):
        out[i] = below(state, limit)
    return out


@numba.njit
def words(table, state, n):
    out = np.empty(n, np.int64)
    for i in range(n):
        out[i] = draw_word(table, state)
    return out


def probable(observed, expected):
    """A fair draw fails this once in a million seeds, and the seed is fixed."""
    return chisquare(observed, expected).pvalue > 1e-6


def test_split_mix_gives_the_published_numbers():
    state = np.array([1234567], np.uint64)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert draws(state, 4).tolist() == expected


def test_streams_differ_and_repeat():
    assert np.array_equal(seeded(3, 5), seeded(3, 5))
    starts = {int(seeded(seed, stream)[0]) for seed in range(50) for stream in range(50)}
    assert len(starts) == 2500


@pytest.mark.parametrize("limit", [1, 2, 5, 10])
def test_numbers_below_are_uniform(limit):
    found = np.bincount(numbers_below(seeded(0, limit), limit, 100_000), minlength=limit)
    assert len(found) == limit
    assert probable(found, np.full(limit, 100_000 / limit)) if limit > 1 else found[0] == 100_000


def probabilities(table):
    """Read off an alias table how likely each word is."""
    n = len(table)
    thresholds, aliases = (table >> np.uint64(32)).astype(float) / 2**32, (table & np.uint64(2**32 - 1)).astype(int)
    found = thresholds / n
    np.add.at(found, aliases, (1 - thresholds) / n)
    return found


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60).filter(lambda weights: sum(weights) > 1e-3))
def test_an_alias_table_holds_the_distribution(weights):
    weights = np.array(weights)
    # Each of n thresholds is rounded to 2⁻³².
    np.testing.assert_allclose(probabilities(alias_table(weights)), weights / weights.sum(), atol=1e-9)


def test_negatives_follow_counts_to_the_power_three_quarters():
    counts = np.array([5000, 1200, 800, 90, 40, 7, 1])
    expected = counts**0.75 / (counts**0.75).sum()
    found = np.bincount(words(negatives_table(counts), seeded(1, 1), 400_000), minlength=len(counts))
    assert probable(found, expected * 400_000)


def test_the_probability_of_keeping_a_word_is_the_documented_one():
    counts, t = np.array([900_000, 90_000, 9_990, 10]), 1e-3
    shares = counts / counts.sum()
    by_hand = [min(1, (t / f) ** 0.5 + t / f) for f in shares]
    np.testing.assert_allclose(keep_probabilities(counts, t), by_hand, rtol=1e-12)
    assert keep_probabilities(counts, None).tolist() == [1, 1, 1, 1]


def test_kept_words_have_the_documented_frequencies():
    counts = np.array([600_000, 300_000, 99_000, 1_000])
    tokens = np.repeat(np.arange(4, dtype=np.int32), 50_000)
    keep = keep_thresholds(counts, 1e-2)
    kept, _ = subsampled(tokens, np.array([0, len(tokens)]), keep, 0, 0, False, seeded(2, 2))
    p = keep_probabilities(counts, 1e-2)
    found = np.bincount(kept, minlength=4)
    assert found[3] == 50_000
    # Five standard deviations of a binomial.
    assert np.all(np.abs(found - 50_000 * p) <= 5 * np.sqrt(50_000 * p * (1 - p)))


def test_sentences_keep_their_bounds_and_empty_ones_vanish():
    tokens = np.array([1, 0, 0, 1, 1, 0, 1], np.int32)
    never, always = np.uint64(0), np.uint64(2**63)
    offsets = np.array([0, 1, 3, 6, 7])
    kept, bounds = subsampled(tokens, offsets, np.array([never, always]), 0, 0, False, seeded(0, 0))
    assert kept.tolist() == [1, 1, 1, 1]
    assert bounds.tolist() == [0, 1, 3, 4]


def test_sentences_held_out_and_trained_on_are_all_sentences_once():
    tokens, offsets = np.arange(60, dtype=np.int32), np.arange(0, 61, 3)
    keep = keep_thresholds(np.ones(60, np.int64), None)
    trained, _ = subsampled(tokens, offsets, keep, 7, 4, False, seeded(0, 0))
    held_out, bounds = subsampled(tokens, offsets, keep, 7, 4, True, seeded(0, 0))
    assert sorted([*trained.tolist(), *held_out.tolist()]) == list(range(60))
    numbers = 7 + held_out.reshape(-1, 3)[:, 0] // 3
    assert (numbers % 4 == 2).all()
    assert len(bounds) == len(numbers) + 1


def test_a_block_may_cut_its_first_and_last_sentence():
    keep = keep_thresholds(np.ones(9, np.int64), None)
    tokens = np.arange(2, 6, dtype=np.int32)
    kept, bounds = subsampled(tokens, np.array([-2, 1, 7]), keep, 0, 0, False, seeded(0, 0))
    assert kept.tolist() == [2, 3, 4, 5]
    assert bounds.tolist() == [0, 1, 4]
