"""Sparse symmetric systems with several right-hand sides, solved together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COLUMNS = 16
"""Right-hand sides that are solved together: they share a pass over the matrix, and more would not stay in cache."""


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
    X, most, converged = np.zeros_like(B), 0, True
    for start in range(0, B.shape[1], COLUMNS):
        block = slice(start, start + COLUMNS)
        X[:, block], iterations, solved = _solved(A, np.ascontiguousarray(B[:, block]), diagonal, tol, max_iter)
        most, converged = max(most, iterations), converged and solved
    return X, most, converged


def _solved(A: Any, B: Floats, diagonal: Floats, tol: float, max_iter: int) -> tuple[Floats, int, bool]:
    """Solve for a few columns; one that is solved leaves the block."""
    scale = 1 / diagonal[:, None]
    X, columns = np.zeros_like(B), np.arange(B.shape[1])
    goals = tol * np.linalg.norm(B, axis=0)
    x, residual = np.zeros_like(B), B.copy()
    direction = residual * scale
    inner = _products(residual, direction)
    for iteration in range(max_iter + 1):
        opened = np.sqrt(_products(residual, residual)) > goals
        if not opened.all():
            X[:, columns[~opened]] = x[:, ~opened]
            columns, goals, inner = columns[opened], goals[opened], inner[opened]
            x, residual, direction = (np.ascontiguousarray(part[:, opened]) for part in (x, residual, direction))
        if len(columns) == 0:
            return X, iteration, True
        if iteration == max_iter:
            break
        product = A @ direction
        curvature = _products(direction, product)
        step = inner / np.where(curvature > 0, curvature, np.inf)
        x += step * direction
        residual -= step * product
        z = residual * scale
        now = _products(residual, z)
        direction *= now / inner
        direction += z
        inner = now
    X[:, columns] = x
    return X, max_iter, False


def _products(a: Floats, b: Floats) -> Floats:
    """Give the inner product of each column of a with that of b."""
    found: Floats = np.einsum("nc,nc->c", a, b)
    return found
