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
from unlabeled.methods.words.kernels.context import add_to_context, mean_of_context
from unlabeled.methods.words.kernels.lanes import load, mul, splat, store
from unlabeled.methods.words.kernels.random import below
from unlabeled.methods.words.kernels.sampling import draw_word
from unlabeled.methods.words.kernels.tiles import add_products, add_scaled, dot, prefetch_row, scores, sigmoid

CHUNK, DRAWN = 16, 16


@cache
def negative_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        table, negatives, _ = tables
        h, h_change = np.zeros((CHUNK, dim), inputs.dtype), np.zeros((CHUNK, dim), inputs.dtype)
        weights, positive = np.zeros((CHUNK, DRAWN), inputs.dtype), np.zeros((1, CHUNK), inputs.dtype)
        first, last, centre = np.zeros(CHUNK, np.int64), np.zeros(CHUNK, np.int64), np.zeros(CHUNK, np.int64)
        places, drawn, coming = np.arange(CHUNK), np.zeros(DRAWN, np.int64), np.zeros(DRAWN, np.int64)
        negative_rate = splat(-rate * inputs.dtype.type(negatives) / inputs.dtype.type(DRAWN))
        positive_rate, minus = splat(rate), splat(inputs.dtype.type(-1))

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
                first[n], last[n], centre[n] = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1), i
                if last[n] - first[n] > 1:
                    mean_of_context(inputs, tokens, first[n], last[n], i, h, n, dim)
                    n += 1
                i += 1

            # Negatives are drawn one chunk ahead, so that they have come from memory when they are needed.
            for k in range(DRAWN):
                drawn[k] = coming[k]
                coming[k] = draw_word(table, state)
                prefetch_row(outputs, coming[k], dim)

            for r in range(n):
                positive[0, r] = dot(h, r, outputs, tokens[centre[r]], dim)
            scores(h, places, n, outputs, drawn, DRAWN, dim, weights)
            store(positive, (0, 0), mul(positive_rate, sigmoid(mul(minus, load(positive, (0, 0))))))
            for r in range(n):
                store(weights, (r, 0), mul(negative_rate, sigmoid(load(weights, (r, 0)))))
                for k in range(DRAWN):
                    if drawn[k] == tokens[centre[r]]:
                        weights[r, k] = 0
            weights[n:] = 0

            h_change[:] = 0
            for r in range(n):
                add_scaled(h_change, r, positive[0, r], outputs, tokens[centre[r]], dim)
            add_products(h_change, places, n, weights, False, outputs, drawn, DRAWN, dim)
            add_products(outputs, drawn, DRAWN, weights, True, h, places, n, dim)
            for r in range(n):
                add_scaled(outputs, tokens[centre[r]], positive[0, r], h, r, dim)
                add_to_context(inputs, tokens, first[r], last[r], centre[r], h_change, r, dim)
        return end

    return kernel
