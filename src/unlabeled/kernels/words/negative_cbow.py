"""CBOW with negative sampling: the mean of the context must score high with the word itself and low with drawn words.

With h the mean of the context's input vectors, c the output vector of the word, N drawn negatives a word wanted, and
words n_k, k = 1..m, drawn once and shared by the words of a step, the loss of a word is

    L = −log σ(h·c) − (N/m) Σ_k log σ(−h·n_k),        without those n_k that are the word itself.

Its expectation is that of N negatives of its own for each word, so nothing is biased. m is N rounded up to a multiple
of 8. A step has sixteen words, the next four of each of four stretches of the block, and one radius. Neighbours thus
share their negatives with few of each other. (Held-out losses over three seeds: four fours with eight negatives do as
well as sixteen in a row with sixteen; two eights with eight 0.3-0.6 % worse; sixteen ones 0.2-0.4 % better, but then
no two words of a step have context words in common.)

The m shared rows are read from memory once for the step, and their scores and gradients are products of small dense
matrices. With H the means (16 × dim), S the shared negatives (m × dim), W = −rate (N/m) σ(H Sᵀ) and
g = rate (1 − σ(h·c)), the changes are

    Δh = g c + W S        Δc = g h        ΔS = Wᵀ H        Δv = Δh / n for each of the n context words v.

All scores of a step are taken before anything moves, so it is exactly the gradient of the step's loss. Words without
context, and those lacking at the end of a stretch, have scores like others, and weights of zero.

The rows of the next step are prefetched into the second-level cache one step ahead, and into the first-level cache
shortly before their use, because a step reads more numbers than that one holds.

Tables: the alias table of the negatives, N, and the length of a vector without padding, which is not needed here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.layout import aligned_rows, round_up
from unlabeled.kernels.random import below
from unlabeled.kernels.simd import L1, L2, load, mul, register_width, sigmoid, splat, store
from unlabeled.kernels.words.overlapping_windows import LONG, RUNS, WORDS, exchange_runs, share_span
from unlabeled.kernels.words.rows.row_lists import address, average_rows, context_rows
from unlabeled.kernels.words.rows.row_operations import dot, prefetch_row
from unlabeled.kernels.words.rows.row_products import score_rows, weight_place, weights_size
from unlabeled.kernels.words.sampling import draw_word

FEW = 8
NOBODY = -1


@inlined
def draws_of(negatives: int) -> Any:  # pragma: no cover - compiled
    """Tell how many negatives are drawn for a step: no fewer than a word wants."""
    return round_up(negatives, FEW)


@inlined
def leave_out(weights: Any, centre: int, w: int, drawn: Any, m: int) -> None:  # pragma: no cover - compiled
    """Set the weights to zero that word w has with itself, or all, if it takes no part."""
    for k in range(m):
        if drawn[k] == centre or centre == NOBODY:
            weights[weight_place(w, k, WORDS, m)] = 0


@cache
def negative_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        table, negatives, _ = tables
        n, m, stretch = len(tokens), draws_of(negatives), -(-len(tokens) // RUNS)
        h, zeros = aligned_rows(WORDS, dim, inputs), aligned_rows(1, dim, inputs)
        weights, gains = aligned_rows(1, weights_size(WORDS, m), inputs)[0], aligned_rows(1, WORDS, inputs)[0]
        centres, centre_rows = np.zeros(WORDS, np.int64), np.zeros(WORDS, np.int64)
        first, last, parts = np.zeros(WORDS, np.int64), np.zeros(WORDS, np.int64), aligned_rows(1, WORDS, inputs)[0]
        widest = LONG + 2 * window
        spans, widths = np.zeros((RUNS, widest), np.int64), np.zeros(RUNS, np.int64)
        shares = aligned_rows(RUNS, LONG * widest, inputs)
        context, sentence = np.zeros(2 * window, np.int64), np.zeros(RUNS, np.int64)
        drawn, coming, drawn_rows = np.zeros(m, np.int64), np.zeros(m, np.int64), np.zeros(m, np.int64)
        one = inputs.dtype.type(1)
        negative_rate = splat(-rate * inputs.dtype.type(negatives) / inputs.dtype.type(m))
        positive_rate, minus = splat(rate), splat(-one)
        for k in range(m):
            coming[k] = draw_word(table, state)
        for step in range(0, stretch, LONG):
            radius = 1 + below(state, window)
            for run in range(RUNS):
                start = run * stretch + step
                end, base, top = min(start + LONG, run * stretch + stretch, n), start, start
                for w in range(run * LONG, run * LONG + LONG):
                    i = start + w - run * LONG
                    centres[w], centre_rows[w], first[w], last[w] = NOBODY, address(zeros, 0), i, i
                    if i >= end:
                        continue
                    while sentences[sentence[run] + 1] <= i:
                        sentence[run] += 1
                    prefetch_row(inputs, tokens[min(i + LONG + window, n - 1)], dim, L2)
                    prefetch_row(outputs, tokens[min(i + LONG, n - 1)], dim, L2)
                    left = max(sentences[sentence[run]], i - radius)
                    right = min(sentences[sentence[run] + 1], i + radius + 1)
                    if right - left > 1:
                        centres[w], centre_rows[w] = tokens[i], address(outputs, tokens[i])
                        first[w], last[w], base, top = left, right, min(base, left), max(top, right)
                        met = context_rows(inputs, tokens, left, right, i, context)
                        parts[w] = one / inputs.dtype.type(met)
                        average_rows(h, w, parts[w], context, met, dim)
                widths[run] = top - base
                for j in range(base, top):
                    spans[run, j - base] = address(inputs, tokens[j])
                share_span(shares, run, base, top - base, start, first, last, parts)
            for k in range(m):
                drawn[k], drawn_rows[k] = coming[k], address(outputs, coming[k])
                coming[k] = draw_word(table, state)
                prefetch_row(outputs, coming[k], dim, L2)

            for w in range(WORDS):
                prefetch_row(outputs, max(0, centres[min(w + 3, WORDS - 1)]), dim, L1)
                if w < m:
                    prefetch_row(outputs, drawn[w], dim, L1)
                gains[w] = 0 if centres[w] == NOBODY else dot(h, w, outputs, centres[w], dim)
            score_rows(weights, h, WORDS, drawn_rows, m, dim)
            for w in range(0, WORDS, register_width(gains)):
                store(gains, (w,), mul(positive_rate, sigmoid(mul(minus, load(gains, (w,))))))
            for k in range(0, WORDS * m, register_width(weights)):
                store(weights, (k,), mul(negative_rate, sigmoid(load(weights, (k,)))))
            for w in range(WORDS):
                leave_out(weights, centres[w], w, drawn, m)
                gains[w] *= centres[w] != NOBODY
            exchange_runs(h, centre_rows, gains, drawn_rows, m, weights, spans, widths, shares, dim)
        return n

    return kernel
