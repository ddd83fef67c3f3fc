"""How arrays lie in memory, so that kernels can load whole registers from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from unlabeled.kernels.compiled import inlined

BYTES = 64
"""Bytes of a register as the kernels see it, and of a cache line."""


def width_of(dtype: Any) -> int:
    """Give how many numbers of a type a register holds."""
    return BYTES // int(np.dtype(dtype).itemsize)


def round_up(number: int, multiple: int) -> int:
    """Give the smallest multiple that is not below a number."""
    return -(-number // multiple) * multiple


register_jitable(forceinline=True)(round_up)  # kernels call it too


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Make an array of zeros that begins at a cache line, so that no register is loaded from two of them."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + BYTES, np.uint8)
    first = -memory.ctypes.data % BYTES
    array: NDArray[Any] = memory[first : first + size].view(dtype).reshape(shape)
    return array


@inlined
def aligned_rows(rows: int, width: int, like: Any) -> Any:  # pragma: no cover - compiled
    """Make a matrix of zeros in the precision of another one, within a kernel; it begins at a cache line."""
    memory = np.zeros(rows * width + BYTES // like.itemsize, like.dtype)
    start = np.int64(-memory.ctypes.data % BYTES) // like.itemsize
    return memory[start : start + rows * width].reshape((rows, width))


def panels(vectors: NDArray[Any], dtype: Any, width: int) -> NDArray[Any]:
    """Put `width` vectors side by side: shape (panels, d, width), with zeros beyond the last vector."""
    count, d = vectors.shape
    padded = np.zeros((round_up(count, width), d), dtype)
    padded[:count] = vectors
    side_by_side = aligned((len(padded) // width, d, width), dtype)
    side_by_side[:] = padded.reshape(-1, width, d).transpose(0, 2, 1)
    return side_by_side
