"""The products of skip-gram's step with negatives, written out at compile time.

Sixteen centres lie in the lanes of a register, so the score of one word with all of them is a sum of `dim` products
without any sum across lanes. `weights` has a row for each shared word and a column for each of the sixteen centres.
Rows of the large matrices are read and written in place. How many sums are held in registers at a time, `TALL` rows of
`WIDE` registers, is part of the code; that is why it is made here and not left to the compiler, which cannot know that
the rows do not overlap. Sums go through the components panel by panel, so that what all rows have in a panel stays in
the first-level cache.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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


def _all_data(context: Any, builder: Any, kinds: Any, values: Any) -> list[Any]:
    """Point at the numbers of those of the first arguments that are arrays; None stands for the others."""
    pairs = zip(kinds, values, strict=False)
    return [_data(context, builder, kind, value) for kind, value in pairs if kind is not None]


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


def _add(builder: Any, vector: Any, pointer: Any) -> None:
    _store(builder, builder.fadd(_load(builder, pointer), vector, flags=FAST), pointer)


def _accumulators(builder: Any, count: int) -> list[Any]:
    slots = [cgutils.alloca_once(builder, LANES) for _ in range(count)]
    for slot in slots:
        builder.store(ZERO, slot)
    return slots


def _add_product(builder: Any, slot: Any, x: Any, y: Any) -> None:
    builder.store(_fma(builder, x, y, builder.load(slot)), slot)


def _row(builder: Any, matrix: Any, ids: Any, width: int, place: Any, more: int = 0) -> Any:
    """Point at the row of a matrix that the number at `place` + `more` names."""
    return _at(builder, matrix, _times(builder, builder.load(_at(builder, ids, place, more)), width))


def _rows(builder: Any, matrix: Any, ids: Any, width: int, place: Any, count: int) -> list[Any]:
    """Point at the rows of a matrix that `count` numbers from `place` on name."""
    return [_row(builder, matrix, ids, width, place, r) for r in range(count)]


@written_out
def score_rows(
    typing: Any, scores: Any, j: Any, rows: Any, words: Any, columns: Any, dim: Any, length: Any, many: Any
) -> Any:
    """Set scores[j + r, i] to rows[words[j + r]] · columns[:, i], for sixteen i and r below the constant `many`.

    Only the first `length` of the `dim` components count.
    """
    count, width = many.literal_value, dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (scores, None, rows, words, columns)
        out, matrix, names, transposed = _all_data(context, builder, kinds, values)
        starts = _rows(builder, matrix, names, width, values[1], count)
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
    count: int,
    panel: range,
) -> None:
    """Emit out[r] += Σⱼ factors[j, r] row(j) over j < `count`, for `TALL` rows and the components of a panel."""
    next_j, next_r = strides
    slots = _accumulators(builder, TALL * len(panel))
    with cgutils.for_range(builder, ir.Constant(INDEX, count)) as loop:
        start, place = row(loop.index), _times(builder, loop.index, next_j)
        loaded = [_load(builder, _at(builder, start, d)) for d in panel]
        for r in range(TALL):
            scale = _splat(builder, builder.load(_at(builder, factors, place, next_r * r)))
            for c, vector in enumerate(loaded):
                _add_product(builder, slots[r * len(panel) + c], scale, vector)
    for r, start in enumerate(out):  # one after the other, because they may be the same row
        for c, d in enumerate(panel):
            _add(builder, builder.load(slots[r * len(panel) + c]), _at(builder, start, d))


@written_out
def push_centres(
    typing: Any, inputs: Any, centres: Any, weights: Any, outputs: Any, words: Any, shared: Any, dim: Any
) -> Any:
    """Add Σⱼ weights[j, i] outputs[words[j]], over j below the constant `shared`, to inputs[centres[i]], for all i."""
    width, count = dim.literal_value, shared.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (inputs, centres, weights, outputs, words)
        changed, ids, factors, matrix, names = _all_data(context, builder, kinds, values)
        row = partial(_row, builder, matrix, names, width)
        for panel in _panels(width):
            with cgutils.for_range(builder, ir.Constant(INDEX, WIDTH // TALL)) as loop:
                i = _times(builder, loop.index, TALL)
                out, factor = _rows(builder, changed, ids, width, i, TALL), _at(builder, factors, i)
                _add_sums(builder, out, factor, (WIDTH, 1), row, count, panel)
        return context.get_dummy_value()

    return types.void(inputs, centres, weights, outputs, words, shared, dim), emit


@written_out
def push_words(typing: Any, outputs: Any, words: Any, weights: Any, vectors: Any, shared: Any, dim: Any) -> Any:
    """Add Σᵢ weights[j, i] vectors[i], over all i, to outputs[words[j]], for j below the constant `shared`."""
    width, count = dim.literal_value, shared.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (outputs, words, weights, vectors)
        changed, names, factors, matrix = _all_data(context, builder, kinds, values)

        def row(i: Any) -> Any:
            return _at(builder, matrix, _times(builder, i, width))

        for panel in _panels(width):
            with cgutils.for_range(builder, ir.Constant(INDEX, count // TALL)) as loop:
                j = _times(builder, loop.index, TALL)
                out = _rows(builder, changed, names, width, j, TALL)
                factor = _at(builder, factors, _times(builder, j, WIDTH))
                _add_sums(builder, out, factor, (1, WIDTH), row, WIDTH, panel)
        return context.get_dummy_value()

    return types.void(outputs, words, weights, vectors, shared, dim), emit


@written_out
def score_near(typing: Any, scores: Any, vectors: Any, i: Any, outputs: Any, words: Any, count: Any, dim: Any) -> Any:
    """Set scores[0, j] to vectors[i] · outputs[words[j]], for j < count."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kinds = (scores, vectors, None, outputs, words)
        out, own, matrix, names = _all_data(context, builder, kinds, values)
        mine = _at(builder, own, _times(builder, values[2], width))
        kind = ir.FunctionType(REAL, [REAL, LANES])
        total = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{WIDTH}f32")
        with cgutils.for_range(builder, values[5]) as loop:
            row = _row(builder, matrix, names, width, loop.index)
            sums = [ZERO] * 4  # each product waits for the one before it in its sum
            for n, d in enumerate(range(0, width, WIDTH)):
                pair = _load(builder, _at(builder, mine, d)), _load(builder, _at(builder, row, d))
                sums[n % 4] = _fma(builder, *pair, sums[n % 4])
            halves = [builder.fadd(sums[k], sums[k + 2], flags=FAST) for k in (0, 1)]
            lanes = builder.fadd(*halves, flags=FAST)
            score = builder.call(total, [ir.Constant(REAL, -0.0), lanes], fastmath=FAST)
            builder.store(score, _at(builder, out, loop.index))
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
        changed, own, matrix, names, factors = _all_data(context, builder, kinds, values)
        out = _at(builder, changed, _times(builder, values[1], width))
        mine = _at(builder, own, _times(builder, values[3], width))
        for panel in _panels(width):
            slots = _accumulators(builder, len(panel))
            vector = [_load(builder, _at(builder, mine, d)) for d in panel]
            with cgutils.for_range(builder, values[6]) as loop:
                row = _row(builder, matrix, names, width, loop.index)
                scale = _splat(builder, builder.load(_at(builder, factors, loop.index)))
                for slot, v, d in zip(slots, vector, panel, strict=True):
                    pointer = _at(builder, row, d)
                    old = _load(builder, pointer)
                    _add_product(builder, slot, scale, old)
                    _store(builder, _fma(builder, scale, v, old), pointer)
            for slot, d in zip(slots, panel, strict=True):
                _add(builder, builder.load(slot), _at(builder, out, d))
        return context.get_dummy_value()

    whole = types.intp
    return types.void(inputs, whole, vectors, whole, outputs, words, whole, weights, dim), emit


@written_out
def transpose(typing: Any, rows: Any, out: Any, dim: Any) -> Any:
    """Write sixteen rows of length `dim` to `out`, of shape (dim, 16), as its columns."""
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        matrix, target = _all_data(context, builder, (rows, out), values)
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
        matrix, start = _data(context, builder, rows, values[0]), _times(builder, values[1], width)
        for d in range(0, width, WIDTH):
            pointer = _at(builder, matrix, start, d)
            builder.call(prefetch, [builder.bitcast(pointer, byte), *flags])
        return context.get_dummy_value()

    return types.void(rows, types.intp, dim, level), emit
