"""Operations on single rows of matrices. Rows are as long as a whole number of registers."""

from __future__ import annotations

from typing import Any

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.simd import add, fma, load, mul, prefetch, register_width, splat, store, total


@inlined
def dot(a: Any, i: int, b: Any, j: int, dim: int) -> Any:  # pragma: no cover - compiled
    """Give a[i] · b[j]."""
    products = splat(a.dtype.type(0))
    for d in range(0, dim, register_width(a)):
        products = fma(load(a, (i, d)), load(b, (j, d)), products)
    return total(products)


@inlined
def add_row(a: Any, i: int, b: Any, j: int, dim: int) -> None:  # pragma: no cover - compiled
    """Add b[j] to a[i]."""
    for d in range(0, dim, register_width(a)):
        store(a, (i, d), add(load(a, (i, d)), load(b, (j, d))))


@inlined
def add_scaled(a: Any, i: int, scale: Any, b: Any, j: int, dim: int) -> None:  # pragma: no cover - compiled
    """Add scale · b[j] to a[i]."""
    scales = splat(scale)
    for d in range(0, dim, register_width(a)):
        store(a, (i, d), fma(scales, load(b, (j, d)), load(a, (i, d))))


@inlined
def scale_row(a: Any, i: int, scale: Any, dim: int) -> None:  # pragma: no cover - compiled
    """Multiply a[i] by `scale`."""
    for d in range(0, dim, register_width(a)):
        store(a, (i, d), mul(splat(scale), load(a, (i, d))))


@inlined
def copy_row(a: Any, i: int, b: Any, j: int, dim: int) -> None:  # pragma: no cover - compiled
    """Set a[i] to b[j]."""
    for d in range(0, dim, register_width(a)):
        store(a, (i, d), load(b, (j, d)))


@inlined
def prefetch_row(a: Any, i: int, dim: int, cache: Any) -> None:  # pragma: no cover - compiled
    """Fetch a[i] into a cache, `simd.L1` or `simd.L2`."""
    for d in range(0, dim, register_width(a)):
        prefetch(a, (i, d), cache)
