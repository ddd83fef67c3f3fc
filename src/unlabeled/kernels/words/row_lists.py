"""Lists of rows, and what one vector does with them, written out at compile time.

A row is named by its address, so one list may name rows of several matrices, such as a thread's own copies of those
that all threads want. The matrices must outlive the lists: an address does not keep them. What several vectors do with
a list is in `products`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.gemm import panels
from unlabeled.kernels.ir_builder import (
    INDEX,
    add_to,
    at,
    data_of,
    fma,
    from_to,
    lanes_of,
    load,
    named,
    splat,
    spread,
    store,
    sums_of_zero,
    times,
    written_out,
)
from unlabeled.kernels.words.lanes import FAST, WIDTH

L1, L2 = 3, 1  # caches of the processor, as `soon` names them


@inlined
def address(matrix: Any, i: int) -> int:  # pragma: no cover - compiled
    """Name a row of a matrix, whose rows are C-contiguous."""
    return matrix.ctypes.data + i * matrix.strides[0]  # type: ignore[no-any-return]  # Numba has no types


@inlined
def context_rows(
    inputs: Any, tokens: Any, first: int, last: int, centre: int, rows: Any
) -> int:  # pragma: no cover - compiled
    """List the vectors of the words from `first` to before `last`, but for the centre; give their number."""
    for j in range(first, centre):
        rows[j - first] = address(inputs, tokens[j])
    for j in range(centre + 1, last):
        rows[j - first - 1] = address(inputs, tokens[j])
    return last - first - 1


@written_out
def soon(typing: Any, rows: Any, row: Any, dim: Any, level: Any) -> Any:
    """Ask for rows[row] to come to a cache: the first-level one for the constant `L1`, the second-level one for `L2`.

    The first one is small. Of long vectors, what a step needs much later would drive out of it what it needs now.
    """
    width, where = dim.literal_value, level.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        flags = [ir.Constant(number, flag) for flag in (0, where, 1)]  # for reading; data
        (matrix,), number_of_row = data_of(context, builder, (rows,), values), values[1]
        if row.bitwidth < INDEX.width:
            number_of_row = builder.sext(number_of_row, INDEX)
        start = times(builder, number_of_row, width)
        for d in range(0, width, WIDTH):
            pointer = at(builder, matrix, start, d)
            builder.call(prefetch, [builder.bitcast(pointer, byte), *flags])
        return context.get_dummy_value()

    return types.void(rows, row, dim, level), emit


@written_out
def exchange_rows(typing: Any, change: Any, vectors: Any, i: Any, weights: Any, rows: Any, m: Any, dim: Any) -> Any:
    """Set change[i] to Σⱼ weights[i, j] rows[j], over j < m, and add weights[i, j] vectors[i] to rows[j]."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = lanes_of(context, change)
        out, own, factors, names = data_of(context, builder, (change, vectors, None, weights, rows), values)
        start = times(builder, values[2], width)
        stride = builder.extract_value(context.make_array(weights)(context, builder, values[3]).shape, 1)
        first = builder.mul(values[2], stride)
        for panel in panels(width):
            slots = sums_of_zero(builder, len(panel), kind)
            vector = [load(builder, at(builder, own, start, d), kind) for d in panel]
            with from_to(builder, 0, values[5]) as (j, _):
                row, scale = named(builder, kind, names, j), splat(builder, at(builder, factors, first, j))
                for slot, v, d in zip(slots, vector, panel, strict=True):
                    pointer = at(builder, row, d)
                    old = load(builder, pointer, kind)
                    builder.store(fma(builder, scale, old, builder.load(slot)), slot)
                    store(builder, fma(builder, scale, v, old), pointer)
            for slot, d in zip(slots, panel, strict=True):
                store(builder, builder.load(slot), at(builder, out, start, d))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(change, vectors, whole, weights, rows, whole, dim), emit


@written_out
def average_rows(typing: Any, out: Any, i: Any, share: Any, rows: Any, m: Any, dim: Any) -> Any:
    """Set out[i] to `share` Σⱼ rows[j], over j < m."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = lanes_of(context, out)
        target, names = data_of(context, builder, (out, None, None, rows), values)
        start, scale = times(builder, values[1], width), spread(builder, values[2])
        for panel in panels(width):
            slots = sums_of_zero(builder, len(panel), kind)
            with from_to(builder, 0, values[4]) as (j, _):
                row = named(builder, kind, names, j)
                for slot, d in zip(slots, panel, strict=True):
                    vector = load(builder, at(builder, row, d), kind)
                    builder.store(builder.fadd(builder.load(slot), vector, flags=FAST), slot)
            for slot, d in zip(slots, panel, strict=True):
                store(builder, builder.fmul(builder.load(slot), scale, flags=FAST), at(builder, target, start, d))
        return context.get_dummy_value()

    return types.void(out, types.intp, out.dtype, rows, types.intp, dim), emit


@written_out
def add_to_rows(typing: Any, rows: Any, m: Any, share: Any, change: Any, i: Any, dim: Any) -> Any:
    """Add `share` change[i] to rows[j] for j < m; a row may be named twice."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = lanes_of(context, change)
        names, source = data_of(context, builder, (rows, None, None, change), values)
        start, scale = times(builder, values[4], width), spread(builder, values[2])
        for panel in panels(width):
            loaded = [load(builder, at(builder, source, start, d), kind) for d in panel]
            scaled = [builder.fmul(vector, scale, flags=FAST) for vector in loaded]
            with from_to(builder, 0, values[1]) as (j, _):
                row = named(builder, kind, names, j)
                for vector, d in zip(scaled, panel, strict=True):
                    add_to(builder, vector, at(builder, row, d))
        return context.get_dummy_value()

    return types.void(rows, types.intp, change.dtype, change, types.intp, dim), emit
