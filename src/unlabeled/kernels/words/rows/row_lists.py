"""Lists of rows, and the operations of one vector with such a list.

A list holds the addresses of rows. So it may hold rows of several matrices, for example of a matrix and of a thread's
copies of its first rows (`hot_row_cache`). An address does not keep a matrix alive: matrices must outlive the lists.
The operations of several vectors with a list are in `row_products`.
"""

from __future__ import annotations

from typing import Any

from numba.core import types

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.ir_builder import (
    add_product,
    add_to,
    at,
    broadcast,
    columns_of,
    data_of,
    fma,
    from_to,
    load,
    load_broadcast,
    register_for,
    row_at_address,
    specialised,
    store,
    strips,
    sums_of_zero,
    times,
)

WIDE = 7  # registers of a strip


@inlined
def address(matrix: Any, i: int) -> int:  # pragma: no cover - compiled
    """Give the address of a row of a C-contiguous matrix."""
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


@specialised
def exchange_rows(typing: Any, change: Any, vectors: Any, i: Any, weights: Any, rows: Any, m: Any, dim: Any) -> Any:
    """Set change[i] to Σⱼ weights[i, j] rows[j], over j < m, and add weights[i, j] vectors[i] to rows[j]."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = register_for(context, change)
        out, own, factors, addresses = data_of(context, builder, (change, vectors, None, weights, rows), values)
        start = times(builder, values[2], width)
        first = builder.mul(values[2], columns_of(context, builder, weights, values[3]))
        for strip in strips(width, kind, WIDE):
            slots = sums_of_zero(builder, len(strip), kind)
            vector = [load(builder, at(builder, own, start, d), kind) for d in strip]
            with from_to(builder, 0, values[5]) as (j, _):
                row = row_at_address(builder, kind, addresses, j)
                scale = load_broadcast(builder, at(builder, factors, first, j))
                for slot, v, d in zip(slots, vector, strip, strict=True):
                    pointer = at(builder, row, d)
                    old = load(builder, pointer, kind)
                    add_product(builder, slot, scale, old)
                    store(builder, fma(builder, scale, v, old), pointer)
            for slot, d in zip(slots, strip, strict=True):
                store(builder, builder.load(slot), at(builder, out, start, d))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(change, vectors, whole, weights, rows, whole, dim), emit


@specialised
def average_rows(typing: Any, out: Any, i: Any, share: Any, rows: Any, m: Any, dim: Any) -> Any:
    """Set out[i] to `share` Σⱼ rows[j], over j < m."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = register_for(context, out)
        target, addresses = data_of(context, builder, (out, None, None, rows), values)
        start, scale = times(builder, values[1], width), broadcast(builder, values[2])
        for strip in strips(width, kind, WIDE):
            slots = sums_of_zero(builder, len(strip), kind)
            with from_to(builder, 0, values[4]) as (j, _):
                row = row_at_address(builder, kind, addresses, j)
                for slot, d in zip(slots, strip, strict=True):
                    vector = load(builder, at(builder, row, d), kind)
                    builder.store(builder.fadd(builder.load(slot), vector), slot)
            for slot, d in zip(slots, strip, strict=True):
                store(builder, builder.fmul(builder.load(slot), scale), at(builder, target, start, d))
        return context.get_dummy_value()

    return types.void(out, types.intp, out.dtype, rows, types.intp, dim), emit


@specialised
def add_to_rows(typing: Any, rows: Any, m: Any, share: Any, change: Any, i: Any, dim: Any) -> Any:
    """Add `share` change[i] to rows[j] for j < m; a row may be named twice."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = register_for(context, change)
        addresses, source = data_of(context, builder, (rows, None, None, change), values)
        start, scale = times(builder, values[4], width), broadcast(builder, values[2])
        for strip in strips(width, kind, WIDE):
            loaded = [load(builder, at(builder, source, start, d), kind) for d in strip]
            scaled = [builder.fmul(vector, scale) for vector in loaded]
            with from_to(builder, 0, values[1]) as (j, _):
                row = row_at_address(builder, kind, addresses, j)
                for vector, d in zip(scaled, strip, strict=True):
                    add_to(builder, vector, at(builder, row, d))
        return context.get_dummy_value()

    return types.void(rows, types.intp, change.dtype, change, types.intp, dim), emit
