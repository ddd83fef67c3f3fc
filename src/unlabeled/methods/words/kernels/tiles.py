"""Rows of matrices, and products of small blocks of them, which is nearly all that the training kernels compute.

A step of every loss has the same parts. With the vectors A (n × dim) on one side and B (m × dim) on the other it needs
their scores A Bᵀ; from the scores come weights W (n × m), the loss's derivative times the learning rate; and the steps
are W B for A and Wᵀ A for B. Rows stay in registers while they are used.

Rows are as long as a multiple of 16. Blocks are named by the numbers of their rows in a matrix. They are taken `BLOCK`
rows at a time: lists of rows, and tables of scores and weights, have room for n (m) rounded up to a multiple of it; the
places past the end name any row, and weights there are zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from unlabeled.methods.words.kernels.lanes import (
    WIDTH,
    add,
    div,
    exp,
    fma,
    load,
    mul,
    prefetch,
    put_totals,
    splat,
    splat_like,
    store,
    total,
)

BLOCK = 4


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a part of kernels, which becomes one with each kernel that calls it."""
    return numba.njit(forceinline=True)(function)  # type: ignore[no-any-return]


@inlined
def rounded_up(n: int, step: int) -> int:  # pragma: no cover - compiled
    """Round up to a multiple of `step`."""
    return -(-n // step) * step


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
def scores(
    a: Any, a_rows: Any, n: int, b: Any, b_rows: Any, m: int, dim: int, out: Any
) -> None:  # pragma: no cover - compiled
    """Set out[i, j] to a[a_rows[i]] · b[b_rows[j]], by tiles of 2 × 4."""
    zero = splat(a.dtype.type(0))
    for i in range(0, n, 2):
        i0, i1 = a_rows[i], a_rows[i + 1]
        for j in range(0, m, BLOCK):
            j0, j1, j2, j3 = b_rows[j], b_rows[j + 1], b_rows[j + 2], b_rows[j + 3]
            s00, s01, s02, s03 = zero, zero, zero, zero
            s10, s11, s12, s13 = zero, zero, zero, zero
            for d in range(0, dim, WIDTH):
                a0, a1 = load(a, (i0, d)), load(a, (i1, d))
                b0, b1, b2, b3 = load(b, (j0, d)), load(b, (j1, d)), load(b, (j2, d)), load(b, (j3, d))
                s00, s01, s02, s03 = fma(a0, b0, s00), fma(a0, b1, s01), fma(a0, b2, s02), fma(a0, b3, s03)
                s10, s11, s12, s13 = fma(a1, b0, s10), fma(a1, b1, s11), fma(a1, b2, s12), fma(a1, b3, s13)
            put_totals(out, (i, j), (i + 1, j), (s00, s01, s02, s03, s10, s11, s12, s13))


@inlined
def weight_of(weights: Any, i: int, j: int, turned: bool) -> Any:  # pragma: no cover - compiled
    """Give weights[i, j], or its mirror image, sixteen times."""
    return splat(weights[j, i] if turned else weights[i, j])


@inlined
def add_products(
    out: Any, out_rows: Any, n: int, weights: Any, turned: bool, b: Any, b_rows: Any, m: int, dim: int
) -> None:  # pragma: no cover - compiled
    """Add Σⱼ weights[i, j] b[b_rows[j]] to out[out_rows[i]], or with weights[j, i] if they are `turned`.

    Four rows at a time; a row may be named twice.
    """
    zero = splat(b.dtype.type(0))
    for i in range(0, n, BLOCK):
        for d in range(0, dim, WIDTH):
            s0, s1, s2, s3 = zero, zero, zero, zero
            for j in range(m):
                row = load(b, (b_rows[j], d))
                s0 = fma(weight_of(weights, i, j, turned), row, s0)
                s1 = fma(weight_of(weights, i + 1, j, turned), row, s1)
                s2 = fma(weight_of(weights, i + 2, j, turned), row, s2)
                s3 = fma(weight_of(weights, i + 3, j, turned), row, s3)
            store(out, (out_rows[i], d), add(load(out, (out_rows[i], d)), s0))
            store(out, (out_rows[i + 1], d), add(load(out, (out_rows[i + 1], d)), s1))
            store(out, (out_rows[i + 2], d), add(load(out, (out_rows[i + 2], d)), s2))
            store(out, (out_rows[i + 3], d), add(load(out, (out_rows[i + 3], d)), s3))


@inlined
def sigmoid(x: Any) -> Any:  # pragma: no cover - compiled
    """Give 1 / (1 + e⁻ˣ) in every lane, which never reaches 0.

    Where other programs cut off at |x| = 6 or 8, here a badly mistaken pair still gets its gradient.
    """
    one = splat_like(x, 1)
    return div(one, add(one, exp(mul(splat_like(x, -1), x))))
