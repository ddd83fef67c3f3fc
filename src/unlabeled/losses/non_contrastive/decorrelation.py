"""Losses without negatives that keep the columns of a batch's embeddings from saying the same."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import check_pair, check_plain
from unlabeled.losses.blockwise.precision import full_precision
from unlabeled.processes import gather


def barlow_twins(x: Tensor, y: Tensor, *, off_diagonal: float = 0.005) -> Tensor:
    r"""Make each column of one view correlate with itself in the other view, and with no other column.

    .. math:: L = \sum_k (1 - C_{kk})^2 + \lambda \sum_{k \neq l} C_{kl}^2

    with C(k, l) the correlation, over the batch, of column k of `x` and column l of `y`.

    Parameters
    ----------
    x, y : Tensor, shape (n, d)
        Embeddings of two views of n instances, row by row. Their scale and offset do not matter.
    off_diagonal : float, default=0.005
        λ, the weight of the correlations that should not be.

    Returns
    -------
    Tensor, scalar
        Between 0 and d + λ d (d − 1). A column that is the same in all rows correlates with nothing, and costs 1.
        NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the shapes differ, there are fewer than two rows in all, or the weight is negative.

    Notes
    -----
    In a process group the correlations are those of the joined batch, so every process returns the loss of one that
    holds it; once gradients are averaged over the processes, so is the gradient. Every process must bring the same n.

    References
    ----------
    .. [1] Zbontar, Jing, Misra, LeCun, Deny. Barlow Twins: Self-Supervised Learning via Redundancy Reduction.
       ICML 2021. https://arxiv.org/abs/2103.03230

    Examples
    --------
    >>> x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # uncorrelated columns
    >>> barlow_twins(x, 3 * x + 1).item(), barlow_twins(x, x.flip(1)).item()  # 0, and 2 · 1² + λ · 2 · 1²
    (0.0, 2.009999990463257)
    """
    x, y = _joined(x, y)
    _check_weight("off_diagonal", off_diagonal)
    with full_precision(x):
        diagonal, squares = _product(_standardised(x), _standardised(y))
    return (1 - diagonal).square().sum() + off_diagonal * (squares - diagonal.square().sum())


def vicreg(
    x: Tensor, y: Tensor, *, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> Tensor:
    r"""Bring two views together while every column keeps its spread and no two columns vary together.

    .. math:: L = \lambda \, \frac{1}{n d} \lVert x - y \rVert^2 + \mu \, \tfrac12 \big(v(x) + v(y)\big)
              + \nu \big(c(x) + c(y)\big)

    .. math:: v(z) = \frac1d \sum_k \max\big(0, 1 - \sqrt{\operatorname{Var}(z_k) + 10^{-4}}\big), \qquad
              c(z) = \frac1d \sum_{k \neq l} \operatorname{Cov}(z_k, z_l)^2

    Parameters
    ----------
    x, y : Tensor, shape (n, d)
        Embeddings of two views of n instances, row by row.
    invariance, variance, covariance : float, defaults 25.0, 25.0 and 1.0
        λ, μ and ν.

    Returns
    -------
    Tensor, scalar
        At least 0. Embeddings that are all the same give 0.99 μ. NaN gives NaN. Covariances enter squared, so
        entries beyond 1e9, whose fourth power float32 cannot hold, give infinity or NaN.

    Raises
    ------
    UnlabeledError
        If the shapes differ, there are fewer than two rows in all, or a weight is negative.

    Notes
    -----
    The factors are those of the authors' program. The equation in their paper has v(x) + v(y) without the half, and
    sums the squared differences over the columns where the program takes their mean.

    Several processes are as in `barlow_twins`.

    References
    ----------
    .. [1] Bardes, Ponce, LeCun. VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning.
       ICLR 2022. https://arxiv.org/abs/2105.04906

    Examples
    --------
    >>> x = torch.tensor([[3.0, 3.0], [3.0, -3.0], [-3.0, 3.0], [-3.0, -3.0]])
    >>> vicreg(x, x).item(), vicreg(x, x + 1).item()
    (0.0, 25.0)
    """
    x, y = _joined(x, y)
    for name, weight in {"invariance": invariance, "variance": variance, "covariance": covariance}.items():
        _check_weight(name, weight)
    loss = invariance * (x - y).square().mean()
    with full_precision(x):
        for z in (_centred(x), _centred(y)):
            scaled = z / (len(z) - 1) ** 0.5
            variances, squares = _product(scaled, scaled)
            loss = loss + variance / 2 * (1 - (variances + 1e-4).sqrt()).relu().mean()
            loss = loss + covariance * (squares - variances.square().sum()) / z.shape[1]
    return loss


def _joined(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Check two views, and join those of all processes, in at least float32."""
    check_pair(x, y)
    kind = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
    x, y = gather(x.to(kind)), gather(y.to(kind))
    if len(x) < 2:
        raise UnlabeledError("a column varies over at least two rows, but the batch has one; use larger batches")
    return x, y


def _centred(z: Tensor) -> Tensor:
    # Differences to the first row are exactly 0 where a column is constant, which those to a rounded mean are not.
    z = z - z[:1].detach()
    return z - z.mean(dim=0)


def _standardised(z: Tensor) -> Tensor:
    """Centre the columns and scale them to length 1; those that vary by no more than rounding, whose correlations would
    be noise, become 0."""
    centred = _centred(z)
    largest = centred.detach().abs().amax(dim=0)
    constant = largest <= 4 * torch.finfo(z.dtype).eps * z.detach().abs().amax(dim=0)
    scaled = centred / largest.masked_fill(constant, torch.inf)  # by the largest first: squares must not overflow
    length: Tensor = torch.linalg.vector_norm(scaled, dim=0)
    return scaled / length.masked_fill(constant, 1)


def _product(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Give the diagonal of xᵀy, shape (d,), and the sum of the squares of all its entries.

    Of fewer rows than columns, which is usual, the sum is taken as Σ (x xᵀ) ∘ (y yᵀ), without a matrix of d × d.
    """
    if len(x) < x.shape[1]:
        gram = x @ x.T
        return (x * y).sum(dim=0), (gram * (gram if y is x else y @ y.T)).sum()
    C = x.T @ y
    return C.diagonal(), C.square().sum()


def _check_weight(name: str, weight: float) -> None:
    check_plain(weight, name)
    if not 0 <= weight < float("inf"):
        raise UnlabeledError(f"{name} is a weight and must be a number from 0 up, not {weight}")
