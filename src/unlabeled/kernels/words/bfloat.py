"""Numbers of 16 bits, two by two: products of matrices at twice the speed of float32.

A bfloat16 is the upper half of a float32: its sign, its exponent, and 8 bits of precision. Processors that have
AVX512-BF16 multiply 32 of them by 32 others and add each two neighbouring products to one of sixteen float32 sums, in
the time of sixteen products of float32. For a sum over j the rows 2j and 2j + 1 must therefore lie interleaved; for a
sum along rows they must simply be rows of 16 bits. Both are held here in arrays of float32, each of whose numbers
stands for two.

What is rounded so is only what a step of skip-gram adds up over many negatives, all of them drawn at random: 8 bits are
much finer than the chance of the draw. The vectors themselves stay in float32, or small steps would be lost.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from unlabeled.kernels.compiled import inlined, processor_has
from unlabeled.kernels.ir_builder import LANES, at, data_of, times, written_out
from unlabeled.kernels.words.lanes import WIDTH, instruction, load, splat, store


class _BFloat(ir.Type):
    """The type `bfloat` of LLVM, which llvmlite lacks."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


TWICE = ir.VectorType(_BFloat(), 2 * WIDTH)
BITS = ir.VectorType(ir.IntType(16), 2 * WIDTH)


def available() -> bool:
    """Tell whether the processor multiplies bfloat16."""
    return processor_has("avx512bf16")


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.avx512bf16.{name}.512"), arguments
    )


def add_pairs(builder: Any, slot: Any, x: Any, y: Any) -> None:
    """Emit the sum of products of 32 numbers and 32 others, two of them to each of sixteen sums."""
    halves = builder.bitcast(x, TWICE), builder.bitcast(y, TWICE)
    builder.store(_call(builder, "dpbf16ps", LANES, builder.load(slot), *halves), slot)


def _rounded(builder: Any, x: Any, y: Any) -> Any:
    return _call(builder, "cvtne2ps2bf16", TWICE, y, x)


@instruction
def joined(typing: Any, x: Any, y: Any) -> Any:
    """Round two times sixteen numbers to 16 bits each: x₀, x₁, ..., y₀, y₁, ..."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(_rounded(builder, *values), LANES)

    return x(x, y), emit


@instruction
def interleaved(typing: Any, x: Any, y: Any) -> Any:
    """Round two times sixteen numbers to 16 bits each: x₀, y₀, x₁, y₁, ..."""
    order = [k // 2 + WIDTH * (k % 2) for k in range(2 * WIDTH)]

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = builder.bitcast(_rounded(builder, *values), BITS)
        order_of = ir.Constant(ir.VectorType(ir.IntType(32), 2 * WIDTH), order)
        return builder.bitcast(builder.shuffle_vector(bits, ir.Constant(BITS, ir.Undefined), order_of), LANES)

    return x(x, y), emit


@written_out
def store_joined(typing: Any, out: Any, row: Any, start: Any, width: Any, x: Any, y: Any) -> Any:
    """Round sixteen numbers x to out[row, start : start + 8], and y to the row below."""
    length = width.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (target,) = data_of(context, builder, (out,), values)
        both = builder.bitcast(_rounded(builder, *values[4:]), LANES)
        for half in (0, 1):
            order = ir.Constant(ir.VectorType(ir.IntType(32), 8), [8 * half + k for k in range(8)])
            eight = builder.shuffle_vector(both, ir.Constant(LANES, ir.Undefined), order)
            place = at(builder, target, times(builder, values[1], length), values[2], half * length)
            builder.store(eight, builder.bitcast(place, eight.type.as_pointer())).align = 4
        return context.get_dummy_value()

    return types.void(out, types.intp, types.intp, width, x, y), emit


@inlined
def pack(matrix: Any, i: int, j: int, rows: Any, pairs: Any, k: int, dim: int) -> None:  # pragma: no cover - compiled
    """Round matrix[i] and matrix[j]: to rows[k] and rows[k + 1], and interleaved to pairs[k / 2]."""
    half = k // 2
    for d in range(0, dim - WIDTH, 2 * WIDTH):
        a, b = load(matrix, (i, d)), load(matrix, (j, d))
        c, e = load(matrix, (i, d + WIDTH)), load(matrix, (j, d + WIDTH))
        store(pairs, (half, d), interleaved(a, b))
        store(pairs, (half, d + WIDTH), interleaved(c, e))
        store(rows, (k, d // 2), joined(a, c))
        store(rows, (k + 1, d // 2), joined(b, e))
    if dim % (2 * WIDTH):
        d, zero = dim - WIDTH, splat(matrix.dtype.type(0))
        a, b = load(matrix, (i, d)), load(matrix, (j, d))
        store(pairs, (half, d), interleaved(a, b))
        store(rows, (k, d // 2), joined(a, zero))
        store(rows, (k + 1, d // 2), joined(b, zero))
