"""Hierarchical softmax: a word is found by yes-or-no questions along its path in a Huffman tree.

With the path of word w through inner nodes k = 1..m, turns t_k ∈ {0, 1}, a vector θ_k for each node, and the input h,

    p(w | h) = Π_k σ(h·θ_k)^t_k (1 − σ(h·θ_k))^(1 − t_k),

which sums to 1 over the words, because at each node the two ways do. The loss of a pair is L = −log p(w | h), so

    ∂L/∂(h·θ_k) = σ(h·θ_k) − t_k,        ∂L/∂h = Σ_k (σ(h·θ_k) − t_k) θ_k,        ∂L/∂θ_k = (σ(h·θ_k) − t_k) h.

A pair costs the length of a path, about log₂ of the vocabulary, instead of the vocabulary.

Where several threads train, each works on its own copies of the root and the nodes next to it (see `copies`).

Tables: those of `HuffmanTree.tables`, and the number of threads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.compiled import compiled
from unlabeled.methods.words.kernels.context import context_rows
from unlabeled.methods.words.kernels.copies import COPIED, copied_rows, copy_first, merge, merge_in_turn
from unlabeled.methods.words.kernels.lanes import WIDTH, add, load, mul, splat, store
from unlabeled.methods.words.kernels.random import below
from unlabeled.methods.words.kernels.rows import (
    TILE,
    add_to_rows,
    address,
    aligned,
    average_rows,
    exchange_rows,
    list_rows,
    push_rows,
    score_rows,
)
from unlabeled.methods.words.kernels.tiles import copy_row, inlined, prefetch_row, rounded_up, sigmoid

TALL = 2  # contexts of a tile of scores
NEAR = 6  # so many nodes from the root down are passed so often that they stay in cache


@inlined
def path_rows(
    outputs: Any, own: Any, copied: int, nodes: Any, path: int, m: int, rows: Any
) -> None:  # pragma: no cover - compiled
    """List the vectors of the nodes of a path, and the first one again up to whole tiles of scores."""
    for k in range(m):
        node = nodes[path + k]
        rows[k] = address(own, node) if node < copied else address(outputs, node)
    rows[m : rounded_up(m, TILE)] = rows[0]


@inlined
def rate_errors(weights: Any, n: int, turns: Any, path: int, m: int, rate: Any) -> None:  # pragma: no cover - compiled
    """Turn scores into weights, rate (t_k − σ)."""
    rates, minus = splat(rate), splat(-rate)
    for r in range(n):
        for k in range(0, m, WIDTH):
            errors = add(mul(rates, load(turns, (path + k,))), mul(minus, sigmoid(load(weights, (r, k)))))
            store(weights, (r, k), errors)


@inlined
def prefetch_ahead(
    tokens: Any, i: int, window: int, inputs: Any, outputs: Any, starts: Any, nodes: Any, dim: int
) -> None:  # pragma: no cover - compiled
    """Ask for the rows that will be needed two words later: one more context word, and the lower end of a path."""
    soon = tokens[min(i + 2, len(tokens) - 1)]
    prefetch_row(inputs, tokens[min(i + 2 + window, len(tokens) - 1)], dim)
    for k in range(starts[soon] + NEAR, starts[soon + 1]):
        prefetch_row(outputs, nodes[k], dim)


@cache
def hierarchical_skip_gram(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16.

    The context words of a window are the inputs and its centre is the word sought, as in word2vec: over a text each
    pair of words stands in both roles equally often, and so all inputs of a window share one path. Their scores are
    taken before any of them has moved; a step is the gradient of the sum of their losses.
    """

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        starts, nodes, turns, depth, threads = tables
        most, stride = rounded_up(2 * window, TALL), rounded_up(depth, WIDTH)
        vectors, weights, own = aligned(most, dim, inputs), aligned(most, stride, inputs), aligned(COPIED, dim, inputs)
        known, copied = aligned(COPIED, dim, inputs), copied_rows(outputs, threads)
        words, held, path = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(depth + TILE, np.int64)
        list_rows(vectors, held)
        copy_first(outputs, own, known, copied, dim)
        for s in range(len(sentences) - 1):
            for i in range(sentences[s], sentences[s + 1]):
                prefetch_ahead(tokens, i, window, inputs, outputs, starts, nodes, dim)
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                n = context_rows(inputs, tokens, first, last, i, words)
                if n == 0:
                    continue
                for j in range(n):
                    copy_row(vectors, j, inputs, tokens[first + j + (first + j >= i)], dim)
                start, m = starts[tokens[i]], starts[tokens[i] + 1] - starts[tokens[i]]
                path_rows(outputs, own, copied, nodes, start, m, path)
                score_rows(weights, held, n, path, m, dim, TALL)
                rate_errors(weights, n, turns, start, m, rate)
                push_rows(words, n, weights, stride, 1, path, m, dim)
                push_rows(path, m, weights, 1, stride, held, n, dim)
                merge_in_turn(outputs, own, known, copied, i, dim)
        for k in range(copied):
            merge(outputs, own, known, k, dim)
        return len(tokens)

    return kernel


@cache
def hierarchical_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16; h is the mean of the context words' vectors."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        starts, nodes, turns, depth, threads = tables
        h, h_change = aligned(1, dim, inputs), aligned(1, dim, inputs)
        weights, own = aligned(1, rounded_up(depth, WIDTH), inputs), aligned(COPIED, dim, inputs)
        known, copied = aligned(COPIED, dim, inputs), copied_rows(outputs, threads)
        words, held, path = np.zeros(2 * window, np.int64), np.zeros(1, np.int64), np.zeros(depth + TILE, np.int64)
        list_rows(h, held)
        copy_first(outputs, own, known, copied, dim)
        for s in range(len(sentences) - 1):
            for i in range(sentences[s], sentences[s + 1]):
                prefetch_ahead(tokens, i, window, inputs, outputs, starts, nodes, dim)
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                n = context_rows(inputs, tokens, first, last, i, words)
                if n == 0:
                    continue
                share = inputs.dtype.type(1) / inputs.dtype.type(n)
                average_rows(h, 0, share, words, n, dim)
                start, m = starts[tokens[i]], starts[tokens[i] + 1] - starts[tokens[i]]
                path_rows(outputs, own, copied, nodes, start, m, path)
                score_rows(weights, held, 1, path, m, dim, 1)
                rate_errors(weights, 1, turns, start, m, rate)
                exchange_rows(h_change, h, 0, weights, path, m, dim)
                add_to_rows(words, n, share, h_change, 0, dim)
                merge_in_turn(outputs, own, known, copied, i, dim)
        for k in range(copied):
            merge(outputs, own, known, k, dim)
        return len(tokens)

    return kernel
