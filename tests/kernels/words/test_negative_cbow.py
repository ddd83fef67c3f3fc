"""The kernels of CBOW, hierarchical softmax and full softmax against plain loops, and against numerical gradients.

The kernels work in whatever precision their matrices have. In float64 they agree with the loops to the error of their
exponential (below 1e-7), so that a wrong factor anywhere would show.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from unlabeled.kernels.random import below, seeded
from unlabeled.kernels.words.full_softmax import full_cbow, full_skip_gram
from unlabeled.kernels.words.hierarchical_softmax import CHUNK as STEP
from unlabeled.kernels.words.hierarchical_softmax import hierarchical_cbow, hierarchical_skip_gram
from unlabeled.kernels.words.negative_cbow import FEW, negative_cbow
from unlabeled.kernels.words.overlapping_windows import LONG, RUNS
from unlabeled.kernels.words.rows.row_products import TALL
from unlabeled.kernels.words.sampling import draw_word, negatives_table
from unlabeled.methods.words.counting.huffman import HuffmanTree

DIM, WORDS, WINDOW = 32, 11, 3
COUNTS = np.array([90, 40, 33, 20, 9, 9, 7, 4, 2, 1, 1])
TREE = HuffmanTree.of(COUNTS)
NEGATIVES = 5
ALIAS = negatives_table(COUNTS)
KERNELS = {
    ("full", "skip-gram"): full_skip_gram,
    ("full", "cbow"): full_cbow,
    ("hierarchical", "skip-gram"): hierarchical_skip_gram,
    ("hierarchical", "cbow"): hierarchical_cbow,
    ("negative", "cbow"): negative_cbow,
}


def tables(loss, dtype=np.float64, threads=1):
    if loss == "hierarchical":
        starts, nodes, turns, depth = TREE.tables
        return starts, nodes, turns.astype(dtype), depth, threads
    return (ALIAS, NEGATIVES, DIM) if loss == "negative" else ()


def softplus(x):
    return np.logaddexp(0, x)


def text(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(WORDS, size=sum(lengths)).astype(np.int32), np.cumsum([0, *lengths])


def matrices(seed=1, scale=1.0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(WORDS, DIM)) * scale).astype(dtype) for _ in range(2)]


def context_of(i, start, end, radius):
    return [j for j in range(max(start, i - radius), min(end, i + radius + 1)) if j != i]


def windows(tokens, sentences, state, chunk=None):
    """Yield each place with those of its context, with the radii the kernel draws: one a place, or one a chunk.

    A chunk is so many places that have context.
    """
    met, radius = 0, None
    for start, end in pairwise(sentences):
        for i in range(start, end):
            if radius is None:
                radius = 1 + below(state, WINDOW)
            context = context_of(i, start, end, radius)
            met += len(context) > 0
            if chunk is None or (context and met % chunk == 0):
                radius = None
            yield i, context


def shared_steps(tokens, sentences, state, drawn, window=WINDOW):
    """Yield for each step of CBOW its windows and its negatives, `drawn` words, which are drawn one step early."""
    stretch, coming = -(-len(tokens) // RUNS), [draw_word(ALIAS, state) for _ in range(drawn)]
    for step in range(0, stretch, LONG):
        radius, found = 1 + below(state, window), []
        for start in range(step, RUNS * stretch, stretch):
            for i in range(start, min(start + LONG, start - step + stretch, len(tokens))):
                s = np.searchsorted(sentences, i, side="right") - 1
                found.append((i, context_of(i, sentences[s], sentences[s + 1], radius)))
        now, coming = coming, [draw_word(ALIAS, state) for _ in range(drawn)]
        yield [(i, context) for i, context in found if context], now


def pair_loss(loss, h, word, outputs):
    """Give −log p(word | h), for the losses that have such a thing."""
    if loss == "full":
        scores = outputs @ h
        return np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[word]
    path = slice(TREE.starts[word], TREE.starts[word + 1])
    signs = 2 * TREE.turns[path].astype(np.float64) - 1
    return softplus(-signs * (outputs[TREE.nodes[path]] @ h)).sum()


def block_loss(loss, method, tokens, sentences, inputs, outputs, state):
    """Sum the loss over all windows of a block."""
    if loss == "negative":
        return shared_loss(tokens, sentences, inputs, outputs, state)
    total = 0.0
    size = STEP if (loss, method) == ("hierarchical", "cbow") else None
    for i, context in windows(tokens, sentences, state, size):
        if not context:
            continue
        word = tokens[i]
        if method == "cbow":
            total += pair_loss(loss, inputs[tokens[context]].mean(axis=0), word, outputs)
        elif loss == "full":
            total += sum(pair_loss(loss, inputs[word], tokens[j], outputs) for j in context)
        else:
            total += sum(pair_loss(loss, inputs[tokens[j]], word, outputs) for j in context)
    return total


def shared_loss(tokens, sentences, inputs, outputs, state):
    """Sum the loss of CBOW with shared negatives."""
    total = 0.0
    for places, drawn in shared_steps(tokens, sentences, state, FEW):
        for i, context in places:
            word, h = tokens[i], inputs[tokens[context]].mean(axis=0)
            others = [k for k in drawn if k != word]
            total += softplus(-h @ outputs[word]) + NEGATIVES / FEW * softplus(outputs[others] @ h).sum()
    return total


def numerical_gradient(function, *arrays, step=1e-5):
    gradients = []
    for array in arrays:
        gradient = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            at = array[place]
            array[place] = at + step
            above = function()
            array[place] = at - step
            gradient[place] = (above - function()) / (2 * step)
            array[place] = at
        gradients.append(gradient)
    return gradients


@pytest.mark.parametrize(("loss", "method"), KERNELS)
def test_a_step_follows_the_numerical_gradient_of_the_loss(loss, method):
    tokens, sentences = text([4, 1, 6, 2])
    inputs, outputs = matrices(scale=0.5)
    down = numerical_gradient(
        lambda: block_loss(loss, method, tokens, sentences, inputs, outputs, seeded(7, 0)), inputs, outputs
    )
    before = inputs.copy(), outputs.copy()
    rate = 1e-7  # so small that the steps of a block, taken one after the other, add up to the gradient of their sum
    kernel = KERNELS[loss, method](DIM)
    assert kernel(tokens, sentences, inputs, outputs, tables(loss), WINDOW, rate, seeded(7, 0)) == len(tokens)
    for after, start, gradient in zip((inputs, outputs), before, down, strict=True):
        # Central differences err by about 1e-9 here, the steps by rate · second derivative, relatively up to 1e-5.
        np.testing.assert_allclose((start - after) / rate, gradient, rtol=1e-5, atol=1e-5)
        assert np.abs(gradient).max() > 0.1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slow_window(loss, method, i, context, tokens, inputs, outputs, rate):
    """Train on one window as the equations say."""
    word = tokens[i]
    if loss == "full":
        h = inputs[word].copy() if method == "skip-gram" else inputs[tokens[context]].mean(axis=0)
        targets = [tokens[j] for j in context] if method == "skip-gram" else [word]
        scores = np.exp(outputs @ h)
        error = len(targets) * scores / scores.sum()
        for target in targets:
            error[target] -= 1
        step = -rate * error @ outputs
        outputs -= rate * np.outer(error, h)
        rows, shares = (
            ([word], [1.0]) if method == "skip-gram" else (tokens[context], [1 / len(context)] * len(context))
        )
        for row, share in zip(rows, shares, strict=True):
            inputs[row] += share * step
        return
    path = slice(TREE.starts[word], TREE.starts[word + 1])
    nodes, turns = TREE.nodes[path], TREE.turns[path]
    errors = sigmoid(inputs[tokens[context]] @ outputs[nodes].T) - turns
    for start in range(0, len(context), TALL):
        words, part = tokens[context[start : start + TALL]], errors[start : start + TALL]
        hs, steps = inputs[words], -rate * part @ outputs[nodes]
        outputs[nodes] -= rate * part.T @ hs
        np.add.at(inputs, words, steps)


def chunks(places, size):
    """Collect windows that have context, `size` at a time."""
    found = [place for place in places if place[1]]
    return [found[start : start + size] for start in range(0, len(found), size)]


def slow_hierarchical_chunks(tokens, sentences, inputs, outputs, rate, state):
    """Train CBOW with a tree: the errors of a chunk first, then one word after the other with the nodes as they are."""
    for chunk in chunks(windows(tokens, sentences, state, STEP), STEP):
        paths = [slice(TREE.starts[tokens[i]], TREE.starts[tokens[i] + 1]) for i, _ in chunk]
        hs = [inputs[tokens[context]].mean(axis=0) for _, context in chunk]
        errors = [sigmoid(outputs[TREE.nodes[p]] @ h) - TREE.turns[p] for p, h in zip(paths, hs, strict=True)]
        for (_, context), path, h, error in zip(chunk, paths, hs, errors, strict=True):
            step = -rate * error @ outputs[TREE.nodes[path]]
            outputs[TREE.nodes[path]] -= rate * np.outer(error, h)
            np.add.at(inputs, tokens[context], step / len(context))


def slow_negative_steps(tokens, sentences, inputs, outputs, rate, state, negatives=NEGATIVES, size=FEW, window=WINDOW):
    """Train CBOW with shared negatives as the equations say, drawing in the kernel's order."""
    for places, drawn in shared_steps(tokens, sentences, state, size, window):
        new_inputs, new_outputs = inputs.copy(), outputs.copy()
        for i, context in places:
            word, h = tokens[i], inputs[tokens[context]].mean(axis=0)
            pulls = [(word, sigmoid(-h @ outputs[word]))]
            pulls += [(k, -negatives / size * sigmoid(h @ outputs[k])) for k in drawn if k != word]
            for k, pull in pulls:
                new_outputs[k] += rate * pull * h
                for j in context:
                    new_inputs[tokens[j]] += rate * pull * outputs[k] / len(context)
        inputs[:], outputs[:] = new_inputs, new_outputs


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("loss", "method"), KERNELS)
def test_a_block_equals_plain_loops(loss, method, dtype):
    tokens, sentences = text([7, 1, 30, 2, 1, 1, 12])
    inputs, outputs = matrices(dtype=dtype)
    slow_inputs, slow_outputs = inputs.astype(np.float64), outputs.astype(np.float64)
    rate, state = dtype(0.1), seeded(3, 1)
    if loss == "negative":
        slow_negative_steps(tokens, sentences, slow_inputs, slow_outputs, 0.1, state)
    elif (loss, method) == ("hierarchical", "cbow"):
        slow_hierarchical_chunks(tokens, sentences, slow_inputs, slow_outputs, 0.1, state)
    else:
        for i, context in windows(tokens, sentences, state):
            if context:
                slow_window(loss, method, i, context, tokens, slow_inputs, slow_outputs, 0.1)
    start = inputs.copy()
    KERNELS[loss, method](DIM)(tokens, sentences, inputs, outputs, tables(loss, dtype), WINDOW, rate, seeded(3, 1))
    # In float64 the exponential's error; in float32 some hundred roundings of numbers of order 1.
    close = {"rtol": 0, "atol": 1e-6 if dtype is np.float64 else 1e-4}
    np.testing.assert_allclose(inputs, slow_inputs, **close)
    np.testing.assert_allclose(outputs, slow_outputs, **close)
    assert np.abs(inputs - start).max() > 0.1


@pytest.mark.parametrize(("negatives", "size"), [(1, 8), (8, 8), (9, 16), (40, 40)])
def test_a_step_draws_no_fewer_than_a_word_wants(negatives, size):
    tokens, sentences = text([7, 1, 30, 2, 1, 1, 12])
    inputs, outputs = matrices()
    slow_inputs, slow_outputs = inputs.copy(), outputs.copy()
    slow_negative_steps(tokens, sentences, slow_inputs, slow_outputs, 0.1, seeded(3, 1), negatives, size)
    negative_cbow(DIM)(tokens, sentences, inputs, outputs, (ALIAS, negatives, DIM), WINDOW, 0.1, seeded(3, 1))
    np.testing.assert_allclose(inputs, slow_inputs, rtol=0, atol=1e-6)
    np.testing.assert_allclose(outputs, slow_outputs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dim", [16, 80, 96, 304])
@pytest.mark.parametrize("window", [1, 2, 8])
@pytest.mark.parametrize("lengths", [[1], [2], [3, 1, 1], [16], [17], [5, 1, 60, 1, 2, 1], [200]])
def test_steps_of_any_text_and_width_are_those_of_plain_loops(lengths, window, dim):
    tokens, sentences = text(lengths, seed=window)
    rng = np.random.default_rng(dim)
    inputs, outputs = rng.normal(size=(2, WORDS, dim)) / np.sqrt(dim)
    slow_inputs, slow_outputs = inputs.copy(), outputs.copy()
    slow_negative_steps(tokens, sentences, slow_inputs, slow_outputs, 0.1, seeded(3, 1), window=window)
    negative_cbow(dim)(tokens, sentences, inputs, outputs, (ALIAS, NEGATIVES, dim), window, 0.1, seeded(3, 1))
    np.testing.assert_allclose(inputs, slow_inputs, rtol=0, atol=1e-6)
    np.testing.assert_allclose(outputs, slow_outputs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["skip-gram", "cbow"])
def test_copies_of_the_first_nodes_change_nothing_for_a_thread_alone(method):
    tokens, sentences = text([9, 1, 150, 2])
    kernel, before = KERNELS["hierarchical", method](DIM), matrices()
    trained = []
    for threads in (1, 2):
        inputs, outputs = (matrix.copy() for matrix in before)
        kernel(tokens, sentences, inputs, outputs, tables("hierarchical", threads=threads), WINDOW, 0.1, seeded(0, 0))
        trained.append((inputs, outputs))
    for alone, copied in zip(*trained, strict=True):
        np.testing.assert_allclose(copied, alone, rtol=0, atol=1e-9)
    assert np.abs(trained[0][1] - before[1]).max() > 0.1


@pytest.mark.parametrize(("loss", "method"), KERNELS)
def test_a_saturated_pair_still_gets_its_gradient(loss, method):
    """A score of −30, where others look up a table that ends at ±6 and change nothing."""
    tokens, sentences = np.array([1, 1], np.int32), np.array([0, 2])
    inputs, outputs = np.zeros((2, WORDS, DIM))
    inputs[:, 0] = 1
    outputs[:, 0] = -30
    signs = np.zeros(WORDS)
    if loss == "hierarchical":
        path = slice(TREE.starts[1], TREE.starts[2])
        signs[TREE.nodes[path]] = 2 * TREE.turns[path] - 1
        outputs[:, 0] = -30 * signs
    elif loss == "full":
        outputs[1, 0] = -60
    before = outputs.copy()
    KERNELS[loss, method](DIM)(tokens, sentences, inputs, outputs, tables(loss), 1, 1e-6, seeded(0, 0))
    moved = outputs[:, 0] - before[:, 0]
    if loss == "hierarchical":  # σ(−30) − 1 = −1 to 13 digits, for each of the two words of the block
        np.testing.assert_allclose(moved[signs != 0], 2e-6 * signs[signs != 0], rtol=1e-3)
    else:
        assert moved[1] == pytest.approx(2e-6, rel=1e-3)


@pytest.mark.parametrize(("loss", "method"), KERNELS)
def test_padding_stays_zero_and_a_lone_word_changes_nothing(loss, method):
    inputs, outputs = matrices()
    inputs[:, 20:] = outputs[:, 20:] = 0
    kernel = KERNELS[loss, method](DIM)
    tokens, sentences = text([20, 3])
    kernel(tokens, sentences, inputs, outputs, tables(loss), WINDOW, 0.1, seeded(0, 0))
    assert not inputs[:, 20:].any()
    assert not outputs[:, 20:].any()
    before = inputs.copy(), outputs.copy()
    kernel(np.array([4, 5], np.int32), np.array([0, 1, 2]), inputs, outputs, tables(loss), WINDOW, 0.1, seeded(0, 0))
    kernel(np.array([], np.int32), np.array([0]), inputs, outputs, tables(loss), WINDOW, 0.1, seeded(0, 0))
    assert np.array_equal(inputs, before[0])
    assert np.array_equal(outputs, before[1])
