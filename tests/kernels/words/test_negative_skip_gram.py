"""The kernel of skip-gram with negatives, against the same step in plain NumPy and against the plain loss."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from unlabeled.kernels.random import below, draw, seeded
from unlabeled.kernels.words.negative_skip_gram import CENTRES, COPIED, NEGATIVES, negative_skip_gram
from unlabeled.kernels.words.sampling import negatives_table, word_of
from unlabeled.methods.words.prediction.likelihood import negative_sampling_loss
from unlabeled.methods.words.prediction.training import initialised, padded

WORDS, K = 40, 5
COUNTS = np.arange(WORDS, 0, -1) ** 2


@numba.njit
def take_bits(state, n):
    out = np.empty(n, np.uint64)
    for i in range(n):
        out[i] = draw(state)
    return out


@numba.njit
def words_of(bits, table):
    return np.array([word_of(b, table) for b in bits])


@numba.njit
def radius(state, window):
    return 1 + below(state, window)


def matrices(dim, seed=0, size=0.7):
    rng = np.random.default_rng(seed)
    inputs, outputs = padded(WORDS, dim), padded(WORDS, dim)
    inputs[:, :dim] = rng.normal(size=(WORDS, dim)) * size
    outputs[:, :dim] = rng.normal(size=(WORDS, dim)) * size
    return inputs, outputs


def sigma(x):
    return 1 / (1 + math.exp(-x))


def reference(tokens, sentences, inputs, outputs, table, window, rate, state, places=CENTRES):
    """Make the steps with plain loops in float64, drawing what the kernel draws in the kernel's order."""
    inputs, outputs = inputs.astype(float), outputs.astype(float)
    n, stride = len(tokens), -(-len(tokens) // places)
    ahead = [take_bits(state, NEGATIVES), take_bits(state, NEGATIVES)]
    for step in range(stride):
        ahead.append(take_bits(state, NEGATIVES))
        negatives = words_of(ahead[step], table)
        before, met, r = inputs.copy(), [], radius(state, window)
        for place in range(step, n, stride):
            sentence = np.searchsorted(sentences, place, side="right") - 1
            near = range(max(place - r, sentences[sentence]), min(place + r + 1, sentences[sentence + 1]))
            met.append((tokens[place], [tokens[p] for p in near if p != place]))
        for v, contexts in met:
            g = [rate * (1 - sigma(outputs[c] @ before[v])) for c in contexts]
            for c, weight in zip(contexts, g, strict=True):
                inputs[v] += weight * outputs[c]
                outputs[c] += weight * before[v]
        v_step, n_step = np.zeros_like(inputs), np.zeros_like(outputs)
        words = outputs.copy()
        for v, contexts in met:
            for w in negatives:
                own = sum(c != w for c in contexts)
                g = rate * K * own / NEGATIVES * sigma(words[w] @ before[v])
                v_step[v] -= g * words[w]
                n_step[w] -= g * before[v]
        inputs += v_step
        outputs += n_step
    return inputs, outputs


def assert_near(matrix, wanted, steps):
    """Compare within some roundings of float32; those of one step after the other add up as random ones do."""
    np.testing.assert_allclose(matrix, wanted, rtol=0, atol=1e-6 * max(1, steps / 4) ** 0.5 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("dim", "window", "lengths"),
    [
        (16, 5, [32]),  # one full step
        (10, 2, [7]),  # fewer centres than lanes, dim padded
        (32, 5, [3, 1, 60, 2, 19]),  # several steps, sentences across them
        (16, 1, [65]),
        (47, 3, [40]),  # an odd number of components, and an odd number of registers
        (100, 5, [50]),
        pytest.param(300, 7, [20, 41], marks=pytest.mark.slow),  # several strips, of unequal width
        (16, 40, [80]),  # a window wider than a step and than sentences
    ],
)
def test_steps_equal_those_of_plain_loops(dim, window, lengths):
    rng = np.random.default_rng(dim)
    sentences = np.cumsum([0, *lengths])
    tokens = rng.integers(WORDS, size=sentences[-1]).astype(np.int32)
    inputs, outputs = matrices(dim)
    table = negatives_table(COUNTS)
    kernel = negative_skip_gram(inputs.shape[1])
    rate = 0.05 if window < 10 else 0.002  # or forty contexts of each of forty words would move it too far
    # With two threads a thread has copies of rows, here of all; alone it finds nothing changed when it merges them.
    for threads, places in [(1, CENTRES), (2, CENTRES), (1, 1), (2, 5)]:
        moved, tables = (inputs.copy(), outputs.copy()), (table, K, dim, threads, places)
        expected = reference(tokens, sentences, inputs, outputs, table, window, rate, seeded(0, 9), places)
        trained = kernel(tokens, sentences, *moved, tables, window, np.float32(rate), seeded(0, 9))
        assert trained == len(tokens)
        for matrix, wanted in zip(moved, expected, strict=True):
            assert_near(matrix, wanted, len(tokens) / places)
            assert not matrix[:, dim:].any()


def test_copied_rows_and_others_move_alike():
    words, dim = COPIED + 50, 16
    rng = np.random.default_rng(2)
    inputs, outputs = padded(words, dim), padded(words, dim)
    inputs[:], outputs[:] = rng.normal(size=(2, words, dim)) * 0.7
    tokens, sentences = rng.integers(words, size=900).astype(np.int32), np.array([0, 900])
    table = negatives_table(np.ones(words, np.int64))
    expected = reference(tokens, sentences, inputs, outputs, table, 5, 0.05, seeded(0, 3))
    tables = (table, K, dim, 2, CENTRES)
    negative_skip_gram(dim)(tokens, sentences, inputs, outputs, tables, 5, np.float32(0.05), seeded(0, 3))
    for matrix, wanted in zip((inputs, outputs), expected, strict=True):
        assert_near(matrix, wanted, len(tokens) / CENTRES)


def test_a_badly_mistaken_pair_gets_its_gradient():
    inputs, outputs = padded(2, 16), padded(2, 16)
    inputs[:, 0], outputs[0, 0], outputs[1, 0] = 1, 0, -30
    tokens, sentences, table = np.array([0, 1], np.int32), np.array([0, 2]), negatives_table(np.array([1, 1]))
    tables = (table, K, 16, 1, CENTRES)
    negative_skip_gram(16)(tokens, sentences, inputs, outputs, tables, 1, np.float32(0.5), seeded(0, 0))
    # The pair (0, 1) has score −30, so σ(30) = 1: a table cut off at 6 or 8 would leave c as it was.
    assert outputs[1, 0] == pytest.approx(-29.5, abs=1e-5)


def gradient(pairs, inputs, outputs):
    """Give the expected gradient of plain skip-gram with k own negatives a pair; a draw of the context is skipped."""
    p = COUNTS**0.75 / (COUNTS**0.75).sum()
    v_step, c_step = np.zeros_like(inputs), np.zeros_like(outputs)
    for v, c in pairs:
        scores = outputs @ inputs[v]
        weights = -K * p / (1 + np.exp(-scores))
        weights[c] = 1 / (1 + np.exp(scores[c]))
        v_step[v] += weights @ outputs
        c_step += np.outer(weights, inputs[v])
    return v_step, c_step


def test_the_expected_step_is_that_of_own_negatives_for_each_pair():
    dim, rounds, rate = 16, 20_000, 1e-3
    rng = np.random.default_rng(5)
    tokens = rng.integers(12, size=16).astype(np.int32)  # frequent words, which are often drawn too
    inputs, outputs = (matrix.astype(float) for matrix in matrices(dim, 3))
    pairs = [(tokens[i], tokens[j]) for i in range(16) for j in (i - 1, i + 1) if 0 <= j < 16]
    expected = gradient(pairs, inputs, outputs)
    kernel, table, total = negative_skip_gram(dim), negatives_table(COUNTS), [np.zeros((WORDS, dim)) for _ in "vc"]
    squares = [np.zeros((WORDS, dim)) for _ in "vc"]
    for stream in range(rounds):
        moved = [padded(WORDS, dim), padded(WORDS, dim)]
        moved[0][:], moved[1][:] = inputs, outputs
        kernel(tokens, np.array([0, 16]), *moved, (table, K, dim, 1, CENTRES), 1, np.float32(rate), seeded(1, stream))
        for k, before in enumerate((inputs, outputs)):
            step = (moved[k] - before) / rate
            total[k] += step
            squares[k] += step**2
    for k in range(2):
        mean = total[k] / rounds
        error = np.sqrt(np.maximum(squares[k] / rounds - mean**2, 0) / rounds)
        # Six standard errors for 1,280 numbers, and what a centre changes for the next of its step, which is of the
        # order of the rate.
        assert np.all(np.abs(mean - expected[k]) <= 6 * error + 3 * rate)


def test_the_gradient_is_that_of_the_exact_loss_by_finite_differences():
    """`gradient` is checked here, `reference` and the kernel agree with it in the tests above."""
    dim, step = 6, 1e-5
    rng = np.random.default_rng(2)
    inputs, outputs = rng.normal(size=(WORDS, dim)), rng.normal(size=(WORDS, dim))
    tokens, sentences = rng.integers(WORDS, size=30), np.array([0, 12, 30])
    # Without negatives the loss has no draw but the radius, which window=1 takes away.
    pairs = [(tokens[i], tokens[j]) for a, b in ((0, 12), (12, 30)) for i in range(a, b) for j in (i - 1, i + 1)
             if a <= j < b]  # fmt: skip

    def loss(x):
        v, c = x.reshape(2, WORDS, dim)
        return len(pairs) * negative_sampling_loss(v, c, tokens, sentences, COUNTS, window=1, negatives=0)

    analytic = np.zeros((2, WORDS, dim))
    for v, c in pairs:
        g = 1 - sigma(outputs[c] @ inputs[v])
        analytic[0, v] -= g * outputs[c]
        analytic[1, c] -= g * inputs[v]
    x = np.stack([inputs, outputs]).ravel()
    for k in rng.choice(x.size, 60, replace=False):
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        assert (loss(up) - loss(down)) / (2 * step) == pytest.approx(analytic.ravel()[k], abs=1e-6)


def test_negatives_have_the_gradient_of_their_own_term():
    """One pair and one word to draw: the kernel's step is then exactly the gradient of −log σ(c·v) − k log σ(−n·v)."""
    dim, rate = 16, 4e-4
    inputs, outputs = matrices(dim, 8)
    before = [inputs[:, :dim].astype(float), outputs[:, :dim].astype(float)]
    only = np.zeros(WORDS, np.int64)
    only[7] = 10**12  # the others count at least 1, so a draw is another word with probability 4e-8
    tokens = np.array([3, 4], np.int32)
    kernel = negative_skip_gram(dim)
    tables = (negatives_table(only), K, dim, 1, CENTRES)
    kernel(tokens, np.array([0, 2]), inputs, outputs, tables, 1, np.float32(rate), seeded(0, 0))

    def loss(v, c):
        terms = [c[b] @ v[a] for a, b in ((3, 4), (4, 3))]
        against = [c[7] @ v[a] for a in (3, 4)]
        return sum(np.logaddexp(0, -t) for t in terms) + K * sum(np.logaddexp(0, t) for t in against)

    for matrix, after, row in ((0, inputs, 3), (0, inputs, 4), (1, outputs, 3), (1, outputs, 4), (1, outputs, 7)):
        for d in range(dim):
            changed = [[m.copy() for m in before] for _ in "+-"]
            changed[0][matrix][row, d] += 1e-5
            changed[1][matrix][row, d] -= 1e-5
            slope = (loss(*changed[0]) - loss(*changed[1])) / 2e-5
            # A word drawn 32 times is rounded 32 times the same way, each time by up to 2.4e-7 (half a unit at 4).
            assert after[row, d] - before[matrix][row, d] == pytest.approx(-rate * slope, abs=8e-6)


def test_radii_are_uniform():
    """A word at distance d of a centre is its context with probability (window − d + 1) / window."""
    window, rounds, n = 4, 3000, 9
    tokens, sentences = np.arange(n, dtype=np.int32), np.array([0, n])
    table, met = negatives_table(np.ones(WORDS, np.int64)), np.zeros(n)
    kernel = negative_skip_gram(16)
    for stream in range(rounds):
        inputs, outputs = padded(WORDS, 16), padded(WORDS, 16)
        inputs[4, 0] = 1  # only the centre at place 4 moves outputs, by rate · σ(0) where no negative is meant
        kernel(tokens, sentences, inputs, outputs, (table, 0, 16, 1, CENTRES), window, np.float32(1), seeded(4, stream))
        met += outputs[:n, 0] > 0
    for distance in range(1, window + 1):
        p = (window - distance + 1) / window
        for place in (4 - distance, 4 + distance):
            assert abs(met[place] - rounds * p) <= 5 * math.sqrt(rounds * p * (1 - p))
    assert met[4] == 0


def test_an_empty_block_changes_nothing():
    inputs, outputs = initialised(WORDS, 16, 0), padded(WORDS, 16)
    before = inputs.copy()
    tokens, sentences = np.zeros(0, np.int32), np.zeros(1, np.int64)
    for threads in (1, 2):
        tables = (negatives_table(COUNTS), K, 16, threads, CENTRES)
        assert negative_skip_gram(16)(tokens, sentences, inputs, outputs, tables, 5, np.float32(1), seeded(0, 0)) == 0
    assert np.array_equal(inputs, before)


@pytest.mark.slow
def test_a_second_process_finds_the_compiled_kernel(tmp_path):
    program = (
        "import time, numpy as np\n"
        "from unlabeled.kernels.words.negative_skip_gram import negative_skip_gram as make\n"
        "from unlabeled.kernels.random import seeded\n"
        "from unlabeled.methods.words.prediction.training import padded\n"
        "a, b = padded(3, 48), padded(3, 48)\n"
        "start = time.process_time()\n"
        "tables = np.ones(3, np.uint64), 5, 48, 1, 32\n"
        "make(48)(np.zeros(2, np.int32), np.array([0, 2]), a, b, tables, 5, np.float32(0), seeded(0, 0))\n"
        "print(time.process_time() - start)\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    first, second = (
        float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
        for _ in range(2)
    )
    assert first > 1.5  # it did compile
    assert second < 0.5
