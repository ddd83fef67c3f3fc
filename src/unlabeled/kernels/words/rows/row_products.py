"""The products of a few vectors with a few rows: scores, and the steps that follow from them.

Let A (n × dim) be vectors, such as those of a window's context words, and B (m × dim) rows, such as the nodes of a path
in a tree. A training step needs their scores A Bᵀ. From the scores it computes weights W (n × m): the derivative of the
loss times the learning rate. Then A changes by W B, and B by Wᵀ A. Both changes are made in one pass, so that each
number of B is read and written once.

n is small and changes from word to word. So the vectors are taken in tiles of four, and code is emitted for a last tile
of one, two or three. A tile meets four rows at a time, which gives sixteen sums; `ir_builder.totals` adds up all of
them together. Scores and weights are stored tile by tile: the numbers of one row with the vectors of a tile are
neighbours. `weight_place` gives the place of each. Rows are given by their addresses, see `row_lists`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba.core import types

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.ir_builder import (
    INDEX,
    add_product,
    add_to,
    at,
    constant,
    data_of,
    fma,
    from_to,
    load,
    load_broadcast,
    register_for,
    row_at_address,
    shuffle,
    specialised,
    store,
    strips,
    sums_of_zero,
    times,
    totals,
)
from unlabeled.kernels.layout import round_up

TALL, ROWS = 4, 4  # vectors and rows of a tile
SLACK = TALL * ROWS
HELD = 20  # registers in which vectors may stay while rows come and go
WIDE = {1: 7, 2: 5, 3: 4, 4: 3}  # registers of a strip, of which so many vectors, their sums and a row fit 32


@inlined
def weights_size(n: int, m: int) -> Any:  # pragma: no cover - compiled
    """Tell how many numbers the weights of n vectors and m rows take at most; a last tile may be written beyond."""
    return round_up(n * round_up(m, ROWS), SLACK) + SLACK


@inlined
def weight_place(i: int, j: int, n: int, m: int) -> Any:  # pragma: no cover - compiled
    """Tell where the weight of vector i of n and row j of m lies."""
    first = i - i % TALL
    return first * round_up(m, ROWS) + j * min(TALL, n - first) + i - first


def _each_tile(builder: Any, n: Any, emit: Callable[[Any, int], None]) -> None:
    """Emit `emit(first, tall)` for tiles of `TALL` vectors, and for what is left."""
    whole = builder.and_(n, ir.Constant(INDEX, -TALL))
    with from_to(builder, 0, whole, TALL) as (first, _):
        emit(first, TALL)
    done = builder.append_basic_block("done")
    left = builder.switch(builder.and_(n, ir.Constant(INDEX, TALL - 1)), done)
    for tall in range(1, TALL):
        block = builder.append_basic_block(f"last_{tall}")
        left.add_case(ir.Constant(INDEX, tall), block)
        builder.position_at_end(block)
        emit(whole, tall)
        builder.branch(done)
    builder.position_at_end(done)


def _place(builder: Any, first: Any, m: Any) -> Any:
    """Tell where the weights of a tile begin, as `weight_place` does."""
    up = builder.add(m, ir.Constant(INDEX, ROWS - 1))
    return builder.mul(first, builder.and_(up, ir.Constant(INDEX, -ROWS)))


def _score_tiles(
    builder: Any, out: Any, vector_at: Callable[[Any, int], Any], n: Any, addresses: Any, m: Any, width: int, kind: Any,
    beside: Callable[[Any, Any, list[int]], None] | None = None,
) -> None:  # fmt: skip
    def tile(first: Any, tall: int) -> None:
        start, mine = _place(builder, first, m), [vector_at(first, c) for c in range(tall)]

        def column(d: int) -> list[Any]:
            return [load(builder, at(builder, vector, d), kind) for vector in mine]

        held = {d: column(d) for d in range(0, width, kind.count)} if tall * width <= HELD * kind.count else {}
        with from_to(builder, 0, m, ROWS) as (j, _):
            rows = [row_at_address(builder, kind, addresses, j, r) for r in range(ROWS)]
            sums = [[constant(kind, 0.0)] * tall for _ in rows]
            for d in range(0, width, kind.count):
                near = held.get(d) or column(d)
                line = [load(builder, at(builder, row, d), kind) for row in rows]
                sums = [
                    [fma(builder, x, y, s) for x, s in zip(near, own, strict=True)]
                    for y, own in zip(line, sums, strict=True)
                ]
            listed = [s for own in sums for s in own]
            listed += listed[: ROWS if tall == 3 else 0]  # a power of 2 of them can be folded
            place = builder.add(start, times(builder, j, tall))
            store(builder, totals(builder, listed), at(builder, out, place))
            if beside is not None:
                beside(j, place, [min(k // tall, ROWS - 1) for k in range(len(listed))])

    _each_tile(builder, n, tile)


@specialised
def score_rows(typing: Any, scores: Any, vectors: Any, n: Any, rows: Any, m: Any, dim: Any) -> Any:
    """Set the scores of the first n vectors with m rows; the list must name some row up to whole tiles."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = register_for(context, scores)
        out, own, addresses = data_of(context, builder, (scores, vectors, None, rows), values)

        def vector_at(first: Any, c: int) -> Any:
            return at(builder, own, times(builder, first, width), c * width)

        _score_tiles(builder, out, vector_at, values[2], addresses, values[4], width, kind)
        return context.get_dummy_value()

    return types.void(scores, vectors, types.intp, rows, types.intp, dim), emit


@specialised
def score_path(
    typing: Any, scores: Any, wanted: Any, vectors: Any, n: Any, rows: Any, m: Any, turns: Any, start: Any, dim: Any
) -> Any:
    """Set the scores of n vectors, named too, with m rows, and put turns[start + j] into `wanted` beside row j's."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = register_for(context, scores)
        kinds = (scores, wanted, vectors, None, rows, None, turns)
        out, aims, own, addresses, answers = data_of(context, builder, kinds, values)
        few = ir.VectorType(kind.element, ROWS)

        def beside(j: Any, place: Any, order: list[int]) -> None:
            asked = load(builder, at(builder, answers, values[7], j), few)
            store(builder, shuffle(builder, asked, asked, order), at(builder, aims, place))

        vector_at = partial(row_at_address, builder, kind, own)
        _score_tiles(builder, out, vector_at, values[3], addresses, values[5], dim.literal_value, kind, beside)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(scores, wanted, vectors, whole, rows, whole, turns, whole, dim), emit


@specialised
def exchange_tiles(typing: Any, vectors: Any, n: Any, weights: Any, rows: Any, m: Any, dim: Any) -> Any:
    """Add Σⱼ w[i, j] rows[j], over j < m, to each of n vectors and Σᵢ w[i, j] vectors[i] to each row, by tiles.

    A tile of vectors and the rows change each other as they were before it; the next one meets the rows it has left.
    A vector may be named twice, a row may not.
    """
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = register_for(context, weights)
        own, factors, addresses = data_of(context, builder, (vectors, None, weights, rows), values)
        _, many, _, _, count = values[:5]

        def tile(first: Any, tall: int) -> None:
            start = at(builder, factors, _place(builder, first, count))
            mine = [row_at_address(builder, kind, own, first, c) for c in range(tall)]
            for strip in strips(width, kind, WIDE[tall]):
                held = [[load(builder, at(builder, vector, d), kind) for d in strip] for vector in mine]
                slots = [sums_of_zero(builder, len(strip), kind) for _ in mine]
                with from_to(builder, 0, count) as (j, _):
                    row, place = row_at_address(builder, kind, addresses, j), times(builder, j, tall)
                    old = [load(builder, at(builder, row, d), kind) for d in strip]
                    new = old
                    for c, (vector, sums) in enumerate(zip(held, slots, strict=True)):
                        scale = load_broadcast(builder, at(builder, start, place, c))
                        for slot, x in zip(sums, old, strict=True):
                            add_product(builder, slot, scale, x)
                        new = [fma(builder, scale, x, y) for x, y in zip(vector, new, strict=True)]
                    for x, d in zip(new, strip, strict=True):
                        store(builder, x, at(builder, row, d))
                for vector, sums in zip(mine, slots, strict=True):  # one after the other: they may be the same one
                    for slot, d in zip(sums, strip, strict=True):
                        add_to(builder, builder.load(slot), at(builder, vector, d))

        _each_tile(builder, many, tile)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(vectors, whole, weights, rows, whole, dim), emit
