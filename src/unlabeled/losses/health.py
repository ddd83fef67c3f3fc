"""Label-free health of embeddings: how many directions they use, how close views are, how evenly they spread.

Cheap enough to compute every few steps of a training: no gradient, float32, at most `rows` rows.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import check_embeddings, check_pair, unit
from unlabeled.losses.blockwise.pairwise_reduction import log_sum_exp_of_others

ROWS = 512
# Complete: the spread about the mean, at unit length, is under 1 % of what it could be (mean cosine above 0.9999).
# Untrained networks, whose vectors all look much alike, stay above it.
COMPLETE = 0.01
# Dimensional: beyond the first, fewer than 2 % of the directions there could be are in use.
DIMENSIONAL = 0.02
Kind = Literal["none", "complete", "dimensional"]


@torch.no_grad()
def effective_rank(z: Tensor, rows: int = ROWS) -> Tensor:
    r"""Count the directions that the embeddings use (RankMe).

    .. math:: \exp\Big(-\sum_k p_k \log p_k\Big), \qquad p_k = \sigma_k / \textstyle\sum_l \sigma_l

    with σ the singular values of the embeddings as they are, neither centred nor normalised.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    rows : int, default=512
        At most this many rows, drawn at random with a fixed seed, are used; the result cannot exceed it.

    Returns
    -------
    Tensor, scalar
        Between 1 (all rows on one line) and min(n, d, rows); 0 if all are zero, NaN if any is not finite.

    References
    ----------
    .. [1] Roy, Vetterli. The Effective Rank: A Measure of Effective Dimensionality. EUSIPCO 2007.
    .. [2] Garrido, Balestriero, Najman, LeCun. RankMe: Assessing the Downstream Performance of Pretrained
       Self-Supervised Representations by Their Rank. ICML 2023. https://arxiv.org/abs/2210.02885

    Examples
    --------
    >>> round(effective_rank(torch.eye(6)).item(), 4)
    6.0
    """
    check_embeddings(z)
    z = _some(z, rows)
    if not z.isfinite().all():
        return z.new_tensor(math.nan)
    # Scaled by the largest entry, so that squares of huge or tiny embeddings stay in range.
    sigma = _singular_values(z / z.abs().max().clamp_min(torch.finfo(z.dtype).tiny))
    if sigma.max() == 0:
        return z.new_tensor(0.0)
    entropy: Tensor = torch.special.entr(sigma / sigma.sum()).sum()
    return entropy.exp().to(z)


def _singular_values(z: Tensor) -> Tensor:
    if min(z.shape) <= ROWS:
        sigma: Tensor = torch.linalg.svdvals(z)
        return sigma
    # Of a large table, the eigenvalues of its products take less than half the time. Squares need float64, which not
    # all devices have.
    z = z.cpu().double()
    squares: Tensor = torch.linalg.eigvalsh(z.T @ z if z.shape[1] < z.shape[0] else z @ z.T)
    return squares.clamp_min(0).sqrt()


@torch.no_grad()
def directions_in_use(z: Tensor, rows: int = ROWS) -> Tensor:
    r"""Count the directions in which the embeddings differ: the effective rank about their mean.

    `effective_rank` counts what all embeddings have in common as a direction too, the strongest one as a rule, which
    hides how few others there are. This is the figure by which a collapse is judged.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    rows : int, default=512
        At most this many rows, drawn at random with a fixed seed, are used; the result cannot exceed it.

    Returns
    -------
    Tensor, scalar
        Between 1 (all on one line) and min(n − 1, d, rows − 1); 0 if all are equal, NaN if any is not finite.

    Examples
    --------
    >>> round(directions_in_use(torch.eye(6)).item(), 4)
    5.0
    """
    check_embeddings(z)
    z = _some(z, rows)
    return effective_rank(z - z.mean(dim=0), rows)


@torch.no_grad()
def alignment(x: Tensor, y: Tensor, rows: int = ROWS) -> Tensor:
    r"""Mean squared distance between two views of an instance, at unit length.

    .. math:: \mathrm{E}_i \lVert \bar x_i - \bar y_i \rVert^2

    Parameters
    ----------
    x, y : Tensor, shape (n, d)
        Embeddings of two views of the same instances, row by row.
    rows : int, default=512
        At most this many rows, drawn at random with a fixed seed, are used.

    Returns
    -------
    Tensor, scalar
        Between 0 (views coincide) and 4. Lower is better if `uniformity` is low too. NaN gives NaN.

    References
    ----------
    .. [1] Wang, Isola. Understanding Contrastive Representation Learning through Alignment and Uniformity on the
       Hypersphere. ICML 2020. https://arxiv.org/abs/2005.10242

    Examples
    --------
    >>> alignment(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 5.0]])).item()
    2.0
    """
    check_pair(x, y)
    return (unit(_some(x, rows)) - unit(_some(y, rows))).square().sum(dim=1).mean()


@torch.no_grad()
def uniformity(z: Tensor, rows: int = ROWS) -> Tensor:
    r"""How evenly the embeddings cover the sphere: the log of their mean Gaussian potential.

    .. math:: \log \mathrm{E}_{i \neq j} \exp(-2 \lVert \bar z_i - \bar z_j \rVert^2)

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, at least two.
    rows : int, default=512
        At most this many rows, drawn at random with a fixed seed, are used.

    Returns
    -------
    Tensor, scalar
        Between −8 and 0 (all in one place); evenly spread in many dimensions it tends to −4. Lower is better if
        `alignment` is low too. NaN gives NaN.

    References
    ----------
    .. [1] Wang, Isola. Understanding Contrastive Representation Learning through Alignment and Uniformity on the
       Hypersphere. ICML 2020. https://arxiv.org/abs/2005.10242

    Examples
    --------
    >>> round(uniformity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])).item(), 4)
    -8.0
    """
    check_embeddings(z)
    z = unit(_some(z, rows))
    n = len(z)
    if n < 2:
        raise UnlabeledError("uniformity compares embeddings with each other and needs at least two rows, not one")
    # ‖a − b‖² = 2 − 2 a·b at unit length, so the potential is exp(4 a·b − 4).
    potentials = log_sum_exp_of_others(2 * z)
    return potentials.logsumexp(0) - 4 - math.log(n * (n - 1))


@torch.no_grad()
def spread(z: Tensor, rows: int = ROWS) -> Tensor:
    r"""Root mean squared distance of the embeddings, at unit length, from their mean.

    .. math:: \sqrt{\mathrm{E}_i \lVert \bar z_i - \mathrm{E}_j \bar z_j \rVert^2}

    Divided by √d it is SimSiam's indicator of collapse, the standard deviation of one coordinate.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    rows : int, default=512
        At most this many rows, drawn at random with a fixed seed, are used.

    Returns
    -------
    Tensor, scalar
        Between 0 (one direction only: complete collapse) and 1 (directions that cancel). NaN gives NaN.

    References
    ----------
    .. [1] Chen, He. Exploring Simple Siamese Representation Learning. CVPR 2021. https://arxiv.org/abs/2011.10566

    Examples
    --------
    >>> spread(torch.tensor([[1.0, 0.0], [-3.0, 0.0]])).item()
    1.0
    """
    check_embeddings(z)
    z = unit(_some(z, rows))
    return (z - z.mean(dim=0)).square().sum(dim=1).mean().sqrt()


def collapse_kind(spread: float, rank: float, most: int) -> Kind:
    """Tell from spread and effective rank whether, and how, embeddings have collapsed.

    Parameters
    ----------
    spread : float
        As `spread` gives it.
    rank : float
        As `directions_in_use` gives it.
    most : int
        The largest rank there could be: min(n − 1, d).

    Returns
    -------
    {"none", "complete", "dimensional"}

    Examples
    --------
    >>> collapse_kind(0.5, 40.0, 128), collapse_kind(0.5, 2.0, 128), collapse_kind(0.001, 40.0, 128)
    ('none', 'dimensional', 'complete')
    """
    if spread < COMPLETE:
        return "complete"
    return "dimensional" if most > 1 and rank < 1 + DIMENSIONAL * (most - 1) else "none"


def _some(z: Tensor, rows: int) -> Tensor:
    """Take at most `rows` rows at random, the same for the same number: evenly spaced ones could be all of one kind."""
    z = z.float()
    if len(z) <= rows:
        return z
    return z[torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[:rows].sort().values.to(z.device)]
