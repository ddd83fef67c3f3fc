"""Skip-gram with negative sampling, thirty-two centres at a time.

A pair of centre v and context c with negatives n₁..n_k has the loss L = −log σ(c·v) − Σ log σ(−nᵢ·v), so

    −∂L/∂v = σ(−c·v) c − Σ σ(nᵢ·v) nᵢ,     −∂L/∂c = σ(−c·v) v,     −∂L/∂nᵢ = −σ(nᵢ·v) v.

Drawing k negatives for each pair makes a step of many short products, bound by memory. Here `CENTRES` centres share
`NEGATIVES` drawn words. A centre with m contexts would draw k m negatives; each shared one therefore counts with weight
k m / `NEGATIVES`, and the expected gradient is that of k own negatives a pair. As in word2vec, a negative that happens
to be the context does not count for that pair: for a centre of whose contexts it is e, its weight is
k (m − e) / `NEGATIVES`.

The centres of a step come from thirty-two places of the block, as far apart as can be, and each place moves on by one
word a step. Neighbours thus have different negatives. If they shared them, what the draw does by chance to one of them
it would do to all, and neighbours are what skip-gram compares: that costs quality, as much as halving `NEGATIVES` does.
Where there are few words, there are fewer places: the steps of centres that are the same word add up.

A step takes first what each centre sees, centre by centre (`score_near`, `exchange`), and then what all share:
`weights` has a row for each negative and a column for each centre, minus the learning rate times the weight just
derived; times σ(score) that is what each negative adds to each centre, and back. Scores and both sums are products of
small dense matrices, most of all the arithmetic, and their operands are copied into the first-level cache for them: in
float32, or rounded to 16 bits where the processor multiplies those twice as fast (`bfloat`). The vectors of the centres
are those before the step throughout. All centres of a step have one radius, drawn anew for the next: loops of one
length are foreseen by the processor, and centres so far apart have nothing to do with each other.

Few contexts are among the negatives. `marks` has a place for the last twelve bits of a row and tells which cannot be.

A row that two threads write travels between the caches of their processors. So each thread has copies of the `COPIED`
most frequent words' rows of `outputs` (see `copies`) and merges a few at every step. The copies begin a whole number
of rows away from the matrix, so a number names a copied row as it names others.

The negatives of the next step are drawn one step early and their rows asked for, and one step before that the entries
of the alias table: few of them are in any cache. A row comes to the second-level cache then, and to the first shortly
before its use, because a step passes more numbers than the first one holds.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.gemm import GROUPS, exchange, push, score, score_near, transpose
from unlabeled.kernels.layout import aligned_rows
from unlabeled.kernels.random import below, draw
from unlabeled.kernels.words.bfloat import interleaved, pack, store_joined
from unlabeled.kernels.words.hot_row_cache import merge_all, merge_in_turn, own_copies, row_of
from unlabeled.kernels.words.lanes import WIDTH, load, mul, prefetch, splat, store
from unlabeled.kernels.words.row_lists import L1, L2, soon
from unlabeled.kernels.words.row_operations import copy_row, sigmoid
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
        prefetch(table, (column(bits[k], table),))


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
def negative_skip_gram(dim: int, numbers: int = 1) -> Any:
    """Make the kernel for vectors of length `dim`, a multiple of 16.

    `numbers` is 2 for products of negatives in bfloat16, 1 for float32. Tables: alias table of the negatives, negatives
    a pair, how many of the `dim` components are in use, the number of threads, and of places that centres come from.
    """
    width = -(-dim // (numbers * WIDTH)) * WIDTH  # of a packed row
    word_groups, centre_groups = NEGATIVES // numbers, CENTRES // numbers

    @compiled
    def kernel(
        tokens: Any, sentences: Any, inputs: Any, outputs: Any, tables: Any, window: int, rate: Any, state: Any
    ) -> int:  # pragma: no cover - compiled
        table, negatives, length, threads, places = tables
        minus, rates = splat(np.float32(-1)), splat(rate)
        share = rate * np.float32(negatives) / np.float32(NEGATIVES)
        n, stride, packed_length = len(tokens), -(-len(tokens) // places), -(-length // numbers)
        weights, scores = aligned_rows(NEGATIVES, CENTRES, inputs), aligned_rows(NEGATIVES, CENTRES, inputs)
        vectors, near = aligned_rows(CENTRES, dim, inputs), aligned_rows(1, 2 * window + WIDTH, inputs)
        columns = aligned_rows(CENTRES, width, inputs).reshape((GROUPS, width, WIDTH))
        if numbers == 2:
            centre_rows, centre_pairs = aligned_rows(CENTRES, width, inputs), aligned_rows(centre_groups, dim, inputs)
            word_rows, word_pairs = aligned_rows(NEGATIVES, width, inputs), aligned_rows(word_groups, dim, inputs)
            to_centres, to_words = (
                aligned_rows(word_groups, CENTRES, inputs),
                aligned_rows(NEGATIVES, centre_groups, inputs),
            )
        else:
            centre_rows, centre_pairs = vectors, vectors
            word_rows = aligned_rows(NEGATIVES, dim, inputs)
            word_pairs, to_centres, to_words = word_rows, weights, weights
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
            if numbers == 2:
                for i in range(0, CENTRES, 2):
                    pack(vectors, i, i + 1, centre_rows, centre_pairs, i, dim)
            for g in range(GROUPS):
                transpose(centre_rows[g * WIDTH :], columns[g], width)

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
                    soon(inputs, tokens[place + 1], dim, L2)
                    soon(outputs, row_of(tokens[place + window + 2], copied, away), dim, L2)
            weights[0, here:] = 0
            for k in range(1, NEGATIVES):
                copy_row(weights, k, weights, 0, CENTRES)

            for k in range(NEGATIVES):
                marks[np.uint64(words[k]) % np.uint64(MARKS)] = 1
            for i in range(here):
                if i + 1 < here:
                    for j in range(met[i + 1]):
                        soon(outputs, contexts[i + 1, j], dim, L1)
                for j in range(met[i]):
                    if marks[np.uint64(contexts[i, j]) % np.uint64(MARKS)]:
                        leave_out(weights, i, words, contexts[i, j], share)
                score_near(near, vectors, i, outputs, contexts[i], met[i], dim)
                for j in range(0, met[i], WIDTH):
                    store(near, (0, j), mul(rates, sigmoid(mul(minus, load(near, (0, j))))))
                exchange(inputs, centres[i], vectors, i, outputs, contexts[i], met[i], near, dim)
            for k in range(NEGATIVES):
                marks[np.uint64(words[k]) % np.uint64(MARKS)] = 0

            for k in range(0, NEGATIVES, 2):
                soon(outputs, words[k + 2], dim, L1)
                soon(outputs, words[k + 3], dim, L1)
                soon(outputs, coming[k], dim, L2)
                soon(outputs, coming[k + 1], dim, L2)
                if numbers == 2:
                    pack(outputs, words[k], words[k + 1], word_rows, word_pairs, k, dim)
                else:
                    copy_row(word_rows, k, outputs, words[k], dim)
                    copy_row(word_rows, k + 1, outputs, words[k + 1], dim)
            score(scores, word_rows, columns, packed_length, NEGATIVES, width, numbers)
            for k in range(0, NEGATIVES, 2):
                for i in range(0, CENTRES, WIDTH):
                    one = mul(load(weights, (k, i)), sigmoid(load(scores, (k, i))))
                    two = mul(load(weights, (k + 1, i)), sigmoid(load(scores, (k + 1, i))))
                    if numbers == 2:
                        store(to_centres, (k // 2, i), interleaved(one, two))
                        store_joined(to_words, k, i // 2, centre_groups, one, two)
                    else:
                        store(weights, (k, i), one)
                        store(weights, (k + 1, i), two)
            push(inputs, centres, to_centres, word_pairs, CENTRES, 1, word_groups, CENTRES, dim, numbers)
            push(outputs, words, to_words, centre_pairs, NEGATIVES, centre_groups, centre_groups, 1, dim, numbers)
            for turn in range(step * TURNS, (step + 1) * TURNS):
                merge_in_turn(outputs, own, known, copied, turn, TURNS, dim)
        merge_all(outputs, own, known, copied, dim)
        return n

    return kernel
