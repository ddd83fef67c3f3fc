"""Products of 8-bit integers, sixty-four to a register, and the rounding of floats to such integers.

One instruction of AVX-512 VNNI multiplies 64 pairs of bytes and adds each four neighbouring products to one of sixteen
sums of 32 bits: four times the multiplications of float32 in as many cycles, eight times those of float64. One factor
is of 0 … 255, the other of −128 … 127. Nothing saturates, and sums are exact.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from unlabeled.kernels.ir_builder import broadcast, call, intrinsic
from unlabeled.kernels.simd import Register, pointer_to

LANES = 16  # sums in a register


@intrinsic
def add_products(typing: Any, sums: Any, x: Any, y: Any) -> Any:
    """Give sums[l] + Σ x[4l + b] · y[4l + b] over b < 4, where x holds bytes without sign, and y bytes with one."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = values[0].type
        multiply = ir.FunctionType(kind, [kind, kind, kind])
        # LLVM of other versions takes vectors of bytes, and turns this older form into that.
        called = cgutils.get_or_insert_function(builder.module, multiply, "llvm.x86.avx512.vpdpbusd.512")
        return builder.call(called, values)

    return sums(sums, x, y), emit


@intrinsic
def load_narrow(typing: Any, array: Any, place: Any, factor: Any) -> Any:
    """Give the 16 numbers of `array` from `place` on, times `factor`, a number of their type, as float32."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = ir.VectorType(context.get_value_type(array.dtype), LANES)
        loaded = builder.load(pointer_to(context, builder, signature, values, vector))
        loaded.align = context.get_abi_sizeof(vector.element)
        scaled = builder.fmul(loaded, broadcast(builder, values[2], vector))
        narrow = ir.VectorType(ir.FloatType(), LANES)
        return scaled if vector == narrow else builder.fptrunc(scaled, narrow)

    return Register(types.float32)(array, place, factor), emit


@intrinsic
def store_bytes(typing: Any, array: Any, place: Any, x: Any) -> Any:
    """Write whole numbers from −128 to 127, each plus 128, as bytes from `place` on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        byte = ir.VectorType(ir.IntType(8), LANES)
        whole = builder.fptosi(values[2], ir.VectorType(ir.IntType(32), LANES))
        shifted = builder.xor(builder.trunc(whole, byte), ir.Constant(byte, [-128] * LANES))
        builder.store(shifted, pointer_to(context, builder, signature, values, byte)).align = 1
        return context.get_dummy_value()

    return types.void(array, place, x), emit


@intrinsic
def as_floats(typing: Any, x: Any) -> Any:
    """Give whole numbers as float32."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.sitofp(values[0], ir.VectorType(ir.FloatType(), LANES))

    return Register(types.float32)(x), emit


@intrinsic
def nearest_whole(typing: Any, x: Any) -> Any:
    """Give each number rounded to the nearest whole one."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return call(builder, "rint", values[0].type, [values[0]])

    return x(x), emit


@intrinsic
def magnitudes(typing: Any, x: Any) -> Any:
    """Give the numbers without their signs."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return call(builder, "fabs", values[0].type, [values[0]])

    return x(x), emit


@intrinsic
def largest(typing: Any, x: Any) -> Any:
    """Give the largest number of a register."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return call(builder, "vector.reduce.fmax", values[0].type.element, [values[0]], fastmath=("nnan", "nsz"))

    return x.dtype(x), emit


@intrinsic
def square_roots(typing: Any, x: Any) -> Any:
    """Give the square root of each number."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return call(builder, "sqrt", values[0].type, [values[0]])

    return x(x), emit


def _bits_where(sign: str, doc: str) -> Any:
    """Make a comparison of two registers that gives bits, the first lane's the lowest; none where a number is NaN."""

    def function(typing: Any, x: Any, y: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            found = builder.fcmp_ordered(sign, *values)
            return builder.zext(builder.bitcast(found, ir.IntType(x.width)), ir.IntType(64))

        return types.uint64(x, y), emit

    function.__doc__ = doc
    return intrinsic(function)


at_least = _bits_where(">=", "Say in which lanes x is at least y.")
below = _bits_where("<", "Say in which lanes x is below y.")
