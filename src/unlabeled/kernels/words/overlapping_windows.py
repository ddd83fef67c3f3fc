"""Neighbouring words of a text, whose windows overlap: a row is changed once for all of them.

A step of CBOW has `RUNS` runs of `LONG` consecutive words. The span of a run goes from the first word of its first
window to the last word of its last window. Let h_i be the mean vector of word i of a run, v_j the vector of word j of
the span, and a_ij = 1/n_i where j is one of the n_i context words of i, and 0 elsewhere. Then

    h_i = Σ_j a_ij v_j,        Δv_j = Σ_i a_ij Δh_i.

Writing a row costs more than computing its change. So each row of the span is written once a run, and not once a word.

All components are taken strip by strip. A strip is as many components as fit the registers for all words of a run. So
what a step reads a second time is still in the first-level cache, however long the vectors are.
"""

from __future__ import annotations

from typing import Any

from numba.core import types

from unlabeled.kernels.compiled import inlined
from unlabeled.kernels.ir_builder import (
    add_product,
    add_to,
    at,
    columns_of,
    data_of,
    fma,
    from_to,
    load,
    load_broadcast,
    register_for,
    row_at_address,
    specialised,
    store,
    strips,
    sums_of_zero,
    times,
)

RUNS, LONG = 4, 4
WORDS = RUNS * LONG  # of a step
TALL = 4  # rows whose sums are held at a time
WIDE = 5  # registers of a strip: `LONG` or `TALL` sums and a row of so many are 25 of 32


@inlined
def share_span(
    shares: Any, run: int, base: int, width: int, start: int, first: Any, last: Any, parts: Any
) -> None:  # pragma: no cover - compiled
    """Set shares[run, LONG j + c], for the j-th word from `base` on, and the c-th word of the run from `start` on.

    The window of word w reaches from first[w] to before last[w], and each word of it has parts[w].
    """
    for j in range(width):
        place = base + j
        for c in range(LONG):
            w = run * LONG + c
            around = (first[w] <= place) & (place < last[w]) & (place != start + c)
            shares[run, j * LONG + c] = parts[w] if around else 0


def _add_scaled(builder: Any, slots: list[Any], scale: Any, vectors: list[Any]) -> None:
    for slot, vector in zip(slots, vectors, strict=True):
        add_product(builder, slot, scale, vector)


@specialised
def exchange_runs(
    typing: Any, vectors: Any, centres: Any, gains: Any, rows: Any, m: Any, weights: Any, spans: Any, widths: Any,
    shares: Any, dim: Any,
) -> Any:  # fmt: skip
    """Do what a step changes, from the weights of all its words, in which nothing has moved yet.

    With h_i = vectors[i], c_i the row at the address centres[i], g_i = gains[i], S_k = rows[k] for k < m, a multiple of
    `TALL`, and W_ik the weight of `row_products.weight_place`, each run's Δh_i = g_i c_i + Σ_k W_ik S_k goes to the
    widths[run] rows of spans[run] by their shares; then c_i gets g_i h_i, and S_k gets Σ_i W_ik h_i. The rows of spans
    are of another matrix than c_i and S_k, of which any may be named twice.
    """
    width = dim.literal_value

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = register_for(context, vectors)
        kinds = (vectors, centres, gains, rows, None, weights, spans, widths, shares)
        own, wanted, rates, addresses, factors, near, reach, parts = data_of(context, builder, kinds, values)
        count = values[4]
        strides = [columns_of(context, builder, kinds[k], values[k]) for k in (6, 8)]

        def strip_of(row: Any, strip: range, start: int = 0) -> list[Any]:
            return [load(builder, at(builder, row, start + d), kind) for d in strip]

        def change_span(run: Any, strip: range) -> None:
            first = times(builder, run, LONG)
            mine = at(builder, factors, builder.mul(first, count))
            slots = [sums_of_zero(builder, len(strip), kind) for _ in range(LONG)]
            with from_to(builder, 0, count) as (k, _):
                loaded, place = strip_of(row_at_address(builder, kind, addresses, k), strip), times(builder, k, LONG)
                for c, sums in enumerate(slots):
                    _add_scaled(builder, sums, load_broadcast(builder, at(builder, mine, place, c)), loaded)
            for c, sums in enumerate(slots):
                row = row_at_address(builder, kind, wanted, first, c)
                gain = load_broadcast(builder, at(builder, rates, first, c))
                _add_scaled(builder, sums, gain, strip_of(row, strip))
            changes = [[builder.load(slot) for slot in sums] for sums in slots]
            listed, share = at(builder, near, builder.mul(run, strides[0])), builder.mul(run, strides[1])
            with from_to(builder, 0, builder.load(at(builder, reach, run))) as (j, _):
                row = row_at_address(builder, kind, listed, j)
                moved = strip_of(row, strip)
                for c, change in enumerate(changes):
                    scale = load_broadcast(builder, at(builder, parts, share, times(builder, j, LONG), c))
                    moved = [fma(builder, scale, x, y) for x, y in zip(change, moved, strict=True)]
                for vector, d in zip(moved, strip, strict=True):
                    store(builder, vector, at(builder, row, d))

        def change_centre(i: Any, strip: range) -> None:
            row, gain = row_at_address(builder, kind, wanted, i), load_broadcast(builder, at(builder, rates, i))
            mean = strip_of(at(builder, own, times(builder, i, width)), strip)
            for x, y, d in zip(mean, strip_of(row, strip), strip, strict=True):
                store(builder, fma(builder, gain, x, y), at(builder, row, d))

        def change_drawn(k: Any, strip: range) -> None:
            slots = [sums_of_zero(builder, len(strip), kind) for _ in range(TALL)]
            with from_to(builder, 0, RUNS) as (index, _):
                first = times(builder, index, LONG)
                theirs = at(builder, factors, builder.mul(first, count), times(builder, k, LONG))
                mine = at(builder, own, times(builder, first, width))
                for c in range(LONG):
                    loaded = strip_of(mine, strip, width * c)
                    for r, sums in enumerate(slots):
                        _add_scaled(builder, sums, load_broadcast(builder, at(builder, theirs, LONG * r + c)), loaded)
            for r, sums in enumerate(slots):  # one after the other: they may be the same row
                row = row_at_address(builder, kind, addresses, k, r)
                for slot, d in zip(sums, strip, strict=True):
                    add_to(builder, builder.load(slot), at(builder, row, d))

        for strip in strips(width, kind, WIDE):
            with from_to(builder, 0, RUNS) as (index, _):
                change_span(index, strip)
            with from_to(builder, 0, WORDS) as (index, _):
                change_centre(index, strip)
            with from_to(builder, 0, count, TALL) as (k, _):
                change_drawn(k, strip)
        return context.get_dummy_value()

    whole = types.intp
    return types.void(vectors, centres, gains, rows, whole, weights, spans, widths, shares, dim), emit
