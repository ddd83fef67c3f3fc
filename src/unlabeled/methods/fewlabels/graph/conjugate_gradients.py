"""Sparse symmetric systems with several right-hand sides, solved together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def conjugate_gradients(
    A: Any, B: Floats, diagonal: Floats, *, tol: float = 1e-6, max_iter: int = 1000
) -> tuple[Floats, int, bool]:
    """Solve A X = B by conjugate gradients, scaled by the diagonal (Jacobi).

    Parameters
    ----------
    A : sparse matrix, shape (n, n)
        Symmetric and positive semi-definite; every column of B must lie in its range.
    B : ndarray, shape (n, c)
        Right-hand sides.
    diagonal : ndarray, shape (n,)
        The diagonal of A, or what stands for it: positive numbers.
    tol : float, default 1e-6
        A column is solved when its residual has at most this share of its right-hand side's norm.
    max_iter : int, default 1000
        Iterations at most.

    Returns
    -------
    (X, iterations, converged)

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> A = sp.csr_array([[2.0, -1.0], [-1.0, 2.0]])
    >>> conjugate_gradients(A, np.array([[1.0], [0.0]]), A.diagonal())[0].round(6).tolist()
    [[0.666667], [0.333333]]
    """
    scale = 1 / diagonal[:, None]
    X, residual = np.zeros_like(B), B.copy()
    goals = tol * np.linalg.norm(B, axis=0)
    preconditioned = residual * scale
    direction = preconditioned.copy()
    inner = np.einsum("nc,nc->c", residual, preconditioned)
    for iteration in range(max_iter):
        open_columns = np.flatnonzero(np.linalg.norm(residual, axis=0) > goals)
        if len(open_columns) == 0:
            return X, iteration, True
        p = direction[:, open_columns]
        product = A @ p
        curvature = np.einsum("nc,nc->c", p, product)
        step = inner[open_columns] / np.where(curvature > 0, curvature, np.inf)
        X[:, open_columns] += step * p
        residual[:, open_columns] -= step * product
        z = residual[:, open_columns] * scale
        now = np.einsum("nc,nc->c", residual[:, open_columns], z)
        direction[:, open_columns] = z + (now / inner[open_columns]) * p
        inner[open_columns] = now
    return X, max_iter, bool((np.linalg.norm(residual, axis=0) <= goals).all())
