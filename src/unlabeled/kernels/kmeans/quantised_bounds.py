"""Bounds from products of bytes, which rule out most centres: those that cannot be nearest to a row.

A row x and a centre c are rounded to bytes, x ≈ x̂ = s q and c ≈ ĉ with whole q from −127 to 127. The lengths of x − x̂
and c − ĉ are kept. By the inequality of Cauchy and Schwarz

    |x·c − x̂·ĉ| ≤ ‖x − x̂‖ ‖c‖ + ‖x̂‖ ‖c − ĉ‖.

So the score x·c − ‖c‖²/2 = (‖x‖² − ‖x − c‖²)/2 of a centre differs from x̂·ĉ − ‖c‖²/2 by no more than that. If the
distance to another centre is known, c can be nearer only if

    x̂·ĉ − ‖c‖²/2 ≥ least − ‖x − x̂‖ ‖c‖ − (‖x‖ + ‖x − x̂‖) ‖c − ĉ‖,      least = (‖x‖² − known distance²)/2.

The known centre is the one that the row had before, or else the one whose x̂·ĉ − ‖c‖²/2 is largest (`guess`). Of a few
hundred centres one or two are left (`rule_out`). Their distances are then computed from the differences x − c in the
precision of the data. The smallest distance wins, and among equal ones the first centre.

The lanes of a register stand for 16 rows, and each of its 32-bit numbers holds four columns. A tile is 16 rows × 8
centres: for each four columns, a load of the rows, and 8 products with four bytes of a centre, which are spread out as
they are read. The right side of the comparison is in a register too: of the 8 centres, which share one step, the
largest ‖c‖ and ‖c − ĉ‖ stand for all. A tile ends with 8 comparisons, of which only the resulting bits are kept.

Rows and centres are first multiplied by a power of two (`unit`) that brings the largest number near 1. The comparison
is computed in float32, and both sides are divided by the steps of row and centre. Margins cover the rounding of these
operations: with ε = 2⁻²⁰, ‖c − ĉ‖ is made larger by ε ‖c‖ and ‖x − x̂‖ by ε max ‖c‖. That is 16 times the largest error
of one operation on numbers of the size of ‖x‖ ‖c‖ or ‖c‖²/2, and at most ten such errors add up. The margin of a sum of
d squares is d + 16 roundings.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.kmeans.int8_products import (
    LANES,
    add_products,
    as_floats,
    at_least,
    largest,
    load_narrow,
    magnitudes,
    nearest_whole,
    square_roots,
    store_bytes,
)
from unlabeled.kernels.simd import add, div, fma, keep_larger, load, maximum, mul, splat, store, sub, total

GROUP = 8  # centres of a tile
MARGIN = 2.0**-20  # ε above
FAR = 2.0**15  # rows longer than so many units are not quantised, and their squares do not overflow
LEAST = 2.0**-40  # lengths below are bounded by it, so that the squares in float32 that become 0 are allowed for
ULP = 2.0**-24  # the largest relative error of an operation in float32

u, f4 = np.uint64, np.float32


class QuantisedCentres(NamedTuple):
    """Centres rounded to bytes: ĉ = step · (whole numbers from −127 to 127)."""

    numbers: Any
    """The whole numbers, four columns to an int32: those of 8 centres, column by column, and of the next 8."""
    starts: Any
    """What the 128 that is added to the numbers of rows adds to their products, taken negatively; one a centre."""
    halves: Any
    """−‖c‖² / 2 step, and −∞ beyond the last centre; float32."""
    groups: Any
    """Of each 8 centres their step, 1 / step, the largest ‖c‖ and ‖c − ĉ‖ + ε ‖c‖; float32, shape (4, groups)."""
    longest: Any
    """The largest ‖c‖, or ∞ where one is too long to be rounded: then no centre is ruled out."""
    unit: Any
    """The factor of all lengths, of the type of the data."""


class QuantisedRows(NamedTuple):
    """Rows rounded to bytes, 16 to a panel."""

    codes: Any
    """The whole numbers plus 128, four columns to an int32: those of 16 rows, column by column, and of the next 16."""
    figures: Any
    """Of each row s, ‖x − x̂‖ and ‖x‖²; float32, shape (3, panels · 16). An s of 0: not rounded yet."""


class Workspace(NamedTuple):
    """Room to work in, for 16 rows."""

    line: Any
    """A row as bytes, uint8, shape (D,)."""
    words: Any
    """The same memory as int32, shape (D / 4,)."""
    narrow: Any
    """A row in float32, shape (D,)."""
    scores: Any
    """Of each centre, those of the 16 rows; float32, shape (groups · 8 · 16,)."""
    masks: Any
    """Of each centre, which of the rows it may be nearest to; uint16, shape (groups · 8,)."""
    fours: Any
    """The same memory as uint64, shape (groups · 2,)."""
    guessed: Any
    """Centres with the largest scores, int32, shape (16,)."""
    nearest: Any
    """Nearest centres, int32, shape (16,)."""
    distances: Any
    """Squared distances to them, of the type of the data, shape (16,)."""


@inlined
def quantise(
    memory: Any, rows: int, unit: Any, line: Any, words: Any, narrow: Any, codes: Any, figures: Any, panel: Any
) -> None:  # pragma: no cover - compiled
    """Round some rows to the bytes of a panel, and measure them; those too long for it get an error of ∞."""
    dim = u(memory.shape[1])
    for i in range(u(rows)):
        most, squares, errors = splat(f4(0)), splat(f4(0)), splat(f4(0))
        for t in range(u(0), dim, u(16)):
            x = load_narrow(memory, (i, t), unit)
            store(narrow, (t,), x)
            most = maximum(magnitudes(x), most)
            squares = fma(x, x, squares)
        peak = max(largest(most), f4(LEAST))
        scale = peak * f4(1 / 127)
        forth, back = splat(f4(127) / peak), splat(-scale)
        for t in range(u(0), dim, u(16)):
            x = load(narrow, (t,))
            whole = nearest_whole(mul(x, forth))
            store_bytes(line, (t,), whole)
            off = fma(back, whole, x)
            errors = fma(off, off, errors)
        square, error = total(squares), np.sqrt(total(errors))
        near = square < f4(FAR * FAR)  # which is not so of NaN either
        for t in range(u(len(words))):
            codes[(panel * u(len(words)) + t) * u(LANES) + i] = words[t]
        row = panel * u(LANES) + i
        figures[u(0), row] = scale if near else f4(1)
        figures[u(1), row] = error if near else f4(np.inf)
        figures[u(2), row] = square if near else f4(0)


@inlined
def products_of_tile(
    codes: Any, panel: Any, numbers: Any, starts: Any, group: Any, words: Any
) -> Any:  # pragma: no cover - compiled
    """Give the products of 16 rows and 8 centres, each of so many words: a register for each centre."""
    c = group * u(GROUP)
    a0, a1, a2, a3 = splat(starts[c]), splat(starts[c + u(1)]), splat(starts[c + u(2)]), splat(starts[c + u(3)])
    a4, a5, a6, a7 = splat(starts[c + u(4)]), splat(starts[c + u(5)]), splat(starts[c + u(6)]), splat(starts[c + u(7)])
    row, c = panel * words * u(LANES), c * words
    for t in range(words):
        x, y = load(codes, (row + t * u(LANES),)), c + t * u(GROUP)
        a0 = add_products(a0, x, splat(numbers[y]))
        a1 = add_products(a1, x, splat(numbers[y + u(1)]))
        a2 = add_products(a2, x, splat(numbers[y + u(2)]))
        a3 = add_products(a3, x, splat(numbers[y + u(3)]))
        a4 = add_products(a4, x, splat(numbers[y + u(4)]))
        a5 = add_products(a5, x, splat(numbers[y + u(5)]))
        a6 = add_products(a6, x, splat(numbers[y + u(6)]))
        a7 = add_products(a7, x, splat(numbers[y + u(7)]))
    return a0, a1, a2, a3, a4, a5, a6, a7


@inlined
def scored(sums: Any, halves: Any, c: Any, inverse: Any) -> Any:  # pragma: no cover - compiled
    """Turn products into scores: x̂·ĉ − ‖c‖²/2, divided by the steps of row and centre."""
    return fma(splat(halves[c]), inverse, as_floats(sums))


@inlined
def guess(
    codes: Any,
    figures: Any,
    panel: Any,
    numbers: Any,
    starts: Any,
    halves: Any,
    groups: Any,
    words: Any,
    scores: Any,
    found: Any,
) -> None:  # pragma: no cover - compiled
    """Set `found` to the centres with the largest scores of 16 rows; keep the scores."""
    inverse = div(splat(f4(1)), load(figures, (u(0), panel * u(LANES))))
    best, place = splat(f4(-np.inf)), splat(np.int32(0))
    for group in range(u(groups.shape[1])):
        sums = products_of_tile(codes, panel, numbers, starts, group, words)
        c, step = group * u(GROUP), splat(groups[u(0), group])
        best, place = kept_score(sums[0], halves, c, inverse, step, scores, best, place)
        best, place = kept_score(sums[1], halves, c + u(1), inverse, step, scores, best, place)
        best, place = kept_score(sums[2], halves, c + u(2), inverse, step, scores, best, place)
        best, place = kept_score(sums[3], halves, c + u(3), inverse, step, scores, best, place)
        best, place = kept_score(sums[4], halves, c + u(4), inverse, step, scores, best, place)
        best, place = kept_score(sums[5], halves, c + u(5), inverse, step, scores, best, place)
        best, place = kept_score(sums[6], halves, c + u(6), inverse, step, scores, best, place)
        best, place = kept_score(sums[7], halves, c + u(7), inverse, step, scores, best, place)
    store(found, (u(0),), place)


@inlined
def kept_score(
    sums: Any, halves: Any, c: Any, inverse: Any, step: Any, scores: Any, best: Any, place: Any
) -> Any:  # pragma: no cover - compiled
    """Keep the score of a centre, and give the best so far with its place."""
    score = scored(sums, halves, c, inverse)
    store(scores, (c * u(LANES),), score)
    return keep_larger(best, place, mul(score, step), np.int32(c))


@inlined
def thresholds(
    figures: Any, panel: Any, known: Any, place: Any, d: int, unit: Any, longest: Any
) -> Any:  # pragma: no cover - compiled
    """Give 1 / s, and ‖x − x̂‖, ‖x‖ + ‖x − x̂‖ and `least` divided by s, of 16 rows.

    Their squared distances to a centre are in `known` from `place` on.
    """
    row = panel * u(LANES)
    inverse = div(splat(f4(1)), load(figures, (u(0), row)))
    error, square = load(figures, (u(1), row)), load(figures, (u(2), row))
    far = load_narrow(known, (place,), unit * unit)
    least = sub(mul(splat(f4(0.5)), sub(square, far)), mul(splat(f4(d + 24) * f4(2 * ULP)), add(square, far)))
    least = sub(least, mul(splat(f4(MARGIN)), magnitudes(least)))
    wrong = mul(inverse, splat(f4(1) + f4(d + 16) * f4(ULP)))
    length, error = add(square_roots(square), error), add(error, splat(longest * f4(MARGIN)))
    return inverse, mul(error, wrong), mul(length, wrong), mul(least, inverse)


@inlined
def least_of_group(groups: Any, group: Any, bounds: Any) -> Any:  # pragma: no cover - compiled
    """Give what the score of one of 8 centres must be at least, divided by the steps of row and centres."""
    _, error, length, least = bounds
    slack = fma(length, splat(groups[u(3), group]), mul(error, splat(groups[u(2), group])))
    return mul(sub(least, slack), splat(groups[u(1), group]))


@inlined
def possible(
    codes: Any, panel: Any, numbers: Any, starts: Any, halves: Any, groups: Any, words: Any, group: Any, bounds: Any
) -> Any:  # pragma: no cover - compiled
    """Say of 8 centres, one after another, which of 16 rows they may be nearest to; `bounds` are the `thresholds`."""
    inverse, least, c = bounds[0], least_of_group(groups, group, bounds), group * u(GROUP)
    sums = products_of_tile(codes, panel, numbers, starts, group, words)
    return (
        at_least(scored(sums[0], halves, c, inverse), least),
        at_least(scored(sums[1], halves, c + u(1), inverse), least),
        at_least(scored(sums[2], halves, c + u(2), inverse), least),
        at_least(scored(sums[3], halves, c + u(3), inverse), least),
        at_least(scored(sums[4], halves, c + u(4), inverse), least),
        at_least(scored(sums[5], halves, c + u(5), inverse), least),
        at_least(scored(sums[6], halves, c + u(6), inverse), least),
        at_least(scored(sums[7], halves, c + u(7), inverse), least),
    )


@inlined
def rule_out(
    codes: Any,
    panel: Any,
    numbers: Any,
    starts: Any,
    halves: Any,
    groups: Any,
    words: Any,
    bounds: Any,
    masks: Any,
) -> None:  # pragma: no cover - compiled
    """Set of each centre the bits of the 16 rows that it may be nearest to."""
    for group in range(u(groups.shape[1])):
        bits = possible(codes, panel, numbers, starts, halves, groups, words, group, bounds)
        c = group * u(GROUP)
        masks[c], masks[c + u(1)], masks[c + u(2)], masks[c + u(3)] = bits[0], bits[1], bits[2], bits[3]
        c += u(4)
        masks[c], masks[c + u(1)], masks[c + u(2)], masks[c + u(3)] = bits[4], bits[5], bits[6], bits[7]


@inlined
def rule_out_scored(scores: Any, groups: Any, bounds: Any, masks: Any) -> None:  # pragma: no cover - compiled
    """Do the same where `guess` has kept the scores."""
    for group in range(u(groups.shape[1])):
        least = least_of_group(groups, group, bounds)
        for c in range(group * u(GROUP), group * u(GROUP) + u(GROUP)):
            masks[c] = at_least(load(scores, (c * u(LANES),)), least)


@inlined
def distance(memory: Any, i: Any, centres: Any, c: Any, width: Any) -> Any:  # pragma: no cover - compiled
    """Give ‖x − c‖² of row i."""
    squares = splat(memory.dtype.type(0))
    for t in range(u(0), u(centres.shape[1]), width):
        step = sub(load(memory, (i, t)), load(centres, (c, t)))
        squares = fma(step, step, squares)
    return total(squares)
