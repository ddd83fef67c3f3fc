"""The three matrix products of skip-gram's step with negatives, written out at compile time.

Sixteen centres lie in the lanes of a register, so the score of one word with all of them is a sum of `dim` products
without any sum across lanes. `weights` has a row for each word and a column for each of the sixteen centres. Rows of
the large matrices are read and written in place. How many sums are held in registers at a time, `TALL` rows of `WIDE`
registers, is part of the code; that is why it is made here and not left to the compiler, which cannot know that the
rows do not overlap. Sums go through the components panel by panel, so that what all rows have in a panel stays in the
first-level cache.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from unlabeled.methods.words.kernels.lanes import FAST, WIDTH

TALL, WIDE = 2, 7  # rows and registers of a sum
REAL, LANES = ir.FloatType(), ir.VectorType(ir.FloatType(), WIDTH)
INDEX, LANE_INDEX = ir.IntType(64), ir.VectorType(ir.IntType(32), WIDTH)
ZERO = ir.Constant(LANES, [0.0] * WIDTH)


def written_out(define: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function for kernels of one that emits code, and knows the values of arguments that are constants."""
    return intrinsic(prefer_literal=True)(define)  # type: ignore[no-any-return]


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _at(builder: Any, data: Any, *terms: Any) -> Any:
    """Point at an element; the terms of its index are numbers of the program or of this one."""
    index = ir.Constant(INDEX, sum(term for term in terms if isinstance(term, int)))
    for term in terms:
        index = index if isinstance(term, int) else builder.add(index, term)
    return builder.gep(data, [index])


def _times(builder: Any, index: Any, by: int) -> Any:
    return builder.mul(index, ir.Constant(INDEX, by))


def _load(builder: Any, pointer: Any) -> Any:
    loaded = builder.load(builder.bitcast(pointer, LANES.as_pointer()))
    loaded.align = 4
    return loaded


def _store(builder: Any, vector: Any, pointer: Any) -> None:
    builder.store(vector, builder.bitcast(pointer, LANES.as_pointer())).align = 4


def _splat(builder: Any, number: Any) -> Any:
    one = builder.insert_element(ir.Constant(LANES, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, ir.Constant(LANES, ir.Undefined), ir.Constant(LANE_INDEX, [0] * WIDTH))


def _fma(builder: Any, x: Any, y: Any, z: Any) -> Any:
    return builder.fadd(builder.fmul(x, y, flags=FAST), z, flags=FAST)


def _accumulators(builder: Any, count: int) -> list[Any]:
    slots = [cgutils.alloca_once(builder, LANES) for _ in range(count)]
    for slot in slots:
        builder.store(ZERO, slot)
    return slots


def _add_product(builder: Any, slot: Any, x: Any, y: Any) -> None:
    builder.store(_fma(builder, x, y, builder.load(slot)), slot)


def _rows(builder: Any, matrix: Any, ids: Any, place: Any, count: int, width: int) -> list[Any]:
    """Point at the rows of a matrix that `count` numbers from `place` on name."""
    numbers = [builder.load(_at(builder, ids, place, r)) for r in range(count)]
    return [_at(builder, matrix, _times(builder, number, width)) for number in numbers]


@written_out
def score_rows(
    typing: Any, scores: Any, j: Any, rows: Any, words: Any, columns: Any, dim: Any, length: Any, many: Any
) -> Any:
    """Set scores[j + r, i] to rows[words[j + r]] · columns[:, i], for sixteen i and r below the constant `many`.

    Only the first `length` of the `dim` components count.
    """
    count, width = many.literal_value, dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, matrix, names, transposed = (
            _data(context, builder, kind, values[k]) for k, kind in ((0, scores), (2, rows), (3, words), (4, columns))
        )
        starts = _rows(builder, matrix, names, values[1], count, width)
        slots = _accumulators(builder, count)
        with cgutils.for_range(builder, values[6]) as loop:
            centres = _load(builder, _at(builder, transposed, _times(builder, loop.index, WIDTH)))
            for row, slot in zip(starts, slots, strict=True):
                _add_product(builder, slot, _splat(builder, builder.load(_at(builder, row, loop.index))), centres)
        for r, slot in enumerate(slots):
            place = _at(builder, out, _times(builder, values[1], WIDTH), WIDTH * r)
            _store(builder, builder.load(slot), place)
        return context.get_dummy_value()

    return types.void(scores, types.intp, rows, words, columns, dim, types.intp, many), emit


def _panels(dim: int) -> list[range]:
    """Divide the components into panels of nearly equal width, at most `WIDE` registers."""
    registers = dim // WIDTH
    count = -(-registers // WIDE)
    bounds = [registers * k // count * WIDTH for k in range(count + 1)]
    return [range(a, b, WIDTH) for a, b in pairwise(bounds)]


def _add_sums(
    builder: Any,
    out: list[Any],
    factors: Any,
    strides: tuple[int, int],
    row: Callable[[Any], Any],
    ranges: list[tuple[Any, Any]],
    panel: range,
) -> None:
    """Emit out[r] += Σⱼ factors[j, r] row(j) over j in all `ranges`, for `TALL` rows and the components of a panel."""
    next_j, next_r = strides
    slots = _accumulators(builder, TALL * len(panel))
    for first, last in ranges:
        with cgutils.for_range_slice(builder, first, last, ir.Constant(INDEX, 1), INDEX) as (j, _):
            start = row(j)
            loaded = [_load(builder, _at(builder, start, d)) for d in panel]
            for r in range(TALL):
                scale = _splat(builder, builder.load(_at(builder, factors, _times(builder, j, next_j), next_r * r)))
                for c, vector in enumerate(loaded):
                    _add_product(builder, slots[r * len(panel) + c], scale, vector)
    for r, start in enumerate(out):  # one after the other, because they may be the same row
        for c, d in enumerate(panel):
            pointer = _at(builder, start, d)
            total = builder.load(slots[r * len(panel) + c])
            _store(builder, builder.fadd(_load(builder, pointer), total, flags=FAST), pointer)


def _span(builder: Any, spans: Any, number: Any) -> tuple[Any, Any]:
    """Read the two bounds of a row of an array of shape (n, 2)."""
    place = _times(builder, number, 2)
    return builder.load(_at(builder, spans, place)), builder.load(_at(builder, spans, place, 1))


@written_out
def push_centres(
    typing: Any, inputs: Any, centres: Any, weights: Any, outputs: Any, words: Any, negatives: Any, spans: Any, dim: Any
) -> Any:
    """Add Σⱼ weights[j, i] outputs[words[j]] to inputs[centres[i]], for sixteen i.

    The sum is over j below the constant `negatives` and over spans[t, 0] ≤ j < spans[t, 1], for the t-th `TALL` of i.
    """
    width, shared = dim.literal_value, negatives.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        changed, ids, factors, matrix, names, bounds = (
            _data(context, builder, kind, values[k])
            for k, kind in ((0, inputs), (1, centres), (2, weights), (3, outputs), (4, words), (6, spans))
        )
        zero = ir.Constant(INDEX, 0)
        for panel in _panels(width):
            with cgutils.for_range(builder, ir.Constant(INDEX, WIDTH // TALL)) as loop:
                i = _times(builder, loop.index, TALL)
                _add_sums(
                    builder,
                    _rows(builder, changed, ids, i, TALL, width),
                    _at(builder, factors, i),
                    (WIDTH, 1),
                    lambda j: _rows(builder, matrix, names, j, 1, width)[0],
                    [(zero, ir.Constant(INDEX, shared)), _span(builder, bounds, loop.index)],
                    panel,
                )
        return context.get_dummy_value()

    return types.void(inputs, centres, weights, outputs, words, negatives, spans, dim), emit


@written_out
def push_words(
    typing: Any, outputs: Any, words: Any, weights: Any, vectors: Any, tiles: Any, spans: Any, dim: Any
) -> Any:
    """Add Σᵢ weights[j, i] vectors[i] to outputs[words[j]], for the first `TALL` · `tiles` of j.

    The sum is over spans[t, 0] ≤ i < spans[t, 1] for the t-th `TALL` of j.
    """
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        changed, names, factors, matrix, bounds = (
            _data(context, builder, kind, values[k])
            for k, kind in ((0, outputs), (1, words), (2, weights), (3, vectors), (5, spans))
        )
        for panel in _panels(width):
            with cgutils.for_range(builder, values[4]) as loop:
                j = _times(builder, loop.index, TALL)
                _add_sums(
                    builder,
                    _rows(builder, changed, names, j, TALL, width),
                    _at(builder, factors, _times(builder, j, WIDTH)),
                    (1, WIDTH),
                    lambda i: _at(builder, matrix, _times(builder, i, width)),
                    [_span(builder, bounds, loop.index)],
                    panel,
                )
        return context.get_dummy_value()

    return types.void(outputs, words, weights, vectors, types.intp, spans, dim), emit


@written_out
def transpose(typing: Any, rows: Any, out: Any, dim: Any) -> Any:
    """Write sixteen rows of length `dim` to `out`, of shape (dim, 16), as its columns."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        matrix, target = _data(context, builder, rows, values[0]), _data(context, builder, out, values[1])
        step = ir.Constant(INDEX, WIDTH)
        with cgutils.for_range_slice(builder, ir.Constant(INDEX, 0), ir.Constant(INDEX, width), step, INDEX) as (d, _):
            block = [_load(builder, _at(builder, matrix, d, width * i)) for i in range(WIDTH)]
            # Exchange the off-diagonal halves of ever smaller blocks: 8 × 8, 4 × 4, 2 × 2, 1 × 1.
            for size in (8, 4, 2, 1):
                upper = [j if not j & size else WIDTH + (j ^ size) for j in range(WIDTH)]
                lower = [j ^ size if not j & size else WIDTH + j for j in range(WIDTH)]
                for i in (i for i in range(WIDTH) if not i & size):
                    pair = block[i], block[i + size]
                    block[i] = builder.shuffle_vector(*pair, ir.Constant(LANE_INDEX, upper))
                    block[i + size] = builder.shuffle_vector(*pair, ir.Constant(LANE_INDEX, lower))
            for i, vector in enumerate(block):
                _store(builder, vector, _at(builder, target, _times(builder, d, WIDTH), WIDTH * i))
        return context.get_dummy_value()

    return types.void(rows, out, dim), emit


@written_out
def soon(typing: Any, rows: Any, row: Any, dim: Any, level: Any) -> Any:
    """Ask for rows[row] to come to the cache: the first-level one for the constant 3, the second-level one for 1."""
    width, where = dim.literal_value, level.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        flags = [ir.Constant(number, flag) for flag in (0, where, 1)]  # for reading; data
        start = _times(builder, values[1], width)
        for d in range(0, width, WIDTH):
            pointer = _at(builder, _data(context, builder, rows, values[0]), start, d)
            builder.call(prefetch, [builder.bitcast(pointer, byte), *flags])
        return context.get_dummy_value()

    return types.void(rows, types.intp, dim, level), emit
