"""One centre of skip-gram with the words around it: their scores, and the steps that both take."""

from __future__ import annotations

from typing import Any

from numba.core import types

from unlabeled.kernels.gemm import REGISTER, WIDE
from unlabeled.kernels.ir_builder import (
    add_product,
    add_to,
    at,
    constant,
    data_of,
    fma,
    from_to,
    load,
    load_broadcast,
    row_at,
    specialised,
    store,
    strips,
    sums_of_zero,
    times,
    total,
)


@specialised
def score_pairs(typing: Any, scores: Any, vectors: Any, i: Any, outputs: Any, words: Any, count: Any, dim: Any) -> Any:
    """Set scores[0, j] to vectors[i] · outputs[words[j]], for j < count."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (scores, vectors, None, outputs, words)
        out, own, matrix, listed = data_of(context, builder, kinds, values)
        mine = at(builder, own, times(builder, values[2], width))
        with from_to(builder, 0, values[5]) as (j, _):
            row = row_at(builder, matrix, listed, width, j)
            sums = [constant(REGISTER, 0.0)] * 4  # four, because each product waits for the one before it in its sum
            for n, d in enumerate(range(0, width, REGISTER.count)):
                x, y = (load(builder, at(builder, vector, d), REGISTER) for vector in (mine, row))
                sums[n % 4] = fma(builder, x, y, sums[n % 4])
            halves = [builder.fadd(sums[k], sums[k + 2]) for k in (0, 1)]
            builder.store(total(builder, builder.fadd(*halves)), at(builder, out, j))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(scores, vectors, whole, outputs, words, whole, dim), emit


@specialised
def exchange_pairs(
    typing: Any, inputs: Any, centre: Any, vectors: Any, i: Any, outputs: Any, words: Any, count: Any, weights: Any,
    dim: Any,
) -> Any:  # fmt: skip
    """Add weights[0, j] outputs[words[j]] to inputs[centre] and weights[0, j] vectors[i] to that row, for j < count."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (inputs, None, vectors, None, outputs, words, None, weights)
        changed, own, matrix, listed, factors = data_of(context, builder, kinds, values)
        out = at(builder, changed, times(builder, values[1], width))
        mine = at(builder, own, times(builder, values[3], width))
        for strip in strips(width, REGISTER, WIDE):
            slots = sums_of_zero(builder, len(strip), REGISTER)
            vector = [load(builder, at(builder, mine, d), REGISTER) for d in strip]
            with from_to(builder, 0, values[6]) as (j, _):
                row = row_at(builder, matrix, listed, width, j)
                scale = load_broadcast(builder, at(builder, factors, j))
                for slot, v, d in zip(slots, vector, strip, strict=True):
                    pointer = at(builder, row, d)
                    old = load(builder, pointer, REGISTER)
                    add_product(builder, slot, scale, old)
                    store(builder, fma(builder, scale, v, old), pointer)
            for slot, d in zip(slots, strip, strict=True):
                add_to(builder, builder.load(slot), at(builder, out, d))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(inputs, whole, vectors, whole, outputs, words, whole, weights, dim), emit
