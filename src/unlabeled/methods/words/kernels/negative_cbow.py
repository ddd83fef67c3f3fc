"""CBOW with negative sampling: the mean of the context must score high with the word itself and low with drawn words.

With h the mean of the context's input vectors, c the output vector of the word, N drawn negatives a word wanted, and
words n_k, k = 1..m, drawn once and shared by a chunk of consecutive words, the loss of a word is

    L = −log σ(h·c) − (N/m) Σ_k log σ(−h·n_k),        without those n_k that are the word itself.

Its expectation is that of N negatives of its own for each word, so nothing is biased. A chunk has m words, which is N
rounded up to a multiple of 16, and one radius. (With chunks of 8 the held-out loss was 0.15 % higher, in each of three
seeds.) The m shared rows are read from memory once for the chunk, and their scores and gradients are products of small
dense matrices. With H the means (m × dim), S the shared negatives (m × dim), W = −rate (N/m) σ(H Sᵀ) and
g = rate (1 − σ(h·c)), the steps are

    Δh = g c + W S        Δc = g h        ΔS = Wᵀ H        Δv = Δh / n for each of the n context words v.

All scores of a chunk are taken before anything moves, so a step is exactly the gradient of the chunk's loss.

Tables: the alias table of the negatives, N, and the length of a vector without padding, which is not needed here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.compiled import compiled
from unlabeled.methods.words.kernels.context import context_rows
from unlabeled.methods.words.kernels.lanes import WIDTH, load, mul, splat, store
from unlabeled.methods.words.kernels.products import push_rows, push_vectors, score_rows, weight_place, weights_room
from unlabeled.methods.words.kernels.random import below
from unlabeled.methods.words.kernels.rows import add_to_rows, address, aligned, average_rows, list_rows
from unlabeled.methods.words.kernels.sampling import draw_word
from unlabeled.methods.words.kernels.tiles import add_scaled, dot, inlined, prefetch_row, rounded_up, sigmoid

FEW = 16


@inlined
def chunk_of(negatives: int) -> Any:  # pragma: no cover - compiled
    """Tell how many words make a chunk, and how many negatives are drawn for it: no fewer than a word wants."""
    return rounded_up(negatives, FEW)


@cache
def negative_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        table, negatives, _ = tables
        size = chunk_of(negatives)
        h, h_change = aligned(size, dim, inputs), aligned(size, dim, inputs)
        weights, positive = aligned(1, weights_room(size, size), inputs)[0], aligned(1, rounded_up(size, WIDTH), inputs)
        centre, met = np.zeros(size, np.int64), np.zeros(size, np.int64)
        words = np.zeros((size, 2 * window), np.int64)
        drawn, coming, drawn_rows = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.int64)
        changes = np.zeros(size, np.int64)
        list_rows(h_change, changes)
        one = inputs.dtype.type(1)
        negative_rate = splat(-rate * inputs.dtype.type(negatives) / inputs.dtype.type(size))
        positive_rate, minus = splat(rate), splat(-one)

        for k in range(size):
            coming[k] = draw_word(table, state)
        i, s, end = 0, 0, len(tokens)
        while i < end:
            # The next words of the text that have context, with one radius, and the mean of it.
            n, radius = 0, 1 + below(state, window)
            while n < size and i < end:
                while i >= sentences[s + 1]:
                    s += 1
                prefetch_row(inputs, tokens[min(i + window + size, end - 1)], dim)
                prefetch_row(outputs, tokens[min(i + size, end - 1)], dim)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                if last - first > 1:
                    centre[n], met[n] = tokens[i], context_rows(inputs, tokens, first, last, i, words[n])
                    average_rows(h, n, one / inputs.dtype.type(met[n]), words[n], met[n], dim)
                    # Negatives are drawn one chunk ahead, so that they have come from memory when they are needed.
                    drawn[n], drawn_rows[n] = coming[n], address(outputs, coming[n])
                    coming[n] = draw_word(table, state)
                    prefetch_row(outputs, coming[n], dim)
                    n += 1
                i += 1
            for k in range(n, size):  # of the last chunk, which may be shorter
                drawn[k], drawn_rows[k] = coming[k], address(outputs, coming[k])

            for r in range(n):
                positive[0, r] = dot(h, r, outputs, centre[r], dim)
            score_rows(weights, h, n, drawn_rows, size, dim)
            for k in range(0, n, WIDTH):
                store(positive, (0, k), mul(positive_rate, sigmoid(mul(minus, load(positive, (0, k))))))
            for k in range(0, n * size, WIDTH):
                store(weights, (k,), mul(negative_rate, sigmoid(load(weights, (k,)))))
            for r in range(n):
                for k in range(size):
                    if drawn[k] == centre[r]:
                        weights[weight_place(r, k, n, size)] = 0

            h_change[:n] = 0
            for r in range(n):
                add_scaled(h_change, r, positive[0, r], outputs, centre[r], dim)
            push_vectors(changes, n, weights, drawn_rows, size, dim)
            push_rows(drawn_rows, size, weights, h, n, dim)
            for r in range(n):
                add_scaled(outputs, centre[r], positive[0, r], h, r, dim)
                add_to_rows(words[r], met[r], one / inputs.dtype.type(met[r]), h_change, r, dim)
        return end

    return kernel
