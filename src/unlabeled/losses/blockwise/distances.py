"""Distances between embeddings, by name, so that any of them goes with any loss that compares distances."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses.blockwise.embedding_checks import check_embeddings, check_plain, unit
from unlabeled.losses.blockwise.precision import full_precision

Distance = Literal["euclidean", "squared", "cosine", "inner_product"]
DISTANCES: tuple[str, ...] = get_args(Distance)


def distances(x: Tensor, y: Tensor, distance: Distance = "euclidean") -> Tensor:
    r"""Measure how far each embedding in `x` is from the one at its place in `y`.

    ==================  ==========================
    `distance`          D(x, y)
    ==================  ==========================
    ``euclidean``       ‖x − y‖
    ``squared``         ‖x − y‖²
    ``cosine``          1 − cos(x, y)
    ``inner_product``   −x · y
    ==================  ==========================

    Parameters
    ----------
    x, y : Tensor, shape (..., d)
        Embeddings. Shapes are broadcast: (n, 1, d) with (n, k, d) gives (n, k).
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        Which distance. The inner product is negated, so that small is near; it has no least value.

    Returns
    -------
    Tensor, shape (...)
        float32, or float64 if either is. Where two embeddings are the same, the Euclidean distance has no gradient and
        passes 0 on; a zero vector has cosine 0 with every other. A squared distance or inner product beyond a quarter
        of the largest number of its type stops there (so that differences of two stay finite), and passes no gradient
        on. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the name is unknown, the last dimensions differ, or the embeddings are not floating-point numbers.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0, 4.0]]), torch.tensor([[3.0, 0.0]])
    >>> [distances(x, y, name).item() for name in ("euclidean", "squared", "cosine")]
    [5.0, 25.0, 1.0]
    """
    check_distance(distance)
    if not (x.is_floating_point() and y.is_floating_point()):
        raise UnlabeledError(f"embeddings must be floating-point numbers, not {x.dtype} and {y.dtype}")
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[-1] or x.shape[-1] == 0:
        raise UnlabeledError(f"embeddings to compare must be of one length, not {tuple(x.shape)} and {tuple(y.shape)}")
    x, y = _at_least_single(x, y)
    if distance == "euclidean":
        difference = x - y
        return (_unit(difference) * difference).sum(dim=-1)  # ‖v‖ = v̂ · v: neither overflows nor divides by zero
    if distance == "squared":
        return _saturated((x - y).square().sum(dim=-1))
    if distance == "cosine":
        return 1 - (_unit(x) * _unit(y)).sum(dim=-1)
    size = _size(y)
    return _saturated((x * (y / size)).sum(dim=-1) * -size.squeeze(-1))


def distance_matrix(x: Tensor, y: Tensor, distance: Distance = "euclidean") -> Tensor:
    """Measure how far each row of `x` is from each row of `y`, by one matrix product.

    Parameters
    ----------
    x : Tensor, shape (m, d)
        Embeddings.
    y : Tensor, shape (n, d)
        Embeddings.
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        Which distance; see `distances`.

    Returns
    -------
    Tensor, shape (m, n)
        In at least float32, also under autocast. A squared Euclidean distance is a difference of products, and so is
        known to about 1e-6 (float32) of the largest squared distance of a row from the centre: distances far below a
        thousandth of that are noise. Where nearness must be told more finely, use `distances` on the pairs.

    Raises
    ------
    UnlabeledError
        As for `distances`.

    Examples
    --------
    >>> distance_matrix(torch.eye(2), torch.eye(2), "squared")
    tensor([[0., 2.],
            [2., 0.]])
    """
    return Comparison(x, y, distance).rows(slice(None))


class Comparison:
    """Two tables of embeddings, made ready for any rows of their matrix of distances.

    Parameters
    ----------
    x, y, distance
        As for `distance_matrix`.

    Raises
    ------
    UnlabeledError
        As for `distances`.
    """

    def __init__(self, x: Tensor, y: Tensor, distance: Distance) -> None:
        check_distance(distance)
        check_embeddings(x, "the first embeddings")
        check_embeddings(y, "the second embeddings")
        if x.shape[1] != y.shape[1]:
            raise UnlabeledError(f"embeddings to compare must be of one length, not {x.shape[1]} and {y.shape[1]}")
        x, y = _at_least_single(x, y)
        self.distance = distance
        if distance == "cosine":
            self.x, self.y = unit(x), unit(y)
        elif distance == "inner_product":
            self.size = _size(y)
            self.x, self.y = x, y / self.size
        else:
            # About their centre and at most 1 in size the squares are as exact as can be, and cannot overflow.
            centre = y.detach().mean(dim=0)
            x, y = x - centre, y - centre
            largest = torch.maximum(x.detach().abs().max(), y.detach().abs().max())
            self.size = largest.masked_fill(largest == 0, 1)
            self.x, self.y = x / self.size, y / self.size
            self.squares = self.y.square().sum(dim=1)

    def rows(self, some: slice) -> Tensor:
        """Give the distances of some rows of `x` to all of `y`: shape (rows, n)."""
        order = self.order(some)
        if self.distance == "cosine":
            return 1 + order
        if self.distance == "inner_product":
            return order
        squared = order + self.x[some].square().sum(dim=1, keepdim=True)
        if self.distance == "squared":
            return _saturated(squared.clamp(min=0) * self.size * self.size)
        # Below the smallest number there is, clamp stops the gradient, which the square root would make infinite.
        return squared.clamp(min=torch.finfo(squared.dtype).tiny).sqrt() * self.size

    def order(self, some: slice) -> Tensor:
        """Give numbers that stand in the order of the distances in each row, and are cheaper to have."""
        x = self.x[some]
        with full_precision(x):
            products = x @ self.y.T
        if self.distance == "cosine":
            return -products
        if self.distance == "inner_product":
            return _saturated(-products * self.size.T)
        return self.squares - 2 * products


def check_distance(distance: str) -> None:
    """Refuse a name that is no distance.

    Raises
    ------
    UnlabeledError
        With the nearest name that is one.
    """
    if distance not in DISTANCES:
        raise unknown_name("distance", distance, DISTANCES)


def check_margin(margin: float) -> None:
    """Refuse a margin that is negative or not finite.

    Raises
    ------
    UnlabeledError
        If it is.
    """
    check_plain(margin, "margin")
    if not 0 <= margin < math.inf:
        raise UnlabeledError(f"margin must be a number from 0 up, not {margin}")


def _at_least_single(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    kind = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
    return x.to(kind), y.to(kind)


def _unit(z: Tensor) -> Tensor:
    return unit(z.reshape(-1, z.shape[-1])).view(z.shape)


def _size(z: Tensor) -> Tensor:
    """Give the largest entry of each row, to divide by: products with what is left do not overflow."""
    largest = z.detach().abs().amax(dim=-1, keepdim=True)
    return largest.masked_fill(largest == 0, 1)


def _saturated(z: Tensor) -> Tensor:
    most = torch.finfo(z.dtype).max / 4
    return z.clamp(-most, most)
