"""Centres rounded to bytes, for the bounds that rule out most of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import processor_has
from unlabeled.kernels.kmeans.int8_products import LANES
from unlabeled.kernels.kmeans.quantised_bounds import (
    FAR,
    GROUP,
    LEAST,
    MARGIN,
    QuantisedCentres,
    QuantisedRows,
    Workspace,
)
from unlabeled.kernels.layout import aligned, panels, round_up

WIDEST = 1 << 16  # columns whose products of bytes certainly add up to less than 2³¹
STEEPEST = 127  # the largest byte
KEPT_BYTES = 1 << 28  # rows that take more as bytes are not kept: files larger than memory stay files
FEW_ROWS = 4096  # to round the centres takes about as long as is gained on a thousand rows


def unit_for(largest: float, dtype: Any) -> float | None:
    """Give the power of two that brings a number into [½, 1), or None if that is zero, huge or minute for its type."""
    power = math.frexp(largest)[1]
    usable = 0 < largest < math.inf and abs(power) <= np.finfo(dtype).maxexp // 4
    return 2.0**-power if usable else None


def unit_of(vectors: NDArray[Any]) -> float | None:
    """Give the unit in which some vectors can be quantised; None if they cannot, or the processor does not do it."""
    if not processor_has("avx512vnni") or vectors.shape[1] > WIDEST:
        return None
    return unit_for(float(np.abs(vectors).max()), vectors.dtype)


def quantise_centres(centres: NDArray[Any], unit: float) -> QuantisedCentres:
    """Round centres to bytes.

    Parameters
    ----------
    centres : ndarray of float32 or float64, shape (k, D)
        Less the mean, with zeros up to a multiple of 16 columns; they can be quantised, see `unit_of`.
    unit : float
        The factor of all lengths.
    """
    k, count = len(centres), round_up(len(centres), GROUP) // GROUP
    scaled = np.zeros((count * GROUP, centres.shape[1]))
    scaled[:k] = centres.astype(np.float64) * unit
    lengths = np.linalg.norm(scaled, axis=1)
    too_long = lengths.max() >= FAR
    if too_long:
        scaled, lengths = np.zeros_like(scaled), np.zeros_like(lengths)
    bounds = np.maximum(lengths, LEAST)
    groups = np.empty((4, count), np.float32)
    groups[0] = np.maximum(np.abs(scaled).reshape(count, -1).max(axis=1), LEAST) / STEEPEST
    steps = np.repeat(groups[0], GROUP).astype(np.float64)
    whole = np.rint(scaled / steps[:, None]).clip(-STEEPEST, STEEPEST)
    errors = np.linalg.norm(scaled - whole * steps[:, None], axis=1) + MARGIN * bounds
    groups[1], groups[2] = 1 / groups[0], bounds.reshape(count, -1).max(axis=1) * (1 + MARGIN)
    groups[3] = errors.reshape(count, -1).max(axis=1) * (1 + MARGIN)
    numbers = panels(whole.astype(np.int8).view(np.int32), np.int32, GROUP).reshape(-1)
    starts, halves = (-128 * whole.sum(axis=1)).astype(np.int32), (-(lengths**2) / 2 / steps).astype(np.float32)
    halves[k:] = -np.inf
    longest = np.float32(np.inf) if too_long else groups[2].max()
    return QuantisedCentres(numbers, starts, halves, groups, longest, centres.dtype.type(unit))


def quantised_rows(n: int, dim: int) -> QuantisedRows:
    """Give room for n rows of D columns as bytes."""
    whole = round_up(n, LANES)
    return QuantisedRows(aligned((whole * dim // 4,), np.int32), aligned((3, whole), np.float32))


def workspace(k: int, dim: int, dtype: Any) -> Workspace:
    """Give room for a call with k centres of D columns."""
    whole, line = round_up(k, GROUP), aligned((dim,), np.uint8)
    scores, masks = aligned((whole * LANES,), np.float32), aligned((whole,), np.uint16)
    rows = [aligned((LANES,), kind) for kind in (np.int32, np.int32, dtype)]
    return Workspace(
        line, line.view(np.int32), aligned((dim,), np.float32), scores, masks, masks.view(np.uint64), *rows
    )


def most_rivals(k: int, dim: int, dtype: Any) -> int:
    """Give how many rivals take about half as long as a search of all centres; one also costs some 16 additions."""
    registers = dim * np.dtype(dtype).itemsize // 64
    return int(k * registers // (2 * (2 * registers + 16)))


def quantised_start_is_faster(n: int, d: int, k: int) -> bool:
    """Say whether the start of k-means++ is quicker with its rows kept as bytes, and whether they may be."""
    return n >= FEW_ROWS and d >= 2 * LANES and k >= LANES and rows_may_be_kept(n, d)


def rows_may_be_kept(n: int, d: int) -> bool:
    """Say whether n rows of d columns may be kept as bytes: of 64 columns some 3.5 million, 76 bytes each."""
    return n * (round_up(d, LANES) + 12) <= KEPT_BYTES


def quantising_is_faster(n: int, shape: tuple[int, ...], dtype: Any) -> bool:
    """Say whether n rows and centres of shape (k, d) are so many that ruling centres out costs less than searching all.

    A centre costs a multiply–add for each register of its columns if it is searched, and if it is quantised one for
    each 64 columns and about half of one to judge it; to round a row costs a little more for each column, once.
    """
    k, d = shape
    registers = d * np.dtype(dtype).itemsize / 64
    return n >= FEW_ROWS and k * (registers - d / 64 - 0.5) > 128 + 2 * d
