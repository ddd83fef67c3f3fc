"""More arithmetic on registers: products, sums, quotients, the larger of two, and the exponential."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from unlabeled.kernels.simd import FAST, intrinsic

# By bytes of a number: the degree of the polynomial, the bits of a mantissa, log 2 in two parts (the first with so few
# digits that its product with n is exact), and below which x the exponential is 0.
FORMATS = {
    4: (7, 23, 0.693359375, -2.12194440e-4, -87.0),
    8: (13, 52, 0.693147180369123816490, 1.90821492927058770002e-10, -708.0),
}


def _of_two(compute: Callable[[Any, Any, Any], Any], doc: str) -> Any:
    """Make a function of two registers out of what it emits."""

    def function(typing: Any, x: Any, y: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return compute(builder, *values)

        return x(x, y), emit

    function.__doc__ = doc
    return intrinsic(function)


plus = _of_two(lambda builder, x, y: builder.fadd(x, y), "Give x + y.")
times = _of_two(lambda builder, x, y: builder.fmul(x, y), "Give x · y.")
divided = _of_two(lambda builder, x, y: builder.fdiv(x, y), "Give x / y.")
larger = _of_two(
    lambda builder, x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y), "Give the larger of each pair."
)


@intrinsic
def exponential(typing: Any, x: Any) -> Any:
    """Give eˣ of numbers that are not above 0.

    It is 2ⁿ eʳ, with n = ⌊x / log 2⌉, r = x − n log 2 and so |r| ≤ log 2 / 2, where a short polynomial is exact to the
    last digits. There are neither branches nor calls in it.
    """
    size = x.dtype.bitwidth // 8
    degree, mantissa, high, low, least = FORMATS[size]

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (given,) = values
        whole = ir.VectorType(ir.IntType(8 * size), x.width)

        def number(value: float) -> Any:
            return ir.Constant(given.type, [value] * x.width)

        def fma(a: Any, b: Any, c: Any) -> Any:
            return builder.fadd(builder.fmul(a, b, flags=FAST), c, flags=FAST)

        # Adding 1.5 · 2^mantissa rounds to a whole number, which is then in the low bits.
        shifted = builder.fadd(builder.fmul(given, number(1 / math.log(2))), number(1.5 * 2.0**mantissa))
        n = builder.fsub(shifted, number(1.5 * 2.0**mantissa))
        rest = fma(n, number(-low), fma(n, number(-high), given))
        result = number(1 / math.factorial(degree))
        for power in reversed(range(degree)):
            result = fma(result, rest, number(1 / math.factorial(power)))
        # Adding n to the exponent multiplies by 2ⁿ.
        bits = builder.shl(builder.bitcast(shifted, whole), ir.Constant(whole, [mantissa] * x.width))
        scaled = builder.bitcast(builder.add(builder.bitcast(result, whole), bits), given.type)
        return builder.select(builder.fcmp_ordered(">", given, number(least)), scaled, number(0.0))

    return x(x), emit


@intrinsic
def add_totals(
    typing: Any, sums: Any, place: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any
) -> Any:
    """Add the total of each of eight registers to the eight float64 of `sums` that begin at `place`.

    The registers are halved together, pair by pair: of two, neighbours are added and come to lie in one.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, index, *registers = values
        number = ir.IntType(32)

        def chosen(x: Any, y: Any, lanes: range) -> Any:
            return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(number, len(lanes)), list(lanes)))

        width = a.width
        while len(registers) > 1:
            pairs = zip(registers[::2], registers[1::2], strict=True)
            registers = [
                builder.fadd(chosen(x, y, range(0, 2 * width, 2)), chosen(x, y, range(1, 2 * width, 2)))
                for x, y in pairs
            ]
        (left,) = registers
        while left.type.count > 8:
            half = left.type.count // 2
            left = builder.fadd(chosen(left, left, range(0, 2 * half, 2)), chosen(left, left, range(1, 2 * half, 2)))
        kind = ir.VectorType(ir.DoubleType(), 8)
        left = left if left.type == kind else builder.fpext(left, kind)
        view = context.make_array(sums)(context, builder, array)
        target = cgutils.get_item_pointer(context, builder, sums, view, cgutils.unpack_tuple(builder, index))
        target = builder.bitcast(target, kind.as_pointer())
        before = builder.load(target)
        before.align = 8
        builder.store(builder.fadd(before, left), target).align = 8
        return context.get_dummy_value()

    return types.void(sums, place, a, b, c, d, e, f, g, h), emit
