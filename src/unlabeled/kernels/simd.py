"""Numbers held by the registerful, 64 bytes at a time: the explicit SIMD with which the kernels are written.

LLVM's vectoriser gives up on tiles of several rows and on searches for a minimum with its place. Here they are spelt
out: a `Register` holds sixteen float32 (or int32) or eight float64 (or int64), is a local variable like any other, and
becomes one 512-bit, two 256-bit or four 128-bit registers of the processor, whichever it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from unlabeled.kernels.layout import BYTES

FAST = ("contract", "nsz")  # a product and a sum may be rounded once, together


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that emits LLVM instructions callable in kernels."""
    return extending.intrinsic(function)  # type: ignore[no-any-return]  # Numba has no types


class Register(types.Type):
    """The Numba type of 64 bytes of numbers."""

    def __init__(self, dtype: Any) -> None:
        self.dtype, self.width = dtype, BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Register({dtype})")


@extending.register_model(Register)
class _RegisterModel(extending.models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Register) -> None:
        scalar = manager.lookup(kind.dtype).get_data_type()
        super().__init__(manager, kind, ir.VectorType(scalar, kind.width))


def _whole(dtype: Any) -> Any:
    """Give the integers as wide as `dtype`, in which the places of its numbers are counted."""
    return types.int32 if dtype.bitwidth == 32 else types.int64


def pointer_to(context: Any, builder: Any, kind: Any, array: Any, place: Any, vector: Any) -> Any:
    """Give the address of the number of an array at `place`, to load or store a vector there."""
    view = context.make_array(kind)(context, builder, array)
    pointer = cgutils.get_item_pointer(context, builder, kind, view, cgutils.unpack_tuple(builder, place))
    return builder.bitcast(pointer, vector.as_pointer())


def call(builder: Any, what: str, result: Any, arguments: list[Any], **flags: Any) -> Any:
    """Call one of LLVM's operations on vectors; the last argument's type names the variant."""
    vector = arguments[-1].type
    element = vector.element
    name = element.intrinsic_name if hasattr(element, "intrinsic_name") else str(element)
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    called = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{what}.v{vector.count}{name}")
    return builder.call(called, arguments, **flags)


@intrinsic
def load(typing: Any, array: Any, place: Any) -> Any:
    """Give the numbers of `array` that begin at `place`, a tuple of indices of unsigned type."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(signature.return_type)
        loaded = builder.load(pointer_to(context, builder, array, values[0], values[1], vector))
        loaded.align = context.get_abi_sizeof(vector.element)
        return loaded

    return Register(array.dtype)(array, place), emit


@intrinsic
def store(typing: Any, array: Any, place: Any, register: Any) -> Any:
    """Write a register into `array` from `place` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(register)
        stored = builder.store(values[2], pointer_to(context, builder, array, values[0], values[1], vector))
        stored.align = context.get_abi_sizeof(vector.element)
        return context.get_dummy_value()

    return types.void(array, place, register), emit


def spread(builder: Any, vector: Any, value: Any) -> Any:
    """Fill a vector with one number."""
    number = ir.IntType(32)
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.Constant(number, 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(number, vector.count), [0] * vector.count))


@intrinsic
def splat(typing: Any, number: Any) -> Any:
    """Fill a register with one number."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return spread(builder, context.get_data_type(signature.return_type), values[0])

    return Register(number)(number), emit


@intrinsic
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Give x · y + z."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fadd(builder.fmul(values[0], values[1], flags=FAST), values[2], flags=FAST)

    return x(x, y, z), emit


@intrinsic
def times(typing: Any, x: Any, y: Any) -> Any:
    """Give x · y."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fmul(values[0], values[1], flags=FAST)

    return x(x, y), emit


@intrinsic
def minus(typing: Any, x: Any, y: Any) -> Any:
    """Give x − y."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fsub(values[0], values[1])

    return x(x, y), emit


@intrinsic
def keep_larger(typing: Any, best: Any, place: Any, score: Any, here: Any) -> Any:
    """Give (best, place) with (score, here) in their stead wherever the score is larger; `here` is one number."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        larger = builder.fcmp_ordered(">", values[2], values[0])
        places = spread(builder, context.get_data_type(place), values[3])
        # Two selects by one mask would be written to memory under that mask, which some processors do slowly.
        best_of_both = call(builder, "maxnum", values[2].type, [values[0], values[2]], fastmath=("nnan", "nsz"))
        kept = (best_of_both, builder.select(larger, places, values[1]))
        return context.make_tuple(builder, signature.return_type, kept)

    whole = _whole(best.dtype)
    return types.containers.Tuple((best, Register(whole)))(best, Register(whole), score, whole), emit


@intrinsic
def place_of_largest(typing: Any, best: Any, place: Any) -> Any:
    """Give the smallest place · width + lane among the lanes in which `best` is largest."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector, whole = context.get_data_type(best), context.get_data_type(place)
        largest = call(builder, "vector.reduce.fmax", vector.element, [values[0]], fastmath=("nnan", "nsz"))
        places = builder.mul(values[1], ir.Constant(whole, [best.width] * best.width))
        places = builder.add(places, ir.Constant(whole, list(range(best.width))))
        never = ir.Constant(whole, [2**31 - 1] * best.width)
        is_largest = builder.fcmp_ordered("==", values[0], spread(builder, vector, largest))
        found = builder.select(is_largest, places, never)
        return call(builder, "vector.reduce.umin", whole.element, [found])

    return place.dtype(best, place), emit


@intrinsic
def total(typing: Any, x: Any) -> Any:
    """Give the sum of the numbers of a register."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(x)
        zero = ir.Constant(vector.element, -0.0)
        return call(builder, "vector.reduce.fadd", vector.element, [zero, values[0]], fastmath=("reassoc", "nsz"))

    return x.dtype(x), emit


@intrinsic
def prefetch(typing: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line at `place`, into the second cache; it may lie beyond the array."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = ir.IntType(32)
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        pointer = pointer_to(context, builder, array, values[0], values[1], ir.IntType(8))
        builder.call(fetch, [pointer, *(ir.Constant(number, flag) for flag in (0, 2, 1))])
        return context.get_dummy_value()

    return types.void(array, place), emit
