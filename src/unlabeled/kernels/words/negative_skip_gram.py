"""Skip-gram with negative sampling, thirty-two centres at a time.

A pair of centre v and context c with negatives n₁..n_k has the loss L = −log σ(c·v) − Σ log σ(−nᵢ·v), so

    −∂L/∂v = σ(−c·v) c − Σ σ(nᵢ·v) nᵢ,     −∂L/∂c = σ(−c·v) v,     −∂L/∂nᵢ = −σ(nᵢ·v) v.

**Shared negatives.** Drawing k negatives for each pair makes a step of many short products, bound by memory. Here
`CENTRES` centres share `NEGATIVES` drawn words. A centre with m contexts would draw k m negatives. So each shared one
counts with weight k m / `NEGATIVES`, and the expected gradient is that of k own negatives a pair. As in word2vec, a
negative that happens to be the context does not count for that pair: if it is e of a centre's contexts, its weight for
that centre is k (m − e) / `NEGATIVES`.

**Which centres.** They come from thirty-two places of the block, as far apart as possible, and each place moves on by
one word a step. So neighbours in the text have different negatives. If they shared them, the chance of the draw would
move them all alike, although skip-gram is to tell them apart; this costs as much quality as half of `NEGATIVES`. Where
there are few different words, there are fewer places, because the steps of centres that are the same word add up.

**A step** first takes the pairs of each centre with its contexts (`positive_pairs`), centre by centre, and then the
products of all centres with all negatives (`gemm`). `weights` has a row for each negative and a column for each centre:
minus the learning rate times the weight above. Multiplied by σ(score), this is what each negative adds to each centre,
and each centre to each negative. The vectors of the centres are those before the step throughout. All centres of a step
have one radius, drawn anew for the next, so that loops are of one length, which the processor can predict.

**Contexts among the negatives** are rare. `marks` has a place for the last twelve bits of a row's number, and shows
which contexts cannot be among them.

**Threads.** A row that two threads write travels between the caches of their processors. So each thread trains copies
of the `COPIED` most frequent words' rows of `outputs`, and merges a few of them at every step (`hot_row_cache`).

**Memory.** The negatives of a step are drawn one step early and their rows prefetched; one step before that, the
entries of the alias table. A row comes to the second-level cache first, and to the first-level cache shortly before
its use, because a step reads more numbers than that one holds.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.gemm import GROUPS, WIDTH, multiply, multiply_into_rows, transpose
from unlabeled.kernels.layout import aligned_rows
from unlabeled.kernels.random import below, draw
from unlabeled.kernels.simd import L1, L2, load, mul, prefetch, sigmoid, splat, store
from unlabeled.kernels.words.positive_pairs import exchange_pairs, score_pairs
from unlabeled.kernels.words.rows.hot_row_cache import merge_all, merge_in_turn, own_copies, row_of
from unlabeled.kernels.words.rows.row_operations import copy_row, prefetch_row
from unlabeled.kernels.words.sampling import column, word_of

CENTRES = GROUPS * WIDTH
NEGATIVES = 32
MARKS = 4096
COPIED, TURNS = 256, 8  # rows a thread copies; merges a step


@inlined
def draw_next(
    words: Any, coming: Any, bits: Any, table: Any, state: Any, copied: int, away: int
) -> None:  # pragma: no cover - compiled
    """Move the negatives on: those drawn come into use, bits drawn become rows, and new bits are drawn."""
    for k in range(NEGATIVES):
        words[k] = coming[k]
        coming[k] = row_of(word_of(bits[k], table), copied, away)
        bits[k] = draw(state)
        prefetch(table, (column(bits[k], table),), L1)


@inlined
def leave_out(weights: Any, i: int, words: Any, context: int, share: Any) -> None:  # pragma: no cover - compiled
    """Take the share of one pair from the weights of those negatives that are its context."""
    same = False
    for k in range(NEGATIVES):
        same |= words[k] == context
    if same:
        for k in range(NEGATIVES):
            if words[k] == context:
                weights[k, i] += share


@cache
def negative_skip_gram(dim: int) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16.

    Tables: alias table of the negatives, negatives a pair, how many of the `dim` components are in use, the number of
    threads, and of places that centres come from.
    """

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        table, negatives, length, threads, places = tables
        minus, rates = splat(np.float32(-1)), splat(rate)
        share = rate * np.float32(negatives) / np.float32(NEGATIVES)
        n, stride = len(tokens), -(-len(tokens) // places)
        weights, scores = aligned_rows(NEGATIVES, CENTRES, inputs), aligned_rows(NEGATIVES, CENTRES, inputs)
        vectors, drawn = aligned_rows(CENTRES, dim, inputs), aligned_rows(NEGATIVES, dim, inputs)
        near = aligned_rows(1, 2 * window + WIDTH, inputs)
        columns = aligned_rows(CENTRES, dim, inputs).reshape((GROUPS, dim, WIDTH))
        own, known, copied, away = own_copies(outputs, threads, COPIED, dim)
        words, contexts = np.zeros(NEGATIVES + 2, np.int64), np.zeros((CENTRES, 2 * window), np.int64)
        marks = np.zeros(MARKS, np.uint8)
        coming, bits = np.zeros(NEGATIVES, np.int64), np.zeros(NEGATIVES, np.uint64)
        draw_next(words, coming, bits, table, state, copied, away)
        draw_next(words, coming, bits, table, state, copied, away)
        centres, met, sentence = np.zeros(CENTRES, np.int64), np.zeros(CENTRES, np.int64), np.zeros(CENTRES, np.int64)
        for step in range(stride):
            here = (n - step + stride - 1) // stride
            draw_next(words, coming, bits, table, state, copied, away)
            for i in range(here):
                centres[i] = tokens[i * stride + step]
                copy_row(vectors, i, inputs, centres[i], dim)
            for g in range(GROUPS):
                transpose(vectors[g * WIDTH :], columns[g], dim)

            radius = 1 + below(state, window)
            for i in range(here):
                place = i * stride + step
                while sentences[sentence[i] + 1] <= place:
                    sentence[i] += 1
                left = max(place - radius, sentences[sentence[i]])
                right = min(place + radius + 1, sentences[sentence[i] + 1])
                met[i] = right - left - 1
                weights[0, i] = -share * np.float32(met[i])
                for p in range(left, place):
                    contexts[i, p - left] = row_of(tokens[p], copied, away)
                for p in range(place + 1, right):
                    contexts[i, p - left - 1] = row_of(tokens[p], copied, away)
                if place + window + 2 < n:
                    prefetch_row(inputs, tokens[place + 1], dim, L2)
                    prefetch_row(outputs, row_of(tokens[place + window + 2], copied, away), dim, L2)
            weights[0, here:] = 0
            for k in range(1, NEGATIVES):
                copy_row(weights, k, weights, 0, CENTRES)

            for k in range(NEGATIVES):
                marks[np.uint64(words[k]) % np.uint64(MARKS)] = 1
            for i in range(here):
                if i + 1 < here:
                    for j in range(met[i + 1]):
                        prefetch_row(outputs, contexts[i + 1, j], dim, L1)
                for j in range(met[i]):
                    if marks[np.uint64(contexts[i, j]) % np.uint64(MARKS)]:
                        leave_out(weights, i, words, contexts[i, j], share)
                score_pairs(near, vectors, i, outputs, contexts[i], met[i], dim)
                for j in range(0, met[i], WIDTH):
                    store(near, (0, j), mul(rates, sigmoid(mul(minus, load(near, (0, j))))))
                exchange_pairs(inputs, centres[i], vectors, i, outputs, contexts[i], met[i], near, dim)
            for k in range(NEGATIVES):
                marks[np.uint64(words[k]) % np.uint64(MARKS)] = 0

            for k in range(0, NEGATIVES, 2):
                prefetch_row(outputs, words[k + 2], dim, L1)
                prefetch_row(outputs, words[k + 3], dim, L1)
                prefetch_row(outputs, coming[k], dim, L2)
                prefetch_row(outputs, coming[k + 1], dim, L2)
                copy_row(drawn, k, outputs, words[k], dim)
                copy_row(drawn, k + 1, outputs, words[k + 1], dim)
            multiply(scores, drawn, columns, length, NEGATIVES, dim)
            for k in range(NEGATIVES):
                for i in range(0, CENTRES, WIDTH):
                    store(weights, (k, i), mul(load(weights, (k, i)), sigmoid(load(scores, (k, i)))))
            multiply_into_rows(inputs, centres, weights, drawn, CENTRES, 1, NEGATIVES, CENTRES, dim)
            multiply_into_rows(outputs, words, weights, vectors, NEGATIVES, CENTRES, CENTRES, 1, dim)
            for turn in range(step * TURNS, (step + 1) * TURNS):
                merge_in_turn(outputs, own, known, copied, turn, TURNS, dim)
        merge_all(outputs, own, known, copied, dim)
        return n

    return kernel
