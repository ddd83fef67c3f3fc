"""Products of small dense matrices whose sums stay in registers.

The columns of one factor lie side by side in registers, sixteen to each, `GROUPS` registers in all (see `transpose`).
So the products of one row with all columns need no sums across the numbers of a register. All numbers are float32, and
how many sums are held at a time is part of the code; so it is emitted here.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from unlabeled.kernels.ir_builder import (
    add_product,
    add_to,
    at,
    data_of,
    from_to,
    load,
    load_broadcast,
    register_of,
    row_at,
    shuffle,
    specialised,
    store,
    strips,
    sums_of_zero,
    times,
)

REGISTER = register_of(ir.FloatType())
WIDTH = int(REGISTER.count)
GROUPS = 2  # registers of columns
BLOCK = 8  # rows multiplied at a time
TALL, WIDE = 2, 7  # rows and registers of a sum in `multiply_into_rows`


@specialised
def multiply(typing: Any, out: Any, rows: Any, columns: Any, length: Any, count: Any, width: Any) -> Any:
    """Set out[j, 16 g + i] to rows[j] · columns[g, :, i], for j below the constant `count`, and g below `GROUPS`.

    Rows have the constant `width`; only their first `length` numbers count.
    """
    wide, many = width.literal_value, count.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target, matrix, transposed = data_of(context, builder, (out, rows, columns), values)
        with from_to(builder, 0, many, BLOCK) as (j, _):
            start = at(builder, matrix, times(builder, j, wide))
            slots = [sums_of_zero(builder, GROUPS, REGISTER) for _ in range(BLOCK)]
            with from_to(builder, 0, values[3]) as (t, _):
                place = times(builder, t, WIDTH)
                groups = [
                    load(builder, at(builder, transposed, place, g * wide * WIDTH), REGISTER) for g in range(GROUPS)
                ]
                for r, sums in enumerate(slots):
                    number = load_broadcast(builder, at(builder, start, t, r * wide))
                    for slot, group in zip(sums, groups, strict=True):
                        add_product(builder, slot, number, group)
            for r, sums in enumerate(slots):
                for g, slot in enumerate(sums):
                    place = at(builder, target, times(builder, j, GROUPS * WIDTH), (GROUPS * r + g) * WIDTH)
                    store(builder, builder.load(slot), place)
        return context.get_dummy_value()

    return types.void(out, rows, columns, types.intp, count, width), emit


@specialised
def multiply_into_rows(
    typing: Any, matrix: Any, ids: Any, factors: Any, vectors: Any, rows: Any, next_row: Any, many: Any, next_one: Any,
    dim: Any,
) -> Any:  # fmt: skip
    """Add Σⱼ f[r, j] vectors[j], over j below the constant `many`, to matrix[ids[r]], for r below the constant `rows`.

    The factor f[r, j] is at r `next_row` + j `next_one` of `factors`. The components are taken strip by strip, so that
    what all vectors have in a strip stays in the first-level cache. A row may be listed twice.
    """
    width, row_step, step = dim.literal_value, next_row.literal_value, next_one.literal_value

    def emit_strip(builder: Any, changed: list[Any], factor: Any, source: Any, strip: range) -> None:
        slots = [sums_of_zero(builder, len(strip), REGISTER) for _ in changed]
        with from_to(builder, 0, many.literal_value) as (j, _):
            start, place = times(builder, j, width), times(builder, j, step)
            loaded = [load(builder, at(builder, source, start, d), REGISTER) for d in strip]
            for r, sums in enumerate(slots):
                scale = load_broadcast(builder, at(builder, factor, place, r * row_step))
                for slot, vector in zip(sums, loaded, strict=True):
                    add_product(builder, slot, scale, vector)
        for row, sums in zip(changed, slots, strict=True):  # one after the other: they may be the same row
            for slot, d in zip(sums, strip, strict=True):
                add_to(builder, builder.load(slot), at(builder, row, d))

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, listed, weights, source = data_of(context, builder, (matrix, ids, factors, vectors), values)
        for strip in strips(width, REGISTER, WIDE):
            with from_to(builder, 0, rows.literal_value, TALL) as (first, _):
                changed = [row_at(builder, out, listed, width, first, r) for r in range(TALL)]
                emit_strip(builder, changed, at(builder, weights, times(builder, first, row_step)), source, strip)
        return context.get_dummy_value()

    return types.void(matrix, ids, factors, vectors, rows, next_row, many, next_one, dim), emit


@specialised
def transpose(typing: Any, rows: Any, out: Any, dim: Any) -> Any:
    """Write sixteen rows of length `dim` to `out`, of shape (dim, 16), as its columns."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        matrix, target = data_of(context, builder, (rows, out), values)
        with from_to(builder, 0, width, WIDTH) as (d, _):
            block = [load(builder, at(builder, matrix, d, width * i), REGISTER) for i in range(WIDTH)]
            # Exchange the off-diagonal halves of ever smaller blocks: 8 × 8, 4 × 4, 2 × 2, 1 × 1.
            for size in (8, 4, 2, 1):
                upper = [j if not j & size else WIDTH + (j ^ size) for j in range(WIDTH)]
                lower = [j ^ size if not j & size else WIDTH + j for j in range(WIDTH)]
                for i in (i for i in range(WIDTH) if not i & size):
                    pair = block[i], block[i + size]
                    block[i], block[i + size] = shuffle(builder, *pair, upper), shuffle(builder, *pair, lower)
            for i, vector in enumerate(block):
                store(builder, vector, at(builder, target, times(builder, d, WIDTH), WIDTH * i))
        return context.get_dummy_value()

    return types.void(rows, out, dim), emit
