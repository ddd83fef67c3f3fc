"""The SIMD operations with which all kernels are written: each takes and gives registers of 64 bytes.

A `Register` holds sixteen float32 (or int32) or eight float64 (or int64). In a kernel it is a local variable like any
other. How it becomes instructions is in `ir_builder`.

Products and sums are rounded one by one, as NumPy does. There are three exceptions: `fma` rounds x · y + z once, where
the processor can do so; `total` and `add_totals` may add in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.ir_builder import (
    BYTE,
    FUSED,
    NUMBER,
    broadcast,
    call,
    constant,
    intrinsic,
    register_of,
    specialised,
    totals,
)
from unlabeled.kernels.ir_builder import fma as emit_fma
from unlabeled.kernels.ir_builder import total as emit_total
from unlabeled.kernels.layout import BYTES

L1, L2 = 3, 2
"""The caches of a processor core, as `prefetch` names them."""

# By bytes of a number: the degree of the polynomial, the bits of a mantissa, log 2 in two parts (the first with so few
# digits that its product with n is exact), and the range outside which the exponential is 0 or no longer grows.
EXPONENTIAL = {
    4: (7, 23, 0.693359375, -2.12194440e-4, 87.0),
    8: (13, 52, 0.693147180369123816490, 1.90821492927058770002e-10, 708.0),
}


class Register(types.Type):
    """The Numba type of 64 bytes of numbers."""

    def __init__(self, dtype: Any) -> None:
        self.dtype, self.width = dtype, BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Register({dtype})")


@extending.register_model(Register)
class _RegisterModel(extending.models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Register) -> None:
        super().__init__(manager, kind, register_of(manager.lookup(kind.dtype).get_data_type()))


def integers_as_wide(dtype: Any) -> Any:
    """Give the integers with which the places of numbers are counted, in registers of the same width."""
    return types.int32 if dtype.bitwidth == 32 else types.int64


# --- memory -----------------------------------------------------------------------------------------------------------


def pointer_to(context: Any, builder: Any, signature: Any, values: Any, target: Any) -> Any:
    """Point at the element of an array, the first argument, at a place, the second; `target` is what is read there."""
    kind, index = signature.args[:2]
    size = context.get_value_type(types.intp)
    place = []
    for number, term in zip(index, cgutils.unpack_tuple(builder, values[1]), strict=True):
        extend = builder.sext if getattr(number, "signed", True) else builder.zext
        place.append(extend(term, size) if term.type.width < size.width else term)
    view = context.make_array(kind)(context, builder, values[0])
    return builder.bitcast(cgutils.get_item_pointer(context, builder, kind, view, place), target.as_pointer())


@intrinsic
def register_width(typing: Any, array: Any) -> Any:
    """Give how many numbers of an array a register holds: a constant of the kernel."""
    width = Register(array.dtype).width

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.get_constant(types.intp, width)

    return types.intp(array), emit


@intrinsic
def load(typing: Any, array: Any, place: Any) -> Any:
    """Give the numbers of `array` that begin at `place`, a tuple of indices."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(signature.return_type)
        loaded = builder.load(pointer_to(context, builder, signature, values, vector))
        loaded.align = context.get_abi_sizeof(vector.element)
        return loaded

    return Register(array.dtype)(array, place), emit


@intrinsic
def store(typing: Any, array: Any, place: Any, x: Any) -> Any:
    """Write a register into `array` from `place` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(x)
        stored = builder.store(values[2], pointer_to(context, builder, signature, values, vector))
        stored.align = context.get_abi_sizeof(vector.element)
        return context.get_dummy_value()

    return types.void(array, place, x), emit


@specialised
def prefetch(typing: Any, array: Any, place: Any, cache: Any) -> Any:
    """Fetch the cache line at `place` into a cache, the constant `L1` or `L2`; it may lie beyond the array.

    The first-level cache is small. What is needed much later would drive out of it what is needed now.
    """
    locality = cache.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [BYTE, NUMBER, NUMBER, NUMBER])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        pointer = pointer_to(context, builder, signature, values, BYTE.pointee)
        builder.call(fetch, [pointer, *(ir.Constant(NUMBER, flag) for flag in (0, locality, 1))])  # to read; data
        return context.get_dummy_value()

    return types.void(array, place, cache), emit


# --- arithmetic -------------------------------------------------------------------------------------------------------


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """Fill a register with one number."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return broadcast(builder, values[0])

    return Register(number)(number), emit


@intrinsic
def splat_like(typing: Any, x: Any, number: Any) -> Any:
    """Fill a register with one number, in the precision of x."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return broadcast(builder, context.cast(builder, values[1], number, x.dtype))

    return x(x, number), emit


def _of_two(emitted: Callable[[Any, Any, Any], Any], doc: str) -> Any:
    """Make a function of two registers from what it emits."""

    def function(typing: Any, x: Any, y: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return emitted(builder, *values)

        return x(x, y), emit

    function.__doc__ = doc
    return intrinsic(function)


add = _of_two(lambda builder, x, y: builder.fadd(x, y), "Give x + y.")
sub = _of_two(lambda builder, x, y: builder.fsub(x, y), "Give x − y.")
mul = _of_two(lambda builder, x, y: builder.fmul(x, y), "Give x · y.")
div = _of_two(lambda builder, x, y: builder.fdiv(x, y), "Give x / y.")
maximum = _of_two(
    lambda builder, x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y), "Give the larger of each pair."
)


@intrinsic
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Give x · y + z, rounded once where the processor can do so."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return emit_fma(builder, *values)

    return x(x, y, z), emit


@intrinsic
def exp(typing: Any, x: Any) -> Any:
    """Give eˣ: 0 for x below −87 (in float64 −708), and no more than e⁸⁷ (e⁷⁰⁸).

    It is 2ⁿ eʳ, with n = ⌊x / log 2⌉, r = x − n log 2 and so |r| ≤ log 2 / 2, where a short polynomial is exact to the
    last digits. There are neither branches nor calls in it.
    """
    size = x.dtype.bitwidth // 8
    degree, mantissa, high, low, limit = EXPONENTIAL[size]

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        (given,) = values
        kind = given.type
        whole = ir.VectorType(ir.IntType(8 * size), x.width)

        def number(value: float) -> Any:
            return constant(kind, value)

        bounded = builder.select(builder.fcmp_ordered("<", given, number(limit)), given, number(limit))
        # Adding 1.5 · 2^mantissa rounds to a whole number, which is then in the low bits.
        shifted = builder.fadd(builder.fmul(bounded, number(1 / math.log(2))), number(1.5 * 2.0**mantissa))
        n = builder.fsub(shifted, number(1.5 * 2.0**mantissa))
        rest = emit_fma(builder, n, number(-low), emit_fma(builder, n, number(-high), bounded))
        result = number(1 / math.factorial(degree))
        for power in reversed(range(degree)):
            result = emit_fma(builder, result, rest, number(1 / math.factorial(power)))
        # Adding n to the exponent multiplies by 2ⁿ.
        bits = builder.shl(builder.bitcast(shifted, whole), constant(whole, mantissa))
        scaled = builder.bitcast(builder.add(builder.bitcast(result, whole), bits), kind)
        return builder.select(builder.fcmp_ordered(">", given, number(-limit)), scaled, number(0.0))

    return x(x), emit


@inlined
def sigmoid(x: Any) -> Any:  # pragma: no cover - compiled
    """Give 1 / (1 + e⁻ˣ), which never reaches 0.

    Where other programs cut off at |x| = 6 or 8, here a badly mistaken pair still gets its gradient.
    """
    one = splat_like(x, 1)
    return div(one, add(one, exp(mul(splat_like(x, -1), x))))


@intrinsic
def inverse_root(typing: Any, x: Any) -> Any:
    """Give 1 / √x; in float32 by the processor's estimate and one step of Newton's method."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        flags = (*FUSED, "reassoc", "arcp", "afn")
        root = call(builder, "sqrt", values[0].type, [values[0]], fastmath=flags)
        return builder.fdiv(constant(root.type, 1.0), root, flags=flags)

    return x(x), emit


# --- across the numbers of a register ---------------------------------------------------------------------------------


@intrinsic
def total(typing: Any, x: Any) -> Any:
    """Give the sum of the numbers of a register, added in any order."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return emit_total(builder, values[0])

    return x.dtype(x), emit


@intrinsic
def add_totals(
    typing: Any, sums: Any, place: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any
) -> Any:
    """Add the total of each of eight registers to the eight float64 of `sums` that begin at `place`."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.VectorType(ir.DoubleType(), 8)
        added = totals(builder, list(values[2:]))
        added = added if added.type == kind else builder.fpext(added, kind)
        target = pointer_to(context, builder, signature, values, kind)
        before = builder.load(target)
        before.align = 8
        builder.store(builder.fadd(before, added), target).align = 8
        return context.get_dummy_value()

    return types.void(sums, place, a, b, c, d, e, f, g, h), emit


@intrinsic
def keep_larger(typing: Any, best: Any, place: Any, score: Any, here: Any) -> Any:
    """Give (best, place) with (score, here) in their stead wherever the score is larger; `here` is one number."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        larger = builder.fcmp_ordered(">", values[2], values[0])
        # Two selects by one mask would be written to memory under that mask, which some processors do slowly.
        best_of_both = call(builder, "maxnum", values[2].type, [values[0], values[2]], fastmath=("nnan", "nsz"))
        kept = (best_of_both, builder.select(larger, broadcast(builder, values[3]), values[1]))
        return context.make_tuple(builder, signature.return_type, kept)

    whole = integers_as_wide(best.dtype)
    return types.containers.Tuple((best, Register(whole)))(best, Register(whole), score, whole), emit


@intrinsic
def place_of_largest(typing: Any, best: Any, place: Any) -> Any:
    """Give the smallest place · width + lane among the lanes in which `best` is largest."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole = values[1].type
        largest = call(builder, "vector.reduce.fmax", values[0].type.element, [values[0]], fastmath=("nnan", "nsz"))
        places = builder.mul(values[1], constant(whole, best.width))
        places = builder.add(places, ir.Constant(whole, list(range(best.width))))
        is_largest = builder.fcmp_ordered("==", values[0], broadcast(builder, largest))
        found = builder.select(is_largest, places, constant(whole, 2**31 - 1))
        return call(builder, "vector.reduce.umin", whole.element, [found])

    return place.dtype(best, place), emit


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Give the number of the lowest bit that is set in 64 bits; one must be."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), emit
