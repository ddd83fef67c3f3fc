r"""Gaussians as an exponential family: one matrix product for all components, in the E step and in the M step.

The logarithm of a Gaussian is a polynomial of degree 2 in x, that is, linear in the products of the coordinates:

    log w_k N(x; μ_k, Σ_k) = θ_k · φ(x),    φ(x) = (x_i x_j for i ≤ j, x_i, 1)

where φ(x) is the upper triangle of (x, 1)(x, 1)ᵀ, and θ_k that of a symmetric matrix with its off-diagonal doubled,

    Θ_k = ( −Λ/2   Λμ/2 )        Λ = Σ_k⁻¹,   c = log w_k + ½ log det Λ − d/2 · log 2π
          ( μᵀΛ/2  c − μᵀΛμ/2 )

So the E step is the product θ φ, of shapes (k, features) and (features, rows). The M step needs of the rows only their
expected sufficient statistics Σ_n r_nk φ(x_n), which is a product with the same φ. With diagonal covariances
φ(x) = (x_i², x_i, 1); if a component has one variance for all columns, φ(x) = (‖x‖², x_i, 1).

A polynomial evaluated in this way cancels: terms of size Λ x² give a result of size 1. `loses_precision` bounds the
loss beforehand, and the caller takes more digits, or `gaussian_direct`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from unlabeled.kernels.gaussian.quadratic_forms import PANEL, quadratic_scores, quadratic_sums
from unlabeled.kernels.layout import aligned, width_of

Floats = NDArray[np.float64]

CACHED = 1 << 20  # bytes of rows and responsibilities worked on at a time
ROWS = (256, 8192)  # fewest and most rows worked on at a time, whatever their size
SHORT = 64  # coordinates below which a matrix product for one component does not pay

# Error of one log-density, root mean square, up to which components are expanded. Errors of different rows have
# different signs, so the mean log-likelihood is exact to a tenth of it or better.
ACCEPTED = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-8}


@dataclass(frozen=True)
class WhitenedGaussians:
    """Gaussians in whitened coordinates.

    Attributes
    ----------
    centres : ndarray, shape (k, d)
        Their means.
    roots : ndarray, shape (k, d, d) or (k, d)
        C with C Cᵀ = Λ, or its diagonal.
    constants : ndarray, shape (k,)
        c above.
    squares : ndarray, shape (k, d)
        E[y_i²] under each, or measured.
    """

    centres: Floats
    roots: Floats
    constants: Floats
    squares: Floats


class Expansion(ABC):
    """Room for some rows: write their `coordinates`, `load`, then ask for `scores`, and `collect` for the M step.

    Parameters
    ----------
    d, k : int
        Coordinates and components.
    dtype : dtype
        Of the arithmetic.

    Attributes
    ----------
    rows : int
        How many rows there is room for.
    shares : ndarray, shape (at least k, rows)
        Room for scores and responsibilities.
    """

    def __init__(self, d: int, k: int, dtype: DTypeLike) -> None:
        self.d, self.k, self.dtype = d, k, np.dtype(dtype)
        fewest, most = ROWS
        fitting = CACHED // ((self.held_features(d) + k) * self.dtype.itemsize) // fewest * fewest
        self.rows = min(max(fitting, fewest), most)
        self.shares = aligned((-(-k // PANEL) * PANEL, self.rows), dtype)
        self.count = 0

    @staticmethod
    @abstractmethod
    def held_features(d: int) -> int:
        """Give how many numbers of a row are held."""

    @staticmethod
    @abstractmethod
    def pack(whitened: WhitenedGaussians) -> tuple[Floats, Floats]:
        """Give θ, shape (k, features), and √(Σ_f E_k[θ_kf² φ_f²]), shape (k,): the size of the terms that are added.

        Their roundings are as good as independent, so a log-density is off by about ε times this size, and so is, in
        units of the covariance itself, what the M step estimates from the sums.
        """

    @staticmethod
    def is_faster(k: int, d: int) -> bool:
        """Say whether it is quicker than one component after the other."""
        return True

    @staticmethod
    def kernel_layout(theta: Floats, dtype: DTypeLike) -> NDArray[Any]:
        """Give θ as `scores` wants it."""
        return theta.astype(dtype)

    @staticmethod
    @abstractmethod
    def zero_sums(k: int, d: int) -> Floats:
        """Give sums of no rows."""

    @staticmethod
    @abstractmethod
    def unpack(sums: Floats, k: int, d: int) -> tuple[Floats, Floats, Floats]:
        """Give Σ r, Σ r y and Σ r yyᵀ (or its diagonal, or its trace) out of Σ r φ(y)."""

    @abstractmethod
    def coordinates(self, count: int) -> NDArray[Any]:
        """Give the room, shape (d, count), into which the coordinates of the next rows are to be written."""

    @abstractmethod
    def load(self) -> None:
        """Expand the rows whose coordinates were written."""

    @abstractmethod
    def scores(self, theta: NDArray[Any]) -> None:
        """Write θ φ into `shares`."""

    @abstractmethod
    def collect(self, sums: Floats) -> None:
        """Add Σ_n r_kn φ(y_n), with r from `shares`, to `sums`."""


class _HeldExpansion(Expansion):
    """An expansion of so few features that they are held, in rows: squares, coordinates, ones; BLAS multiplies."""

    def __init__(self, d: int, k: int, dtype: DTypeLike) -> None:
        super().__init__(d, k, dtype)
        self._phi = np.ones((self.held_features(d), self.rows), self.dtype)

    @classmethod
    def zero_sums(cls, k: int, d: int) -> Floats:
        return np.zeros((k, cls.held_features(d)))

    def coordinates(self, count: int) -> NDArray[Any]:
        self.count = count
        return self._phi[-1 - self.d : -1, :count]

    def scores(self, theta: NDArray[Any]) -> None:
        np.matmul(theta, self._phi[:, : self.count], out=self.shares[: self.k, : self.count])

    def collect(self, sums: Floats) -> None:
        sums += self.shares[: self.k, : self.count] @ self._phi[:, : self.count].T


class Squares(_HeldExpansion):
    """φ(y) = (y_i², y_i, 1), for diagonal covariances."""

    @staticmethod
    def held_features(d: int) -> int:
        """Count the features, which are held."""
        return 2 * d + 1

    @staticmethod
    def pack(whitened: WhitenedGaussians) -> tuple[Floats, Floats]:
        """Give θ and the size of its terms."""
        square, line, constant, size = _axis_terms(whitened)
        return np.hstack([square, line, constant]), size

    @staticmethod
    def unpack(sums: Floats, k: int, d: int) -> tuple[Floats, Floats, Floats]:
        """Give the moments."""
        return sums[:, -1], sums[:, d : 2 * d], sums[:, :d]

    def load(self) -> None:
        """Expand the rows."""
        y = self.coordinates(self.count)
        np.multiply(y, y, out=self._phi[: self.d, : self.count])


class Norm(_HeldExpansion):
    """φ(y) = (‖y‖², y_i, 1), for components with the same variance in all directions."""

    @staticmethod
    def held_features(d: int) -> int:
        """Count the features, which are held."""
        return d + 2

    @staticmethod
    def pack(whitened: WhitenedGaussians) -> tuple[Floats, Floats]:
        """Give θ and the size of its terms."""
        square, line, constant, size = _axis_terms(whitened)
        return np.hstack([square[:, :1], line, constant]), size

    @staticmethod
    def unpack(sums: Floats, k: int, d: int) -> tuple[Floats, Floats, Floats]:
        """Give the moments."""
        return sums[:, -1], sums[:, 1:-1], sums[:, 0]

    def load(self) -> None:
        """Expand the rows."""
        y = self.coordinates(self.count)
        np.einsum("dn,dn->n", y, y, out=self._phi[0, : self.count])


class Triangle(Expansion):
    """φ(y) = the upper triangle of (y, 1)(y, 1)ᵀ, for full covariances; never held, see `gaussian.quadratic_forms`."""

    def __init__(self, d: int, k: int, dtype: DTypeLike) -> None:
        super().__init__(d, k, dtype)
        self._y = aligned((d + 1, self.rows), dtype)
        self._y[d] = 1
        self._tile = 2 * width_of(dtype)

    @staticmethod
    def held_features(d: int) -> int:
        """Count a row's coordinates and the 1."""
        return d + 1

    @staticmethod
    def pack(whitened: WhitenedGaussians) -> tuple[Floats, Floats]:
        """Give θ and the size of its terms."""
        k, d = whitened.centres.shape
        theta = np.empty((k, d + 1, d + 1))
        theta[:, :d, :d] = -0.5 * whitened.roots @ whitened.roots.transpose(0, 2, 1)
        line = -np.einsum("kij,kj->ki", theta[:, :d, :d], whitened.centres)
        theta[:, :d, d] = theta[:, d, :d] = line
        theta[:, d, d] = -np.einsum("ki,ki->k", line, whitened.centres)
        lengths = np.hstack([np.sqrt(whitened.squares), np.ones((k, 1))])
        left, right = np.triu_indices(d + 1)
        packed = theta[:, left, right] * np.where(left == right, 1, 2)
        size = np.linalg.norm(packed * lengths[:, left] * lengths[:, right], axis=1)
        packed[:, -1] += whitened.constants
        return packed, size

    @staticmethod
    def is_faster(k: int, d: int) -> bool:
        """Say no to a single component of many coordinates: the other seven places of its panel would be empty."""
        return k > 1 or d < SHORT

    @staticmethod
    def kernel_layout(theta: Floats, dtype: DTypeLike) -> NDArray[Any]:
        """Give θ in panels of components, with zeros up to a whole panel."""
        k, features = theta.shape
        panels = np.zeros((-(-k // PANEL) * PANEL, features), dtype)
        panels[:k] = theta
        return np.ascontiguousarray(panels.reshape(-1, PANEL, features).transpose(0, 2, 1))

    @staticmethod
    def zero_sums(k: int, d: int) -> Floats:
        """Give sums of no rows, in panels."""
        return np.zeros((-(-k // PANEL), (d + 1) * (d + 2) // 2, PANEL))

    @staticmethod
    def unpack(sums: Floats, k: int, d: int) -> tuple[Floats, Floats, Floats]:
        """Give the moments; the second ones are matrices."""
        left, right = np.triu_indices(d + 1)
        packed = sums.transpose(0, 2, 1).reshape(-1, len(left))[:k]
        whole = np.empty((k, d + 1, d + 1))
        whole[:, left, right] = whole[:, right, left] = packed
        return whole[:, d, d], whole[:, d, :d], whole[:, :d, :d]

    def coordinates(self, count: int) -> NDArray[Any]:
        """Give the room for coordinates."""
        self.count = count
        return self._y[: self.d, :count]

    def load(self) -> None:
        """Leave it to the kernels, which expand in registers."""

    def scores(self, theta: NDArray[Any]) -> None:
        """Evaluate the quadratic forms."""
        quadratic_scores(self._y, -(-self.count // self._tile), theta, self.shares)

    def collect(self, sums: Floats) -> None:
        """Add the products under the responsibilities."""
        tiles = -(-self.count // self._tile)
        self.shares[:, self.count : tiles * self._tile] = 0  # a tile may reach beyond the rows
        quadratic_sums(self._y, tiles, self.shares, sums)


def loses_precision(size: Floats, dtype: DTypeLike) -> NDArray[np.bool_]:
    """Say of which components the expansion rounds too much, given the size that `pack` tells."""
    return np.asarray(~(size * np.finfo(dtype).eps < ACCEPTED[np.dtype(dtype)]))


def _axis_terms(whitened: WhitenedGaussians) -> tuple[Floats, Floats, Floats, Floats]:
    """Give θ's parts for y_i², y_i and 1, and the size of what is added up, for Λ a diagonal."""
    precisions = whitened.roots**2
    line = precisions * whitened.centres
    constant = -0.5 * np.einsum("kd,kd->k", line, whitened.centres)
    terms = [0.5 * precisions * whitened.squares, line * np.sqrt(whitened.squares), constant[:, None]]
    size = np.linalg.norm(np.hstack(terms), axis=1)
    return -0.5 * precisions, line, (constant + whitened.constants)[:, None], size
