"""The shares of topics in documents when the topics are known: EM in θ alone, one document after the other.

    n_z = Σ_w c_w p(z | w),   p(z | w) ∝ (θ_z β_zw)^b        θ_z ← (n_z + α_z) / Σ_z (n_z + α_z)

Each document is done before the next begins, so all it needs stays in the cache, and no document sees another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.simd import fma, load, splat, store, total

u = np.uint64


@compiled
def fold_in(
    pointers: Any,
    words: Any,
    counts: Any,
    powered: Any,
    k: int,
    alpha: Any,
    power: Any,
    start: int,
    stop: int,
    steps: int,
    tol: Any,
    least: Any,
    theta: Any,
    workspace: Any,
) -> None:  # pragma: no cover - compiled
    """Find θ of the documents from `start` to `stop`.

    Parameters
    ----------
    pointers, words, counts : ndarrays
        The counts as CSR.
    powered : ndarray, shape (words, K)
        βᵇ, with zeros beyond the k topics.
    alpha : ndarray, shape (k,)
        What is added to each n_z.
    power : float
        b.
    steps, tol
        A document is done after so many steps, or when no share moves by more than `tol`.
    least : float
        A word less probable than this is passed over.
    theta : ndarray, shape (documents, K)
        Becomes the shares. They are equal where nothing is known.
    workspace : ndarray, shape (2, K)
        Room to work in.
    """
    width, topics = u(64 // theta.itemsize), u(theta.shape[1])
    zero = theta.dtype.type(0)
    for d in range(u(start), u(stop)):
        for z in range(u(k)):
            theta[d, z] = theta.dtype.type(1) / theta.dtype.type(k)
        for _ in range(steps):
            for z in range(topics):
                workspace[0, z] = theta[d, z] if power == 1 else theta[d, z] ** power
                workspace[1, z] = zero
            for entry in range(u(pointers[d]), u(pointers[d + u(1)])):
                w = u(words[entry])
                sums = splat(zero)
                for z in range(u(0), topics, width):
                    sums = fma(load(workspace, (u(0), z)), load(powered, (w, z)), sums)
                s = total(sums)
                if s < least:
                    continue
                share = splat(counts[entry] / s)
                for z in range(u(0), topics, width):
                    store(workspace, (u(1), z), fma(share, load(powered, (w, z)), load(workspace, (u(1), z))))
            whole = zero
            for z in range(u(k)):
                workspace[1, z] = workspace[0, z] * workspace[1, z] + alpha[z]
                whole += workspace[1, z]
            if not whole > 0:
                break
            moved = zero
            for z in range(u(k)):
                share_z = workspace[1, z] / whole
                moved = max(moved, abs(share_z - theta[d, z]))
                theta[d, z] = share_z
            if moved <= tol:
                break
