"""Hierarchical softmax: a word is found by yes-or-no questions along its path in a Huffman tree.

With the path of word w through inner nodes k = 1..m, turns t_k ∈ {0, 1}, a vector θ_k for each node, and the input h,

    p(w | h) = Π_k σ(h·θ_k)^t_k (1 − σ(h·θ_k))^(1 − t_k),

which sums to 1 over the words, because at each node the two ways do. The loss of a pair is L = −log p(w | h), so

    ∂L/∂(h·θ_k) = σ(h·θ_k) − t_k,        ∂L/∂h = Σ_k (σ(h·θ_k) − t_k) θ_k,        ∂L/∂θ_k = (σ(h·θ_k) − t_k) h.

A pair costs the length of a path, about log₂ of the vocabulary, instead of the vocabulary.

Tables: `HuffmanTree.tables`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.compiled import compiled
from unlabeled.methods.words.kernels.context import add_to_context, mean_of_context
from unlabeled.methods.words.kernels.lanes import WIDTH, add, fma, load, mul, put_totals, splat, store
from unlabeled.methods.words.kernels.random import below
from unlabeled.methods.words.kernels.tiles import (
    BLOCK,
    add_products,
    add_scaled,
    copy_row,
    inlined,
    prefetch_row,
    rounded_up,
    scores,
    sigmoid,
)

NEAR = 6  # so many nodes from the root down are passed so often that they stay in cache


@inlined
def rate_errors(weights: Any, n: int, turns: Any, path: int, m: int, rate: Any) -> None:  # pragma: no cover - compiled
    """Turn scores into weights, rate (t_k − σ); what is past n × m up to full blocks becomes zero."""
    rates, minus = splat(rate), splat(-rate)
    for r in range(n):
        for k in range(0, m, WIDTH):
            errors = add(mul(rates, load(turns, (path + k,))), mul(minus, sigmoid(load(weights, (r, k)))))
            store(weights, (r, k), errors)
        weights[r, m : rounded_up(m, BLOCK)] = 0
    weights[n : rounded_up(n, BLOCK), : rounded_up(m, BLOCK)] = 0


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
        starts, nodes, turns, depth = tables
        most = rounded_up(2 * window, BLOCK)
        h, weights = np.zeros((most, dim), inputs.dtype), np.zeros((most, rounded_up(depth, WIDTH)), inputs.dtype)
        places, words, path_nodes = np.arange(most), np.zeros(most, np.int64), np.zeros(depth + BLOCK, np.int64)
        for s in range(len(sentences) - 1):
            for i in range(sentences[s], sentences[s + 1]):
                prefetch_ahead(tokens, i, window, inputs, outputs, starts, nodes, dim)
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                n, path = 0, starts[tokens[i]]
                m = starts[tokens[i] + 1] - path
                for j in range(first, last):
                    if j != i:
                        words[n] = tokens[j]
                        copy_row(h, n, inputs, words[n], dim)
                        n += 1
                words[n : rounded_up(n, BLOCK)] = words[0]
                for k in range(m):
                    path_nodes[k] = nodes[path + k]
                path_nodes[m : m + BLOCK] = 0
                scores(h, places, n, outputs, path_nodes, m, dim, weights)
                rate_errors(weights, n, turns, path, m, rate)
                add_products(inputs, words, n, weights, False, outputs, path_nodes, m, dim)
                add_products(outputs, path_nodes, m, weights, True, h, places, n, dim)
        return len(tokens)

    return kernel


@inlined
def scores_of_one(h: Any, b: Any, rows: Any, m: int, dim: int, out: Any) -> None:  # pragma: no cover - compiled
    """Set out[0, k] to h[0] · b[rows[k]], eight at a time."""
    zero = splat(h.dtype.type(0))
    for k in range(0, m, 8):
        k0, k1, k2, k3, k4, k5, k6, k7 = (
            rows[k], rows[k + 1], rows[k + 2], rows[k + 3], rows[k + 4], rows[k + 5], rows[k + 6], rows[k + 7],
        )  # fmt: skip
        s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
        for d in range(0, dim, WIDTH):
            x = load(h, (0, d))
            s0, s1 = fma(x, load(b, (k0, d)), s0), fma(x, load(b, (k1, d)), s1)
            s2, s3 = fma(x, load(b, (k2, d)), s2), fma(x, load(b, (k3, d)), s3)
            s4, s5 = fma(x, load(b, (k4, d)), s4), fma(x, load(b, (k5, d)), s5)
            s6, s7 = fma(x, load(b, (k6, d)), s6), fma(x, load(b, (k7, d)), s7)
        put_totals(out, (0, k), (0, k + 4), (s0, s1, s2, s3, s4, s5, s6, s7))


@inlined
def exchange(
    weights: Any, h: Any, h_change: Any, b: Any, rows: Any, m: int, dim: int
) -> None:  # pragma: no cover - compiled
    """Set h_change[0] to Σ_k weights[0, k] b[rows[k]], and add weights[0, k] h[0] to each b[rows[k]]; rows differ."""
    h_change[0] = 0
    whole = m - m % 3
    for k in range(0, whole, 3):
        k0, k1, k2 = rows[k], rows[k + 1], rows[k + 2]
        w0, w1, w2 = splat(weights[0, k]), splat(weights[0, k + 1]), splat(weights[0, k + 2])
        for d in range(0, dim, WIDTH):
            x, b0, b1, b2 = load(h, (0, d)), load(b, (k0, d)), load(b, (k1, d)), load(b, (k2, d))
            store(h_change, (0, d), fma(w0, b0, fma(w1, b1, fma(w2, b2, load(h_change, (0, d))))))
            store(b, (k0, d), fma(w0, x, b0))
            store(b, (k1, d), fma(w1, x, b1))
            store(b, (k2, d), fma(w2, x, b2))
    for k in range(whole, m):
        add_scaled(h_change, 0, weights[0, k], b, rows[k], dim)
        add_scaled(b, rows[k], weights[0, k], h, 0, dim)


@cache
def hierarchical_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16; h is the mean of the context words' vectors."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        starts, nodes, turns, depth = tables
        h, h_change = np.zeros((1, dim), inputs.dtype), np.zeros((1, dim), inputs.dtype)
        weights = np.zeros((BLOCK, rounded_up(depth, WIDTH)), inputs.dtype)
        path_nodes = np.zeros(depth + 8, np.int64)
        for s in range(len(sentences) - 1):
            for i in range(sentences[s], sentences[s + 1]):
                prefetch_ahead(tokens, i, window, inputs, outputs, starts, nodes, dim)
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                if last - first < 2:
                    continue
                mean_of_context(inputs, tokens, first, last, i, h, 0, dim)
                path = starts[tokens[i]]
                m = starts[tokens[i] + 1] - path
                for k in range(m):
                    path_nodes[k] = nodes[path + k]
                path_nodes[m : m + 8] = 0
                scores_of_one(h, outputs, path_nodes, m, dim, weights)
                rate_errors(weights, 1, turns, path, m, rate)
                exchange(weights, h, h_change, outputs, path_nodes, m, dim)
                add_to_context(inputs, tokens, first, last, i, h_change, 0, dim)
        return len(tokens)

    return kernel
