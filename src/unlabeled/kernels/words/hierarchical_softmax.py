"""Hierarchical softmax: a word is found by yes-or-no questions along its path in a Huffman tree.

With the path of word w through inner nodes k = 1..m, turns t_k ∈ {0, 1}, a vector θ_k for each node, and the input h,

    p(w | h) = Π_k σ(h·θ_k)^t_k (1 − σ(h·θ_k))^(1 − t_k),

which sums to 1 over the words, because at each node the two ways do. The loss of a pair is L = −log p(w | h), so

    ∂L/∂(h·θ_k) = σ(h·θ_k) − t_k,        ∂L/∂h = Σ_k (σ(h·θ_k) − t_k) θ_k,        ∂L/∂θ_k = (σ(h·θ_k) − t_k) h.

A pair costs the length of a path, about log₂ of the vocabulary, instead of the vocabulary.

Where several threads train, each works on its own copies of the root and the nodes below it (see `hot_row_cache`).

The rows of a word are prefetched several words ahead: first the tables that list the nodes of its path, because they do
not fit a processor's cache, and then the nodes. The requests are spread over the work, because only a few are served at
a time.

Tables: those of `HuffmanTree.tables`, and the number of threads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.layout import aligned_rows, round_up
from unlabeled.kernels.random import below
from unlabeled.kernels.simd import L1, L2, fma, load, mul, prefetch, register_width, sigmoid, splat, store
from unlabeled.kernels.words.rows.hot_row_cache import merge_all, merge_in_turn, own_copies, row_of
from unlabeled.kernels.words.rows.row_lists import add_to_rows, address, average_rows, context_rows, exchange_rows
from unlabeled.kernels.words.rows.row_operations import prefetch_row
from unlabeled.kernels.words.rows.row_products import ROWS, exchange_tiles, score_path, weights_size

CHUNK = 8  # words of a step of CBOW
LINE = 16  # nodes, or turns, of a cache line
NEAR = 8  # nodes from the root down that stay in the cache, because nearly every path passes them
SOON = 4  # words by which nodes are prefetched ahead
COPIED = 2048  # nodes that all threads copy together
EVERY, AHEAD = 16, 2  # words of all threads between two merges; merges by which a node is prefetched ahead


@inlined
def path_rows(
    outputs: Any, copied: int, away: int, nodes: Any, start: int, m: int, rows: Any
) -> None:  # pragma: no cover - compiled
    """List the vectors of the nodes of a path, and the first one again up to whole tiles of scores."""
    for k in range(m):
        rows[k] = address(outputs, row_of(nodes[start + k], copied, away))
    for k in range(m, round_up(m, ROWS)):
        rows[k] = rows[0]


@inlined
def rate_errors(weights: Any, wanted: Any, count: int, rate: Any) -> None:  # pragma: no cover - compiled
    """Turn scores into weights, rate (t − σ)."""
    rates, minus = splat(rate), splat(-rate)
    for k in range(0, count, register_width(weights)):
        errors = fma(minus, sigmoid(load(weights, (k,))), mul(rates, load(wanted, (k,))))
        store(weights, (k,), errors)


@inlined
def prefetch_tables(tokens: Any, i: int, starts: Any, nodes: Any, turns: Any) -> None:  # pragma: no cover - compiled
    """Prefetch the tables that list the nodes of words to come."""
    last = len(tokens) - 1
    prefetch(starts, (tokens[min(i + SOON + 4, last)],), L1)
    path = starts[tokens[min(i + SOON + 2, last)]]
    for k in (path, path + LINE - 1):  # a path rarely lies in more than two cache lines
        prefetch(nodes, (k,), L1)
        prefetch(turns, (k,), L1)


@inlined
def prefetch_path(
    tokens: Any, i: int, outputs: Any, copied: int, away: int, starts: Any, nodes: Any, first: int, end: int, dim: int
) -> None:  # pragma: no cover - compiled
    """Prefetch the nodes from `first` to before `end` of the path of a word to come."""
    word = tokens[min(i + SOON, len(tokens) - 1)]
    for k in range(starts[word] + first, min(starts[word] + end, starts[word + 1])):
        prefetch_row(outputs, row_of(nodes[k], copied, away), dim, L2)


@cache
def hierarchical_skip_gram(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16.

    The context words of a window are the inputs and its centre is the word sought, as in word2vec: over a text each
    pair of words stands in both roles equally often, and so all inputs of a window share one path. Their scores are
    taken before any of them has moved; then four of them at a time exchange with the nodes, as they are by then.
    """

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        starts, nodes, turns, depth, threads = tables
        size = weights_size(2 * window, depth)
        weights, wanted = aligned_rows(1, size, inputs)[0], aligned_rows(1, size, inputs)[0]
        words, path = np.zeros(2 * window, np.int64), np.zeros(depth + ROWS, np.int64)
        own, known, copied, away = own_copies(outputs, threads, COPIED // threads, dim)
        every = max(1, EVERY // threads)
        for s in range(len(sentences) - 1):
            for i in range(sentences[s], sentences[s + 1]):
                prefetch_tables(tokens, i, starts, nodes, turns)
                prefetch_row(inputs, tokens[min(i + SOON + window, len(tokens) - 1)], dim, L2)
                prefetch_path(tokens, i, outputs, copied, away, starts, nodes, NEAR, NEAR + 2, dim)
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                n = context_rows(inputs, tokens, first, last, i, words)
                if n == 0:
                    continue
                start, m = starts[tokens[i]], starts[tokens[i] + 1] - starts[tokens[i]]
                path_rows(outputs, copied, away, nodes, start, m, path)
                score_path(weights, wanted, words, n, path, m, turns, start, dim)
                prefetch_path(tokens, i, outputs, copied, away, starts, nodes, NEAR + 2, NEAR + 4, dim)
                rate_errors(weights, wanted, n * round_up(m, ROWS), rate)
                prefetch_path(tokens, i, outputs, copied, away, starts, nodes, NEAR + 4, depth, dim)
                exchange_tiles(words, n, weights, path, m, dim)
                if i % every == 0:
                    merge_in_turn(outputs, own, known, copied, i // every, AHEAD, dim)
        merge_all(outputs, own, known, copied, dim)
        return len(tokens)

    return kernel


@cache
def hierarchical_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16; h is the mean of the context words' vectors.

    The errors of a chunk of consecutive words are taken before anything moves. Then one word after the other exchanges
    with its nodes, as they are by then: Δh = Σ_k w_k θ_k, Δθ_k = w_k h. At the end Δh goes to the context words.
    """

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        starts, nodes, turns, depth, threads = tables
        h, h_change = aligned_rows(CHUNK, dim, inputs), aligned_rows(CHUNK, dim, inputs)
        means = np.array([address(h, k) for k in range(CHUNK)])
        size = weights_size(1, depth)
        weights, wanted = aligned_rows(CHUNK, size, inputs), aligned_rows(CHUNK, size, inputs)
        words, met = np.zeros((CHUNK, 2 * window), np.int64), np.zeros(CHUNK, np.int64)
        paths, lengths = np.zeros((CHUNK, depth + ROWS), np.int64), np.zeros(CHUNK, np.int64)
        own, known, copied, away = own_copies(outputs, threads, COPIED // threads, dim)
        every = max(1, EVERY // threads)
        one = inputs.dtype.type(1)
        i, s, end = 0, 0, len(tokens)
        while i < end:
            # The next words of the text that have context, with one radius: the processor foresees loops of one length.
            n, radius = 0, 1 + below(state, window)
            while n < CHUNK and i < end:
                while i >= sentences[s + 1]:
                    s += 1
                prefetch_tables(tokens, i, starts, nodes, turns)
                prefetch_row(inputs, tokens[min(i + SOON + window, end - 1)], dim, L2)
                prefetch_path(tokens, i, outputs, copied, away, starts, nodes, NEAR, depth, dim)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                if last - first > 1:
                    met[n] = context_rows(inputs, tokens, first, last, i, words[n])
                    average_rows(h, n, one / inputs.dtype.type(met[n]), words[n], met[n], dim)
                    start, m = starts[tokens[i]], starts[tokens[i] + 1] - starts[tokens[i]]
                    path_rows(outputs, copied, away, nodes, start, m, paths[n])
                    score_path(weights[n], wanted[n], means[n : n + 1], 1, paths[n], m, turns, start, dim)
                    lengths[n] = m
                    n += 1
                if i % every == 0:
                    merge_in_turn(outputs, own, known, copied, i // every, AHEAD, dim)
                i += 1
            for r in range(n):
                rate_errors(weights[r], wanted[r], lengths[r], rate)
            for r in range(n):
                exchange_rows(h_change, h, r, weights, paths[r], lengths[r], dim)
            for r in range(n):
                add_to_rows(words[r], met[r], one / inputs.dtype.type(met[r]), h_change, r, dim)
        merge_all(outputs, own, known, copied, dim)
        return end

    return kernel
