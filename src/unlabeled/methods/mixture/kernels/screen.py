"""Which centres can be nearest to a row: nearly all are ruled out by products of bytes, and certainly so.

A row x and a centre c are rounded to bytes, x ≈ x̂ = s q and c ≈ ĉ with whole q from −127 to 127, and what the rounding
changed is measured. By Cauchy and Schwarz, with the relative error κ ≥ ‖c − ĉ‖ / ‖c‖ of all centres,

    |x·c − x̂·ĉ| ≤ ‖x − x̂‖ ‖c‖ + ‖x̂‖ ‖c − ĉ‖ ≤ t ‖c‖,      t = ‖x − x̂‖ + (‖x‖ + ‖x − x̂‖) κ.

So the score x·c − ‖c‖²/2 of a centre lies within t ‖c‖ of x̂·ĉ − ‖c‖²/2, and the nearest centre, which has the largest
score, is among those for which

    x̂·ĉ − ‖c‖²/2 + t ‖c‖ ≥ least,

where `least` is what the largest score cannot be below: the score of the centre the row had before, or the largest of
x̂·ĉ − ‖c‖²/2 less t max ‖c‖. Of a few hundred centres one or two are left (`rivals`). Their distances are then computed
from the differences x − c in the precision of the data, and the smallest wins; among equals the first centre.

All of this is done with rows and centres divided by a power of two near the largest number in the centres (`unit`),
in float32. Its own rounding is allowed for: with ε = 2⁻²⁰, κ is made larger by ε and t by ε max ‖c‖. That is 16 times
what one operation on numbers of the size of ‖x‖ ‖c‖ or ‖c‖²/2 can be wrong by, and at most ten come together. Sums of d
squares are taken for wrong by d + 16 roundings.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from unlabeled.methods.mixture.kernels.arithmetic import larger
from unlabeled.methods.mixture.kernels.assign import inlined
from unlabeled.methods.mixture.kernels.bytes import (
    add_products,
    as_floats,
    bits_from,
    largest,
    load_narrow,
    lowest_bit,
    magnitudes,
    nearest_whole,
    store_bytes,
)
from unlabeled.methods.mixture.kernels.registers import fma, load, minus, splat, store, times, total

GROUP = 64  # centres whose scores are compared at once
MARGIN = 2.0**-20  # ε above
FAR = 2.0**15  # rows longer than so many units are not screened, and their squares do not overflow
ULP = 2.0**-24  # the largest relative error of an operation in float32

u, f4 = np.uint64, np.float32


class Coarse(NamedTuple):
    """Centres rounded to bytes: ĉ = step · (whole numbers from −127 to 127)."""

    numbers: Any
    """The whole numbers, four columns to an int32; shape (panels, D / 4, 32)."""
    starts: Any
    """What the 128 that is added to the numbers of rows adds to their products, taken negatively; (panels · 32,)."""
    lanes: Any
    """Steps, and −‖c‖²/2, which is −∞ beyond the last centre; shape (2, panels · 32)."""
    groups: Any
    """The largest ‖c‖ of each 64 centres."""
    longest: Any
    """The largest ‖c‖."""
    kappa: Any
    """κ + ε."""
    unit: Any
    """The factor of all lengths, of the type of the data."""
    most: Any
    """How many rivals are allowed to a row, on the average."""


class Desk(NamedTuple):
    """Room to work in, for 6 rows."""

    codes: Any
    """Rows as bytes, uint8, shape (6, D)."""
    words: Any
    """The same memory as int32, shape (6, D / 4)."""
    narrow: Any
    """A row in float32, shape (D,)."""
    figures: Any
    """Of each row s, t, ‖x‖² and the largest score; float32, shape (4, 6)."""
    scores: Any
    """Of each row and all centres; −∞ beyond the last centre; float32, shape (6, k up to a multiple of 64)."""
    found: Any
    """Rivals, int32, as many as scores of a row."""
    nearest: Any
    """Nearest centres, int32, shape (6,)."""
    distances: Any
    """Squared distances to them, of the type of the data, shape (6,)."""


@inlined
def quantise(
    memory: Any, rows: int, d: int, unit: Any, kappa: Any, longest: Any, codes: Any, narrow: Any, figures: Any
) -> bool:  # pragma: no cover - compiled
    """Round rows to bytes, and measure them; say whether none of them is too long for it."""
    dim = u(memory.shape[1])
    wrong = f4(1) + f4(d + 16) * f4(ULP)
    all_near = True
    for i in range(u(rows)):
        most, squares, errors = splat(f4(0)), splat(f4(0)), splat(f4(0))
        for t in range(u(0), dim, u(16)):
            x = load_narrow(memory, (i, t), unit)
            store(narrow, (t,), x)
            most = larger(magnitudes(x), most)
            squares = fma(x, x, squares)
        peak = max(largest(most), f4(1e-30))
        scale = peak * f4(1 / 127)
        forth, back = splat(f4(127) / peak), splat(-scale)
        for t in range(u(0), dim, u(16)):
            x = load(narrow, (t,))
            whole = nearest_whole(times(x, forth))
            store_bytes(codes, (i, t), whole)
            off = fma(back, whole, x)
            errors = fma(off, off, errors)
        square = total(squares)
        length, error = np.sqrt(square), np.sqrt(total(errors))
        figures[u(0), i] = scale
        figures[u(1), i] = wrong * (error + (length + error) * kappa + longest * f4(MARGIN))
        figures[u(2), i] = square
        all_near = all_near and length < f4(FAR)  # which is not so of NaN either
    return all_near


@inlined
def scored(
    sums: Any, scale: Any, step: Any, offset: Any, scores: Any, i: Any, place: Any
) -> Any:  # pragma: no cover - compiled
    """Turn sums of products into x̂·ĉ − ‖c‖²/2; keep them, and give them."""
    score = fma(times(as_floats(sums), step), scale, offset)
    store(scores, (i, place), score)
    return score


@inlined
def score_tile(
    words: Any, numbers: Any, starts: Any, lanes: Any, figures: Any, scores: Any
) -> None:  # pragma: no cover - compiled
    """Set the scores x̂·ĉ − ‖c‖²/2 of 6 rows and all centres, and the largest of each row.

    It is the tile of `assign` with four columns a step. The factor without a sign is the row's, plus 128.
    """
    zero, one = u(0), u(1)
    s0, s1, s2 = splat(figures[zero, u(0)]), splat(figures[zero, u(1)]), splat(figures[zero, u(2)])
    s3, s4, s5 = splat(figures[zero, u(3)]), splat(figures[zero, u(4)]), splat(figures[zero, u(5)])
    never = splat(f4(-np.inf))
    m0, m1, m2, m3, m4, m5 = never, never, never, never, never, never
    for panel in range(u(len(numbers))):
        p, r = panel * u(32), panel * u(32) + u(16)
        left, right = load(starts, (p,)), load(starts, (r,))
        a0, a1, a2, a3, a4, a5 = left, left, left, left, left, left
        b0, b1, b2, b3, b4, b5 = right, right, right, right, right, right
        for t in range(u(numbers.shape[1])):
            left, right = load(numbers, (panel, t, u(0))), load(numbers, (panel, t, u(16)))
            x = splat(words[u(0), t])
            a0, b0 = add_products(a0, x, left), add_products(b0, x, right)
            x = splat(words[u(1), t])
            a1, b1 = add_products(a1, x, left), add_products(b1, x, right)
            x = splat(words[u(2), t])
            a2, b2 = add_products(a2, x, left), add_products(b2, x, right)
            x = splat(words[u(3), t])
            a3, b3 = add_products(a3, x, left), add_products(b3, x, right)
            x = splat(words[u(4), t])
            a4, b4 = add_products(a4, x, left), add_products(b4, x, right)
            x = splat(words[u(5), t])
            a5, b5 = add_products(a5, x, left), add_products(b5, x, right)
        e, f, g, h = load(lanes, (zero, p)), load(lanes, (one, p)), load(lanes, (zero, r)), load(lanes, (one, r))
        m0 = larger(larger(scored(a0, s0, e, f, scores, u(0), p), scored(b0, s0, g, h, scores, u(0), r)), m0)
        m1 = larger(larger(scored(a1, s1, e, f, scores, u(1), p), scored(b1, s1, g, h, scores, u(1), r)), m1)
        m2 = larger(larger(scored(a2, s2, e, f, scores, u(2), p), scored(b2, s2, g, h, scores, u(2), r)), m2)
        m3 = larger(larger(scored(a3, s3, e, f, scores, u(3), p), scored(b3, s3, g, h, scores, u(3), r)), m3)
        m4 = larger(larger(scored(a4, s4, e, f, scores, u(4), p), scored(b4, s4, g, h, scores, u(4), r)), m4)
        m5 = larger(larger(scored(a5, s5, e, f, scores, u(5), p), scored(b5, s5, g, h, scores, u(5), r)), m5)
    top = u(3)
    figures[top, u(0)], figures[top, u(1)], figures[top, u(2)] = largest(m0), largest(m1), largest(m2)
    figures[top, u(3)], figures[top, u(4)], figures[top, u(5)] = largest(m3), largest(m4), largest(m5)


@inlined
def distance(memory: Any, i: Any, centres: Any, c: Any, width: Any) -> Any:  # pragma: no cover - compiled
    """Give ‖x − c‖² of row i."""
    squares = splat(memory.dtype.type(0))
    for t in range(u(0), u(centres.shape[1]), width):
        step = minus(load(memory, (i, t)), load(centres, (c, t)))
        squares = fma(step, step, squares)
    return total(squares)


@inlined
def least_score(square: Any, far: Any, d: int) -> Any:  # pragma: no cover - compiled
    """Give what the score of a centre at squared distance `far` is at least: (‖x‖² − ‖x − c‖²)/2 less rounding."""
    return f4(0.5) * (square - far) - f4(d + 24) * f4(2 * ULP) * (square + far)


@inlined
def rivals(
    j: Any, scores: Any, groups: Any, slack: Any, least: Any, own: int, found: Any
) -> Any:  # pragma: no cover - compiled
    """List the centres that may be nearest to row j of a tile, but for its `own`; give how many there are.

    Of each group of 64 the largest ‖c‖ stands for all.
    """
    least -= f4(MARGIN) * abs(least)
    count = u(0)
    for g in range(u(len(groups))):
        first = g * u(GROUP)
        bits = bits_from(scores, (j, first), least - slack * groups[g])
        if u(own) - first < u(GROUP):  # an own of −1 is beyond all
            bits &= ~(u(1) << (u(own) - first))
        while bits:
            found[count] = first + lowest_bit(bits)
            count += u(1)
            bits &= bits - u(1)
    return count
