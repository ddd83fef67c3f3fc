"""Skip-gram with negative sampling, sixteen centres at a time.

A pair of centre v and context c with negatives n₁..n_k has the loss L = −log σ(c·v) − Σ log σ(−nᵢ·v), so

    −∂L/∂v = σ(−c·v) c − Σ σ(nᵢ·v) nᵢ,     −∂L/∂c = σ(−c·v) v,     −∂L/∂nᵢ = −σ(nᵢ·v) v.

Drawing k negatives for each pair makes a step of many short products, bound by memory. Here `CENTRES` consecutive
centres share `NEGATIVES` drawn words. A centre with m contexts would draw k m negatives; each shared one therefore
counts with weight k m / `NEGATIVES`, and the expected gradient is that of k own negatives a pair. As in word2vec, a
negative that happens to be the context does not count for that pair: for a centre of whose contexts it is e, its weight
is k (m − e) / `NEGATIVES`.

A step has a table `weights` with a row for each word, first the negatives and then all words from the first context
to the last, and a column for each centre: the learning rate where the word is context of the centre, minus the
learning rate times the weight just derived where it is a negative, and zero elsewhere. Times σ(∓score) that is what
each word's vector adds to each centre's (`push_centres`), and back (`push_words`). All scores are of the vectors before
the step: those of the centres are copied, and those of the words change last.

The words of the next step are drawn one step early and their rows asked for, and one step before that the entries of
the alias table: few of them are in any cache. A row comes to the second-level cache then, and to the first shortly
before its use, because a step passes more numbers than the first one holds.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.compiled import compiled
from unlabeled.methods.words.kernels.lanes import WIDTH, load, mul, prefetch, splat, store
from unlabeled.methods.words.kernels.panels import TALL, push_centres, push_words, score_rows, soon, transpose
from unlabeled.methods.words.kernels.random import below, draw
from unlabeled.methods.words.kernels.sampling import column, word_of
from unlabeled.methods.words.kernels.tiles import copy_row, dot, inlined, sigmoid

CENTRES = WIDTH
NEGATIVES = 32
BLOCK = 8  # words scored at a time
NEAR, FAR = 3, 1  # the first-level cache; the second


@inlined
def aligned(rows: int, width: int) -> Any:  # pragma: no cover - compiled
    """Make a matrix of zeros that begins at a cache line."""
    memory = np.zeros(rows * width + 16, np.float32)
    start = np.int64(-memory.ctypes.data % 64) // 4
    return memory[start : start + rows * width].reshape((rows, width))


@inlined
def draw_next(words: Any, coming: Any, bits: Any, table: Any, state: Any) -> None:  # pragma: no cover - compiled
    """Move the negatives on: those drawn come into use, bits drawn become words, and new bits are drawn."""
    for k in range(NEGATIVES):
        words[k] = coming[k]
        coming[k] = word_of(bits[k], table)
        bits[k] = draw(state)
        prefetch(table, (column(bits[k], table),))


@inlined
def leave_out_contexts(weights: Any, words: Any, count: int, share: Any) -> None:  # pragma: no cover - compiled
    """Take from each negative's weight the share of the pairs whose context it is."""
    for j in range(NEGATIVES, count):
        same = False
        for k in range(NEGATIVES):
            same |= words[k] == words[j]
        if same:
            for k in range(NEGATIVES):
                if words[k] == words[j]:
                    for i in range(CENTRES):
                        weights[k, i] += share * weights[j, i]


@cache
def negative_skip_gram(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16.

    Tables: alias table of the negatives, negatives a pair, and how many of the `dim` components are in use.
    """

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        table, negatives, length = tables
        n, rows = len(tokens), NEGATIVES + CENTRES + 2 * window + BLOCK
        share = np.float32(negatives) / np.float32(NEGATIVES)
        weights, scores = aligned(rows, CENTRES), aligned(rows, CENTRES)
        vectors, columns = aligned(CENTRES, dim), aligned(dim, CENTRES)
        words, centres = np.zeros(rows + BLOCK, np.int64), np.zeros(CENTRES, np.int64)
        coming, bits = np.zeros(NEGATIVES, np.int64), np.zeros(NEGATIVES, np.uint64)
        draw_next(words, coming, bits, table, state)
        draw_next(words, coming, bits, table, state)
        # Which rows add to the centres of a tile, and which centres to the rows of a tile.
        reach, back = np.zeros((CENTRES // TALL, 2), np.int64), np.zeros((rows // TALL, 2), np.int64)
        back[:, 1] = CENTRES
        sentence = 0
        for start in range(0, n, CENTRES):
            here = min(CENTRES, n - start)
            first, last = max(0, start - window), min(n, start + here + window)
            count = NEGATIVES + last - first  # rows in use; that of the word at place p is p + shift
            shift = NEGATIVES - first

            draw_next(words, coming, bits, table, state)
            for p in range(first, last):
                words[p + shift] = tokens[p]
            for i in range(here):
                centres[i] = tokens[start + i]
                copy_row(vectors, i, inputs, centres[i], dim)
            transpose(vectors, columns, dim)

            weights[0] = 0
            weights[NEGATIVES:] = 0
            reach[:, 0], reach[:, 1] = count, 0
            back[NEGATIVES // TALL :, 0], back[NEGATIVES // TALL :, 1] = CENTRES, 0
            for i in range(here):
                place = start + i
                while sentences[sentence + 1] <= place:
                    sentence += 1
                radius = 1 + below(state, window)
                left = max(place - radius, sentences[sentence]) + shift
                right = min(place + radius + 1, sentences[sentence + 1]) + shift
                weights[0, i] = -rate * share * np.float32(right - left - 1)
                reach[i // TALL, 0] = min(reach[i // TALL, 0], left)
                reach[i // TALL, 1] = max(reach[i // TALL, 1], right)
                for j in range(left, right):
                    back[j // TALL, 0] = min(back[j // TALL, 0], i)
                    back[j // TALL, 1] = i + 1
                    weights[j, i] = rate
                    scores[j, i] = dot(vectors, i, outputs, words[j], dim)
                weights[place + shift, i] = 0
            for k in range(1, NEGATIVES):
                weights[k] = weights[0]
            leave_out_contexts(weights, words, count, share)

            for j in range(0, NEGATIVES, BLOCK):
                for k in range(j, j + BLOCK):
                    soon(outputs, words[k + BLOCK], dim, NEAR)
                    soon(outputs, coming[k], dim, FAR)
                score_rows(scores, j, outputs, words, columns, dim, length, BLOCK)
            for p in range(start + CENTRES, min(start + 2 * CENTRES, n)):
                soon(inputs, tokens[p], dim, FAR)
            for p in range(last, min(last + CENTRES, n)):
                soon(outputs, tokens[p], dim, FAR)
            for k in range(NEGATIVES):
                store(weights, (k, 0), mul(load(weights, (k, 0)), sigmoid(load(scores, (k, 0)))))
            minus = splat(np.float32(-1))
            for j in range(NEGATIVES, count):
                store(weights, (j, 0), mul(load(weights, (j, 0)), sigmoid(mul(minus, load(scores, (j, 0))))))

            push_centres(inputs, centres, weights, outputs, words, NEGATIVES, reach, dim)
            push_words(outputs, words, weights, vectors, -(-count // TALL), back, dim)
        return n

    return kernel
