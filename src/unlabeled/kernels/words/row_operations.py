"""Rows of matrices, the small things that kernels do with them one by one.

Rows are as long as a multiple of 16. What is done with many rows is in `rows`, `products`, `runs` and `panels`.
"""

from __future__ import annotations

from typing import Any

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.words.lanes import (
    WIDTH,
    add,
    div,
    exp,
    fma,
    load,
    mul,
    prefetch,
    splat,
    splat_like,
    store,
    total,
)


@inlined
def dot(a: Any, i: int, b: Any, j: int, dim: int) -> Any:  # pragma: no cover - compiled
    """Give a[i] · b[j]."""
    products = splat(a.dtype.type(0))
    for d in range(0, dim, WIDTH):
        products = fma(load(a, (i, d)), load(b, (j, d)), products)
    return total(products)


@inlined
def add_row(a: Any, i: int, b: Any, j: int, dim: int) -> None:  # pragma: no cover - compiled
    """Add b[j] to a[i]."""
    for d in range(0, dim, WIDTH):
        store(a, (i, d), add(load(a, (i, d)), load(b, (j, d))))


@inlined
def add_scaled(a: Any, i: int, scale: Any, b: Any, j: int, dim: int) -> None:  # pragma: no cover - compiled
    """Add scale · b[j] to a[i]."""
    scales = splat(scale)
    for d in range(0, dim, WIDTH):
        store(a, (i, d), fma(scales, load(b, (j, d)), load(a, (i, d))))


@inlined
def scale_row(a: Any, i: int, scale: Any, dim: int) -> None:  # pragma: no cover - compiled
    """Multiply a[i] by `scale`."""
    for d in range(0, dim, WIDTH):
        store(a, (i, d), mul(splat(scale), load(a, (i, d))))


@inlined
def copy_row(a: Any, i: int, b: Any, j: int, dim: int) -> None:  # pragma: no cover - compiled
    """Set a[i] to b[j]."""
    for d in range(0, dim, WIDTH):
        store(a, (i, d), load(b, (j, d)))


@inlined
def prefetch_row(a: Any, i: int, dim: int) -> None:  # pragma: no cover - compiled
    """Ask for a[i], which will be needed soon."""
    for d in range(0, dim, WIDTH):
        prefetch(a, (i, d))


@inlined
def sigmoid(x: Any) -> Any:  # pragma: no cover - compiled
    """Give 1 / (1 + e⁻ˣ) in every lane, which never reaches 0.

    Where other programs cut off at |x| = 6 or 8, here a badly mistaken pair still gets its gradient.
    """
    one = splat_like(x, 1)
    return div(one, add(one, exp(mul(splat_like(x, -1), x))))
