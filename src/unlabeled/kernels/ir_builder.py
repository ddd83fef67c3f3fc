"""What kernels are made of that are written out at compile time: pointers, registers of sixteen numbers, sums.

The functions here emit instructions. A term of an index is a number of the program being made, or one known now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from unlabeled.kernels.words.lanes import FAST, WIDTH

REAL, LANES = ir.FloatType(), ir.VectorType(ir.FloatType(), WIDTH)
INDEX, LANE_INDEX = ir.IntType(64), ir.VectorType(ir.IntType(32), WIDTH)
ZERO = ir.Constant(LANES, [0.0] * WIDTH)


def written_out(define: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function for kernels of one that emits code, and knows the values of arguments that are constants."""
    return intrinsic(prefer_literal=True)(define)  # type: ignore[no-any-return]  # Numba has no types


def data_of(context: Any, builder: Any, kinds: Any, values: Any) -> list[Any]:
    """Point at the numbers of those of the first arguments that are arrays; None stands for the others."""
    pairs = zip(kinds, values, strict=False)
    return [context.make_array(kind)(context, builder, value).data for kind, value in pairs if kind is not None]


def at(builder: Any, data: Any, *terms: Any) -> Any:
    """Point at an element; the terms of its index are added up."""
    index = ir.Constant(INDEX, sum(term for term in terms if isinstance(term, int)))
    for term in terms:
        index = index if isinstance(term, int) else builder.add(index, term)
    return builder.gep(data, [index])


def times(builder: Any, index: Any, by: int) -> Any:
    """Multiply an index by a constant."""
    return builder.mul(index, ir.Constant(INDEX, by))


def each(builder: Any, count: int) -> Any:
    """Begin a loop over 0, 1, ..., `count` − 1."""
    return cgutils.for_range(builder, ir.Constant(INDEX, count))


def from_to(builder: Any, first: int, end: Any, step: int = 1) -> Any:
    """Begin a loop over `first`, `first` + `step`, ... below a number of the program being made."""
    begin, by = ir.Constant(INDEX, first), ir.Constant(INDEX, step)
    return cgutils.for_range_slice(builder, begin, end, by, INDEX, inc=True)


def named(builder: Any, kind: Any, names: Any, place: Any, more: int = 0) -> Any:
    """Point at the row whose address is at `place` + `more` of a list."""
    return builder.inttoptr(builder.load(at(builder, names, place, more)), kind.element.as_pointer())


def lanes_of(context: Any, array: Any) -> Any:
    """Give the type of sixteen numbers in the precision of an array."""
    return ir.VectorType(context.get_data_type(array.dtype), WIDTH)


def load(builder: Any, pointer: Any, kind: Any = LANES) -> Any:
    """Read sixteen numbers."""
    loaded = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    loaded.align = 4
    return loaded


def store(builder: Any, vector: Any, pointer: Any) -> None:
    """Write the numbers of a register."""
    builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer())).align = 4


def add_to(builder: Any, vector: Any, pointer: Any) -> None:
    """Add sixteen numbers to those in memory."""
    store(builder, builder.fadd(load(builder, pointer, vector.type), vector, flags=FAST), pointer)


def spread(builder: Any, number: Any) -> Any:
    """Give a number sixteen times."""
    undefined = ir.Constant(ir.VectorType(number.type, WIDTH), ir.Undefined)
    one = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(LANE_INDEX, [0] * WIDTH))


def splat(builder: Any, pointer: Any) -> Any:
    """Give the number in memory sixteen times."""
    return spread(builder, builder.load(pointer))


def fma(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Give x · y + z."""
    return builder.fadd(builder.fmul(x, y, flags=FAST), z, flags=FAST)


def sums_of_zero(builder: Any, count: int, kind: Any = LANES) -> list[Any]:
    """Make registers for sums."""
    slots = [cgutils.alloca_once(builder, kind) for _ in range(count)]
    for slot in slots:
        builder.store(ir.Constant(kind, [0.0] * WIDTH), slot)
    return slots


def row_at(builder: Any, matrix: Any, ids: Any, width: int, place: Any, more: int = 0) -> Any:
    """Point at the row of a matrix that the number at `place` + `more` names."""
    return at(builder, matrix, times(builder, builder.load(at(builder, ids, place, more)), width))
