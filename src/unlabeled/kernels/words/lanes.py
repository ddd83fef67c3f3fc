"""Numbers held sixteen at a time in vector registers: the explicit SIMD with which the kernels are written.

Numba hands loops to LLVM's vectoriser, which gives up on tiles of several rows, because it cannot know that the rows do
not overlap. Here the tile is spelt out: a `Lanes` is a local variable like any other, lives in registers, and becomes
one 512-bit, two 256-bit or four 128-bit registers, whichever the processor has. Rows are C-contiguous, and as long as
a multiple of 16; `columns` are offsets into them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

WIDTH = 16
FAST = ("reassoc", "contract", "nsz")  # sums in any order, a product and a sum in one rounding


def instruction(define: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function for kernels of one that says its type and how to emit it: Numba's `intrinsic`, with types."""
    return intrinsic(define)  # type: ignore[no-any-return]  # Numba has no types


class Lanes(types.Type):
    """The Numba type of sixteen numbers."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        scalar = manager.lookup(kind.dtype).get_data_type()
        super().__init__(manager, kind, ir.VectorType(scalar, WIDTH))


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    view = context.make_array(kind)(context, builder, array)
    size = context.get_value_type(types.intp)
    at = [
        builder.sext(index, size) if index.type.width < size.width else index
        for index in cgutils.unpack_tuple(builder, place)
    ]
    return cgutils.get_item_pointer(context, builder, kind, view, at)


@instruction
def load(typing: Any, array: Any, place: Any) -> Any:
    """Give the sixteen numbers of `array` that begin at `place`, a pair (row, column)."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(signature.return_type)
        pointer = _pointer(context, builder, array, *values)
        loaded = builder.load(builder.bitcast(pointer, vector.as_pointer()))
        loaded.align = context.get_abi_sizeof(vector.element)
        return loaded

    return Lanes(array.dtype)(array, place), emit


@instruction
def store(typing: Any, array: Any, place: Any, lanes: Any) -> Any:
    """Write sixteen numbers into `array` from `place` on, a pair (row, column)."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(lanes)
        pointer = _pointer(context, builder, array, *values[:2])
        stored = builder.store(values[2], builder.bitcast(pointer, vector.as_pointer()))
        stored.align = context.get_abi_sizeof(vector.element)
        return context.get_dummy_value()

    return types.void(array, place, lanes), emit


def _same(builder: Any, vector: Any, number: Any) -> Any:
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@instruction
def splat(typing: Any, number: Any) -> Any:
    """Give `number` sixteen times."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _same(builder, context.get_data_type(signature.return_type), values[0])

    return Lanes(number)(number), emit


@instruction
def splat_like(typing: Any, lanes: Any, number: Any) -> Any:
    """Give `number` sixteen times, in the precision of `lanes`."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _same(builder, values[0].type, context.cast(builder, values[1], number, lanes.dtype))

    return lanes(lanes, number), emit


@instruction
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Give x · y + z, lane by lane."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fadd(builder.fmul(values[0], values[1], flags=FAST), values[2], flags=FAST)

    return x(x, y, z), emit


@instruction
def add(typing: Any, x: Any, y: Any) -> Any:
    """Give x + y, lane by lane."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fadd(*values, flags=FAST)

    return x(x, y), emit


@instruction
def mul(typing: Any, x: Any, y: Any) -> Any:
    """Give x · y, lane by lane."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fmul(*values, flags=FAST)

    return x(x, y), emit


@instruction
def div(typing: Any, x: Any, y: Any) -> Any:
    """Give x / y, lane by lane."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fdiv(*values, flags=FAST)

    return x(x, y), emit


@instruction
def exp(typing: Any, x: Any) -> Any:
    """Give eˣ in every lane for |x| ≤ 80, and e^±80 beyond.

    x / log 2 is cut into a whole number, which goes into the exponent's bits, and the rest f, |f| ≤ 1/2, for which the
    Taylor series of 2^f is used. The relative error is below 1e-8 in float64, and a few roundings of x in float32.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector, bits = values[0].type, x.dtype.bitwidth
        whole = ir.VectorType(ir.IntType(bits), WIDTH)

        def constant(number: float) -> Any:
            return ir.Constant(vector, [number] * WIDTH)

        t = values[0]
        for sign, limit in (("<", constant(80.0)), (">", constant(-80.0))):
            t = builder.select(builder.fcmp_ordered(sign, t, limit), t, limit)
        t = builder.fmul(t, constant(1 / math.log(2)))
        kind = ir.FunctionType(vector, [vector])
        rint = cgutils.get_or_insert_function(
            builder.module, kind, f"llvm.rint.v{WIDTH}{vector.element.intrinsic_name}"
        )
        power = builder.call(rint, [t])
        f = builder.fsub(t, power, flags=FAST)
        series = constant(0.0)
        for coefficient in reversed([math.log(2) ** k / math.factorial(k) for k in range(8)]):
            series = builder.fadd(builder.fmul(series, f, flags=FAST), constant(coefficient), flags=FAST)
        mantissa = 23 if bits == 32 else 52
        exponent = builder.shl(builder.fptosi(power, whole), ir.Constant(whole, [mantissa] * WIDTH))
        return builder.bitcast(builder.add(builder.bitcast(series, whole), exponent), vector)

    return x(x), emit


@instruction
def total(typing: Any, lanes: Any) -> Any:
    """Give the sum over the lanes."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = context.get_data_type(lanes)
        kind = ir.FunctionType(vector.element, [vector.element, vector])
        name = f"llvm.vector.reduce.fadd.v{WIDTH}{vector.element.intrinsic_name}"
        add = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(add, [ir.Constant(vector.element, -0.0), values[0]], fastmath=FAST)

    return lanes.dtype(lanes), emit


def picked(builder: Any, x: Any, y: Any, order: list[int]) -> Any:
    """Emit a vector of those numbers of two vectors, one after the other, that `order` counts up."""
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order))


def folded(builder: Any, vectors: list[Any]) -> Any:
    """Emit the sums of 4, 8 or 16 `Lanes`, and give them as one vector of as many numbers.

    Lanes are folded together: 16 × 16 numbers become 8 × (8 + 8), then 4 × (4 + 4 + 4 + 4), and so on. Of two vectors
    one keeps its place in the lower lanes of a group and the other in the upper ones, and their other halves are moved
    beside them: one blend, one shuffle and one addition for two vectors.
    """
    bits = len(vectors).bit_length() - 1
    # The bits of a vector's number choose halves of lanes from the smallest to the largest one, so they are reversed.
    vectors = [vectors[sum((k >> b & 1) << (bits - 1 - b) for b in range(bits))] for k in range(len(vectors))]
    size = WIDTH // 2
    while len(vectors) > 1:
        upper = [bool(i & size) for i in range(WIDTH)]
        kept = [i + WIDTH * up for i, up in enumerate(upper)]
        moved = [(i ^ size) + WIDTH * up for i, up in enumerate(upper)]
        vectors = [
            builder.fadd(picked(builder, x, y, kept), picked(builder, x, y, moved), flags=FAST)
            for x, y in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        size //= 2
    (sums,) = vectors
    while size:
        lower = [i for i in range(sums.type.count) if not i & size]
        halves = [picked(builder, sums, sums, [i + by for i in lower]) for by in (0, size)]
        sums = builder.fadd(*halves, flags=FAST)
        size //= 2
    return sums


@instruction
def prefetch(typing: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line at `place`, a pair (row, column), which will be read and written soon."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        pointer = builder.bitcast(_pointer(context, builder, array, *values), byte)
        builder.call(fetch, [pointer, *(ir.Constant(number, flag) for flag in (1, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, place), emit
