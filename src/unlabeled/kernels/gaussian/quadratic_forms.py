"""Quadratic forms of many rows and many components, and the sums of products under responsibilities.

With y = (x, 1), and f running over the pairs i ≤ j of its coordinates,

    scores[c, n] = Σ_f θ[c, f] · y_i[n] y_j[n],        sums[c, f] = Σ_n r[c, n] · y_i[n] y_j[n]

are two matrix products with the matrix of the y_i y_j. It would be larger than the data by a factor of d/2; here its
entries are made in registers, where they are used, one multiplication for 8 multiply–adds. A tile is 8 components by
two registers: of rows in the first kernel, of pairs in the second, so 16 of the 32 registers of AVX-512 hold sums, and
the multipliers do not wait for memory.

The second kernel takes `CHUNK` bytes of each coordinate at a time: with the responsibilities of a panel they stay in
the first cache, while all pairs pass by.

Coordinates are in rows of `y`, so that neighbouring rows of the data are neighbours in a register. Components come in
panels of 8: θ and the sums have the shape (panels, pairs, 8), and are read and written from front to back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled, inlined
from unlabeled.kernels.simd import add_totals, fma, load, mul, splat, store

PANEL = 8
CHUNK = 2048
u = np.uint64


@compiled
def quadratic_scores(y: Any, steps: int, theta: Any, scores: Any) -> None:  # pragma: no cover - compiled
    """Write Σ_f θ[c, f] y_i[n] y_j[n] into `scores`, shape (8 · panels, rows), for 2 · `steps` registers of rows."""
    panels, last = theta.shape[0], u(y.shape[0])
    width = u(64 // y.itemsize)
    for panel in range(u(panels)):
        c = panel * u(8)
        for step in range(u(steps)):
            n = u(2) * step * width
            m = n + width
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = splat(y.dtype.type(0))
            b0, b1, b2, b3, b4, b5, b6, b7 = a0, a0, a0, a0, a0, a0, a0, a0
            f = u(0)
            for i in range(last):
                yn, ym = load(y, (i, n)), load(y, (i, m))
                for j in range(i, last):
                    p, q = mul(yn, load(y, (j, n))), mul(ym, load(y, (j, m)))
                    t = splat(theta[panel, f, 0])
                    a0, b0 = fma(t, p, a0), fma(t, q, b0)
                    t = splat(theta[panel, f, 1])
                    a1, b1 = fma(t, p, a1), fma(t, q, b1)
                    t = splat(theta[panel, f, 2])
                    a2, b2 = fma(t, p, a2), fma(t, q, b2)
                    t = splat(theta[panel, f, 3])
                    a3, b3 = fma(t, p, a3), fma(t, q, b3)
                    t = splat(theta[panel, f, 4])
                    a4, b4 = fma(t, p, a4), fma(t, q, b4)
                    t = splat(theta[panel, f, 5])
                    a5, b5 = fma(t, p, a5), fma(t, q, b5)
                    t = splat(theta[panel, f, 6])
                    a6, b6 = fma(t, p, a6), fma(t, q, b6)
                    t = splat(theta[panel, f, 7])
                    a7, b7 = fma(t, p, a7), fma(t, q, b7)
                    f += u(1)
            store(scores, (c, n), a0)
            store(scores, (c + u(1), n), a1)
            store(scores, (c + u(2), n), a2)
            store(scores, (c + u(3), n), a3)
            store(scores, (c + u(4), n), a4)
            store(scores, (c + u(5), n), a5)
            store(scores, (c + u(6), n), a6)
            store(scores, (c + u(7), n), a7)
            store(scores, (c, m), b0)
            store(scores, (c + u(1), m), b1)
            store(scores, (c + u(2), m), b2)
            store(scores, (c + u(3), m), b3)
            store(scores, (c + u(4), m), b4)
            store(scores, (c + u(5), m), b5)
            store(scores, (c + u(6), m), b6)
            store(scores, (c + u(7), m), b7)


@inlined
def add_panel(y: Any, first: Any, stop: Any, r: Any, sums: Any, panel: Any) -> None:  # pragma: no cover - compiled
    """Add what some registers of rows give to 8 components."""
    last, width = u(y.shape[0]), u(64 // y.itemsize)
    c0 = panel * u(8)
    c1, c2, c3, c4, c5, c6, c7 = c0 + u(1), c0 + u(2), c0 + u(3), c0 + u(4), c0 + u(5), c0 + u(6), c0 + u(7)
    f = u(0)
    for i in range(last):
        for j in range(i, last, u(2)):
            k = min(j + u(1), last - u(1))  # the last one is its own neighbour
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = splat(y.dtype.type(0))
            b0, b1, b2, b3, b4, b5, b6, b7 = a0, a0, a0, a0, a0, a0, a0, a0
            for step in range(first, stop):
                n = step * width
                x = load(y, (i, n))
                p, q = mul(x, load(y, (j, n))), mul(x, load(y, (k, n)))
                t = load(r, (c0, n))
                a0, b0 = fma(t, p, a0), fma(t, q, b0)
                t = load(r, (c1, n))
                a1, b1 = fma(t, p, a1), fma(t, q, b1)
                t = load(r, (c2, n))
                a2, b2 = fma(t, p, a2), fma(t, q, b2)
                t = load(r, (c3, n))
                a3, b3 = fma(t, p, a3), fma(t, q, b3)
                t = load(r, (c4, n))
                a4, b4 = fma(t, p, a4), fma(t, q, b4)
                t = load(r, (c5, n))
                a5, b5 = fma(t, p, a5), fma(t, q, b5)
                t = load(r, (c6, n))
                a6, b6 = fma(t, p, a6), fma(t, q, b6)
                t = load(r, (c7, n))
                a7, b7 = fma(t, p, a7), fma(t, q, b7)
            add_totals(sums, (panel, f, u(0)), a0, a1, a2, a3, a4, a5, a6, a7)
            f += u(1)
            if j + u(1) < last:
                add_totals(sums, (panel, f, u(0)), b0, b1, b2, b3, b4, b5, b6, b7)
                f += u(1)


@compiled
def quadratic_sums(y: Any, steps: int, r: Any, sums: Any) -> None:  # pragma: no cover - compiled
    """Add Σ_n r[c, n] y_i[n] y_j[n] to `sums`, float64, over 2 · `steps` registers of rows."""
    chunk = u(CHUNK // 64)
    for first in range(u(0), u(2 * steps), chunk):
        for panel in range(u(sums.shape[0])):
            add_panel(y, first, min(first + chunk, u(2 * steps)), r, sums, panel)
