"""CBOW with negative sampling: the mean of the context must score high with the word itself and low with drawn words.

With h the mean of the context's input vectors, c the output vector of the word, N drawn negatives a word wanted, and
words n_k, k = 1..m, drawn once and shared by a chunk of consecutive words, the loss of a word is

    L = −log σ(h·c) − (N/m) Σ_k log σ(−h·n_k),        without those n_k that are the word itself.

Its expectation is that of N negatives of its own for each word, so nothing is biased; the m shared rows are read from
memory once for the chunk, and their scores and gradients are products of small dense matrices. With H the means
(chunk × dim), S the shared negatives (m × dim), W = −rate (N/m) σ(H Sᵀ) and g = rate (1 − σ(h·c)), the steps are

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
from unlabeled.methods.words.kernels.lanes import load, mul, splat, store
from unlabeled.methods.words.kernels.random import below
from unlabeled.methods.words.kernels.rows import (
    add_to_rows,
    address,
    aligned,
    average_rows,
    list_rows,
    push_rows,
    score_rows,
)
from unlabeled.methods.words.kernels.sampling import draw_word
from unlabeled.methods.words.kernels.tiles import add_scaled, dot, prefetch_row, sigmoid

CHUNK, DRAWN = 16, 16


@cache
def negative_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        table, negatives, _ = tables
        h, h_change = aligned(CHUNK, dim, inputs), aligned(CHUNK, dim, inputs)
        weights, positive = aligned(CHUNK, DRAWN, inputs), aligned(1, CHUNK, inputs)
        centre, met = np.zeros(CHUNK, np.int64), np.zeros(CHUNK, np.int64)
        words = np.zeros((CHUNK, 2 * window), np.int64)
        drawn, coming, drawn_rows = np.zeros(DRAWN, np.int64), np.zeros(DRAWN, np.int64), np.zeros(DRAWN, np.int64)
        means, changes = np.zeros(CHUNK, np.int64), np.zeros(CHUNK, np.int64)
        list_rows(h, means)
        list_rows(h_change, changes)
        one = inputs.dtype.type(1)
        negative_rate = splat(-rate * inputs.dtype.type(negatives) / inputs.dtype.type(DRAWN))
        positive_rate, minus = splat(rate), splat(-one)

        for k in range(DRAWN):
            coming[k] = draw_word(table, state)
        i, s, end = 0, 0, len(tokens)
        while i < end:
            # The next words of the text that have context, and the mean of it.
            n = 0
            while n < CHUNK and i < end:
                while i >= sentences[s + 1]:
                    s += 1
                prefetch_row(inputs, tokens[min(i + window + CHUNK, end - 1)], dim)
                prefetch_row(outputs, tokens[min(i + CHUNK, end - 1)], dim)
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                if last - first > 1:
                    centre[n], met[n] = tokens[i], context_rows(inputs, tokens, first, last, i, words[n])
                    average_rows(h, n, one / inputs.dtype.type(met[n]), words[n], met[n], dim)
                    n += 1
                i += 1
            # Negatives are drawn one chunk ahead, so that they have come from memory when they are needed.
            for k in range(DRAWN):
                drawn[k], drawn_rows[k] = coming[k], address(outputs, coming[k])
                coming[k] = draw_word(table, state)
                prefetch_row(outputs, coming[k], dim)

            for r in range(n):
                positive[0, r] = dot(h, r, outputs, centre[r], dim)
            score_rows(weights, means, n, drawn_rows, DRAWN, dim, 2)
            store(positive, (0, 0), mul(positive_rate, sigmoid(mul(minus, load(positive, (0, 0))))))
            for r in range(n):
                store(weights, (r, 0), mul(negative_rate, sigmoid(load(weights, (r, 0)))))
                for k in range(DRAWN):
                    if drawn[k] == centre[r]:
                        weights[r, k] = 0

            h_change[:n] = 0
            for r in range(n):
                add_scaled(h_change, r, positive[0, r], outputs, centre[r], dim)
            push_rows(changes, n, weights, DRAWN, 1, drawn_rows, DRAWN, dim)
            push_rows(drawn_rows, DRAWN, weights, 1, DRAWN, means, n, dim)
            for r in range(n):
                add_scaled(outputs, centre[r], positive[0, r], h, r, dim)
                add_to_rows(words[r], met[r], one / inputs.dtype.type(met[r]), h_change, r, dim)
        return end

    return kernel
