"""Centres rounded to bytes, for the screen that rules out most of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.compiled import processor_has
from unlabeled.methods.mixture.kernels.assign import TILE
from unlabeled.methods.mixture.kernels.bytes import LANES
from unlabeled.methods.mixture.kernels.registers import aligned, panels, up_to
from unlabeled.methods.mixture.kernels.screen import GROUP, MARGIN, Coarse, Desk

WIDEST = 1 << 16  # columns whose products of bytes certainly add up to less than 2³¹
STEEPEST = 127  # the largest byte
FEW_ROWS = 4096  # to round the centres takes about as long as is gained on a thousand rows


def quantised(centres: NDArray[Any]) -> Coarse:
    """Round centres to bytes.

    Parameters
    ----------
    centres : ndarray of float32 or float64, shape (k, D)
        Less the mean, with zeros up to a multiple of 16 columns; they can be screened, see `can_screen`.
    """
    k, dim = centres.shape
    unit = 2.0 ** -math.frexp(float(np.abs(centres).max()))[1]
    scaled = centres.astype(np.float64) * unit
    steps = np.maximum(np.abs(scaled).max(axis=1) / STEEPEST, 1e-30).astype(np.float32)
    whole = np.rint(scaled / steps[:, None].astype(np.float64)).clip(-STEEPEST, STEEPEST)
    lengths = np.maximum(np.linalg.norm(scaled, axis=1), 2.0**-40)
    errors = np.linalg.norm(scaled - whole * steps[:, None].astype(np.float64), axis=1)
    numbers = panels(whole.astype(np.int8).view(np.int32), np.int32, 2 * LANES)
    lanes = aligned((2, 2 * LANES * len(numbers)), np.float32)
    lanes[0, :k], lanes[1, :k], lanes[1, k:] = steps, -(lengths**2) / 2, -np.inf
    starts = aligned((lanes.shape[1],), np.int32)
    starts[:k] = -128 * whole.sum(axis=1)
    padded = np.zeros(up_to(k, GROUP))
    padded[:k] = lengths * (1 + MARGIN)
    groups = padded.reshape(-1, GROUP).max(axis=1).astype(np.float32)
    error = np.float32((errors / lengths).max() + MARGIN)
    return Coarse(
        numbers, starts, lanes, groups, groups.max(), error, centres.dtype.type(unit), _most(k, dim, centres.dtype)
    )


def desk(k: int, dim: int, dtype: Any) -> Desk:
    """Give room for a call with k centres of D columns."""
    codes, scores = aligned((TILE, dim), np.uint8), aligned((TILE, up_to(k, GROUP)), np.float32)
    scores.fill(-np.inf)
    floats = aligned((dim,), np.float32), aligned((4, TILE), np.float32)
    labels, distances = np.empty(TILE, np.int32), np.empty(TILE, dtype)
    return Desk(codes, codes.view(np.int32), *floats, scores, np.empty(scores.shape[1], np.int32), labels, distances)


def _most(k: int, dim: int, dtype: Any) -> int:
    """Give how many rivals take about half as long as a search of all centres; one also costs some 16 additions."""
    registers = dim * dtype.itemsize // 64
    return int(k * registers // (2 * (2 * registers + 16)))


def can_screen(centres: NDArray[Any]) -> bool:
    """Say whether the processor multiplies bytes, and the centres are neither all zero nor huge nor minute."""
    largest = float(np.abs(centres).max())
    if not (processor_has("avx512vnni") and 0 < largest < math.inf and centres.shape[1] <= WIDEST):
        return False
    return abs(math.frexp(largest)[1]) <= np.finfo(centres.dtype).maxexp // 4


def screen_pays(n: int, shape: tuple[int, ...], dtype: Any) -> bool:
    """Say whether n rows and centres of shape (k, d) are so many that ruling centres out costs less than searching all.

    A centre costs a multiply–add for each register of its columns if it is searched, and if it is screened one for each
    64 columns and about half of one to judge it; to round a row costs a little more for each column, once.
    """
    k, d = shape
    registers = d * np.dtype(dtype).itemsize / 64
    return n >= FEW_ROWS and k * (registers - d / 64 - 0.5) > 128 + 2 * d
