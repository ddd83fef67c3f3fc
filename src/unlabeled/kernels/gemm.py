"""The products of skip-gram's step with negatives, written out at compile time.

A group of sixteen centres lies in the lanes of a register, so the score of one word with all of them is a sum of
products without any sum across lanes. How many sums are held in registers at a time is part of the code; that is why
it is made here and not left to the compiler, which cannot know that the rows do not overlap. Sums go through the
components panel by panel, so that what all rows have in a panel stays in the first-level cache.

`numbers` is how many numbers stand in one place of the packed operands: 1 of float32, or 2 of 16 bits (see `bfloat`).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from unlabeled.kernels.ir_builder import (
    INDEX,
    LANE_INDEX,
    LANES,
    REAL,
    ZERO,
    add_to,
    at,
    data_of,
    each,
    fma,
    load,
    row_at,
    splat,
    store,
    sums_of_zero,
    times,
    written_out,
)
from unlabeled.kernels.words.bfloat import add_pairs
from unlabeled.kernels.words.lanes import FAST, WIDTH

GROUPS = 2  # registers of centres
BLOCK = 8  # words scored at a time
TALL, WIDE = 2, 7  # rows and registers of a sum


def _add_product(numbers: int, builder: Any, slot: Any, x: Any, y: Any) -> None:
    if numbers == 2:
        add_pairs(builder, slot, x, y)
    else:
        builder.store(fma(builder, x, y, builder.load(slot)), slot)


@written_out
def score(typing: Any, scores: Any, rows: Any, columns: Any, length: Any, words: Any, width: Any, numbers: Any) -> Any:
    """Set scores[j, 16 g + i] to rows[j] · columns[g, :, i], for j below the constant `words`, and each of `GROUPS` g.

    Rows have the constant `width`; only their first `length` places count.
    """
    wide, many, add = width.literal_value, words.literal_value, partial(_add_product, numbers.literal_value)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, matrix, transposed = data_of(context, builder, (scores, rows, columns), values)
        with each(builder, many // BLOCK) as block:
            j = times(builder, block.index, BLOCK)
            start = at(builder, matrix, times(builder, j, wide))
            slots = [sums_of_zero(builder, GROUPS) for _ in range(BLOCK)]
            with cgutils.for_range(builder, values[3]) as loop:
                place = times(builder, loop.index, WIDTH)
                centres = [load(builder, at(builder, transposed, place, g * wide * WIDTH)) for g in range(GROUPS)]
                for r, sums in enumerate(slots):
                    number = splat(builder, at(builder, start, loop.index, r * wide))
                    for slot, group in zip(sums, centres, strict=True):
                        add(builder, slot, number, group)
            for r, sums in enumerate(slots):
                for g, slot in enumerate(sums):
                    place = at(builder, out, times(builder, j, GROUPS * WIDTH), (GROUPS * r + g) * WIDTH)
                    store(builder, builder.load(slot), place)
        return context.get_dummy_value()

    return types.void(scores, rows, columns, types.intp, words, width, numbers), emit


def panels(dim: int, most: int = WIDE) -> list[range]:
    """Divide the components into panels of nearly equal width, at most `most` registers."""
    registers = dim // WIDTH
    count = -(-registers // most)
    bounds = [registers * k // count * WIDTH for k in range(count + 1)]
    return [range(a, b, WIDTH) for a, b in pairwise(bounds)]


@written_out
def push(
    typing: Any, matrix: Any, ids: Any, factors: Any, packed: Any, rows: Any, next_row: Any, many: Any, next_one: Any,
    dim: Any, numbers: Any,
) -> Any:  # fmt: skip
    """Add Σⱼ f[r, j] packed[j], over j below the constant `many`, to matrix[ids[r]], for r below the constant `rows`.

    The factor f[r, j] is at r `next_row` + j `next_one` of `factors`.
    """
    width, row_step, step = dim.literal_value, next_row.literal_value, next_one.literal_value
    add = partial(_add_product, numbers.literal_value)

    def emit_panel(builder: Any, changed: list[Any], factor: Any, source: Any, panel: range) -> None:
        slots = [sums_of_zero(builder, len(panel)) for _ in changed]
        with each(builder, many.literal_value) as loop:
            start, place = times(builder, loop.index, width), times(builder, loop.index, step)
            loaded = [load(builder, at(builder, source, start, d)) for d in panel]
            for r, sums in enumerate(slots):
                scale = splat(builder, at(builder, factor, place, r * row_step))
                for slot, vector in zip(sums, loaded, strict=True):
                    add(builder, slot, scale, vector)
        for row, sums in zip(changed, slots, strict=True):  # one after the other: they may be the same row
            for slot, d in zip(sums, panel, strict=True):
                add_to(builder, builder.load(slot), at(builder, row, d))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, names, weights, source = data_of(context, builder, (matrix, ids, factors, packed), values)
        for panel in panels(width):
            with each(builder, rows.literal_value // TALL) as loop:
                first = times(builder, loop.index, TALL)
                changed = [row_at(builder, out, names, width, first, r) for r in range(TALL)]
                emit_panel(builder, changed, at(builder, weights, times(builder, first, row_step)), source, panel)
        return context.get_dummy_value()

    return types.void(matrix, ids, factors, packed, rows, next_row, many, next_one, dim, numbers), emit


@written_out
def score_near(typing: Any, scores: Any, vectors: Any, i: Any, outputs: Any, words: Any, count: Any, dim: Any) -> Any:
    """Set scores[0, j] to vectors[i] · outputs[words[j]], for j < count."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (scores, vectors, None, outputs, words)
        out, own, matrix, names = data_of(context, builder, kinds, values)
        mine = at(builder, own, times(builder, values[2], width))
        kind = ir.FunctionType(REAL, [REAL, LANES])
        total = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{WIDTH}f32")
        with cgutils.for_range(builder, values[5]) as loop:
            row = row_at(builder, matrix, names, width, loop.index)
            sums = [ZERO] * 4  # each product waits for the one before it in its sum
            for n, d in enumerate(range(0, width, WIDTH)):
                pair = load(builder, at(builder, mine, d)), load(builder, at(builder, row, d))
                sums[n % 4] = fma(builder, *pair, sums[n % 4])
            halves = [builder.fadd(sums[k], sums[k + 2], flags=FAST) for k in (0, 1)]
            lanes = builder.fadd(*halves, flags=FAST)
            score = builder.call(total, [ir.Constant(REAL, -0.0), lanes], fastmath=FAST)
            builder.store(score, at(builder, out, loop.index))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(scores, vectors, whole, outputs, words, whole, dim), emit


@written_out
def exchange(
    typing: Any, inputs: Any, centre: Any, vectors: Any, i: Any, outputs: Any, words: Any, count: Any, weights: Any,
    dim: Any,
) -> Any:  # fmt: skip
    """Add weights[0, j] outputs[words[j]] to inputs[centre] and weights[0, j] vectors[i] to that row, for j < count."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (inputs, None, vectors, None, outputs, words, None, weights)
        changed, own, matrix, names, factors = data_of(context, builder, kinds, values)
        out = at(builder, changed, times(builder, values[1], width))
        mine = at(builder, own, times(builder, values[3], width))
        for panel in panels(width):
            slots = sums_of_zero(builder, len(panel))
            vector = [load(builder, at(builder, mine, d)) for d in panel]
            with cgutils.for_range(builder, values[6]) as loop:
                row = row_at(builder, matrix, names, width, loop.index)
                scale = splat(builder, at(builder, factors, loop.index))
                for slot, v, d in zip(slots, vector, panel, strict=True):
                    pointer = at(builder, row, d)
                    old = load(builder, pointer)
                    _add_product(1, builder, slot, scale, old)
                    store(builder, fma(builder, scale, v, old), pointer)
            for slot, d in zip(slots, panel, strict=True):
                add_to(builder, builder.load(slot), at(builder, out, d))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(inputs, whole, vectors, whole, outputs, words, whole, weights, dim), emit


@written_out
def transpose(typing: Any, rows: Any, out: Any, dim: Any) -> Any:
    """Write sixteen rows of length `dim` to `out`, of shape (dim, 16), as its columns."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        matrix, target = data_of(context, builder, (rows, out), values)
        step = ir.Constant(INDEX, WIDTH)
        with cgutils.for_range_slice(builder, ir.Constant(INDEX, 0), ir.Constant(INDEX, width), step, INDEX) as (d, _):
            block = [load(builder, at(builder, matrix, d, width * i)) for i in range(WIDTH)]
            # Exchange the off-diagonal halves of ever smaller blocks: 8 × 8, 4 × 4, 2 × 2, 1 × 1.
            for size in (8, 4, 2, 1):
                upper = [j if not j & size else WIDTH + (j ^ size) for j in range(WIDTH)]
                lower = [j ^ size if not j & size else WIDTH + j for j in range(WIDTH)]
                for i in (i for i in range(WIDTH) if not i & size):
                    pair = block[i], block[i + size]
                    block[i] = builder.shuffle_vector(*pair, ir.Constant(LANE_INDEX, upper))
                    block[i + size] = builder.shuffle_vector(*pair, ir.Constant(LANE_INDEX, lower))
            for i, vector in enumerate(block):
                store(builder, vector, at(builder, target, times(builder, d, WIDTH), WIDTH * i))
        return context.get_dummy_value()

    return types.void(rows, out, dim), emit
