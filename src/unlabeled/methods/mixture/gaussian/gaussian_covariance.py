"""The four forms of covariance: full, tied, diagonal and spherical; what each keeps, and how it is estimated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike
from scipy.linalg.lapack import dtrtri

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.mixture.gaussian.gaussian_expanded import Expansion, Floats, Norm, Squares, Triangle
from unlabeled.methods.mixture.gaussian.gaussian_whitening import Whitening, standard_scale, whitening_matrix


class SingularError(UnlabeledError):
    """The covariance of a component is not positive definite."""

    def __init__(self, component: int | None) -> None:
        self.component = component
        super().__init__(f"the covariance {_of(component)} is singular")


class Covariance(ABC):
    """A form of covariance. A *root* is an upper triangular P, or its diagonal, with P Pᵀ = Σ⁻¹."""

    name: ClassVar[str]
    expansion: ClassVar[type[Expansion]]
    matrix: ClassVar[bool]
    """Whether columns may be correlated, so that the covariance of all data is needed as a matrix."""
    apart: ClassVar[bool] = True
    """Whether each component has a covariance of its own, estimated from its second moments."""

    @abstractmethod
    def shape(self, k: int, d: int) -> tuple[int, ...]:
        """Give the shape of the covariances, and of precisions and roots."""

    @abstractmethod
    def free(self, k: int, d: int) -> int:
        """Count the free numbers in the covariances."""

    @abstractmethod
    def whole(self, covariance: Floats, k: int) -> Floats:
        """Give every component the covariance of all data: a matrix, or variances if not `matrix`."""

    @abstractmethod
    def estimate(self, second: Floats, counts: Floats, means: Floats, whitening: Whitening, scatter: Floats) -> Floats:
        """Give the covariances most likely under the responsibilities.

        Parameters
        ----------
        second : ndarray, shape (k, d, d), (k, d) or (k,)
            Second moments about the means in whitened coordinates, as `expansion` collects them.
        counts : ndarray, shape (k,)
            Sums of the responsibilities.
        means : ndarray, shape (k, d)
            The new means, less the mean of all data.
        whitening : Whitening
            The coordinates.
        scatter : ndarray, shape (d, d) or (d,)
            Covariance of all data about their mean.
        """

    @abstractmethod
    def roots(self, covariances: Floats) -> Floats:
        """Give the roots of covariances; a `SingularError` names the component that has none."""

    @abstractmethod
    def whitening(self, mean: Floats, scatter: Floats, roots: Floats, dtype: DTypeLike) -> Whitening:
        """Choose coordinates for data of this mean and covariance."""

    @abstractmethod
    def whitened_roots(self, roots: Floats, whitening: Whitening, k: int) -> Floats:
        """Give the roots in whitened coordinates, for each component."""

    @abstractmethod
    def variances(self, covariances: Floats, whitening: Whitening, k: int) -> Floats:
        """Give each component's variances in whitened coordinates, shape (k, d)."""

    @abstractmethod
    def draw(self, normal: Floats, roots: Floats, component: int) -> Floats:
        """Turn standard normal numbers, shape (n, d), into draws from a component with mean 0."""

    @abstractmethod
    def with_ridge(self, covariances: Floats, ridge: float) -> Floats:
        """Add to all variances."""

    @abstractmethod
    def roots_of_precisions(self, precisions: Floats) -> Floats:
        """Give the roots of precisions."""

    @abstractmethod
    def precisions(self, roots: Floats) -> Floats:
        """Give Σ⁻¹ = P Pᵀ."""

    @abstractmethod
    def covariances(self, roots: Floats) -> Floats:
        """Give Σ."""

    @abstractmethod
    def average(self, covariances: Floats, weights: Floats, d: int) -> Floats:
        """Give the weighted mean of the covariances: a matrix, or variances if not `matrix`."""

    def mixed(self, weights: Floats, means: Floats, covariances: Floats) -> tuple[Floats, Floats]:
        """Give mean and covariance of the whole mixture: within the components and between them."""
        mean = weights @ means
        away = means - mean
        between = (weights * away.T) @ away if self.matrix else weights @ away**2
        return mean, self.average(covariances, weights, len(mean)) + between

    @abstractmethod
    def log_roots(self, roots: Floats, d: int) -> Floats:
        """Give log det P, a number or one for each component."""


class _Matrices(Covariance):
    """What full and tied covariances share: roots are triangular matrices."""

    matrix = True

    def whole(self, covariance: Floats, k: int) -> Floats:
        return np.broadcast_to(covariance, self.shape(k, len(covariance))).copy()

    def roots(self, covariances: Floats) -> Floats:
        return self._each(covariances, _upper_root_of_inverse)

    def roots_of_precisions(self, precisions: Floats) -> Floats:
        if not np.allclose(precisions, precisions.swapaxes(-1, -2)):
            raise UnlabeledError("precisions_init must hold symmetric matrices")
        return self._each(precisions, _upper_root)

    def precisions(self, roots: Floats) -> Floats:
        return np.asarray(roots @ roots.swapaxes(-1, -2))

    def covariances(self, roots: Floats) -> Floats:
        inverse = self._each(roots, _inverse)
        return np.asarray(inverse.swapaxes(-1, -2) @ inverse)

    def log_roots(self, roots: Floats, d: int) -> Floats:
        return np.asarray(np.log(np.diagonal(roots, axis1=-2, axis2=-1)).sum(-1))

    def with_ridge(self, covariances: Floats, ridge: float) -> Floats:
        return covariances + ridge * np.eye(covariances.shape[-1])

    def draw(self, normal: Floats, roots: Floats, component: int) -> Floats:
        root = roots[component] if roots.ndim == 3 else roots
        return np.asarray(normal @ _inverse(root))

    @staticmethod
    def _each(matrices: Floats, function: Callable[[Floats], Floats]) -> Floats:
        """Apply a function to the matrix, or to each one, and name the one for which it fails."""
        found = np.empty_like(matrices)
        for index in np.ndindex(matrices.shape[:-2]):
            try:
                found[index] = function(matrices[index])
            except (np.linalg.LinAlgError, ValueError):  # not positive definite; NaN or infinity
                raise SingularError(index[0] if index else None) from None
        return found


class _Full(_Matrices):
    """Each component has a covariance matrix of its own."""

    name = "full"
    expansion = Triangle

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (k, d, d)

    def free(self, k: int, d: int) -> int:
        return k * d * (d + 1) // 2

    def estimate(self, second: Floats, counts: Floats, means: Floats, whitening: Whitening, scatter: Floats) -> Floats:
        found = whitening.back.T @ second @ whitening.back
        return np.asarray((found + found.transpose(0, 2, 1)) / 2)

    def whitening(self, mean: Floats, scatter: Floats, roots: Floats, dtype: DTypeLike) -> Whitening:
        return Whitening(mean, whitening_matrix(scatter), dtype)

    def average(self, covariances: Floats, weights: Floats, d: int) -> Floats:
        return np.asarray(np.einsum("k,kij->ij", weights, covariances))

    def whitened_roots(self, roots: Floats, whitening: Whitening, k: int) -> Floats:
        return np.asarray(whitening.back @ roots)

    def variances(self, covariances: Floats, whitening: Whitening, k: int) -> Floats:
        return np.asarray(((covariances @ whitening.scale) * whitening.scale).sum(1))


class _Tied(_Matrices):
    """All components share one covariance matrix; whitened by its root, all of them are round."""

    name = "tied"
    expansion = Norm
    apart = False

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (d, d)

    def free(self, k: int, d: int) -> int:
        return d * (d + 1) // 2

    def estimate(self, second: Floats, counts: Floats, means: Floats, whitening: Whitening, scatter: Floats) -> Floats:
        # Within = whole − between: what all components share is known without a second look at the rows.
        return np.asarray(scatter - (counts * means.T) @ means / counts.sum())

    def whitening(self, mean: Floats, scatter: Floats, roots: Floats, dtype: DTypeLike) -> Whitening:
        return Whitening(mean, roots, dtype)

    def average(self, covariances: Floats, weights: Floats, d: int) -> Floats:
        return covariances

    def whitened_roots(self, roots: Floats, whitening: Whitening, k: int) -> Floats:
        return np.ones((k, len(roots)))

    def variances(self, covariances: Floats, whitening: Whitening, k: int) -> Floats:
        return np.ones((k, len(covariances)))


class _Axes(Covariance):
    """What diagonal and spherical covariances share: all is done number by number."""

    matrix = False

    def roots(self, covariances: Floats) -> Floats:
        rooted = covariances.reshape(len(covariances), -1)
        wrong = ~((rooted > 0) & (rooted < np.inf)).all(1)
        if wrong.any():
            raise SingularError(int(wrong.argmax()))
        return 1 / np.sqrt(covariances)

    def roots_of_precisions(self, precisions: Floats) -> Floats:
        return 1 / self.roots(precisions)

    def precisions(self, roots: Floats) -> Floats:
        return roots**2

    def covariances(self, roots: Floats) -> Floats:
        return 1 / roots**2

    def with_ridge(self, covariances: Floats, ridge: float) -> Floats:
        return covariances + ridge

    def draw(self, normal: Floats, roots: Floats, component: int) -> Floats:
        return np.asarray(normal / roots[component])


class _Diagonal(_Axes):
    """Each component has a variance of its own for each column."""

    name = "diagonal"
    expansion = Squares

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (k, d)

    def free(self, k: int, d: int) -> int:
        return k * d

    def whole(self, covariance: Floats, k: int) -> Floats:
        return np.tile(covariance, (k, 1))

    def estimate(self, second: Floats, counts: Floats, means: Floats, whitening: Whitening, scatter: Floats) -> Floats:
        return np.maximum(second, 0) * whitening.back**2

    def whitening(self, mean: Floats, scatter: Floats, roots: Floats, dtype: DTypeLike) -> Whitening:
        return Whitening(mean, standard_scale(scatter), dtype)

    def average(self, covariances: Floats, weights: Floats, d: int) -> Floats:
        return weights @ covariances

    def whitened_roots(self, roots: Floats, whitening: Whitening, k: int) -> Floats:
        return roots * whitening.back

    def variances(self, covariances: Floats, whitening: Whitening, k: int) -> Floats:
        return covariances * whitening.scale**2

    def log_roots(self, roots: Floats, d: int) -> Floats:
        return np.asarray(np.log(roots).sum(1))


class _Spherical(_Axes):
    """Each component has one variance, the same in all directions."""

    name = "spherical"
    expansion = Norm

    def shape(self, k: int, d: int) -> tuple[int, ...]:
        return (k,)

    def free(self, k: int, d: int) -> int:
        return k

    def whole(self, covariance: Floats, k: int) -> Floats:
        return np.full(k, covariance.mean())

    def estimate(self, second: Floats, counts: Floats, means: Floats, whitening: Whitening, scatter: Floats) -> Floats:
        return np.asarray(np.maximum(second, 0) * whitening.back[0] ** 2 / means.shape[1])

    def whitening(self, mean: Floats, scatter: Floats, roots: Floats, dtype: DTypeLike) -> Whitening:
        return Whitening(mean, standard_scale(np.full_like(scatter, scatter.mean())), dtype)

    def average(self, covariances: Floats, weights: Floats, d: int) -> Floats:
        return np.full(d, weights @ covariances)

    def whitened_roots(self, roots: Floats, whitening: Whitening, k: int) -> Floats:
        return roots[:, None] * whitening.back

    def variances(self, covariances: Floats, whitening: Whitening, k: int) -> Floats:
        return covariances[:, None] * whitening.scale**2

    def log_roots(self, roots: Floats, d: int) -> Floats:
        return d * np.log(roots)


FORMS: dict[str, Covariance] = {form.name: form for form in (_Full(), _Tied(), _Diagonal(), _Spherical())}


def covariance_form(name: str) -> Covariance:
    """Find a form by its name; scikit-learn's ``"diag"`` is understood too."""
    try:
        return FORMS["diagonal" if name == "diag" else name]
    except (KeyError, TypeError):
        raise unknown_name("covariance", str(name), FORMS) from None


def _of(component: int | None) -> str:
    return "that all components share" if component is None else f"of component {component}"


def _upper_root_of_inverse(covariance: Floats) -> Floats:
    """Give the upper triangular P with P Pᵀ = Σ⁻¹."""
    return _inverse(np.asarray(np.linalg.cholesky(covariance).T))


def _inverse(root: Floats) -> Floats:
    """Give the inverse of an upper triangular matrix."""
    inverse, _ = dtrtri(root)
    return np.asarray(np.triu(inverse))


def _upper_root(precision: Floats) -> Floats:
    """Give the upper triangular P with P Pᵀ the given matrix: a Cholesky factor counted from the other end."""
    return np.asarray(np.linalg.cholesky(precision[::-1, ::-1])[::-1, ::-1])
