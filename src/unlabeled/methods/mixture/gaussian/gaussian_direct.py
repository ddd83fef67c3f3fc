"""Gaussians one by one, each seen from its own mean: slower than the expansion, and nothing cancels.

For component k, with C Cᵀ = Λ, the distance is ‖(y − μ_k)ᵀ C‖², and the moments are summed about μ_k. What is made on
the way has the size of some rows, and stays in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.methods.mixture.gaussian.gaussian_expanded import Floats, WhitenedGaussians


def scores(y: NDArray[Any], whitened: WhitenedGaussians, k: int) -> NDArray[Any]:
    """Give log w_k N(y) of the rows whose coordinates are `y`, shape (d, count), for component `k`."""
    away = y - whitened.centres[k, :, None]
    root = whitened.roots[k]
    standard = root.T @ away if root.ndim == 2 else root[:, None] * away
    return np.asarray(whitened.constants[k] - 0.5 * np.einsum("dn,dn->n", standard, standard))


def collect(
    y: NDArray[Any], responsibilities: NDArray[Any], centre: Floats, first: Floats, second: NDArray[Any]
) -> None:
    """Add Σ r (y − centre) to `first`, and to `second` the same of the products, squares or squared length.

    Parameters
    ----------
    y : ndarray, shape (d, count)
        Coordinates of rows.
    responsibilities : ndarray, shape (count,)
        r of one component.
    centre, first : ndarray, shape (d,)
        From where to look, and where to add.
    second : ndarray, shape (d, d), (d,) or ()
        Where to add; its shape says what.
    """
    away = y - centre[:, None]
    first += away @ responsibilities
    if second.ndim == 2:
        away *= np.sqrt(responsibilities)
        second += away @ away.T  # a matrix times its own transpose: BLAS makes one half
    else:
        away *= away
        squares = away @ responsibilities
        second += squares if second.ndim == 1 else squares.sum()
