"""The true softmax over the vocabulary.

With input h and an output vector c_w for each word, p(w | h) = exp(h·c_w) / Z. For target words t_1..t_n (the context
of skip-gram's centre; for CBOW the one centre) the loss is L = −Σ_t log p(t | h). With e_w how often w is a target,

    ∂L/∂(h·c_w) = n p(w | h) − e_w,        ∂L/∂h = Σ_w (n p_w − e_w) c_w,        ∂L/∂c_w = (n p_w − e_w) h.

Each step reads and moves the output vectors of all words: it costs 6 · words · dim operations, and is for small
vocabularies and as the truth for the other losses.

Tables: none.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.layout import round_up
from unlabeled.kernels.random import below
from unlabeled.kernels.simd import add, exp, load, register_width, splat, store
from unlabeled.kernels.words.rows.row_lists import add_to_rows, average_rows, context_rows
from unlabeled.kernels.words.rows.row_operations import add_row, add_scaled, copy_row, dot


@inlined
def step(
    h: Any,
    h_change: Any,
    outputs: Any,
    weights: Any,
    tokens: Any,
    first: int,
    last: int,
    skip: int,
    rate: Any,
    dim: int,
) -> None:  # pragma: no cover - compiled
    """Move `outputs` and put the step of h into `h_change`; targets are `tokens` in first..last − 1 without `skip`."""
    words = len(outputs)
    for w in range(words):
        weights[0, w] = dot(h, 0, outputs, w, dim)
    highest = weights[0, :words].max()  # taken off all scores: changes no probability, and keeps exp in range
    for w in range(0, words, register_width(weights)):
        store(weights, (0, w), exp(add(load(weights, (0, w)), splat(-highest))))
    targets = last - first - (first <= skip < last)
    weights[0] *= -rate * targets / weights[0, :words].sum()
    for j in range(first, last):
        if j != skip:
            weights[0, tokens[j]] += rate
    h_change[0] = 0
    for w in range(words):
        add_scaled(h_change, 0, weights[0, w], outputs, w, dim)
        add_scaled(outputs, w, weights[0, w], h, 0, dim)


@cache
def full_skip_gram(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16; a step is that of a centre and all its context."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        h, h_change = np.zeros((1, dim), inputs.dtype), np.zeros((1, dim), inputs.dtype)
        weights = np.zeros((1, round_up(len(outputs), register_width(outputs))), inputs.dtype)
        for s in range(len(sentences) - 1):
            for i in range(sentences[s], sentences[s + 1]):
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                if last - first > 1:
                    copy_row(h, 0, inputs, tokens[i], dim)
                    step(h, h_change, outputs, weights, tokens, first, last, i, rate, dim)
                    add_row(inputs, tokens[i], h_change, 0, dim)
        return len(tokens)

    return kernel


@cache
def full_cbow(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16; h is the mean of the context words' vectors."""

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        h, h_change = np.zeros((1, dim), inputs.dtype), np.zeros((1, dim), inputs.dtype)
        weights, words = (
            np.zeros((1, round_up(len(outputs), register_width(outputs))), inputs.dtype),
            np.zeros(2 * window, np.int64),
        )
        for s in range(len(sentences) - 1):
            for i in range(sentences[s], sentences[s + 1]):
                radius = 1 + below(state, window)
                first, last = max(sentences[s], i - radius), min(sentences[s + 1], i + radius + 1)
                n = context_rows(inputs, tokens, first, last, i, words)
                if n > 0:
                    share = inputs.dtype.type(1) / inputs.dtype.type(n)
                    average_rows(h, 0, share, words, n, dim)
                    step(h, h_change, outputs, weights, tokens, i, i + 1, -1, rate, dim)
                    add_to_rows(words, n, share, h_change, 0, dim)
        return len(tokens)

    return kernel
