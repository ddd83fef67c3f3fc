"""Building blocks for code that is emitted as LLVM instructions: registers, pointers, loops, sums.

Numba hands loops to LLVM's vectoriser, which gives up on tiles of several rows, because it cannot know that the rows do
not overlap. So the inner loops are emitted here instruction by instruction: by the intrinsics of `simd`, each one
operation on registers, and by larger ones (`gemm`, `words.row_lists`, `words.row_products`), which unroll their loops.

A register is a vector of 64 bytes: sixteen float32 or int32, eight float64 or int64. LLVM makes one 512-bit, two
256-bit or four 128-bit registers of it, whichever the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils

from unlabeled.kernels.layout import BYTES

FUSED = ("contract", "nsz")
"""Flags of a product and a sum that are rounded once, together, where the processor can do so."""
ANY_ORDER = ("reassoc", "nsz")
"""Flags of a sum across the numbers of a register, which may be taken in any order."""
INDEX, NUMBER, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()


def intrinsic(define: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function for kernels of one that gives its type and how to emit it."""
    return extending.intrinsic(define)  # type: ignore[no-any-return]  # Numba has no types


def specialised(define: Callable[..., Any]) -> Callable[..., Any]:
    """Do the same where the code depends on arguments that are constants: their types then hold a `literal_value`."""
    return extending.intrinsic(prefer_literal=True)(define)  # type: ignore[no-any-return]  # Numba has no types


# --- registers --------------------------------------------------------------------------------------------------------


def register_of(element: Any) -> Any:
    """Give the type of a register of numbers of a type."""
    bits = element.width if isinstance(element, ir.IntType) else 64 if isinstance(element, ir.DoubleType) else 32
    return ir.VectorType(element, BYTES * 8 // bits)


def register_for(context: Any, array: Any) -> Any:
    """Give the type of a register of the numbers of an array."""
    return register_of(context.get_data_type(array.dtype))


def constant(register: Any, number: float) -> Any:
    """Give a register with one number, known now, in all places."""
    return ir.Constant(register, [number] * register.count)


def broadcast(builder: Any, number: Any, vector: Any = None) -> Any:
    """Give a register, or another vector, with one number in all places."""
    undefined = ir.Constant(vector or register_of(number.type), ir.Undefined)
    one = builder.insert_element(undefined, number, ir.Constant(NUMBER, 0))
    return shuffle(builder, one, undefined, [0] * undefined.type.count)


def shuffle(builder: Any, x: Any, y: Any, order: list[int]) -> Any:
    """Give a vector of the numbers of x and y, counted through, that `order` lists."""
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(NUMBER, len(order)), order))


def fma(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Give x · y + z, rounded once where the processor can do so."""
    return builder.fadd(builder.fmul(x, y, flags=FUSED), z, flags=FUSED)


def call(builder: Any, operation: str, result: Any, arguments: list[Any], **flags: Any) -> Any:
    """Call one of LLVM's operations on vectors; the last argument's type selects the variant."""
    vector = arguments[-1].type
    name = getattr(vector.element, "intrinsic_name", str(vector.element))
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    called = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{operation}.v{vector.count}{name}")
    return builder.call(called, arguments, **flags)


def total(builder: Any, x: Any) -> Any:
    """Give the sum of the numbers of a vector."""
    zero = ir.Constant(x.type.element, -0.0)
    return call(builder, "vector.reduce.fadd", x.type.element, [zero, x], fastmath=ANY_ORDER)


def totals(builder: Any, vectors: list[Any]) -> Any:
    """Give the totals of 2, 4, 8 or 16 registers, as one vector of as many numbers.

    Two registers become one: each is cut into halves, which are added; of one register the sums lie in the lower half
    of the result, of the other in the upper half. This takes a blend, a shuffle and an addition for two registers.
    Then quarters are added in the same way, and so on.
    """
    lanes = vectors[0].type.count
    if len(vectors) > lanes:
        half = len(vectors) // 2
        lower, upper = totals(builder, vectors[:half]), totals(builder, vectors[half:])
        return shuffle(builder, lower, upper, list(range(len(vectors))))
    bits = len(vectors).bit_length() - 1
    # The first step decides over the highest bit of a total's place, the last one over the lowest: reverse the bits.
    vectors = [vectors[sum((k >> b & 1) << (bits - 1 - b) for b in range(bits))] for k in range(len(vectors))]
    size = lanes // 2
    while len(vectors) > 1:
        upper_half = [bool(i & size) for i in range(lanes)]
        kept = [i + lanes * up for i, up in enumerate(upper_half)]
        moved = [(i ^ size) + lanes * up for i, up in enumerate(upper_half)]
        vectors = [
            builder.fadd(shuffle(builder, x, y, kept), shuffle(builder, x, y, moved))
            for x, y in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        size //= 2
    (sums,) = vectors
    while size:
        lower_half = [i for i in range(sums.type.count) if not i & size]
        halves = [shuffle(builder, sums, sums, [i + by for i in lower_half]) for by in (0, size)]
        sums = builder.fadd(*halves)
        size //= 2
    return sums


# --- memory -----------------------------------------------------------------------------------------------------------


def data_of(context: Any, builder: Any, kinds: Any, values: Any) -> list[Any]:
    """Point at the numbers of those of the first arguments that are arrays; None stands for the others."""
    pairs = zip(kinds, values, strict=False)
    return [context.make_array(kind)(context, builder, value).data for kind, value in pairs if kind is not None]


def columns_of(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Give the length of the rows of a matrix."""
    return builder.extract_value(context.make_array(kind)(context, builder, value).shape, 1)


def at(builder: Any, data: Any, *terms: Any) -> Any:
    """Point at an element. The terms of its index, numbers known now or later, are added up."""
    index = ir.Constant(INDEX, sum(term for term in terms if isinstance(term, int)))
    for term in terms:
        index = index if isinstance(term, int) else builder.add(index, term)
    return builder.gep(data, [index])


def times(builder: Any, index: Any, by: int) -> Any:
    """Multiply an index by a constant."""
    return builder.mul(index, ir.Constant(INDEX, by))


def row_at(builder: Any, matrix: Any, ids: Any, width: int, place: Any, more: int = 0) -> Any:
    """Point at the row of a matrix whose number is at `place` + `more` of a list."""
    return at(builder, matrix, times(builder, builder.load(at(builder, ids, place, more)), width))


def row_at_address(builder: Any, register: Any, addresses: Any, place: Any, more: int = 0) -> Any:
    """Point at the row whose address is at `place` + `more` of a list."""
    return builder.inttoptr(builder.load(at(builder, addresses, place, more)), register.element.as_pointer())


def load(builder: Any, pointer: Any, vector: Any) -> Any:
    """Read a vector, whose numbers may lie anywhere."""
    loaded = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    loaded.align = 4
    return loaded


def load_broadcast(builder: Any, pointer: Any) -> Any:
    """Give a register with the number in memory in all places."""
    return broadcast(builder, builder.load(pointer))


def store(builder: Any, vector: Any, pointer: Any) -> None:
    """Write a vector."""
    builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer())).align = 4


def add_to(builder: Any, vector: Any, pointer: Any) -> None:
    """Add a vector to numbers in memory."""
    store(builder, builder.fadd(load(builder, pointer, vector.type), vector), pointer)


def sums_of_zero(builder: Any, count: int, register: Any) -> list[Any]:
    """Make variables for sums, each a register."""
    slots = [cgutils.alloca_once(builder, register) for _ in range(count)]
    for slot in slots:
        builder.store(constant(register, 0.0), slot)
    return slots


def add_product(builder: Any, slot: Any, x: Any, y: Any) -> None:
    """Add x · y to a variable."""
    builder.store(fma(builder, x, y, builder.load(slot)), slot)


# --- loops ------------------------------------------------------------------------------------------------------------


def from_to(builder: Any, first: int, end: Any, step: int = 1) -> Any:
    """Begin a loop over `first`, `first` + `step`, ... below `end`; it gives the index, and the number of the turn."""
    end = ir.Constant(INDEX, end) if isinstance(end, int) else end
    begin, by = ir.Constant(INDEX, first), ir.Constant(INDEX, step)
    return cgutils.for_range_slice(builder, begin, end, by, INDEX, inc=True)


def strips(dim: int, register: Any, most: int) -> list[range]:
    """Divide components into strips of nearly equal width, at most `most` registers, and each strip into registers."""
    width = register.count
    registers = dim // width
    count = -(-registers // most)
    bounds = [registers * k // count * width for k in range(count + 1)]
    return [range(a, b, width) for a, b in pairwise(bounds)]
