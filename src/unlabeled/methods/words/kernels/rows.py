"""Short lists of rows and their products, written out at compile time.

A row is named by its address, so one list may name rows of several matrices, such as a thread's own copies of those
that all threads want. With the vectors A (n × dim) on one side and B (m × dim) on the other, a step of most losses
needs their scores A Bᵀ; from the scores come weights W (n × m), the loss's derivative times the learning rate; and the
steps are W B for A and Wᵀ A for B. Sums are held in registers, panel by panel (see `panels`). The matrices must outlive
the lists: an address does not keep them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from unlabeled.methods.words.kernels.lanes import FAST, WIDTH, folded
from unlabeled.methods.words.kernels.panels import panels
from unlabeled.methods.words.kernels.tiles import inlined
from unlabeled.methods.words.kernels.written import (
    INDEX,
    add_to,
    at,
    data_of,
    fma,
    lanes_of,
    load,
    splat,
    spread,
    store,
    sums_of_zero,
    times,
    written_out,
)

TILE = 8  # scores made at a time
TALL = 2  # rows that are changed at a time


@inlined
def address(matrix: Any, i: int) -> int:  # pragma: no cover - compiled
    """Name a row of a matrix, whose rows are C-contiguous."""
    return matrix.ctypes.data + i * matrix.strides[0]  # type: ignore[no-any-return]


@inlined
def list_rows(matrix: Any, names: Any) -> None:  # pragma: no cover - compiled
    """Name the first rows of a matrix."""
    for i in range(len(names)):
        names[i] = address(matrix, i)


@inlined
def aligned(rows: int, width: int, like: Any) -> Any:  # pragma: no cover - compiled
    """Make a matrix of zeros in the precision of another one; it begins at a cache line."""
    memory = np.zeros(rows * width + WIDTH, like.dtype)
    start = np.int64(-memory.ctypes.data % 64) // like.itemsize
    return memory[start : start + rows * width].reshape((rows, width))


def _named(builder: Any, kind: Any, names: Any, place: Any, more: int = 0) -> Any:
    """Point at the row that the number at `place` + `more` names."""
    return builder.inttoptr(builder.load(at(builder, names, place, more)), kind.element.as_pointer())


def _loop(builder: Any, count: Any, step: int = 1) -> Any:
    begin, one = ir.Constant(INDEX, 0), ir.Constant(INDEX, step)
    return cgutils.for_range_slice(builder, begin, count, one, INDEX, inc=True)


@written_out
def score_rows(typing: Any, scores: Any, left: Any, n: Any, right: Any, m: Any, dim: Any, tall: Any) -> Any:
    """Set scores[i, j] to left[i] · right[j] for i < n and j < m.

    Tiles of `tall` × `TILE` / `tall` scores are made at a time, where the constant `tall` divides 4. So lists must name
    some row, and `scores` have room, up to whole tiles.
    """
    width, height = range(0, dim.literal_value, WIDTH), tall.literal_value
    breadth = TILE // height

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = lanes_of(context, scores)
        out, lefts, rights = data_of(context, builder, (scores, left, None, right), values)
        stride = builder.extract_value(context.make_array(scores)(context, builder, values[0]).shape, 1)
        with _loop(builder, values[2], height) as (i, _):
            rows = [_named(builder, kind, lefts, i, r) for r in range(height)]
            held = [[load(builder, at(builder, row, d), kind) for d in width] for row in rows]
            start = builder.mul(i, stride)
            with _loop(builder, values[4], breadth) as (j, _):
                sums = [[ir.Constant(kind, [0.0] * WIDTH)] * breadth for _ in range(height)]
                others = [_named(builder, kind, rights, j, c) for c in range(breadth)]
                for k, d in enumerate(width):
                    column = [load(builder, at(builder, row, d), kind) for row in others]
                    sums = [
                        [fma(builder, own[k], x, s) for x, s in zip(column, line, strict=True)]
                        for own, line in zip(held, sums, strict=True)
                    ]
                totals = folded(builder, [s for line in sums for s in line])
                for r in range(height):
                    place = builder.add(builder.add(start, j), builder.mul(stride, ir.Constant(INDEX, r)))
                    order = ir.Constant(
                        ir.VectorType(ir.IntType(32), breadth), list(range(breadth * r, breadth * (r + 1)))
                    )
                    line = builder.shuffle_vector(totals, ir.Constant(totals.type, ir.Undefined), order)
                    store(builder, line, at(builder, out, place))
        return context.get_dummy_value()

    return types.void(scores, left, types.intp, right, types.intp, dim, tall), emit


@written_out
def push_rows(
    typing: Any, changed: Any, n: Any, weights: Any, next_row: Any, next_one: Any, rows: Any, m: Any, dim: Any
) -> Any:
    """Add Σⱼ w[i, j] rows[j], over j < m, to changed[i] for i < n; a row may be changed twice.

    The weight w[i, j] is at i `next_row` + j `next_one` of `weights`.
    """
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = lanes_of(context, weights)
        outs, factors, sources = data_of(context, builder, (changed, None, weights, None, None, rows), values)
        _, many, _, row_step, step, _, count, _ = values

        def emit_rows(first: Any, tall: int, panel: range) -> None:
            slots = [sums_of_zero(builder, len(panel), kind) for _ in range(tall)]
            starts = [builder.mul(builder.add(first, ir.Constant(INDEX, r)), row_step) for r in range(tall)]
            with _loop(builder, count) as (j, _):
                source, place = _named(builder, kind, sources, j), builder.mul(j, step)
                loaded = [load(builder, at(builder, source, d), kind) for d in panel]
                for start, sums in zip(starts, slots, strict=True):
                    scale = splat(builder, at(builder, factors, start, place))
                    for slot, vector in zip(sums, loaded, strict=True):
                        builder.store(fma(builder, scale, vector, builder.load(slot)), slot)
            for r, sums in enumerate(slots):  # one after the other: they may be the same row
                row = _named(builder, kind, outs, first, r)
                for slot, d in zip(sums, panel, strict=True):
                    add_to(builder, builder.load(slot), at(builder, row, d))

        whole = builder.sub(many, builder.urem(many, ir.Constant(INDEX, TALL)))
        for panel in panels(width):
            with _loop(builder, whole, TALL) as (first, _):
                emit_rows(first, TALL, panel)
            with cgutils.for_range_slice(builder, whole, many, ir.Constant(INDEX, 1), INDEX) as (first, _):
                emit_rows(first, 1, panel)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(changed, whole, weights, whole, whole, rows, whole, dim), emit


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
            with _loop(builder, values[5]) as (j, _):
                row, scale = _named(builder, kind, names, j), splat(builder, at(builder, factors, first, j))
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
            with _loop(builder, values[4]) as (j, _):
                row = _named(builder, kind, names, j)
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
            with _loop(builder, values[1]) as (j, _):
                row = _named(builder, kind, names, j)
                for vector, d in zip(scaled, panel, strict=True):
                    add_to(builder, vector, at(builder, row, d))
        return context.get_dummy_value()

    return types.void(rows, types.intp, change.dtype, change, types.intp, dim), emit
